"""A task without labels: where in its document a paragraph stands."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from equiglot.corpus import Document, FilesSource, TextSource
from equiglot.errors import InputError
from equiglot.hashing import digest
from equiglot.tasks.sentences import Sentence

FIRST, BETWEEN, LAST = "first", "between", "last"
LEAST_PARAGRAPHS = 3
LONGEST = 400  # characters of a paragraph
_ENDS = {"test": 0.2, "dev": 0.3, "train": 1.0}  # of hashes between 0 and 1


def read_places(documents: Iterable[Document], notes: Counter[str]) -> dict[str, list[Sentence]]:
    """The paragraphs of all documents with three or more, by split; a document's id alone decides about its split.

    Args:
        documents: of one language; pieces of a document follow each other.
        notes: counts documents that are left out.
    """
    splits: dict[str, list[Sentence]] = {}
    for name, pieces in groupby(documents, lambda document: document.id):
        paragraphs = [paragraph.strip()[:LONGEST] for piece in pieces for paragraph in piece.paragraphs]
        if len(paragraphs) < LEAST_PARAGRAPHS:
            notes[f"documents with fewer than {LEAST_PARAGRAPHS} paragraphs left out"] += 1
        else:
            splits.setdefault(split_of(name), []).extend(_labelled(name, paragraphs))
    return splits


def split_of(document: str) -> str:
    """The split that a document goes to, by its id: 70 % train, 10 % dev, 20 % test."""
    share = int.from_bytes(digest(document), "little") / 2**64
    return next(split for split, end in _ENDS.items() if share < end or end == 1)


def check_documents(source: TextSource, language: str) -> None:
    """Refuses text in which nobody knows where a document ends. Only plain text can be so; what else there is, is read.

    Raises:
        InputError: with the language.
    """
    if isinstance(source, FilesSource) and not next(source.documents(language)).known:
        what = f"The task place needs documents, and in the text of {language} each line stands for itself."
        fix = "put blank lines between documents (and leave `parallel` out), or leave the task place out"
        raise InputError(what, where=f"languages.{language}.text", fix=fix)


def _labelled(name: str, paragraphs: list[str]) -> Iterator[Sentence]:
    for number, paragraph in enumerate(paragraphs):
        label = FIRST if number == 0 else LAST if number == len(paragraphs) - 1 else BETWEEN
        yield Sentence([paragraph], [label], lambda _: name)
