"""Sorting more rows than fit in memory, and what is decided so: which duplicates stay, and the order of storing.

Rows are spread over files by the highest bits of their keys, then sorted file by file. Everything is written and read
in long stretches, so that text larger than the memory costs no seeks.

Duplicates: of sentences with the same hash, the first in the order of reading stays. This happens before splits are
made, over all text, so no sentence stands in two splits, and which split keeps a repeated sentence is left to the hash
of the document where it came first.

Drawing: every prefix of what is stored is a random sample of documents. Documents stand on a ring, at a hash of the
seed and their id; drawing starts at a point of the ring and goes round it. So the same pages come at the same places
in all languages of a parallel corpus, and languages that start at different points draw different pages as long as
their amounts allow. A document's sentences stay together and in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from equiglot.corpus.characters import Int64
from equiglot.corpus.spool import DROPPED, Column, Spool, blocks
from equiglot.hashing import U64

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

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

    def __enter__(self) -> Sorter:
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


ROW = np.dtype([("key", np.uint64), ("row", np.int64)])


def drop_repeats(spool: Spool, keys: Column) -> None:
    """Marks every sentence as dropped whose key an earlier one has that is not dropped; memory stays flat.

    Args:
        spool: the sentences; `fate` changes.
        keys: hashes, uint64 [n].
    """
    size = ROW.itemsize * len(spool)
    spread = np.uint64(64 - len(spool).bit_length())  # row numbers as keys: their highest bits must differ
    with Sorter(spool.folder, ROW, size) as by_key, Sorter(spool.folder, ROW, size) as by_row:
        for block in blocks(len(spool)):
            kept = np.flatnonzero(spool.fate[block] != DROPPED)
            by_key.add(_keyed(keys[block][kept], block.start + kept))
        last = np.empty(0, np.uint64)
        for numbers, _ in by_key.sorted():
            before = np.concatenate([last, numbers["key"]])
            repeats = numbers["row"][1 - len(last) :][before[1:] == before[:-1]]
            by_row.add(_keyed(repeats.astype(np.uint64) << spread, repeats))
            last = before[-1:]
        for numbers, _ in by_row.sorted():
            spool.drop(numbers["row"])


def _keyed(keys: U64, rows: Int64) -> Rows:
    numbers = np.empty(len(rows), ROW)
    numbers["key"], numbers["row"] = keys, rows
    return Rows(numbers)


RING = 1 << 64
ARC_BITS = 12  # the ring is cut into so many arcs, as a power of two, to see where a limit is reached
DRAWN = np.dtype([("key", np.uint64), ("document", np.int64), ("characters", np.int32), ("bytes", np.int32)])


def draw(spool: Spool, split: int, start: float = 0.0, limit: int | None = None) -> Iterator[Rows]:
    """The sentences of a split in draw order; memory stays flat.

    Args:
        spool: the sentences with their splits.
        split: which split.
        start: where on the ring to start, in [0, 1).
        limit: characters that are enough: somewhere beyond them drawing may end.

    Yields:
        Rows with the fields `document`, `characters` and `bytes`, and their text.
    """
    origin = np.uint64(int(start * RING))
    end = np.uint64(RING - 1 if limit is None else _end(spool, split, origin, limit))
    with Sorter(spool.folder, DRAWN, len(spool.text)) as sorter:
        for block in spool.text_blocks():
            places = _places(spool, block, origin)
            wanted = np.flatnonzero((spool.fate[block] == split) & (places <= end))
            if len(wanted):
                sorter.add(_rows(spool, block, wanted, places[wanted]))
        yield from sorter.sorted()


def _end(spool: Spool, split: int, origin: np.uint64, limit: int) -> int:
    """The last place on the ring that has to be drawn from to get `limit` characters."""
    shift = 64 - ARC_BITS
    found = np.zeros(1 << ARC_BITS)
    for block in blocks(len(spool)):
        arcs = (_places(spool, block, origin) >> np.uint64(shift)).astype(np.int64)
        found += np.bincount(arcs, spool.characters[block] * (spool.fate[block] == split), minlength=len(found))
    return ((int(np.searchsorted(np.cumsum(found), limit)) + 1) << shift) - 1 if found.sum() > limit else RING - 1


def _places(spool: Spool, block: slice, origin: np.uint64) -> U64:
    """How far each sentence's document is from the origin, going round the ring; uint64."""
    return np.asarray(spool.of_documents(spool.position, block) - origin, np.uint64)  # wraps around


def _rows(spool: Spool, block: slice, wanted: np.ndarray[tuple[int], np.dtype[np.int64]], places: U64) -> Rows:
    lengths = spool.block_bytes(block)
    numbers = np.empty(len(wanted), DRAWN)
    numbers["key"], numbers["document"] = places, spool.documents[block][wanted]
    numbers["characters"], numbers["bytes"] = spool.characters[block][wanted], lengths[wanted]
    text = spool.block_text(block)
    return Rows(numbers, text if len(wanted) == len(lengths) else selected(text, lengths, wanted))
