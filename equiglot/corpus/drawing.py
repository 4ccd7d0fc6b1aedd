"""Drawing: the order in which sentences are stored, of which every prefix is a random sample of documents.

Documents stand on a ring, at a hash of the seed and their id; drawing starts at a point of the ring and goes round it.
So the same pages come at the same places in all languages of a parallel corpus, and languages that start at different
points draw different pages as long as their amounts allow. A document's sentences stay together and in order.
"""

from collections.abc import Iterator

import numpy as np

from equiglot.corpus.hashing import Int64
from equiglot.corpus.spool import Spool, blocks

RING = 1 << 64
AT_A_TIME = 1 << 20  # documents sorted at a time
ROWS = 1 << 12  # sentences yielded at a time


def draw(spool: Spool, split: int, start: float = 0.0, at_a_time: int = AT_A_TIME) -> Iterator[Int64]:
    """The sentences of a split in draw order, int64 row numbers, in blocks; memory stays flat.

    Args:
        spool: the sentences with their splits.
        split: which split.
        start: where on the ring to start, in [0, 1).
        at_a_time: about how many documents to sort at a time.
    """
    bits = max(0, len(spool.position) // at_a_time).bit_length()
    for part in range(1 << bits):
        documents = _documents(spool, np.uint64(int(start * RING)), bits, part)
        yield from _sentences(spool, documents, split)


def _documents(spool: Spool, origin: np.uint64, bits: int, part: int) -> Int64:
    """The documents of one part of the ring, in order."""
    rows, places = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for block in blocks(len(spool.position)):
        rotated = spool.position[block] - origin  # wraps around
        inside = np.flatnonzero(rotated >> np.uint64(64 - bits) == part) if bits else np.arange(len(rotated))
        rows.append(block.start + inside)
        places.append(rotated[inside])
    return np.concatenate(rows)[np.argsort(np.concatenate(places), kind="stable")]


def _sentences(spool: Spool, documents: Int64, split: int) -> Iterator[Int64]:
    """The sentences of `documents`, one document after the other, that belong to the split."""
    starts = spool.first[documents]
    last = documents + 1 == len(spool.first)
    ends = np.where(last, len(spool), spool.first[np.where(last, 0, documents + 1)])
    seen = np.cumsum(ends - starts)
    for block in blocks(int(seen[-1]) if len(seen) else 0, ROWS):
        wanted = np.arange(block.start, block.stop)
        document = np.searchsorted(seen, wanted, side="right")
        rows = ends[document] - (seen[document] - wanted)
        yield rows[spool.fate[rows] == split]
