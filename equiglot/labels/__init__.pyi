from .inspecting import StoredExample, StoreSummary, inspect_store
from .labelling import label_text
from .online import OnlineTeachers, freeze
from .packing import StoredRows
from .parts import Parts
from .records import Manifest, ShardStatistics, StoreSettings
from .settings import HardLabels, Labels, SoftLabels, StoredLabels
from .store import LabelStore, open_store
from .stored import StoredTeacher, StoredTeachers

__all__ = [
    "HardLabels",
    "LabelStore",
    "Labels",
    "Manifest",
    "OnlineTeachers",
    "Parts",
    "ShardStatistics",
    "SoftLabels",
    "StoreSettings",
    "StoreSummary",
    "StoredExample",
    "StoredLabels",
    "StoredRows",
    "StoredTeacher",
    "StoredTeachers",
    "freeze",
    "inspect_store",
    "label_text",
    "open_store",
]
