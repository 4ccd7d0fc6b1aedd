"""Where the stored positions of a sequence begin, from how many each sequence has."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_STEP = 64  # counts that are added up when they are asked for: a place kept for each would take eight times as much

Integers = npt.NDArray[np.int64]


class PositionIndex:
    """The first position of each sequence in each draw; takes little more memory than the counts.

    Args:
        counts: of each part of the text, uint8 or uint16 [sequences, draws], how many positions each sequence has; the
            greatest number of the type where it is not labelled.
    """

    def __init__(self, counts: Sequence[npt.NDArray[Any]]) -> None:
        unlabelled = np.concatenate([part == np.iinfo(part.dtype).max for part in counts])
        whole = np.where(unlabelled, 0, np.concatenate(counts))
        self._sequences, self._draws = whole.shape
        self._unlabelled = unlabelled[:, 0] if unlabelled.any() else None
        self._counts = np.pad(whole.ravel(), (0, -whole.size % _STEP)).reshape(-1, _STEP)
        sums = self._counts.sum(axis=1, dtype=np.int64)
        self._starts = np.cumsum(sums) - sums

    def places(self, sequences: Integers, draws: Integers) -> Integers:
        """The first position, int64 [r], of sequences int64 [r] in draws int64 [r].

        Raises:
            IndexError: a sequence or draw without labels.
        """
        inside = (sequences >= 0) & (sequences < self._sequences) & (draws >= 0) & (draws < self._draws)
        if not inside.all() or (self._unlabelled is not None and self._unlabelled[sequences].any()):
            raise IndexError("no labels")
        steps, within = np.divmod(sequences * self._draws + draws, _STEP)
        before = self._counts[steps] * (np.arange(_STEP) < within[:, None])
        places: Integers = self._starts[steps] + before.sum(axis=1, dtype=np.int64)
        return places
