"""Logistic regression, trained to convergence in few steps.

The loss is the mean cross-entropy of an item plus penalty / 2 times the squared weights of scaled features; the bias
is not penalised. It is convex, and how steep it is differs by orders of magnitude from direction to direction. Its
curvature is about the product of the classes' (what the mean of diag(p) - p p' over the items is, p being the
predicted probabilities) and the features' (their covariance), plus the penalty: in coordinates that are scaled by its
root, L-BFGS needs some 20 to 60 evaluations. Penalties are tried from strong to weak, each from where the last ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from equiglot.probing.linear import Labelled, LinearProbe, ScaledItems, standard_scaling

_WIDEST = 2048  # features whose covariance is taken as a whole; of more, each layer's alone
_FLAT = 1e-4  # curvature that a bias is taken to have at least


@dataclass(frozen=True)
class Weights:
    """What is learnt.

    Attributes:
        weights: float64 [classes, features]; of one layer, where layers are mixed.
        bias: float64 [classes].
        mixing: float64 [layers], logarithms of the layers' shares up to a constant; empty where they are not mixed.
    """

    weights: Tensor
    bias: Tensor
    mixing: Tensor

    @property
    def shares(self) -> Tensor:
        """float64 [layers], what each layer contributes; they sum to 1."""
        return self.mixing.softmax(0)

    def of_features(self) -> Tensor:
        """Weights of all layers' features, side by side: float64 [classes, features]."""
        if not len(self.mixing):
            return self.weights
        return (self.shares[:, None] * self.weights[:, None]).flatten(1)


@dataclass(frozen=True)
class Eigen:
    """Symmetric matrices, none with a negative eigenvalue, by their eigenvalues and eigenvectors.

    Attributes:
        values: float64 [..., n].
        vectors: float64 [..., n, n], a column each.
    """

    values: Tensor
    vectors: Tensor

    @classmethod
    def of(cls, matrices: Tensor) -> "Eigen":
        """Of matrices [..., n, n]."""
        values, vectors = torch.linalg.eigh(matrices)
        return cls(values.clamp(min=0), vectors)


def feature_curvature(items: ScaledItems, layers: int, *, mixed: bool) -> Eigen:
    """Covariance of scaled features: of all, [1, features, features], or of each layer, [layers, hidden, hidden].

    Of mixed layers: of their mean, [1, hidden, hidden].
    """
    total, count = torch.zeros(1, dtype=torch.float64), 0
    for _, block in items:
        features = block.view(len(block), layers, -1).mean(1) if mixed else block
        groups = 1 if mixed or features.shape[1] <= _WIDEST else layers
        grouped = features.view(len(block), groups, -1).transpose(0, 1)
        total = total + (grouped.transpose(1, 2) @ grouped).double()
        count += len(block)
    return Eigen.of(total / count)


class Coordinates:
    """Weights as points of a space in which L-BFGS finds its way: one vector, float64.

    Args:
        features: covariance of the features, in groups.
        classes: curvature of the classes.
        penalty: the regression's.
    """

    def __init__(self, features: Eigen, classes: Eigen, penalty: float) -> None:
        self._features, self._classes = features.vectors, classes.vectors
        self._steps = (classes.values[:, None] * features.values.flatten() + penalty).rsqrt()
        self._bias_steps = classes.values.clamp(min=_FLAT).rsqrt()

    def weights(self, place: Tensor) -> Weights:
        """The weights at a point."""
        weights, bias, mixing = place.tensor_split([self._steps.numel(), self._steps.numel() + len(self._bias_steps)])
        turned = self._turn(self._steps * weights.view_as(self._steps), self._features.mT)
        return Weights(self._classes @ turned, self._classes @ (self._bias_steps * bias), mixing)

    def slopes(self, slopes: Weights) -> Tensor:
        """Slopes along the coordinates, from those of the weights."""
        weights = self._steps * self._turn(self._classes.T @ slopes.weights, self._features)
        return torch.cat([weights.flatten(), self._bias_steps * (self._classes.T @ slopes.bias), slopes.mixing])

    def place(self, here: Weights) -> Tensor:
        """The point at which some weights are."""
        weights = self._turn(self._classes.T @ here.weights, self._features) / self._steps
        return torch.cat([weights.flatten(), (self._classes.T @ here.bias) / self._bias_steps, here.mixing])

    def _turn(self, rows: Tensor, matrices: Tensor) -> Tensor:
        """Each group of rows [classes, groups * n] times its matrix [groups, n, n]."""
        groups = rows.view(len(rows), len(matrices), -1).transpose(0, 1)
        return (groups @ matrices).transpose(0, 1).flatten(1)


_TOLERANCE = 1e-4  # the largest slope at the end; pairs of languages were within 0.1 points of the optimum
_ITERATIONS = 500
_MEMORY = 10  # steps that L-BFGS remembers


@dataclass(frozen=True)
class Fit:
    """Where a training ended.

    Attributes:
        found: what was learnt.
        penalty: with which.
        evaluations: of loss and slopes.
        slope: norm of all slopes, in the scaled coordinates.
        converged: whether none is larger than the tolerance.
    """

    found: Weights
    penalty: float
    evaluations: int
    slope: float
    converged: bool


class Regression:
    """The loss of one training set.

    Args:
        train: the items.
        mixed: whether layers are mixed, or stand side by side.
    """

    def __init__(self, train: Labelled, *, mixed: bool) -> None:
        self.scaling = standard_scaling(train.states)
        self.classes, gold = np.unique(train.labels, return_inverse=True)
        self._items, self._gold = ScaledItems(train.states, self.scaling), torch.from_numpy(gold)
        self._count, self._layers = len(gold), train.states.shape[1]
        self._mixed = mixed
        self._features = feature_curvature(self._items, self._layers, mixed=mixed)

    def start(self) -> Weights:
        """No weights; biases by how frequent the classes are; layers alike."""
        return Weights(
            weights=torch.zeros(len(self.classes), self._features.values.numel(), dtype=torch.float64),
            bias=(self._gold.bincount().double() / self._count).log(),
            mixing=torch.zeros(self._layers if self._mixed else 0, dtype=torch.float64),
        )

    def fit(self, penalty: float, begin: Weights, tolerance: float = _TOLERANCE) -> Fit:
        """Minimises the loss, from where another training ended."""
        scaled = Coordinates(self._features, self._class_curvature(begin), penalty)
        place = scaled.place(begin)

        def evaluate() -> float:
            here = scaled.weights(place)
            loss, slopes = self.loss(here)
            place.grad = scaled.slopes(replace(slopes, weights=slopes.weights + penalty * here.weights))
            return loss + penalty / 2 * here.weights.square().sum().item()

        optimiser = torch.optim.LBFGS(
            [place],
            max_iter=_ITERATIONS,
            max_eval=2 * _ITERATIONS,
            tolerance_grad=tolerance,
            tolerance_change=0,
            history_size=_MEMORY,
            line_search_fn="strong_wolfe",
        )
        optimiser.step(evaluate)
        evaluate()  # where it ended, which need not be where it looked last
        slopes = cast(Tensor, place.grad)
        evaluations = int(optimiser.state[place]["func_evals"])
        converged = bool(slopes.abs().max() <= tolerance)
        return Fit(scaled.weights(place), penalty, evaluations, slopes.norm().item(), converged)

    def probe(self, found: Weights) -> LinearProbe:
        """The classifier with some weights."""
        weights, bias = found.of_features().float(), found.bias.float()
        return LinearProbe(self.scaling, weights[None], bias[None], self.classes.astype(np.int16))

    def loss(self, here: Weights) -> tuple[float, Weights]:
        """Mean cross-entropy, in nats, and its slopes; what is summed over items is summed in double precision."""
        loss, slopes, bias_slopes = 0.0, torch.zeros_like(here.of_features()), torch.zeros_like(here.bias)
        for rows, block, logits in self._logits(here):
            gold = self._gold[None, rows]
            logarithms = logits.log_softmax(0)
            loss -= logarithms.gather(0, gold).double().sum().item()
            errors = logarithms.exp_().scatter_add_(0, gold, torch.full(gold.shape, -1.0))
            slopes += errors @ block
            bias_slopes += errors.double().sum(1)
        return loss / self._count, self._unmixed(here, slopes / self._count, bias_slopes / self._count)

    def _unmixed(self, here: Weights, slopes: Tensor, bias_slopes: Tensor) -> Weights:
        """Slopes of what is learnt, from those of the weights of all features [classes, features]."""
        if not self._mixed:
            return Weights(slopes, bias_slopes, here.mixing)
        by_layer, shares = slopes.view(len(slopes), self._layers, -1), here.shares
        gains = torch.einsum("clh,ch->l", by_layer, here.weights)
        mixing = shares * (gains - shares @ gains)
        return Weights(torch.einsum("clh,l->ch", by_layer, shares), bias_slopes, mixing)

    def _class_curvature(self, here: Weights) -> Eigen:
        """Of diag(p) - p p', [classes, classes], on average over the items."""
        total = torch.zeros(len(here.bias), len(here.bias), dtype=torch.float64)
        for _, _, logits in self._logits(here):
            shares = logits.softmax(0)
            total += shares.double().sum(1).diag() - shares @ shares.T
        return Eigen.of(total / self._count)

    def _logits(self, here: Weights) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Consecutive items, their features float32 [m, features] and logits [classes, m]."""
        weights, bias = here.of_features().float(), here.bias.float()[:, None]
        for rows, block in self._items:
            yield rows, block, torch.addmm(bias, weights, block.T)


def train_converged(train: Labelled, penalties: Sequence[float], *, mixed: bool) -> Iterator[tuple[LinearProbe, Fit]]:
    """Trains a probe with each penalty, from the strongest to the weakest.

    Args:
        train: the items.
        penalties: of half the squared weights.
        mixed: whether layers are mixed by weights that are learnt, or stand side by side.
    """
    regression = Regression(train, mixed=mixed)
    found = regression.start()
    for penalty in sorted(penalties, reverse=True):
        fit = regression.fit(penalty, found)
        yield regression.probe(fit.found), fit
        found = replace(fit.found, mixing=torch.zeros_like(found.mixing))  # a layer that a strong penalty shut is back
