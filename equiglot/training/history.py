"""What a training remembers of itself: losses by language and term, validations, and what each language gave."""

from collections.abc import Mapping

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from equiglot.objectives import Losses


class LossPoint(BaseModel):
    """Mean loss since the point before: "<term>/<language>" -> nats a target."""

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


class LossMeter:
    """Sums and counts of losses by term and language; divided once, when read.

    They are float64 tensors on the model's device: adding to them never waits for it.
    """

    def __init__(self, languages: tuple[str, ...], device: torch.device) -> None:
        self._languages = languages
        self._device = device
        self.sums: dict[str, Tensor] = {}

    def add(self, losses: Losses) -> None:
        """Adds a batch's losses."""
        for name, term in losses.terms.items():
            zeros = torch.zeros(2, len(self._languages), dtype=torch.float64, device=self._device)
            sums = self.sums.setdefault(name, zeros)
            used = term.counted.double()
            sums[0].index_add_(0, term.languages, term.values.double() * used)
            sums[1].index_add_(0, term.languages, used)

    def read(self) -> dict[str, float]:
        """Means since the last reading; starts anew."""
        means = {
            f"{term}/{language}": float(sums[0, number] / sums[1, number])
            for term, sums in sorted(self.sums.items())
            for number, language in enumerate(self._languages)
            if sums[1, number] > 0
        }
        self.sums.clear()
        return means


class Counter:
    """What each language gave: sequences and tokens."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self._languages = languages
        self.counts = np.zeros((2, len(languages)), dtype=np.int64)

    def add(self, languages: np.ndarray, lengths: np.ndarray) -> None:
        """Adds the rows of a batch: languages int64 [rows], lengths int64 [rows]."""
        np.add.at(self.counts[0], languages, 1)
        np.add.at(self.counts[1], languages, lengths)

    def by_language(self, which: int) -> dict[str, int]:
        """Language -> sequences (0) or tokens (1)."""
        return dict(zip(self._languages, self.counts[which].tolist(), strict=True))


def mean_of(losses: Mapping[str, float]) -> float | None:
    """The mean of some losses, for display."""
    return sum(losses.values()) / len(losses) if losses else None
