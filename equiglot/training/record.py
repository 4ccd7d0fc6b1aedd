"""What a training says of itself: how far it is, its curves, its end. Read without torch."""

from pydantic import BaseModel, ConfigDict


class Stopped(Exception):
    """A training was asked to stop; it has saved where it was."""


class LossPoint(BaseModel):
    """Mean loss since the point before: "<term>/<language>" -> nats a target, or as
    `objectives.terms.UNITS` says."""

    model_config = ConfigDict(frozen=True)
    update: int
    losses: dict[str, float]


class ValidationPoint(BaseModel):
    """Validation after `update` updates: language -> score (in the metric's unit), mean loss of an item."""

    model_config = ConfigDict(frozen=True)
    update: int
    scores: dict[str, float]
    losses: dict[str, float]

    @property
    def score(self) -> float:
        """Mean over languages: a balanced dev set (paper 1, appendix E)."""
        return sum(self.scores.values()) / len(self.scores)


class Progress(BaseModel):
    """How far a training is, for whoever watches it; `score` is in the unit of `metric`."""

    model_config = ConfigDict(frozen=True)
    update: int
    updates: int
    tokens: int
    seconds: float
    metric: str
    loss: float | None = None
    score: float | None = None


class TrainingRecord(BaseModel):
    """A finished training; everything but the time is the same on every undisturbed or continued run.

    Attributes:
        updates: planned.
        updates_made: until early stopping or the end.
        best_update: the weights that were kept: best mean validation score, or the last.
        metric: what validations score.
        tokens: language -> tokens read, special tokens included.
        sequences: language -> sequences read.
        precision: the type of matrix products.
        losses: the course of the losses.
        validations: the course of the validations.
        seconds: time spent in training, validation and checkpoints included.
        other_conditions: where it was continued under others than before, and which: it has not the bits of an
            undisturbed training.
    """

    model_config = ConfigDict(frozen=True)
    updates: int
    updates_made: int
    best_update: int
    metric: str
    tokens: dict[str, int]
    sequences: dict[str, int]
    precision: str
    losses: tuple[LossPoint, ...]
    validations: tuple[ValidationPoint, ...]
    seconds: float = 0.0
    other_conditions: tuple[str, ...] = ()
