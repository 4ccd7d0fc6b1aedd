"""Logistic regression, trained to convergence in few steps.

The loss is the mean cross-entropy of an item plus penalty / 2 times the squared weights of scaled features; the bias
is not penalised. It is convex, and how steep it is differs by orders of magnitude from direction to direction. Its
curvature is about the product of the classes' (what the mean of diag(p) - p p' over the items is, p being the
predicted probabilities) and the features' (their covariance), plus the penalty: in coordinates that are scaled by its
root, L-BFGS needs some 20 to 60 evaluations. Penalties are tried from strong to weak, each from where the last ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from equiglot.probing.curvature import Coordinates, Eigen, Floats, Weights, feature_curvature
from equiglot.probing.linear import Labelled, LinearProbe, ScaledItems, standard_scaling

_TOLERANCE = 5e-4  # the largest slope at the end; half the squares of all slopes is about what is left to gain, in nats
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
        frequencies = np.bincount(self._gold.numpy()) / self._count
        return Weights(
            weights=np.zeros((len(self.classes), self._features.values.size)),
            bias=np.log(frequencies),
            mixing=np.zeros(self._layers if self._mixed else 0),
        )

    def fit(self, penalty: float, begin: Weights, tolerance: float = _TOLERANCE) -> Fit:
        """Minimises the loss, from where another training ended."""
        from scipy.optimize import minimize

        scaled = Coordinates(self._features, self._class_curvature(begin), penalty)

        def evaluate(place: Floats) -> tuple[float, Floats]:
            here = scaled.weights(place)
            loss, slopes = self.loss(here)
            loss += penalty / 2 * float(np.square(here.weights).sum())
            return loss, scaled.slopes(Weights(slopes.weights + penalty * here.weights, slopes.bias, slopes.mixing))

        options = {"maxcor": _MEMORY, "gtol": tolerance, "ftol": 0.0, "maxiter": _ITERATIONS}
        result = minimize(evaluate, scaled.place(begin), jac=True, method="L-BFGS-B", options=options)
        slope, steepest = float(np.linalg.norm(result.jac)), float(np.abs(result.jac).max())
        return Fit(scaled.weights(result.x), penalty, int(result.nfev), slope, steepest <= tolerance)

    def probe(self, found: Weights) -> LinearProbe:
        """The classifier with some weights."""
        weights, bias = torch.from_numpy(found.of_features()).float(), torch.from_numpy(found.bias).float()
        return LinearProbe(self.scaling, weights[None], bias[None], self.classes.astype(np.int16))

    def loss(self, here: Weights) -> tuple[float, Weights]:
        """Mean cross-entropy, in nats, and its slopes; what is summed over items is summed in double precision."""
        flat = here.of_features()
        weights, bias = torch.from_numpy(flat).float(), torch.from_numpy(here.bias).float()[:, None]
        loss, slopes, bias_slopes = 0.0, np.zeros(flat.shape), np.zeros(len(flat))
        for rows, block in self._items:
            gold = self._gold[None, rows]
            logarithms = torch.log_softmax(torch.addmm(bias, weights, block.T), 0)
            loss -= logarithms.gather(0, gold).double().sum().item()
            errors = logarithms.exp_().scatter_add_(0, gold, torch.full(gold.shape, -1.0))
            slopes += (errors @ block).numpy()
            bias_slopes += errors.double().sum(1).numpy()
        return loss / self._count, self._unmixed(here, slopes / self._count, bias_slopes / self._count)

    def _unmixed(self, here: Weights, slopes: Floats, bias_slopes: Floats) -> Weights:
        """Slopes of what is learnt, from those of the weights of all features [classes, features]."""
        if not self._mixed:
            return Weights(slopes, bias_slopes, here.mixing)
        by_layer = slopes.reshape(len(slopes), self._layers, -1)
        gains = np.einsum("clh,ch->l", by_layer, here.weights)
        mixing = here.shares * (gains - here.shares @ gains)
        return Weights(np.einsum("clh,l->ch", by_layer, here.shares), bias_slopes, mixing)

    def _class_curvature(self, here: Weights) -> Eigen:
        """Of diag(p) - p p', [classes, classes], on average over the items."""
        weights = torch.from_numpy(here.of_features()).float()
        bias = torch.from_numpy(here.bias).float()[:, None]
        total = np.zeros((len(weights), len(weights)))
        for _, block in self._items:
            shares = torch.softmax(torch.addmm(bias, weights, block.T), 0)
            total += np.diag(shares.double().sum(1).numpy()) - (shares @ shares.T).double().numpy()
        return Eigen.of(total / self._count)


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
        found = replace(fit.found, mixing=np.zeros_like(fit.found.mixing))  # a layer that a strong penalty shut is back
