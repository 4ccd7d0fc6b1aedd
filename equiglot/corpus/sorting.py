"""Sorting more rows than fit in memory: spread over files by the highest bits of their keys, then sorted file by file.

Everything is written and read in long stretches, so that text larger than the memory costs no seeks.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from equiglot.corpus.letters import Int64

LIMIT = 1 << 22  # bytes sorted at a time
WAITING = 1 << 22  # bytes that wait in memory to be written
MOST_BITS = 12  # of a key that rows are spread by at a time
ROWS = 1 << 12  # read at a time where a file is too large to be sorted at once


class Rows(NamedTuple):
    """n rows and the text that goes with them.

    Attributes:
        numbers: a structured array [n] with a field `key` and, if text goes with the rows, its length as `bytes`.
        text: UTF-8, that of one row after the other.
    """

    numbers: NDArray[Any]
    text: bytes = b""


class Sorter:
    """Rows in, rows out in the order of their keys; those with the same key keep the order in which they came.

    Memory is a few times LIMIT and WAITING, whatever the number of rows, also where very many have the same key. A
    context manager; its files are gone afterwards.

    Args:
        folder: where its files are made.
        dtype: of the rows; the values of `key`, uint64, should be spread over all 64 bits.
        size: about how many bytes will come.
        used: how many of the highest bits are the same in all keys.
    """

    def __init__(self, folder: Path, dtype: DTypeLike, size: int, used: int = 0) -> None:
        self._home = TemporaryDirectory(prefix="sorting-", dir=folder)
        self._folder, self._dtype, self._used = Path(self._home.name), np.dtype(dtype), used
        self._bits = min((2 * size // LIMIT).bit_length(), MOST_BITS, 64 - used)
        self._waiting: dict[int, list[tuple[bytes, bytes]]] = {}
        self._held = 0

    def __enter__(self) -> "Sorter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._home.cleanup()

    def add(self, rows: Rows) -> None:
        """Takes some rows."""
        if not self._bits:
            self._keep(0, rows.numbers, rows.text)
            return
        parts = (rows.numbers["key"] << np.uint64(self._used)) >> np.uint64(64 - self._bits)
        numbers, text = _reordered(rows, np.argsort(parts.astype(np.uint16), kind="stable"))
        ends = np.cumsum(np.bincount(parts.astype(np.int64), minlength=1 << self._bits))
        text_ends = np.concatenate([[0], np.cumsum(_lengths(numbers))])[ends]
        start = text_start = 0
        for part, (end, text_end) in enumerate(zip(ends.tolist(), text_ends.tolist(), strict=True)):
            if end > start:
                self._keep(part, numbers[start:end], text[text_start:text_end])
            start, text_start = end, text_end

    def sorted(self) -> Iterator[Rows]:
        """All rows in order, in pieces; may be asked for again."""
        self._flush()
        for part in range(1 << self._bits):
            path = self._folder / str(part)
            if path.exists():
                yield from self._sorted(path)

    def _sorted(self, path: Path) -> Iterator[Rows]:
        size = path.stat().st_size + _text_of(path).stat().st_size
        if size <= LIMIT:
            rows = Rows(np.fromfile(path, self._dtype), _text_of(path).read_bytes())
            yield _reordered(rows, np.argsort(rows.numbers["key"], kind="stable"))
        elif self._has_one_key(path):
            yield from self._pieces(path)
        else:
            with Sorter(self._folder, self._dtype, size, self._used + self._bits) as finer:
                for rows in self._pieces(path):
                    finer.add(rows)
                yield from finer.sorted()

    def _has_one_key(self, path: Path) -> bool:
        first = np.fromfile(path, self._dtype, 1)["key"]
        return all((numbers["key"] == first).all() for numbers in self._numbers(path))

    def _pieces(self, path: Path) -> Iterator[Rows]:
        """The rows of a file as they came."""
        with _text_of(path).open("rb") as text:
            for numbers in self._numbers(path):
                yield Rows(numbers, text.read(int(_lengths(numbers).sum())))

    def _numbers(self, path: Path) -> Iterator[NDArray[Any]]:
        with path.open("rb") as file:
            while data := file.read(ROWS * self._dtype.itemsize):
                yield np.frombuffer(data, self._dtype)

    def _keep(self, part: int, numbers: NDArray[Any], text: bytes) -> None:
        self._waiting.setdefault(part, []).append((numbers.tobytes(), text))
        self._held += numbers.nbytes + len(text)
        if self._held >= WAITING:
            self._flush()

    def _flush(self) -> None:
        for part, pieces in self._waiting.items():
            path = self._folder / str(part)
            for each, data in zip((path, _text_of(path)), zip(*pieces, strict=True), strict=True):
                with each.open("ab") as file:
                    file.write(b"".join(data))
        self._waiting, self._held = {}, 0


def selected(text: bytes, lengths: NDArray[Any], rows: Int64) -> bytes:
    """The texts of some rows, one after the other.

    Args:
        text: that of n rows.
        lengths: of each one's, in bytes, integers [n].
        rows: which, in the order wanted, int64 [m].
    """
    ends = np.cumsum(lengths)
    starts, stops = (ends - lengths)[rows].tolist(), ends[rows].tolist()
    return b"".join([text[start:stop] for start, stop in zip(starts, stops, strict=True)])


def _reordered(rows: Rows, order: Int64) -> Rows:
    text = selected(rows.text, _lengths(rows.numbers), order) if rows.text else b""
    return Rows(rows.numbers[order], text)


def _lengths(numbers: NDArray[Any]) -> Int64:
    """The length of the text of each row, int64 [n]."""
    has_text = "bytes" in (numbers.dtype.names or ())
    return numbers["bytes"].astype(np.int64) if has_text else np.zeros(len(numbers), np.int64)


def _text_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.text")
