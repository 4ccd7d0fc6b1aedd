"""The course of a training for TensorBoard."""

from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

from equiglot.training import LossPoint, ValidationPoint


class EventWriter:
    """Writes losses and validations as TensorBoard events; a continued training goes on in the same folder."""

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder))

    def add(self, point: LossPoint | ValidationPoint) -> None:
        """Adds a point of a curve."""
        if isinstance(point, LossPoint):
            values = {f"train/{name}": value for name, value in point.losses.items()}
        else:
            values = {f"valid-mrr/{language}": value for language, value in point.mrr.items()}
            values |= {f"valid-loss/{language}": value for language, value in point.loss.items()}
        for name, value in values.items():
            self._writer.add_scalar(name, value, point.update)

    def __enter__(self) -> "EventWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
