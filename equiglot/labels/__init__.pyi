from .online import OnlineTeachers, freeze
from .settings import HardLabels, Labels, SoftLabels, StoredLabels

__all__ = ["HardLabels", "Labels", "OnlineTeachers", "SoftLabels", "StoredLabels", "freeze"]
