"""Duplicates: of sentences with the same hash, the first in the order of reading stays.

This happens before splits are made, over all text, so no sentence stands in two splits, and which split keeps a
repeated sentence is left to the hash of the document where it came first.
"""

import numpy as np

from equiglot.corpus.letters import Int64
from equiglot.corpus.sorting import Rows, Sorter
from equiglot.corpus.spool import DROPPED, Column, Spool, blocks
from equiglot.hashing import U64

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
            by_key.add(_rows(keys[block][kept], block.start + kept))
        last = np.empty(0, np.uint64)
        for numbers, _ in by_key.sorted():
            before = np.concatenate([last, numbers["key"]])
            repeats = numbers["row"][1 - len(last) :][before[1:] == before[:-1]]
            by_row.add(_rows(repeats.astype(np.uint64) << spread, repeats))
            last = before[-1:]
        for numbers, _ in by_row.sorted():
            spool.drop(numbers["row"])


def _rows(keys: U64, rows: Int64) -> Rows:
    numbers = np.empty(len(rows), ROW)
    numbers["key"], numbers["row"] = keys, rows
    return Rows(numbers)
