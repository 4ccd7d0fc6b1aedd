"""Linear probes trained for a fixed number of epochs, from several random starts at once: a training task (paper 1,
section 5.2).

A probe is what `torch.nn.Linear` and `torch.optim.Adam` make of the hidden states as they are: nothing is scaled.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from equiglot.hashing import hash_u64, permute
from equiglot.objectives import Losses
from equiglot.probing.linear import Labelled, LinearProbe, no_scaling
from equiglot.probing.settings import FixedProbe
from equiglot.training import Trainer, TrainingSettings

_KEPT = 1 << 28  # numbers of a training set that are kept in memory, as long as it has no more
_INITIAL, _ORDER = 0, 1  # what is drawn


class Repeats(nn.Module):
    """Probes of states of `shape` [items, layers, hidden], one a repeat, with weights as `torch.nn.Linear` draws them.

    Those of a repeat are a function of the seed and its number alone.

    Attributes:
        weights: float32 [repeats, classes, features]; of one layer, where layers are mixed.
        bias: float32 [repeats, classes].
        mixing: float32 [repeats, layers], logarithms of the layers' shares up to a constant; empty if not mixed.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, count: int, *, mixed: bool, seed: int) -> None:
        super().__init__()
        features = shape[2] if mixed else shape[1] * shape[2]
        drawn = []
        for number in range(count):
            generator = torch.Generator().manual_seed(int(hash_u64(seed, _INITIAL, number)[0]) >> 1)
            drawn.append(torch.rand(classes, features + 1, generator=generator))
        uniform = (2 * torch.stack(drawn) - 1) / math.sqrt(features)
        self.weights = nn.Parameter(uniform[:, :, :-1].contiguous())
        self.bias = nn.Parameter(uniform[:, :, -1].contiguous())
        self.mixing = nn.Parameter(torch.zeros(count, shape[1] if mixed else 0))

    def of_features(self) -> Tensor:
        """Weights of all layers' features, side by side: float32 [repeats, classes, features]."""
        if not self.mixing.numel():
            return self.weights
        shares = self.mixing.softmax(1)
        return (shares[:, None, :, None] * self.weights[:, :, None]).flatten(2)

    def forward(self, features: Tensor) -> Tensor:
        """Logits float32 [repeats, m, classes] of all layers' features float32 [repeats, m, features]."""
        return torch.baddbmm(self.bias[:, None], features, self.of_features().transpose(1, 2))


@dataclass(frozen=True)
class ProbeBatch:
    """Whole sentences, others for each repeat.

    Attributes:
        items: int64 [repeats, m].
        parts: float32 [repeats, m], the part of each item in its repeat's loss; 0 for padding.
        identity: where the batch comes from.
    """

    items: npt.NDArray[np.int64]
    parts: npt.NDArray[np.float32]
    identity: str
    count: int = 1

    @property
    def languages(self) -> npt.NDArray[np.int64]:
        """int64 [repeats]: there is one."""
        return np.zeros(len(self.items), np.int64)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Items of each repeat, int64 [repeats]."""
        lengths: npt.NDArray[np.int64] = np.count_nonzero(self.parts, axis=1)
        return lengths


class Probing:
    """Classifies the items of a language, every repeat in an order that is a function of seed, repeat and epoch.

    Args:
        train: the items.
        settings: how many sentences are a batch, and how many repeats there are.
        seed: of the orders.
    """

    metric, lower_is_better, languages = "loss", True, ("",)

    def __init__(self, train: Labelled, settings: FixedProbe, seed: int) -> None:
        self._states = np.array(train.states) if train.states.size <= _KEPT else train.states
        self._labels, self._lengths, self._settings = train.labels, train.lengths, settings
        self._starts = np.cumsum(train.lengths) - train.lengths
        self._seed, self._orders = seed, lru_cache(maxsize=1)(self._make_orders)
        self.epoch_batches = math.ceil(len(train.lengths) / settings.batch)

    def batch(self, index: int) -> ProbeBatch:
        """The batch at `index`."""
        epoch, place = divmod(index, self.epoch_batches)
        chosen = self._orders(epoch)[:, place * self._settings.batch : (place + 1) * self._settings.batch]
        totals, sizes = self._lengths[chosen].sum(1), self._lengths[chosen].ravel()
        ends = np.cumsum(sizes)
        flat = np.repeat(self._starts[chosen].ravel() - (ends - sizes), sizes) + np.arange(ends[-1])
        real = np.arange(totals.max()) < totals[:, None]  # the others fill up to equal numbers, and do not count
        items = np.zeros(real.shape, np.int64)
        items[real] = flat
        parts = np.where(real, 1 / totals[:, None], 0.0).astype(np.float32)
        return ProbeBatch(items, parts, f"epoch {epoch}, batch {place}")

    def losses(self, model: Repeats, batch: ProbeBatch, progress: float) -> Losses:
        """The repeats' mean cross-entropies, added up."""
        features = torch.from_numpy(self._states[batch.items].astype(np.float32)).flatten(2)
        gold = torch.from_numpy(self._labels[batch.items].astype(np.int64))
        values = functional.cross_entropy(model(features).transpose(1, 2), gold, reduction="none")
        return Losses((values * torch.from_numpy(batch.parts)).sum(), {})

    def validate(self, model: Repeats) -> None:
        """Nothing: the number of epochs is fixed."""

    def _make_orders(self, epoch: int) -> npt.NDArray[np.int64]:
        """The sentences' order in each repeat, int64 [repeats, sentences]."""
        count = len(self._lengths)
        keys = (int(hash_u64(self._seed, _ORDER, number, epoch)[0]) for number in range(self._settings.seeds))
        return np.stack([permute(np.arange(count, dtype=np.uint64), count, key) for key in keys]).astype(np.int64)


def train_fixed(
    train: Labelled, classes: int, settings: FixedProbe, *, mixed: bool, seed: int
) -> tuple[LinearProbe, Tensor, int]:
    """Trains probes.

    Args:
        train: the items.
        classes: all labels of the task, also those that training does not have.
        settings: how long and how fast.
        mixed: whether layers are mixed by weights that are learnt, or stand side by side.
        seed: of initial weights and orders.

    Returns:
        The probes, the layers' shares, float32 [repeats, layers] (none if not mixed), and the number of updates.
    """
    task, repeats = (
        Probing(train, settings, seed),
        Repeats(train.states.shape, classes, settings.seeds, mixed=mixed, seed=seed),
    )
    rate = TrainingSettings(learning_rate=settings.learning_rate, weight_decay=0, clip=None, precision="fp32")
    updates = settings.epochs * task.epoch_batches
    Trainer(repeats, task, rate, updates=updates, seed=seed).train()
    weights, bias, shares = (each.detach() for each in (repeats.of_features(), repeats.bias, repeats.mixing.softmax(1)))
    labels = np.arange(classes, dtype=np.int16)
    return LinearProbe(no_scaling(weights.shape[2]), weights, bias, labels), shares, updates
