"""Linear probes trained for a fixed number of epochs, from several random starts at once (paper 1, section 5.2).

A probe is what `torch.nn.Linear` and `torch.optim.Adam` make of the hidden states as they are: nothing is scaled.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from equiglot.hashing import hash_u64, permute
from equiglot.probing.linear import Labelled, LinearProbe, no_scaling
from equiglot.probing.settings import FixedProbe

_KEPT = 1 << 28  # numbers of a training set that are kept in memory, as long as it has no more
_INITIAL, _ORDER = 0, 1  # what is drawn


@dataclass(frozen=True)
class Repeats:
    """Probes in training, one a repeat.

    Attributes:
        weights: float32 [repeats, classes, features]; of one layer, where layers are mixed.
        bias: float32 [repeats, classes].
        mixing: float32 [repeats, layers], logarithms of the layers' shares up to a constant; empty if not mixed.
    """

    weights: Tensor
    bias: Tensor
    mixing: Tensor

    @property
    def parameters(self) -> list[Tensor]:
        """What is learnt."""
        return [self.weights, self.bias, self.mixing]

    def of_features(self) -> Tensor:
        """Weights of all layers' features, side by side: float32 [repeats, classes, features]."""
        if not self.mixing.numel():
            return self.weights
        shares = self.mixing.softmax(1)
        return (shares[:, None, :, None] * self.weights[:, :, None]).flatten(2)


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
    repeats = initial_repeats(train.states.shape, classes, settings.seeds, mixed=mixed, seed=seed)
    for each in repeats.parameters:
        each.requires_grad_()
    optimiser = torch.optim.Adam(repeats.parameters, lr=settings.learning_rate)
    states = np.array(train.states) if train.states.size <= _KEPT else train.states
    updates = settings.epochs * math.ceil(len(train.lengths) / settings.batch)
    for update, (items, parts) in enumerate(fixed_batches(train.lengths, settings, seed)):
        optimiser.param_groups[0]["lr"] = settings.learning_rate * (1 - update / updates)
        optimiser.zero_grad()
        features = torch.from_numpy(states[items].astype(np.float32)).flatten(2)
        gold = torch.from_numpy(train.labels[items].astype(np.int64))
        logits = torch.baddbmm(repeats.bias[:, None], features, repeats.of_features().transpose(1, 2))
        losses = functional.cross_entropy(logits.transpose(1, 2), gold, reduction="none")
        (losses * torch.from_numpy(parts)).sum().backward()
        optimiser.step()
    weights, bias, shares = (each.detach() for each in (repeats.of_features(), repeats.bias, repeats.mixing.softmax(1)))
    labels = np.arange(classes, dtype=np.int16)
    return LinearProbe(no_scaling(weights.shape[2]), weights, bias, labels), shares, updates


def initial_repeats(shape: tuple[int, ...], classes: int, count: int, *, mixed: bool, seed: int) -> Repeats:
    """Probes of states of `shape` [items, layers, hidden] with weights as `torch.nn.Linear` draws them.

    Those of a repeat are a function of the seed and its number alone.
    """
    features = shape[2] if mixed else shape[1] * shape[2]
    drawn = []
    for number in range(count):
        generator = torch.Generator().manual_seed(int(hash_u64(seed, _INITIAL, number)[0]) >> 1)
        drawn.append(torch.rand(classes, features + 1, generator=generator))
    uniform = (2 * torch.stack(drawn) - 1) / math.sqrt(features)
    mixing = torch.zeros(count, shape[1] if mixed else 0)
    return Repeats(uniform[:, :, :-1].contiguous(), uniform[:, :, -1].contiguous(), mixing)


def fixed_batches(
    lengths: npt.NDArray[np.int64], settings: FixedProbe, seed: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """All batches of a training: whole sentences, in an order that is a function of seed, repeat and epoch.

    Yields:
        Items int64 [repeats, m], and the part of each in its repeat's loss, float32 [repeats, m]; 0 for padding.
    """
    count, starts = len(lengths), np.cumsum(lengths) - lengths
    for epoch in range(settings.epochs):
        keys = [int(hash_u64(seed, _ORDER, number, epoch)[0]) for number in range(settings.seeds)]
        orders = np.stack([permute(np.arange(count, dtype=np.uint64), count, key) for key in keys]).astype(np.int64)
        for begin in range(0, count, settings.batch):
            yield _ragged(starts, lengths, orders[:, begin : begin + settings.batch])


def _ragged(
    starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], chosen: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The items of the sentences [repeats, batch], filled up to equal numbers with others that do not count."""
    totals, sizes = lengths[chosen].sum(1), lengths[chosen].ravel()
    ends = np.cumsum(sizes)
    flat = np.repeat(starts[chosen].ravel() - (ends - sizes), sizes) + np.arange(ends[-1])
    real = np.arange(totals.max()) < totals[:, None]
    items = np.zeros(real.shape, np.int64)
    items[real] = flat
    return items, np.where(real, 1 / totals[:, None], 0.0).astype(np.float32)
