"""Plain text files as a source: one sentence or paragraph a line, blank lines between documents."""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from equiglot.corpus.documents import Document
from equiglot.errors import InputError
from equiglot.run import checksum

BLOCK_CHARACTERS = 1 << 20  # read at a time
PIECE_PARAGRAPHS = 10_000  # a longer document is yielded in pieces, so that memory stays flat


class FilesSource(BaseModel):
    """Text files, folders (every *.txt below, sorted) and globs, UTF-8.

    A line is a sentence or a paragraph; blank lines separate documents. In a file without a blank line between its
    lines nothing is known about documents, and every line is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    is_parallel: ClassVar[bool] = False

    kind: Literal["files"] = "files"
    paths: tuple[str, ...] = Field(min_length=1, description="files, folders or globs; relative to the recipe's folder")

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def resolve(self, base: Path) -> "FilesSource":
        """The same source with absolute paths; relative ones start at the folder `base`."""
        absolute = tuple(str(base.absolute() / Path(path).expanduser()) for path in self.paths)
        return self.model_copy(update={"paths": absolute})

    def files(self) -> list[Path]:
        """The files meant, in order, each once.

        Raises:
            InputError: a path that is not there, a folder or glob with no file, an empty file.
        """
        files = list(dict.fromkeys(file for path in self.paths for file in _expand(path)))
        for file in files:
            _check_size(file)
        return files

    def documents(self, language: str) -> Iterator[Document]:
        """The documents of all files, in order; memory stays flat.

        Raises:
            InputError: as `files`, and for a file that cannot be read, is binary, is not UTF-8, or is all blank.
        """
        for index, file in enumerate(self.files()):
            yield from _documents(index, file)

    def estimate_characters(self, language: str) -> int:
        """About how much text there is, from the sizes of the files and the start of the first."""
        files = self.files()
        with files[0].open("rb") as file:
            start = file.read(1 << 16)
        share = len(start.decode(errors="ignore")) / len(start)
        return round(share * sum(file.stat().st_size for file in files))

    def identity(self, language: str) -> dict[str, Any]:
        """What stands for the text in a fingerprint: the files' checksums, not their names or places."""
        return {"kind": self.kind, "checksums": [_checksum(file) for file in self.files()]}

    def describe(self, language: str) -> str:
        """One sentence on what the text is."""
        files = self.files()
        size = sum(file.stat().st_size for file in files) / 1e6
        names = ", ".join(file.name for file in files[:5]) + (", ..." if len(files) > 5 else "")
        count = "one file" if len(files) == 1 else f"{len(files)} files"
        return f"Plain text from {count} ({names}), {size:,.1f} MB; licence not stated."


def read_lines(path: Path) -> Iterator[list[str]]:
    r"""The lines of a UTF-8 file without their ends, in blocks; a byte order mark, \r\n and \r are understood.

    Raises:
        InputError: the file cannot be read, holds NUL bytes, or is not UTF-8 (with the line of the first bad byte).
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            while block := file.read(BLOCK_CHARACTERS):
                block += file.readline()
                if "\0" in block:
                    raise _binary(path)
                yield block.removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        raise _wrong_encoding(path) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _expand(path: str) -> list[Path]:
    place = Path(path)
    if place.is_file():
        return [place]
    if place.is_dir():
        found = sorted(file for file in place.rglob("*.txt") if file.is_file())
        missing, fix = f"The folder {path} has no *.txt file.", "name the files, or a glob such as folder/*.text"
    elif glob.has_magic(path):
        found = sorted(Path(name) for name in glob.glob(path, recursive=True) if Path(name).is_file())
        missing, fix = f"The pattern {path} matches no file.", "correct the pattern or add the files"
    else:
        found, missing = [], f"There is no file or folder {path}."
        fix = "correct the path; a relative one starts at the recipe's folder"
    if not found:
        raise InputError(missing, where=path, fix=fix)
    return found


def _check_size(file: Path) -> None:
    try:
        empty = file.stat().st_size == 0
    except OSError as error:
        raise _unreadable(file, error) from None
    if empty:
        raise InputError(f"The text file {file.name} is empty.", where=file, fix="fill it or leave it out")


def _checksum(file: Path) -> str:
    try:
        return checksum(file)
    except OSError as error:
        raise _unreadable(file, error) from None


def _documents(index: int, file: Path) -> Iterator[Document]:
    pieces = _separated(file) if _has_documents(file) else _line_by_line(file)
    number = -1
    for number, paragraphs, known in pieces:
        # Neither the file's name nor its folder: the same text elsewhere gives the same corpus.
        yield Document(f"{index}:{number}", paragraphs, known)
    if number < 0:
        what = f"The text file {file.name} holds only blank lines."
        raise InputError(what, where=file, fix="fill it or leave it out")


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


def _line_by_line(file: Path) -> Iterator[tuple[int, list[str], bool]]:
    number = 0
    for lines in read_lines(file):
        for line in lines:
            if line and not line.isspace():
                yield number, [line], False
                number += 1


def _separated(file: Path) -> Iterator[tuple[int, list[str], bool]]:
    number, paragraphs, inside = 0, list[str](), False
    for lines in read_lines(file):
        for line in lines:
            blank = not line or line.isspace()
            if paragraphs and (blank or len(paragraphs) == PIECE_PARAGRAPHS):
                yield number, paragraphs, True
                paragraphs = []
            if blank:
                number, inside = number + inside, False
            else:
                paragraphs.append(line)
                inside = True
    if paragraphs:
        yield number, paragraphs, True


def _binary(path: Path) -> InputError:
    fix = "give plain UTF-8 text; UTF-16 becomes that with iconv -f UTF-16 -t UTF-8"
    return InputError(f"{path.name} is not a text file: it holds NUL bytes.", where=path, fix=fix)


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path.name} cannot be read: {error.strerror}.", where=path, fix="check the file and its rights")


def _wrong_encoding(path: Path) -> InputError:
    """The error for a file that is not UTF-8, with the line of its first bad byte."""
    number = 1
    with path.open("rb") as file:
        for line in file:
            if b"\0" in line:
                return _binary(path)
            try:
                line.decode()
            except UnicodeDecodeError as error:
                number += line[: error.start].count(b"\r")
                what = f"{path.name} is not UTF-8: byte 0x{line[error.start]:02x} in line {number}."
                fix = f"convert it, for instance: iconv -f LATIN1 -t UTF-8 {path.name} > {path.stem}.utf8.txt"
                return InputError(what, where=f"{path}:{number}", fix=fix)
            number += 1 + line.removesuffix(b"\r\n").count(b"\r")
    return InputError(f"{path.name} is not UTF-8.", where=path, fix="convert it with iconv")
