"""What a store of labels holds: sizes, what is kept of the teacher's distributions, and some positions in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equiglot.errors import InputError
from equiglot.labels.records import Manifest, ShardStatistics
from equiglot.labels.store import LabelStore, open_store
from equiglot.masking import Source, special_tokens_of
from equiglot.vocabulary import TokenizedText, id_count, piece_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_TRIES = 20  # sequences that are looked at for an example: short ones may have nothing masked


@dataclass(frozen=True)
class StoredExample:
    """One masked position, in words.

    Attributes:
        before: what the teacher read before it.
        after: what it read after it.
        gold: the piece that stood there; ## before a piece says that it goes on with the word before.
        top_k: pieces and their probabilities, the likeliest first.
        rest: the probability of all others.
        samples: pieces that were sampled from these.
    """

    before: str
    after: str
    gold: str
    top_k: tuple[tuple[str, float], ...]
    rest: float
    samples: tuple[str, ...]


@dataclass(frozen=True)
class StoreSummary:
    """A store in numbers.

    Attributes:
        path: its folder.
        manifest: what it is made of.
        statistics: sums over its positions.
        size: bytes of all its files.
        examples: some positions.
    """

    path: Path
    manifest: Manifest
    statistics: ShardStatistics
    size: int
    examples: tuple[StoredExample, ...]

    @property
    def bytes_a_position(self) -> float:
        """All files, divided by the positions."""
        return self.size / self._count

    @property
    def dense_size(self) -> int:
        """Bytes that all logits would take in fp16."""
        return 2 * self.statistics.positions * self.manifest.vocabulary_size

    @property
    def kept(self) -> float:
        """Mean probability of the k likeliest."""
        return self.statistics.kept / self._count

    @property
    def entropy(self) -> float:
        """Mean entropy of the teacher's distributions, in nats, at the store's temperature."""
        return self.statistics.entropy / self._count

    @property
    def agreement(self) -> float:
        """Share of the positions where the likeliest is what stood there."""
        return self.statistics.agreed / self._count

    @property
    def loss(self) -> float:
        """The teacher's mean cross-entropy with what stood there, in nats."""
        return self.statistics.loss / self._count

    @property
    def _count(self) -> int:
        return max(1, self.statistics.positions)


def inspect_store(
    path: Path, tokenizer: PreTrainedTokenizerFast | None, text: TokenizedText | None, *, examples: int = 5
) -> StoreSummary:
    """Looks at a store.

    Args:
        path: its folder.
        tokenizer: the teacher's; without it there are no examples.
        text: what was labelled; without it there are no examples.
        examples: how many positions are shown in words, from all over the text.

    Raises:
        InputError: there is no store, it is not finished or damaged, or the text is another.
    """
    store = open_store(path)
    store.check(store.manifest.facts)
    shown: tuple[StoredExample, ...] = ()
    if tokenizer is not None and text is not None:
        _check_text(store, tokenizer, text)
        shown = tuple(_examples(store, tokenizer, text, examples))
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return StoreSummary(path, store.manifest, store.statistics, size, shown)


def _check_text(store: LabelStore, tokenizer: PreTrainedTokenizerFast, text: TokenizedText) -> None:
    if len(text) < store.manifest.sequences or id_count(tokenizer) > store.vocabulary_size:
        raise InputError(
            f"the labels are of {store.manifest.sequences:,} sequences and {store.vocabulary_size:,} ids, the text has "
            f"{len(text):,} sequences and its tokenizer ids up to {id_count(tokenizer) - 1:,}",
            where=store.path,
            fix="name the text and the tokenizer that the labels were made from",
        )


def _examples(
    store: LabelStore, tokenizer: PreTrainedTokenizerFast, text: TokenizedText, count: int
) -> Iterator[StoredExample]:
    """Positions where [MASK] stands, one of a sequence, from parts of the text of equal size."""
    manifest = store.manifest
    special = special_tokens_of(tokenizer)
    source = Source(manifest.language, text, special, manifest.masks, manifest.seed, manifest.settings.draws)
    for part in range(count):
        begin, end = (manifest.sequences * (part + step) // count for step in (0, 1))
        for sequence in range(begin, min(end, begin + _TRIES)):
            found = _example(store, tokenizer, source, sequence)
            if found is not None:
                yield found
                break


def _example(
    store: LabelStore, tokenizer: PreTrainedTokenizerFast, source: Source, sequence: int
) -> StoredExample | None:
    sequences, draws = np.array([sequence]), np.array([0])
    masked = source.read(sequences, draws)
    hidden = np.flatnonzero(masked.chosen & (masked.inputs == source.special.mask))
    try:
        first = store.places(sequences, draws)
    except ValueError:  # not labelled
        return None
    if not len(hidden):
        return None
    place = int(hidden[len(hidden) // 2])
    rows = store.read(first + masked.mask_index[place])
    before, after = (str(tokenizer.decode(part)) for part in (masked.inputs[:place], masked.inputs[place + 1 :]))
    pieces = [piece_text(tokenizer, int(number)) for number in rows.ids[0]]
    return StoredExample(
        before=before.strip(),
        after=after.strip(),
        gold=piece_text(tokenizer, int(masked.ids[place])),
        top_k=tuple(zip(pieces, np.exp(rows.log_probabilities[0]).tolist(), strict=True)),
        rest=float(rows.rest[0]),
        samples=tuple(piece_text(tokenizer, int(number)) for number in rows.samples[0]),
    )
