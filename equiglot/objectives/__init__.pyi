from .combination import Losses, Objective, Term
from .losses import (
    FORBIDDEN,
    hard_loss,
    layer_loss,
    mapped_layers,
    relation_loss,
    relations,
    soft_loss,
    squared_error,
    state_loss,
)
from .ranking import target_ranks
from .schedule import Annealed, Weight
from .sparse import log_masses
from .targets import SoftTargets, TeacherStates, TopKTargets
from .terms import INSIDE
from .top_k import TailMode, top_k_losses

__all__ = [
    "FORBIDDEN",
    "INSIDE",
    "Annealed",
    "Losses",
    "Objective",
    "SoftTargets",
    "TailMode",
    "TeacherStates",
    "Term",
    "TopKTargets",
    "Weight",
    "hard_loss",
    "layer_loss",
    "log_masses",
    "mapped_layers",
    "relation_loss",
    "relations",
    "soft_loss",
    "squared_error",
    "state_loss",
    "target_ranks",
    "top_k_losses",
]
