"""Splitting: which documents are held out for validation and test.

A document's place between 0 and 1 is a hash of its id alone: test takes the documents from 0 on, validation those
after them, and the rest is for training. With shares the borders are the same in every language, so that no page of a
parallel corpus stands in training in one language and in test in another. With numbers of sentences the borders lie
where so many sentences have been seen (the paper's appendix B.1 holds out 10,000 each).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from equiglot.corpus.settings import LARGEST_HELD_OUT, TextSettings
from equiglot.corpus.sorting import Rows, Sorter
from equiglot.corpus.spool import DROPPED, TEST, TRAIN, VALID, Column, Spool, blocks
from equiglot.errors import InputError

RING = 1 << 64
DOCUMENT = np.dtype([("key", np.uint64), ("document", np.int64), ("kept", np.int64)])


@dataclass(frozen=True)
class Border:
    """Where a held-out split ends: before the split hash `end`; of its last document, the first `inside` sentences."""

    end: int
    last: int = 0
    inside: int | None = None


def assign_splits(spool: Spool, settings: TextSettings, language: str) -> None:
    """Sets the split of every sentence that is not dropped; memory stays flat.

    Where a number of sentences ends inside a document, the rest of that document is dropped: it may not be used for
    training.

    Args:
        spool: the sentences, free of duplicates; `fate` changes.
        settings: the sizes.
        language: named in errors.

    Raises:
        InputError: too little text, or a split that nothing falls into.
    """
    _check_amount(spool, settings, language)
    with _documents_by_split(spool) as documents:
        test = _border(documents, 0, settings.test)
        valid = test and _border(documents, test.end, settings.valid)
    if test is None or valid is None:
        raise _too_few_documents(spool, spool.left().sentences, settings, language)
    for block in blocks(len(spool)):
        hashes, fate = spool.of_documents(spool.split, block), spool.fate[block]
        split = np.where(hashes < np.uint64(test.end), TEST, np.where(hashes < np.uint64(valid.end), VALID, TRAIN))
        spool.fate[block] = np.where(fate == DROPPED, DROPPED, split)
    _drop_rest(spool, test)
    _drop_rest(spool, valid)
    _check_splits(spool, settings, language)


@contextmanager
def _documents_by_split(spool: Spool) -> Iterator[Sorter]:
    """The documents with sentences that are not dropped, and how many, to be had in the order of their split hashes."""
    kept = _kept_sentences(spool)
    with Sorter(spool.folder, DOCUMENT, DOCUMENT.itemsize * len(kept)) as documents:
        for block in blocks(len(kept)):
            counts = kept[block]
            found = np.flatnonzero(counts)
            numbers = np.empty(len(found), DOCUMENT)
            numbers["key"], numbers["document"] = spool.split[block][found], block.start + found
            numbers["kept"] = counts[found]
            documents.add(Rows(numbers))
        yield documents


def _kept_sentences(spool: Spool) -> Column:
    """How many sentences of each document are not dropped, int64 [d]."""
    counts = Column.filled(spool.folder / "kept", np.int64, len(spool.split), 0)
    for block in blocks(len(spool)):
        documents = spool.documents[block][spool.fate[block] != DROPPED]
        if len(documents):
            first, last = int(documents[0]), int(documents[-1])
            counts[first : last + 1] += np.bincount(documents - first)
    return counts


def _border(documents: Sorter, start: int, size: int | float) -> Border | None:
    """The end of a split that begins at the hash `start`; None if there are too few sentences from there on."""
    if isinstance(size, float):
        return Border(min(start + int(size * RING), RING - 1))
    left = size
    for numbers, _ in documents.sorted():
        inside = numbers[numbers["key"] >= np.uint64(start)]
        seen = np.cumsum(inside["kept"])
        at = int(np.searchsorted(seen, left))
        if at < len(inside):
            key, document, kept = inside[at].tolist()
            return Border(min(key + 1, RING - 1), document, left - (int(seen[at]) - kept))
        left -= int(inside["kept"].sum())
    return None


def _drop_rest(spool: Spool, border: Border) -> None:
    """Drops what is not inside of the border's last document."""
    if border.inside is None:
        return
    first = spool.first.at(border.last)
    end = spool.first.at(border.last + 1) if border.last + 1 < len(spool.first) else len(spool)
    seen = 0
    for block in blocks(end - first):
        start = first + block.start
        left = start + np.flatnonzero(spool.fate[start : first + block.stop] != DROPPED)
        rest = left[max(0, border.inside - seen) :]
        spool.drop(rest)
        seen += len(left)


def _check_amount(spool: Spool, settings: TextSettings, language: str) -> None:
    sentences = spool.left().sentences
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
    if sizes[TEST] + sizes[VALID] > LARGEST_HELD_OUT * sentences or not sizes[[TRAIN, VALID, TEST]].all():
        raise _too_few_documents(spool, sentences, settings, language)


def _too_large(sentences: int, settings: TextSettings, language: str) -> InputError:
    what = f"The text of {language} has {sentences:,} sentences after cleaning; validation ({settings.valid}) and test "
    what += f"({settings.test}) would take more than half of them."
    fix = f"give more text, or let it hold out less: languages.{language}.held_out of at most {sentences // 4:,}"
    return InputError(what, where=f"languages.{language}.text", fix=fix)


def _too_few_documents(spool: Spool, sentences: int, settings: TextSettings, language: str) -> InputError:
    """The error for text that has sentences enough, but in so few documents that it cannot be split by them."""
    count = len(spool.split)
    documents = "one document" if count == 1 else f"{count:,} documents"
    what = f"The text of {language} cannot be split by its documents: after cleaning it has {sentences:,} sentences in "
    what += f"{documents}, for training, validation ({settings.valid}) and test ({settings.test}); a document stands "
    what += "in one of them as a whole, and what is cut off is not used."
    fix = "give text in more documents (blank lines divide plain text into them; in a file without any, each line is "
    fix += "one), or let it hold out another number: languages.*.held_out, text.valid, text.test"
    return InputError(what, where=f"languages.{language}.text", fix=fix)
