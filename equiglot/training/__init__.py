"""The one training loop, its optimiser, validation and checkpoints."""

from equiglot.training.checkpoint import CheckpointFolder
from equiglot.training.history import LossPoint, Progress, TrainingRecord, ValidationPoint
from equiglot.training.loop import LabelSource, Stopped, Trainer
from equiglot.training.reading import Reading, plan_reading
from equiglot.training.settings import EarlyStopping, TrainingSettings
from equiglot.training.validation import LanguageValidation, validate

__all__ = [
    "CheckpointFolder",
    "EarlyStopping",
    "LabelSource",
    "LanguageValidation",
    "LossPoint",
    "Progress",
    "Reading",
    "Stopped",
    "Trainer",
    "TrainingRecord",
    "TrainingSettings",
    "ValidationPoint",
    "plan_reading",
    "validate",
]
