from .checkpoint import CheckpointFolder
from .history import LossPoint, Progress, TrainingRecord, ValidationPoint
from .loop import LabelSource, Stopped, Trainer
from .reading import Reading, plan_reading
from .settings import EarlyStopping, TrainingSettings
from .validation import LanguageValidation, validate

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
