"""Clean sentences on disk with columns of numbers beside them, so that text need not fit in memory.

Text is appended once, in the order of reading. What to do with each sentence is then decided over columns of eight
bytes, block by block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from equiglot.corpus.characters import Int64
from equiglot.corpus.cleaning import Sentences
from equiglot.hashing import reseed

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1 << 16  # sentences handled at a time
TEXT_BLOCK = 1 << 18  # bytes of text handled at a time
TEST, VALID, TRAIN, DROPPED = range(4)

COLUMNS: dict[str, Any] = {  # name -> dtype; the first row of columns is per sentence, the second per document
    "ends": np.int64, "documents": np.int64, "characters": np.int64, "exact": np.uint64, "folded": np.uint64,
    "split": np.uint64, "position": np.uint64, "first": np.int64,
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """n numbers in a file; a slice of it is read, or written, when it is asked for, and only slices are in memory.

    A memory map would count as memory of the process wherever it was touched, and kill it when the disk is full.
    """

    path: Path
    dtype: Any
    count: int

    @classmethod
    def filled(cls, path: Path, dtype: Any, count: int, value: int) -> Column:
        """A new file with `count` times a value."""
        column = cls(path, dtype, count)
        path.touch()
        for block in blocks(count):
            column[block] = np.full(block.stop - block.start, value, dtype)
        return column

    @classmethod
    def of_file(cls, path: Path, dtype: Any) -> Column:
        """All numbers in a file."""
        return cls(path, dtype, path.stat().st_size // np.dtype(dtype).itemsize)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        start, stop, _ = rows.indices(self.count)
        return np.fromfile(self.path, self.dtype, max(0, stop - start), offset=start * np.dtype(self.dtype).itemsize)

    def __setitem__(self, rows: slice, values: NDArray[Any]) -> None:
        start, _, _ = rows.indices(self.count)
        with self.path.open("r+b") as file:
            file.seek(start * np.dtype(self.dtype).itemsize)
            file.write(np.ascontiguousarray(values, self.dtype).data)

    def at(self, row: int) -> int:
        """One of the numbers."""
        return int(self[row : row + 1][0])


class Amount(NamedTuple):
    """So much text."""

    sentences: int
    characters: int


@dataclass(frozen=True)
class Spool:
    """n sentences of d documents, on disk.

    Attributes:
        folder: where; more temporary files may be made there.
        text: all sentences in UTF-8, one after the other, uint8 [bytes].
        ends: where each sentence ends in `text`, int64 [n].
        documents: the number of each sentence's document, ascending, int64 [n].
        characters: the length of each sentence, int64 [n].
        exact, folded: hashes of each sentence's text and of its folded letters, uint64 [n].
        split: the hash of each document's id, which decides its split, uint64 [d].
        position: where each document stands on the ring of documents, by the seed, uint64 [d].
        first: the number of each document's first sentence, int64 [d].
        fate: the split of each sentence, or DROPPED; uint8 [n], writable, all TRAIN at first.
    """

    folder: Path
    text: Column
    ends: Column
    documents: Column
    characters: Column
    exact: Column
    folded: Column
    split: Column
    position: Column
    first: Column
    fate: Column

    def __len__(self) -> int:
        return len(self.ends)

    def left(self) -> Amount:
        """What is not dropped."""
        sentences = characters = 0
        for block in blocks(len(self)):
            lengths = self.characters[block][self.fate[block] != DROPPED]
            sentences, characters = sentences + len(lengths), characters + int(lengths.sum())
        return Amount(sentences, characters)

    def drop(self, rows: Int64) -> None:
        """Marks sentences as dropped; row numbers, ascending."""
        for part in np.split(rows, np.flatnonzero(np.diff(rows // BLOCK)) + 1):
            if len(part):
                window = slice(int(part[0]), int(part[-1]) + 1)
                fate = self.fate[window]
                fate[part - window.start] = DROPPED
                self.fate[window] = fate

    def of_documents(self, column: Column, block: slice) -> NDArray[Any]:
        """For each sentence of a block, its document's value in a column of documents."""
        documents = self.documents[block]
        first = int(documents[0])
        values = column[first : int(documents[-1]) + 1]
        return np.asarray(values[documents - first])

    def text_blocks(self) -> Iterator[slice]:
        """Consecutive slices that cover all sentences, each with at most some TEXT_BLOCK bytes of text."""
        start = seen = 0
        for block in blocks(len(self)):
            ends = self.ends[block]
            while start < block.stop:
                fits = block.start + int(np.searchsorted(ends, seen + TEXT_BLOCK, side="right"))
                stop = max(start + 1, fits)
                yield slice(start, stop)
                start, seen = stop, int(ends[stop - 1 - block.start])

    def block_text(self, block: slice) -> bytes:
        """The text of consecutive sentences, joined by nothing."""
        start = self.ends.at(block.start - 1) if block.start else 0
        return self.text[start : self.ends.at(block.stop - 1)].tobytes()

    def block_bytes(self, block: slice) -> Int64:
        """The length of each sentence of a block in UTF-8, int64."""
        ends = self.ends[max(0, block.start - 1) : block.stop]
        return np.diff(ends) if block.start else np.diff(ends, prepend=0)


class SpoolWriter:
    """Appends sentences and documents to the files of a spool in `folder`; a context manager.

    Args:
        folder: where.
        seed: decides where documents stand on the ring.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._seed, self._bytes, self._sentences, self._documents = seed, 0, 0, 0
        self._files = {name: (folder / name).open("wb") for name in ("text", *COLUMNS)}

    def __enter__(self) -> SpoolWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()

    def add(self, sentences: Sentences, documents: Sequence[bytes]) -> None:
        """Appends the next documents (the hashes of their ids) and sentences of these or of the last one before."""
        encoded = [text.encode() for text in sentences.texts]
        ends = self._bytes + np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
        numbers = np.arange(self._documents, self._documents + len(documents))
        splits = np.frombuffer(b"".join(documents), "<u8")
        self._write("text", b"".join(encoded))
        self._write("ends", ends)
        self._write("first", self._sentences + np.searchsorted(sentences.documents, numbers))
        self._write("split", splits)
        self._write("position", reseed(splits, self._seed))
        for name in ("documents", "characters", "exact", "folded"):
            self._write(name, getattr(sentences, name))
        self._bytes = int(ends[-1]) if len(ends) else self._bytes
        self._sentences += len(encoded)
        self._documents += len(documents)

    def _write(self, name: str, data: Any) -> None:
        self._files[name].write(data if isinstance(data, bytes) else np.ascontiguousarray(data, COLUMNS[name]).data)


def open_spool(folder: Path) -> Spool:
    """The finished spool in `folder`."""
    columns = {name: Column.of_file(folder / name, dtype) for name, dtype in COLUMNS.items()}
    fate = Column.filled(folder / "fate", np.uint8, len(columns["ends"]), TRAIN)
    return Spool(folder=folder, text=Column.of_file(folder / "text", np.uint8), fate=fate, **columns)


def blocks(count: int, size: int = 0) -> Iterator[slice]:
    """Consecutive slices that cover `count` rows, `size` (or else BLOCK) at a time."""
    size = size or BLOCK
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
