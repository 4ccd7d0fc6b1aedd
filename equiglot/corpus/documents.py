"""Documents, which text sources yield, each a list of raw lines; and sentences in an Arrow file, read memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from equiglot.errors import InputError
from equiglot.reading import without_halves

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_TEXT = 10_000_000
"""Characters of a line, of a row's text, of a page. Real ones are far shorter, and each stands in memory whole."""


class Document(NamedTuple):
    """A document as its source wrote it.

    Attributes:
        id: its name, independent of the language, so that the pages of a parallel corpus share ids. A very long
            document comes in pieces, one right after the other, that share an id.
        paragraphs: raw lines of text, each a sentence or a paragraph.
        known: whether its boundary is known; where it is not, each line is a document of its own.
    """

    id: str
    paragraphs: list[str]
    known: bool = True


def lines_of(text: str) -> list[str]:
    r"""The lines of a text that are not blank, without their ends (\n, \r\n or \r).

    Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes the replacement character.
    """
    lines = without_halves(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line for line in lines if line and not line.isspace()]


def too_long(what: str, where: str | Path, fix: str) -> InputError:
    """The error for a text of more than `LONGEST_TEXT` characters."""
    return InputError(f"{what} is longer than {LONGEST_TEXT:,} characters.", where=where, fix=fix)


SCHEMA = pa.schema([pa.field("text", pa.string(), nullable=False)])


class SentenceWriter:
    """Writes UTF-8 sentences to an Arrow file, a record batch at a time; a context manager."""

    def __init__(self, path: Path) -> None:
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._file, SCHEMA)

    def __enter__(self) -> SentenceWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._writer.close()
        self._file.close()

    def write(self, text: bytes, lengths: Sequence[int] | NDArray[np.integer[Any]]) -> None:
        """Appends a record batch of n sentences.

        Args:
            text: the sentences in UTF-8, one after the other, at most 2 GiB; what follows them is not written.
            lengths: the length of each in bytes, [n].
        """
        offsets = np.zeros(len(lengths) + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        buffers = pa.py_buffer(offsets), pa.py_buffer(memoryview(text)[: offsets[-1]])
        array = pa.StringArray.from_buffers(len(lengths), *buffers)
        self._writer.write_batch(pa.record_batch([array], schema=SCHEMA))


def read_sentences(path: Path, start: int = 0, stop: int | None = None, batch: int = 1024) -> Iterator[list[str]]:
    """Sentences `start` to `stop` of an Arrow file, in lists of `batch` (the last is shorter); memory-mapped.

    Raises:
        InputError: the file is missing or is not an Arrow file.
    """
    waiting: list[str] = []
    with _opened(path) as reader:
        seen = 0
        for number in range(reader.num_record_batches):
            column = reader.get_batch(number).column(0)
            first, last = max(start - seen, 0), len(column) if stop is None else min(stop - seen, len(column))
            seen += len(column)
            for at in range(first, last, batch):
                waiting += column.slice(at, min(batch, last - at)).to_pylist()
                while len(waiting) >= batch:
                    yield waiting[:batch]
                    waiting = waiting[batch:]
    if waiting:
        yield waiting


def count_sentences(path: Path) -> int:
    """How many sentences an Arrow file holds.

    Raises:
        InputError: the file is missing or is not an Arrow file.
    """
    with _opened(path) as reader:
        return sum(reader.get_batch(number).num_rows for number in range(reader.num_record_batches))


@contextmanager
def _opened(path: Path) -> Iterator[pa.ipc.RecordBatchFileReader]:
    try:
        file = pa.memory_map(str(path))
        reader = pa.ipc.open_file(file)
    except FileNotFoundError:
        raise InputError("There is no such corpus file.", where=path, fix="build the corpus first") from None
    except pa.ArrowInvalid as error:
        raise InputError(f"{path.name} is not an Arrow file ({error}).", where=path, fix="build it again") from None
    with file:
        yield reader
