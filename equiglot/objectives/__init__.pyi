from .combination import Losses, Objective, SoftTargets
from .losses import hard_loss, soft_loss
from .ranking import target_ranks
from .schedule import Annealed, Weight

__all__ = ["Annealed", "Losses", "Objective", "SoftTargets", "Weight", "hard_loss", "soft_loss", "target_ranks"]
