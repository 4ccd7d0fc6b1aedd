"""Splitting: which documents are held out for validation and test.

A document's place between 0 and 1 is a hash of its id alone: test takes the documents from 0 on, validation those
after them, and the rest is for training. With shares the borders are the same in every language, so that no page of a
parallel corpus stands in training in one language and in test in another. With numbers of sentences the borders lie
where so many sentences have been seen (the paper's appendix B.1 holds out 10,000 each).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equiglot.corpus.hashing import Int64, UInt64
from equiglot.corpus.settings import LARGEST_HELD_OUT, TextSettings
from equiglot.corpus.spool import DROPPED, TEST, TRAIN, VALID, Spool, blocks
from equiglot.errors import InputError

RING = 1 << 64
BUCKETS = 1 << 12


@dataclass(frozen=True)
class Border:
    """Where a held-out split ends: before the split hash `end`; and what of its last document is left over."""

    end: int
    last: int = 0
    surplus: int = 0


def assign_splits(spool: Spool, settings: TextSettings, scratch: Path, language: str) -> int:
    """Sets the split of every sentence that is not dropped; memory stays flat.

    Where a number of sentences ends inside a document, the rest of that document is dropped: it may not be used for
    training.

    Args:
        spool: the sentences, free of duplicates; `fate` changes.
        settings: the sizes.
        scratch: a folder for a temporary file.
        language: named in errors.

    Returns:
        How many sentences were dropped as rests of documents.

    Raises:
        InputError: too little text, or a split that nothing falls into.
    """
    _check_amount(spool, settings, language)
    kept = _kept_sentences(spool, scratch)
    try:
        test = _border(spool, kept, 0, settings.test)
        valid = _border(spool, kept, test.end, settings.valid)
    except IndexError:  # a share of the documents left too few sentences for a number of them
        raise _too_large(spool.left(), settings, language) from None
    for block in blocks(len(spool)):
        hashes = spool.split[spool.documents[block]]
        split = np.where(hashes < np.uint64(test.end), TEST, np.where(hashes < np.uint64(valid.end), VALID, TRAIN))
        spool.fate[block] = np.where(spool.fate[block] == DROPPED, DROPPED, split)
    for border in (test, valid):
        _drop_rest(spool, border)
    _check_splits(spool, settings, language)
    return test.surplus + valid.surplus


def _kept_sentences(spool: Spool, scratch: Path) -> Int64:
    """How many sentences of each document are not dropped, int64 [d], memory-mapped."""
    counts: Int64 = np.memmap(scratch / "kept", np.int64, "w+", shape=(len(spool.split),))
    for block in blocks(len(spool)):
        documents = spool.documents[block][spool.fate[block] != DROPPED]
        if len(documents):
            first = documents[0]
            found = np.bincount(documents - first)
            counts[first : first + len(found)] += found
    return counts


def _border(spool: Spool, kept: Int64, start: int, size: int | float) -> Border:
    """The end of a split that begins at the hash `start`."""
    if isinstance(size, float):
        return Border(min(start + int(size * RING), RING - 1))
    inside = _documents_up_to(spool.split, kept, start, size)
    inside = inside[np.argsort(spool.split[inside], kind="stable")]
    seen = np.cumsum(kept[inside])
    last = int(np.searchsorted(seen, size))
    document = int(inside[last])
    return Border(min(int(spool.split[document]) + 1, RING - 1), document, int(seen[last]) - size)


def _documents_up_to(split: UInt64, kept: Int64, start: int, size: int) -> Int64:
    """Documents from the hash `start` on, up to a round hash by which at least `size` sentences are seen."""
    shift = np.uint64(64 - BUCKETS.bit_length() + 1)
    weights = np.zeros(BUCKETS)
    for block in blocks(len(split)):
        hashes, counts = split[block], np.where(split[block] >= np.uint64(start), kept[block], 0)
        weights += np.bincount((hashes >> shift).astype(np.int64), counts, minlength=BUCKETS)
    bucket = int(np.searchsorted(np.cumsum(weights), size))
    parts = []
    for block in blocks(len(split)):
        hashes = split[block]
        inside = (hashes >= np.uint64(start)) & ((hashes >> shift) <= np.uint64(bucket)) & (kept[block] > 0)
        parts.append(block.start + np.flatnonzero(inside))
    return np.concatenate(parts)


def _drop_rest(spool: Spool, border: Border) -> None:
    """Drops the last `surplus` sentences of the border's last document."""
    if border.surplus:
        first = int(spool.first[border.last])
        end = int(spool.first[border.last + 1]) if border.last + 1 < len(spool.first) else len(spool)
        left = first + np.flatnonzero(spool.fate[first:end] != DROPPED)
        spool.fate[left[-border.surplus :]] = DROPPED


def _check_amount(spool: Spool, settings: TextSettings, language: str) -> None:
    sentences = spool.left()
    wanted = sum(size for size in (settings.valid, settings.test) if isinstance(size, int))
    if sentences == 0:
        what = f"Nothing is left of the text of {language} after cleaning."
        raise InputError(what, where=f"languages.{language}.text", fix="give more text, or loosen text.min_characters")
    if wanted > LARGEST_HELD_OUT * sentences:
        raise _too_large(sentences, settings, language)


def _check_splits(spool: Spool, settings: TextSettings, language: str) -> None:
    sizes = np.zeros(DROPPED + 1, np.int64)
    for block in blocks(len(spool)):
        sizes += np.bincount(spool.fate[block], minlength=len(sizes))
    sentences = int(sizes[:DROPPED].sum())
    if sizes[TEST] + sizes[VALID] > LARGEST_HELD_OUT * sentences:
        raise _too_large(sentences, settings, language)
    for name, split in (("training", TRAIN), ("valid", VALID), ("test", TEST)):
        if sizes[split] == 0:
            what = f"No sentence of {language} falls into {name}: {len(spool.split):,} documents with {sentences:,} "
            what += f"sentences, valid = {settings.valid}, test = {settings.test}."
            fix = "give more text, or change text.valid and text.test"
            raise InputError(what, where=f"languages.{language}.text", fix=fix)


def _too_large(sentences: int, settings: TextSettings, language: str) -> InputError:
    what = f"The text of {language} has {sentences:,} sentences after cleaning; validation ({settings.valid}) and test "
    what += f"({settings.test}) would take more than half of them."
    fix = f"give more text, or set text.valid and text.test to at most {sentences // 4:,} sentences each"
    return InputError(what, where=f"languages.{language}.text", fix=fix)
