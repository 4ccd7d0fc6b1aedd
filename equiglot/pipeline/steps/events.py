"""The course of a training for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from equiglot.training import LossPoint, ValidationPoint

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class EventWriter:
    """Writes losses and validations as TensorBoard events; a continued training goes on in the same folder.

    Args:
        folder: where they are.
        metric: what validations score.
    """

    def __init__(self, folder: Path, metric: str) -> None:
        self._folder, self._metric = folder, metric
        self._writer: SummaryWriter | None = None

    def add(self, point: LossPoint | ValidationPoint) -> None:
        """Adds a point of a curve; what an interrupted training wrote beyond its checkpoint is taken back."""
        if self._writer is None:
            self._writer = self._open(str(self._folder), purge_step=point.update)
        if isinstance(point, LossPoint):
            values = {f"train/{name}": value for name, value in point.losses.items()}
        else:
            values = {f"valid-{self._metric}/{language}": value for language, value in point.scores.items()}
            values |= {f"valid-loss/{language}": value for language, value in point.losses.items()}
        for name, value in values.items():
            self._writer.add_scalar(name, value, point.update)

    def __enter__(self) -> EventWriter:
        from torch.utils.tensorboard import SummaryWriter  # not within the time of a training

        self._open = SummaryWriter
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
