"""Clean sentences on disk with columns of numbers beside them, so that text need not fit in memory.

Text is appended once, in the order of reading. What to do with each sentence is then decided over memory-mapped
columns of eight bytes, block by block.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equiglot.corpus.cleaning import Sentences
from equiglot.corpus.hashing import Int64, UInt64, reseed

BLOCK = 1 << 16  # sentences handled at a time
TEST, VALID, TRAIN, DROPPED = range(4)

COLUMNS: dict[str, Any] = {  # name -> dtype; the first row of columns is per sentence, the second per document
    "ends": np.int64, "documents": np.int64, "characters": np.int64, "exact": np.uint64, "folded": np.uint64,
    "split": np.uint64, "position": np.uint64, "first": np.int64,
}  # fmt: skip


@dataclass(frozen=True)
class Spool:
    """n sentences of d documents, memory-mapped.

    Attributes:
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

    text: NDArray[np.uint8]
    ends: Int64
    documents: Int64
    characters: Int64
    exact: UInt64
    folded: UInt64
    split: UInt64
    position: UInt64
    first: Int64
    fate: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ends)

    def left(self) -> int:
        """How many sentences are not dropped."""
        return sum(int(np.count_nonzero(self.fate[block] != DROPPED)) for block in blocks(len(self)))

    def start_of(self, sentence: int) -> int:
        """Where a sentence begins in `text`."""
        return int(self.ends[sentence - 1]) if sentence else 0

    def block_text(self, block: slice) -> str:
        """The text of consecutive sentences, joined by nothing."""
        return self.text[self.start_of(block.start) : int(self.ends[block.stop - 1])].tobytes().decode()


class SpoolWriter:
    """Appends sentences and documents to the files of a spool in `folder`; a context manager.

    Args:
        folder: where.
        seed: decides where documents stand on the ring.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._seed, self._bytes, self._sentences, self._documents = seed, 0, 0, 0
        self._files = {name: (folder / name).open("wb") for name in ("text", *COLUMNS)}

    def __enter__(self) -> "SpoolWriter":
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
    columns = {name: _mapped(folder / name, dtype) for name, dtype in COLUMNS.items()}
    fate = _mapped(folder / "fate", np.uint8, len(columns["ends"]))
    for block in blocks(len(fate)):
        fate[block] = TRAIN
    return Spool(text=_mapped(folder / "text", np.uint8), fate=fate, **columns)


def blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """Consecutive slices that cover `count` rows."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _mapped(path: Path, dtype: Any, count: int | None = None) -> NDArray[Any]:
    """A file of numbers, mapped; of a new one with `count` numbers, writable."""
    if count == 0 or (count is None and path.stat().st_size == 0):
        return np.empty(0, dtype)
    return np.memmap(path, dtype, "r") if count is None else np.memmap(path, dtype, "w+", shape=(count,))
