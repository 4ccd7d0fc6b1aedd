"""Drawing: the order in which sentences are stored, of which every prefix is a random sample of documents.

Documents stand on a ring, at a hash of the seed and their id; drawing starts at a point of the ring and goes round it.
So the same pages come at the same places in all languages of a parallel corpus, and languages that start at different
points draw different pages as long as their amounts allow. A document's sentences stay together and in order.
"""

from collections.abc import Iterator

import numpy as np

from equiglot.corpus.sorting import Rows, Sorter, selected
from equiglot.corpus.spool import Spool, blocks
from equiglot.hashing import U64

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
