from .online import OnlineTeachers, freeze
from .settings import HardLabels, Labels, SoftLabels

__all__ = ["HardLabels", "Labels", "OnlineTeachers", "SoftLabels", "freeze"]
