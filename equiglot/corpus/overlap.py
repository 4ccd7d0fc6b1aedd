"""Overlap: training sentences that hold much of a held-out sentence are dropped, because they inflate its score.

Exact and near duplicates are gone by then; this finds the same sentence with another name in it, or inside a longer
one. A training sentence goes when it contains at least a given share of the letter n-grams (`ngram_hashes`) of some
held-out sentence. Two things do not count, or text on one subject would lose much for nothing: an everyday phrase
(`FEWEST`), and n-grams that stand in many held-out sentences (`COMMON`), such as those of "default value".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from equiglot.corpus.characters import Int64, code_points, letters_of, ngram_hashes
from equiglot.corpus.spool import TEST, TRAIN, VALID, Spool, blocks
from equiglot.hashing import U64

if TYPE_CHECKING:
    from numpy.typing import NDArray

INDEXED = 1 << 22  # n-grams of held-out sentences in memory at a time, some 12 bytes each
NUMBER_BITS = 23  # of a sentence's number, beside which the other bits of an n-gram's hash are kept
NUMBER = np.uint64((1 << NUMBER_BITS) - 1)
FEWEST = 6  # n-grams that must be shared, some 13 letters or 9 syllables: less is an everyday phrase
COMMON = 0.01  # of the held-out sentences (and at least 10): n-grams in more of them are the manner of a text
PAIRS = 1 << 18  # (training sentence, held-out sentence) matches counted at a time


class HeldOut:
    """An index of held-out sentences by their n-grams.

    An entry is one number, so that what is compared can be sorted in place: the highest 41 bits of the n-gram's hash,
    then the sentence. Two n-grams agree by accident once in a million times, a good part of two sentences' never.

    Args:
        parts: arrays of entries (see `entries_of`), in any order; the list is emptied, so that they are in memory once.
        share: the share of a sentence's distinct n-grams that counts as overlap.
    """

    def __init__(self, parts: list[U64], share: float) -> None:
        entries = np.concatenate(parts)
        parts.clear()
        entries = _distinct(entries)
        self._entries = entries = _without_common(entries)
        sizes = np.bincount((entries & NUMBER).view(np.int64))
        self._needed = np.maximum(np.ceil(sizes * share - 1e-9).astype(np.int64), FEWEST)
        # Most n-grams of training text stand in no held-out sentence: one look at a table of bits settles that.
        self._shift = np.uint64(64 - max(16, (16 * len(entries)).bit_length()))
        self._seen = np.zeros((1 << (64 - int(self._shift))) >> 3, np.uint8)
        for block in blocks(len(entries)):
            places = entries[block] >> self._shift
            np.bitwise_or.at(self._seen, (places >> np.uint64(3)).view(np.int64), _bit(places))

    def overlapping(self, hashes: U64, sentences: Int64) -> Int64:
        """The sentences, of those that n-grams are given of, that overlap with a held-out one; ascending.

        Args:
            hashes: n-gram hashes, uint64 [g].
            sentences: the sentence of each, int64 [g], ascending.
        """
        places = hashes >> self._shift
        maybe = np.flatnonzero(self._seen[(places >> np.uint64(3)).view(np.int64)] & _bit(places))
        enough = maybe[np.bincount(sentences[maybe])[sentences[maybe]] >= FEWEST]  # of the rest there are few
        wanted = _distinct(entries_of(hashes[enough], sentences[enough]))
        first = np.searchsorted(self._entries, wanted & ~NUMBER)
        counts = np.searchsorted(self._entries, wanted | NUMBER, side="right") - first
        found = np.flatnonzero(counts)
        return self._counted(first[found], counts[found], (wanted[found] & NUMBER).view(np.int64))

    def _counted(self, first: Int64, counts: Int64, sentences: Int64) -> Int64:
        """Those sentences that share enough n-grams with a held-out one.

        Args:
            first, counts: where the entries of each n-gram found are, int64 [m].
            sentences: the sentence that it was found in, int64 [m].
        """
        if counts.sum() > PAIRS and np.ptp(sentences):
            middle = (int(sentences.min()) + int(sentences.max())) // 2
            halves = sentences <= middle, sentences > middle
            return np.concatenate([self._counted(first[half], counts[half], sentences[half]) for half in halves])
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        owners = (self._entries[np.repeat(first, counts) + within] & NUMBER).view(np.int64)
        pairs = (np.repeat(sentences, counts) << NUMBER_BITS) | owners
        pairs.sort()
        starts = np.flatnonzero(_is_new(pairs))
        shared, pairs = np.diff(starts, append=len(pairs)), pairs[starts]
        return np.unique(pairs[shared >= self._needed[pairs & int(NUMBER)]] >> NUMBER_BITS)


def entries_of(hashes: U64, sentences: Int64) -> U64:
    """n-grams and the numbers (below 2^23) of their sentences, each pair as one number; uint64 [g]."""
    return (hashes & ~NUMBER) | sentences.astype(np.uint64)


def drop_overlap(spool: Spool, share: float, progress: Callable[[int], None], indexed: int = INDEXED) -> None:
    """Marks training sentences as dropped that overlap with a held-out one.

    Held-out n-grams are indexed `indexed` at a time, and all training text is compared with each such part: memory
    stays flat. Where the held-out text is a share of a very large one, time grows with the product of both: then
    numbers of sentences are the better setting.

    Args:
        spool: the sentences with their splits; `fate` changes.
        share: see `HeldOut`.
        progress: called with the number of sentences of each block.
        indexed: n-grams in memory at a time.
    """
    for index in _indexes(spool, share, indexed):
        for block in spool.text_blocks():
            hashes, sentences = _ngrams(spool, block, spool.fate[block] == TRAIN)
            spool.drop(block.start + index.overlapping(hashes, sentences))
            progress(block.stop - block.start)


def _indexes(spool: Spool, share: float, indexed: int) -> Iterator[HeldOut]:
    parts, size, sentences = list[U64](), 0, 0
    for block in spool.text_blocks():
        fate = spool.fate[block]
        hashes, rows = _ngrams(spool, block, (fate == TEST) | (fate == VALID))
        numbers = sentences + np.cumsum(np.diff(rows, prepend=rows[:1]) > 0)
        parts.append(entries_of(hashes, numbers))
        size, sentences = size + len(hashes), int(numbers[-1]) + 1 if len(numbers) else sentences
        if size >= indexed:
            yield HeldOut(parts, share)
            size = sentences = 0
    if size:
        yield HeldOut(parts, share)


def _ngrams(spool: Spool, block: slice, wanted: NDArray[np.bool_]) -> tuple[U64, Int64]:
    """The n-grams of the wanted sentences of a block, and the row in the block that each stands in."""
    if not wanted.any():
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    codes, characters = code_points(spool.block_text(block).decode()), spool.characters[block]
    hashes, rows = ngram_hashes(letters_of(codes[np.repeat(wanted, characters)], characters[wanted]))
    return hashes, np.flatnonzero(wanted)[rows]


def _distinct(entries: U64) -> U64:
    """Each entry once, ascending; the array given is sorted in place."""
    entries.sort()
    return entries[_is_new(entries)]


def _without_common(entries: U64) -> U64:
    """Distinct, ascending entries without those of n-grams that too many sentences have."""
    most = max(10, int(COMMON * np.count_nonzero(np.bincount((entries & NUMBER).view(np.int64)))))
    too_many = entries[:-most][(entries[:-most] ^ entries[most:]) <= NUMBER]  # the same n-gram so many places further
    common, kept = np.unique(too_many & ~NUMBER), np.ones(len(entries), bool)
    firsts, ends = np.searchsorted(entries, common), np.searchsorted(entries, common | NUMBER, side="right")
    for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
        kept[first:end] = False
    return entries[kept]


def _is_new(ascending: U64 | Int64) -> NDArray[np.bool_]:
    """Whether a value is not the one before, bool of the same length."""
    return np.concatenate([np.ones(min(1, len(ascending)), bool), ascending[1:] != ascending[:-1]])


def _bit(places: U64) -> NDArray[np.uint8]:
    """The bit of each place in the byte that holds it."""
    return np.left_shift(np.uint8(1), (places & np.uint64(7)).astype(np.uint8))
