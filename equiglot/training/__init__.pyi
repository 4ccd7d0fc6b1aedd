from .checkpoint import CheckpointFolder, accept_other_conditions
from .data_plan import DataPlan, plan_data
from .fitting import NewRows, RowFitting
from .loop import Trainer
from .masked_lm import LabelSource, MaskedLM
from .ranks import RankLost, Ranks, joined
from .record import LossPoint, Progress, Stopped, TrainingRecord, ValidationPoint
from .settings import EarlyStopping, FittingSettings, TrainingSettings
from .task import TrainingBatch, TrainingTask, Validation

__all__ = [
    "CheckpointFolder",
    "DataPlan",
    "EarlyStopping",
    "FittingSettings",
    "LabelSource",
    "LossPoint",
    "MaskedLM",
    "NewRows",
    "Progress",
    "RankLost",
    "Ranks",
    "RowFitting",
    "Stopped",
    "Trainer",
    "TrainingBatch",
    "TrainingRecord",
    "TrainingSettings",
    "TrainingTask",
    "Validation",
    "ValidationPoint",
    "accept_other_conditions",
    "joined",
    "plan_data",
]
