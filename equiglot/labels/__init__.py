"""Where labels come from: the masked words, and teachers."""

from equiglot.labels.online import OnlineTeachers, freeze
from equiglot.labels.settings import HardLabels, Labels, SoftLabels

__all__ = ["HardLabels", "Labels", "OnlineTeachers", "SoftLabels", "freeze"]
