"""What the one training loop asks of whatever is trained: batches, their losses, and a validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from equiglot.objectives import Losses


class TrainingBatch(Protocol):
    """A batch, as far as the loop knows it.

    Attributes:
        languages: int64 [rows], index into the task's languages.
        lengths: int64 [rows], tokens of each row.
        count: how many items its loss is summed over.
        identity: where it comes from, in words, for messages.
    """

    @property
    def languages(self) -> npt.NDArray[np.int64]: ...  # noqa: D102

    @property
    def lengths(self) -> npt.NDArray[np.int64]: ...  # noqa: D102

    @property
    def count(self) -> int: ...  # noqa: D102

    @property
    def identity(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Validation:
    """How good a model is at one point of its training.

    Attributes:
        scores: language -> score, in the unit of the task's metric; a language's loss where the task has no other.
        losses: language -> mean loss of an item.
        sums, counts: language -> float64, int64 [sequences]: the score's numerator and denominator by sequence, with
            which two validations are compared in pairs; none where a score is no such mean.
    """

    scores: Mapping[str, float]
    losses: Mapping[str, float]
    sums: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    counts: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)


class TrainingTask(Protocol):
    """Something that can be learnt.

    Attributes:
        metric: the name of what a validation scores.
        lower_is_better: whether the best weights are those with the lowest mean score.
        languages: those that losses, scores, sequences and tokens are kept of.
    """

    @property
    def metric(self) -> str: ...  # noqa: D102

    @property
    def lower_is_better(self) -> bool: ...  # noqa: D102

    @property
    def languages(self) -> tuple[str, ...]: ...  # noqa: D102

    def batch(self, index: int) -> Any:
        """The `TrainingBatch` at `index` (0, 1, ...; endless): a pure function of it."""
        ...

    def losses(self, model: Any, batch: Any, progress: float) -> Losses:
        """The loss of a batch, summed over its items, at a training's progress (0 to 1).

        It is called under autocast to the training's precision; what must be computed in fp32 leaves it.
        """
        ...

    def validate(self, model: Any) -> Validation | None:
        """How good the model is now, in evaluation mode and without gradients; None where nothing is to be kept of it.

        The best weights are then the last.
        """
        ...
