"""Coordinates in which the loss of a logistic regression is about equally steep in every direction."""

from dataclasses import dataclass

import torch
from torch import Tensor

from equiglot.probing.linear import ScaledItems

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
