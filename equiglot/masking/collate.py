"""Which rows are read together, and masked sequences laid out as padded batches."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equiglot.masking.masks import SpecialTokens

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Masked sequences, as numpy arrays.

    Attributes:
        inputs: int64 [rows, width], masked ids with [CLS], [SEP] and padding.
        lengths: int64 [rows], real tokens a row, special tokens included.
        row_ids: where each row comes from.
        targets: int64 [m], positions to predict, as indices into the flattened inputs, ascending.
        gold: int64 [m], the ids that stood there.
        mask_index: int64 [m], which of its row's masked positions a target is (0, 1, ...), those that the student has
            no id for counted as well.
        word_start: bool [m], whether a word begins there, where another tokenizer cut the text; else false.
        index: its place in the stream, if it is one of a stream.
        identity: where the batch comes from, in words, for messages.
    """

    inputs: Integers
    lengths: Integers
    row_ids: "RowIds"
    targets: Integers
    gold: Integers
    mask_index: Integers
    word_start: npt.NDArray[np.bool_]
    index: int
    identity: str

    @property
    def count(self) -> int:
        """m, the number of targets."""
        return len(self.targets)

    @property
    def languages(self) -> Integers:
        """int64 [rows]: index into the stream's languages."""
        return self.row_ids.languages

    @property
    def sequences(self) -> Integers:
        """int64 [rows]: which sequence of its text each row is."""
        return self.row_ids.sequences

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
class RowIds:
    """Where rows come from.

    Attributes:
        languages: int64 [rows], index into the stream's languages.
        sources: int64 [rows], index into the stream's sources.
        sequences: int64 [rows], which sequence of the source's text.
        draws: int64 [rows], which of the sequence's masks.
    """

    languages: Integers
    sources: Integers
    sequences: Integers
    draws: Integers

    def take(self, index: Integers | slice) -> "RowIds":
        """Some of the rows."""
        parts = (self.languages, self.sources, self.sequences, self.draws)
        return RowIds(*(part[index] for part in parts))


@dataclass(frozen=True)
class MaskedTokens:
    """Sequences, masked, their tokens one after the other.

    Attributes:
        lengths: int64 [rows], without special tokens.
        ids: int64 [n], what stood in the text.
        inputs: int64 [n], what the model sees.
        chosen: bool [n], what is to be predicted.
        mask_index: int64 [n], which of its row's masked positions a token is; means something where `chosen`.
        word_start: bool [n], whether a word begins there.
    """

    lengths: Integers
    ids: Integers
    inputs: Integers
    chosen: npt.NDArray[np.bool_]
    mask_index: Integers
    word_start: npt.NDArray[np.bool_]


def number_targets(chosen: npt.NDArray[np.bool_], lengths: Integers) -> Integers:
    """Which of its row's masked positions each token is, int64 [n]; `chosen` bool [n], lengths int64 [rows]."""
    before: Integers = np.cumsum(chosen) - chosen
    numbers: Integers = before - np.repeat(before[np.minimum(np.cumsum(lengths) - lengths, len(chosen) - 1)], lengths)
    return numbers


def collate(
    row_ids: RowIds,
    masked: MaskedTokens,
    begin: int,
    end: int,
    special: SpecialTokens,
    identity: str,
    *,
    index: int = 0,
) -> Batch:
    """Rows begin:end as one padded batch, with [CLS] and [SEP]; `index` is its place in a stream."""
    lengths = masked.lengths[begin:end]
    first = int(masked.lengths[:begin].sum())
    tokens = slice(first, first + int(lengths.sum()))
    width, count = int(lengths.max()) + 2, end - begin
    starts = np.cumsum(lengths) - lengths
    places = np.repeat(np.arange(count) * width + 1 - starts, lengths) + np.arange(tokens.stop - tokens.start)
    inputs = np.full(count * width, special.padding, dtype=np.int64)
    inputs[places] = masked.inputs[tokens]
    inputs[np.arange(count) * width] = special.first
    inputs[np.arange(count) * width + lengths + 1] = special.last
    chosen = masked.chosen[tokens]
    return Batch(
        inputs=inputs.reshape(count, width),
        lengths=lengths + 2,
        row_ids=row_ids.take(slice(begin, end)),
        targets=places[chosen],
        gold=masked.ids[tokens][chosen],
        mask_index=masked.mask_index[tokens][chosen],
        word_start=masked.word_start[tokens][chosen],
        index=index,
        identity=identity,
    )


def bucket_rows(lengths: Integers, tokens: int) -> Iterator[Integers]:
    """Rows of these lengths, int64 [n], sorted by length, in groups; yields the rows of each, int64.

    A group has at most `tokens` tokens with [CLS], [SEP] and padding, and at least one row.
    """
    order = np.argsort(lengths, kind="stable")
    widths = lengths[order] + 2
    begin = 0
    while begin < len(order):
        some = widths[begin : begin + tokens]
        fitting = int(np.searchsorted(some * np.arange(1, len(some) + 1), tokens, side="right"))
        yield order[begin : begin + max(1, fitting)]
        begin += max(1, fitting)
