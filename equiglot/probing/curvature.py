"""Coordinates in which the loss of a logistic regression is about equally steep in every direction."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equiglot.probing.linear import ScaledItems

Floats = npt.NDArray[np.float64]

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

    weights: Floats
    bias: Floats
    mixing: Floats

    @property
    def shares(self) -> Floats:
        """float64 [layers], what each layer contributes; they sum to 1."""
        raised = np.exp(self.mixing - self.mixing.max(initial=-np.inf))
        shares: Floats = raised / raised.sum()
        return shares

    def of_features(self) -> Floats:
        """Weights of all layers' features, side by side: float64 [classes, features]."""
        if not len(self.mixing):
            return self.weights
        return (self.shares[:, None] * self.weights[:, None]).reshape(len(self.weights), -1)


@dataclass(frozen=True)
class Eigen:
    """Symmetric matrices, none with a negative eigenvalue, by their eigenvalues and eigenvectors.

    Attributes:
        values: float64 [..., n].
        vectors: float64 [..., n, n], a column each.
    """

    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, matrices: Floats) -> "Eigen":
        """Of matrices [..., n, n]."""
        values, vectors = np.linalg.eigh(matrices)
        return cls(np.maximum(values, 0.0), vectors)


def feature_curvature(items: ScaledItems, layers: int, *, mixed: bool) -> Eigen:
    """Covariance of scaled features: of all, [1, features, features], or of each layer, [layers, hidden, hidden].

    Of mixed layers: of their mean, [1, hidden, hidden].
    """
    total, count = np.zeros(()), 0
    for _, block in items:
        features = block.view(len(block), layers, -1).mean(1) if mixed else block
        groups = 1 if mixed or features.shape[1] <= _WIDEST else layers
        grouped = features.view(len(block), groups, -1).transpose(0, 1)
        total = total + (grouped.transpose(1, 2) @ grouped).double().numpy()
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
        self._steps = 1 / np.sqrt(classes.values[:, None] * features.values.ravel() + penalty)
        self._bias_steps = 1 / np.sqrt(np.maximum(classes.values, _FLAT))

    def weights(self, place: Floats) -> Weights:
        """The weights at a point."""
        weights, bias, mixing = np.split(place, [self._steps.size, self._steps.size + len(self._bias_steps)])
        turned = self._turn(self._steps * weights.reshape(self._steps.shape), self._features.transpose(0, 2, 1))
        return Weights(self._classes @ turned, self._classes @ (self._bias_steps * bias), mixing)

    def slopes(self, slopes: Weights) -> Floats:
        """Slopes along the coordinates, from those of the weights."""
        weights = self._steps * self._turn(self._classes.T @ slopes.weights, self._features)
        return np.concatenate([weights.ravel(), self._bias_steps * (self._classes.T @ slopes.bias), slopes.mixing])

    def place(self, here: Weights) -> Floats:
        """The point at which some weights are."""
        weights = self._turn(self._classes.T @ here.weights, self._features) / self._steps
        return np.concatenate([weights.ravel(), (self._classes.T @ here.bias) / self._bias_steps, here.mixing])

    def _turn(self, rows: Floats, matrices: Floats) -> Floats:
        """Each group of rows [classes, groups * n] times its matrix [groups, n, n]."""
        groups = rows.reshape(len(rows), len(matrices), -1).transpose(1, 0, 2)
        turned: Floats = (groups @ matrices).transpose(1, 0, 2).reshape(len(rows), -1)
        return turned
