"""A trained linear probe, and the features that it reads, a block at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from equiglot.probing.features import Halves

_NUMBERS = 1 << 20  # features in single precision at a time
_KEPT = 1 << 27  # features of a training set that are kept in single precision, as long as it has no more


@dataclass(frozen=True)
class Labelled:
    """The labelled items of a language.

    Attributes:
        states: float16 [items, layers, hidden].
        labels: int16 [items].
        lengths: int64 [sentences], items of each.
    """

    states: Halves
    labels: npt.NDArray[np.int16]
    lengths: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scaling:
    """What is done to features before anything else: (x - mean) / deviation, all layers side by side.

    Attributes:
        mean, deviation: float32 [features], features being layers * hidden.
    """

    mean: Tensor
    deviation: Tensor

    def blocks(self, states: Halves) -> Iterator[tuple[slice, Tensor]]:
        """Consecutive items of states [items, layers, hidden], and their scaled features, float32 [m, features]."""
        for rows, block in _blocks(states):
            yield rows, block.sub_(self.mean).div_(self.deviation)


def _blocks(states: Halves) -> Iterator[tuple[slice, Tensor]]:
    """Consecutive items and their features, float32 [m, features]."""
    items, features = len(states), states[:1].size
    for begin in range(0, items, max(1, _NUMBERS // max(1, features))):
        rows = slice(begin, min(items, begin + max(1, _NUMBERS // features)))
        yield rows, torch.from_numpy(states[rows].reshape(-1, features).astype(np.float32))


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: what a probe computes is too little for several, and so does not depend on how many."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def no_scaling(features: int) -> Scaling:
    """Features as they are."""
    return Scaling(torch.zeros(features), torch.ones(features))


def standard_scaling(states: Halves) -> Scaling:
    """Mean 0 and deviation 1 over states float16 [items, layers, hidden]; features that are constant become 0."""
    features = states[:1].size
    mean, variance = torch.zeros(features, dtype=torch.float64), torch.zeros(features, dtype=torch.float64)
    for _, block in _blocks(states):
        mean += block.double().sum(0) / len(states)
    for _, block in _blocks(states):
        variance += (block.double() - mean).square().sum(0) / len(states)
    deviation = variance.sqrt()
    constant = deviation <= 1e-9 * mean.abs()  # what is left of a constant is rounding
    return Scaling(mean.float(), torch.where(constant, 1.0, deviation).float())


class ScaledItems:
    """Scaled features of a training set, kept in memory if they are few; iterable again and again.

    Args:
        states: float16 [items, layers, hidden].
        scaling: what is done to them.
    """

    def __init__(self, states: Halves, scaling: Scaling) -> None:
        self._states, self._scaling = states, scaling
        self._kept = list(scaling.blocks(states)) if states.size <= _KEPT else None

    def __iter__(self) -> Iterator[tuple[slice, Tensor]]:
        """Consecutive items and their features, float32 [m, features]."""
        yield from self._scaling.blocks(self._states) if self._kept is None else self._kept


@dataclass(frozen=True)
class LinearProbe:
    """A linear classifier of items, or several that were trained from different starts.

    Attributes:
        scaling: of the features that it was trained on.
        weights: float32 [repeats, classes, features].
        bias: float32 [repeats, classes].
        classes: int16 [classes], the label of each.
    """

    scaling: Scaling
    weights: Tensor
    bias: Tensor
    classes: npt.NDArray[np.int16]

    def predict(self, states: Halves) -> npt.NDArray[np.int16]:
        """The likeliest labels of states float16 [items, layers, hidden]: int16 [repeats, items]."""
        predicted = np.empty((len(self.weights), len(states)), np.int16)
        for rows, block in self.scaling.blocks(states):
            logits = self.weights @ block.T + self.bias[:, :, None]
            predicted[:, rows] = self.classes[logits.argmax(1).numpy()]
        return predicted
