"""Loss terms, their weighted and annealed sum, and the rank that scores are made of."""

from equiglot.objectives.combination import Losses, Objective, SoftTargets
from equiglot.objectives.losses import hard_loss, soft_loss
from equiglot.objectives.ranking import target_ranks
from equiglot.objectives.schedule import Annealed, Weight

__all__ = ["Annealed", "Losses", "Objective", "SoftTargets", "Weight", "hard_loss", "soft_loss", "target_ranks"]
