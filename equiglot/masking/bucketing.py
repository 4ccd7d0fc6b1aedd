"""Which rows are read together."""

from collections.abc import Iterator

import numpy as np

from equiglot.masking.collate import Integers


def bucket_rows(lengths: Integers, tokens: int) -> Iterator[Integers]:
    """Rows of these lengths, int64 [n], sorted by length, in groups; yields the rows of each, int64.

    A group has at most `tokens` tokens with [CLS], [SEP] and padding, and at least one row.
    """
    order = np.argsort(lengths, kind="stable")
    widths = lengths[order] + 2
    begin = 0
    while begin < len(order):
        some = widths[begin : begin + tokens]
        fitting = int(np.searchsorted(some * np.arange(1, len(some) + 1), tokens, side="right"))
        yield order[begin : begin + max(1, fitting)]
        begin += max(1, fitting)
