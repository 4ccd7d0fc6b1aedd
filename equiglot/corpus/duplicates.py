"""Duplicates: of sentences with the same hash, the first in the order of reading stays.

This happens before splits are made, over all text, so no sentence stands in two splits, and which split keeps a
repeated sentence is left to the hash of the document where it came first.
"""

import numpy as np

from equiglot.corpus.hashing import UInt64
from equiglot.corpus.spool import DROPPED, Spool, blocks

PARTITION = 1 << 22  # sentences compared at a time


def drop_repeats(spool: Spool, keys: UInt64, partition: int = PARTITION) -> int:
    """Marks every sentence as dropped whose key an earlier one has that is not dropped.

    Keys are compared a partition of their values at a time; memory is about 40 bytes for each key of a partition.

    Args:
        spool: the sentences; `fate` changes.
        keys: hashes, uint64 [n].
        partition: how many keys to compare at a time.

    Returns:
        How many were dropped.
    """
    bits = max(0, len(spool) // partition).bit_length()
    dropped = 0
    for part in range(1 << bits):
        found = [block.start + _rows(spool, keys, block, bits, part) for block in blocks(len(spool))]
        rows = np.concatenate([np.empty(0, np.int64), *found])
        _, first = np.unique(keys[rows], return_index=True)  # the first of equal keys
        repeats = np.ones(len(rows), bool)
        repeats[first] = False
        spool.fate[rows[repeats]] = DROPPED
        dropped += int(repeats.sum())
    return dropped


def _rows(spool: Spool, keys: UInt64, block: slice, bits: int, part: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows of a block that are not dropped and whose key's highest bits are `part`."""
    kept = spool.fate[block] != DROPPED
    if bits:
        kept &= (keys[block] >> np.uint64(64 - bits)) == part
    return np.flatnonzero(kept)
