"""Masked sequences, laid out as padded batches."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equiglot.masking.hashing import Words
from equiglot.masking.masks import Alphabet, MaskSettings, mask_tokens

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Framing:
    """What stands around a sequence: the ids of [CLS], [SEP] and [PAD], and what masking needs."""

    first: int
    last: int
    padding: int
    alphabet: Alphabet


@dataclass(frozen=True)
class Batch:
    """Masked sequences, as numpy arrays.

    Attributes:
        inputs: int64 [rows, width], masked ids with [CLS], [SEP] and padding.
        lengths: int64 [rows], real tokens a row, special tokens included.
        languages: int64 [rows], index into the stream's languages.
        sequences: int64 [rows], which sequence of its text each row is.
        targets: int64 [m], positions to predict, as indices into the flattened inputs, ascending.
        gold: int64 [m], the ids that stood there.
        identity: where the batch comes from, in words, for messages.
    """

    inputs: Integers
    lengths: Integers
    languages: Integers
    sequences: Integers
    targets: Integers
    gold: Integers
    identity: str

    @property
    def target_rows(self) -> Integers:
        """int64 [m]: the row of each target."""
        rows: Integers = self.targets // self.inputs.shape[1]
        return rows

    @property
    def padded(self) -> bool:
        """Whether any row is shorter than the batch is wide."""
        return bool((self.lengths < self.inputs.shape[1]).any())


@dataclass(frozen=True)
class MaskedRows:
    """Sequences, masked, their tokens one after the other.

    Attributes:
        languages: int64 [rows].
        sequences: int64 [rows].
        lengths: int64 [rows], without special tokens.
        ids: int64 [n], what stood in the text.
        inputs: int64 [n], what the model sees.
        chosen: bool [n], what is to be predicted.
    """

    languages: Integers
    sequences: Integers
    lengths: Integers
    ids: Integers
    inputs: Integers
    chosen: npt.NDArray[np.bool_]


def mask_rows(
    ids: Integers,
    lengths: Integers,
    identities: Words,
    draws: Integers,
    settings: MaskSettings,
    alphabet: Alphabet,
    seed: int,
) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """`mask_tokens` for whole sequences: lengths int64 [rows], identities uint64 [rows], draws int64 [rows]."""
    positions = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return mask_tokens(
        ids,
        np.repeat(identities, lengths),
        np.repeat(draws.astype(np.uint64), lengths),
        positions.astype(np.uint64),
        settings=settings,
        alphabet=alphabet,
        seed=seed,
    )


def lay_out(rows: MaskedRows, begin: int, end: int, framing: Framing, identity: str) -> Batch:
    """Rows begin:end as one padded batch, with [CLS] and [SEP]."""
    lengths = rows.lengths[begin:end]
    first = int(rows.lengths[:begin].sum())
    tokens = slice(first, first + int(lengths.sum()))
    width, count = int(lengths.max()) + 2, end - begin
    starts = np.cumsum(lengths) - lengths
    places = np.repeat(np.arange(count) * width + 1 - starts, lengths) + np.arange(tokens.stop - tokens.start)
    inputs = np.full(count * width, framing.padding, dtype=np.int64)
    inputs[places] = rows.inputs[tokens]
    inputs[np.arange(count) * width] = framing.first
    inputs[np.arange(count) * width + lengths + 1] = framing.last
    chosen = rows.chosen[tokens]
    return Batch(
        inputs=inputs.reshape(count, width),
        lengths=lengths + 2,
        languages=rows.languages[begin:end],
        sequences=rows.sequences[begin:end],
        targets=places[chosen],
        gold=rows.ids[tokens][chosen],
        identity=identity,
    )
