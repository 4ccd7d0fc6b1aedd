"""Plain text files as a source: one sentence or paragraph a line, blank lines between documents."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar, Literal

from equiglot.corpus.documents import Document
from equiglot.corpus.opening import numbered_lines, read_lines, unpacked_name
from equiglot.corpus.paths import ParallelPathSource, estimate_by_start

PIECE_PARAGRAPHS, PIECE_CHARACTERS = 10_000, 1 << 22  # of a longer document come pieces, so that memory stays flat
_INDEX = "*-multistream-index*.txt"


class FilesSource(ParallelPathSource):
    """Text files, folders (every *.txt below, sorted) and globs, UTF-8, plain or packed (.gz, .bz2, .xz, .zst).

    A line is a sentence or a paragraph; blank lines separate documents. In a file without a blank line between its
    lines nothing is known about documents, and every line is one. In parallel files every line is one: line 7 of the
    second file says the same in all languages, and is blank where it is missing.
    """

    PATTERN: ClassVar[str] = "*.txt"
    FORM: ClassVar[str] = "Plain text"

    kind: Literal["files"] = "files"

    def _fits(self, name: str) -> bool:
        return super()._fits(name) and not is_index(name)

    def _documents(self, index: int, file: Path) -> Iterator[Document]:
        # The ids hold neither the file's name nor its folder: the same text elsewhere gives the same corpus.
        if self.parallel or not _has_documents(file):
            for number, line in numbered_lines(file):
                yield Document(f"{index}:{number - 1}", [line], known=False)
        else:
            for number, paragraphs in _separated(file):
                yield Document(f"{index}:{number}", paragraphs)

    def _estimate(self, files: Sequence[Path]) -> float:
        return estimate_by_start(files, lambda start: len(start.decode(errors="ignore")))


def is_index(name: str) -> bool:
    """Whether a file is text only to the eye: the index of a dump in several streams, by its name."""
    return fnmatchcase(unpacked_name(name), _INDEX)


def _has_documents(file: Path) -> bool:
    """Whether a blank line stands somewhere between two lines of text."""
    seen = gap = False
    for lines in read_lines(file):
        for line in lines:
            if not line or line.isspace():
                gap = seen
            elif gap:
                return True
            else:
                seen = True
    return False


def _separated(file: Path) -> Iterator[tuple[int, list[str]]]:
    number, paragraphs, characters, inside = 0, list[str](), 0, False
    for lines in read_lines(file):
        for line in lines:
            blank = not line or line.isspace()
            if paragraphs and (blank or len(paragraphs) == PIECE_PARAGRAPHS or characters >= PIECE_CHARACTERS):
                yield number, paragraphs
                paragraphs, characters = [], 0
            if blank:
                number, inside = number + inside, False
            else:
                paragraphs.append(line)
                characters += len(line)
                inside = True
    if paragraphs:
        yield number, paragraphs
