"""Overlap: training sentences that hold much of a held-out sentence are dropped, because they inflate its score.

Exact and near duplicates are gone by then; this finds the same sentence with another name in it, or inside a longer
one. A training sentence goes when it contains at least a given share of the letter n-grams (`ngram_hashes`) of some
held-out sentence. Two things do not count, or text on one subject would lose much for nothing: an everyday phrase
(`FEWEST`), and n-grams that stand in many held-out sentences (`COMMON`), such as those of "default value".
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from equiglot.corpus.hashing import Int64, UInt64, code_points, letters_of, ngram_hashes
from equiglot.corpus.spool import DROPPED, TEST, TRAIN, VALID, Spool, blocks

BLOCK = 1 << 12  # sentences compared at a time
INDEXED = 1 << 22  # n-grams of held-out sentences in memory at a time, some 40 bytes each
FEWEST = 6  # n-grams that must be shared, some 13 letters or 9 syllables: less is an everyday phrase
COMMON = 0.01  # of the held-out sentences (and at least 10): n-grams in more of them are the manner of a text
PAIRS = 1 << 22  # (training sentence, held-out sentence) matches counted at a time


class HeldOut:
    """An index of held-out sentences by their n-grams.

    Args:
        hashes: n-gram hashes, uint64 [g].
        owners: the held-out sentence of each, int64 [g].
        share: the share of a sentence's distinct n-grams that counts as overlap.
    """

    def __init__(self, hashes: UInt64, owners: Int64, share: float) -> None:
        hashes, owners = _without_common(*_distinct(hashes, owners))
        self._needed = np.maximum(np.ceil(np.bincount(owners, minlength=1) * share - 1e-9).astype(np.int64), FEWEST)
        order = np.argsort(hashes, kind="stable")
        self._owners = owners[order]
        self._hashes, self._first, self._counts = np.unique(hashes[order], return_index=True, return_counts=True)
        # Most n-grams of training text stand in no held-out sentence: one look at a table settles that.
        bits = max(16, (16 * len(hashes)).bit_length())
        self._shift = np.uint64(64 - bits)
        self._seen = np.zeros(1 << bits, bool)
        self._seen[(hashes >> self._shift).view(np.int64)] = True

    def overlapping(self, hashes: UInt64, sentences: Int64) -> Int64:
        """The sentences, of those that n-grams are given of, that overlap with a held-out one; ascending.

        Args:
            hashes: n-gram hashes, uint64 [g].
            sentences: the sentence of each, int64 [g], ascending.
        """
        if not len(self._hashes):
            return np.empty(0, np.int64)
        maybe = self._seen[(hashes >> self._shift).view(np.int64)]
        hashes, sentences = hashes[maybe], sentences[maybe]
        enough = np.bincount(sentences)[sentences] >= FEWEST  # of the rest there are few
        hashes, sentences = _distinct(hashes[enough], sentences[enough])
        at = np.searchsorted(self._hashes[:-1], hashes)  # the last one stands for whatever is larger
        found = self._hashes[at] == hashes
        at, sentences = at[found], sentences[found]
        first, counts = self._first[at], self._counts[at]
        parts = [self._counted(first[s], counts[s], sentences[s]) for s in _whole_sentences(sentences, counts)]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def _counted(self, first: Int64, counts: Int64, sentences: Int64) -> Int64:
        """Expands every n-gram into its held-out sentences and counts them for each pair of sentences."""
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        owners = self._owners[np.repeat(first, counts) + within]
        pairs, shared = np.unique(np.repeat(sentences, counts) * len(self._needed) + owners, return_counts=True)
        sentence, owner = np.divmod(pairs, len(self._needed))
        return np.unique(sentence[shared >= self._needed[owner]])


def drop_overlap(spool: Spool, share: float, progress: Callable[[int], None], indexed: int = INDEXED) -> int:
    """Marks training sentences as dropped that overlap with a held-out one.

    Held-out n-grams are indexed `indexed` at a time, and all training text is compared with each such part: memory
    stays flat, and time grows with the product of both where the held-out text is a share of a very large one.

    Args:
        spool: the sentences with their splits; `fate` changes.
        share: see `HeldOut`.
        progress: called with the number of sentences of each block.
        indexed: n-grams in memory at a time.

    Returns:
        How many were dropped.
    """
    dropped = 0
    for index in _indexes(spool, share, indexed):
        for block in blocks(len(spool), BLOCK):
            hashes, sentences = _ngrams(spool, block, spool.fate[block] == TRAIN)
            rows = block.start + index.overlapping(hashes, sentences)
            spool.fate[rows] = DROPPED
            dropped += len(rows)
            progress(block.stop - block.start)
    return dropped


def _indexes(spool: Spool, share: float, indexed: int) -> Iterator[HeldOut]:
    hashes, owners, size = list[UInt64](), list[Int64](), 0
    base = 0  # owners are numbered from 0 in every index
    for block in blocks(len(spool), BLOCK):
        fate = spool.fate[block]
        found, sentences = _ngrams(spool, block, (fate == TEST) | (fate == VALID))
        hashes.append(found)
        owners.append(block.start - base + sentences)
        size += len(found)
        if size >= indexed:
            yield HeldOut(np.concatenate(hashes), np.concatenate(owners), share)
            hashes, owners, size, base = [], [], 0, block.stop
    if size:
        yield HeldOut(np.concatenate(hashes), np.concatenate(owners), share)


def _ngrams(spool: Spool, block: slice, wanted: NDArray[np.bool_]) -> tuple[UInt64, Int64]:
    """The n-grams of the wanted sentences of a block, and the row in the block that each stands in."""
    if not wanted.any():
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    codes, characters = code_points(spool.block_text(block)), spool.characters[block]
    hashes, rows = ngram_hashes(letters_of(codes[np.repeat(wanted, characters)], characters[wanted]))
    return hashes, np.flatnonzero(wanted)[rows]


def _distinct(hashes: UInt64, owners: Int64) -> tuple[UInt64, Int64]:
    """Each (hash, owner) once, ordered by owner."""
    order = np.lexsort((hashes, owners))
    hashes, owners = hashes[order], owners[order]
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    return hashes[new], owners[new]


def _without_common(hashes: UInt64, owners: Int64) -> tuple[UInt64, Int64]:
    """Distinct (hash, owner) pairs without those of n-grams that too many owners have."""
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    sentences = np.count_nonzero(np.diff(owners, prepend=-1))
    rare = counts[inverse] <= max(10, COMMON * sentences)
    return hashes[rare], owners[rare]


def _whole_sentences(sentences: Int64, counts: Int64) -> Iterator[slice]:
    """Slices of n-grams, each of whole sentences with about PAIRS matches in all."""
    total = np.cumsum(counts)
    start = 0
    while start < len(sentences):
        seen = total[start - 1] if start else 0
        last = min(int(np.searchsorted(total, seen + PAIRS)), len(sentences) - 1)
        end = int(np.searchsorted(sentences, sentences[last], side="right"))
        yield slice(start, end)
        start = end
