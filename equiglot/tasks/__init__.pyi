from .building import build_task
from .checking import check_task
from .folder import LabelledSplit, OpenTask, TaskLanguage, TaskSummary, open_task
from .reading import task_at, task_identity
from .settings import SPLITS, NamedEntities, PartOfSpeech, Place, Task, Topic

__all__ = [
    "SPLITS",
    "LabelledSplit",
    "NamedEntities",
    "OpenTask",
    "PartOfSpeech",
    "Place",
    "Task",
    "TaskLanguage",
    "TaskSummary",
    "Topic",
    "build_task",
    "check_task",
    "open_task",
    "task_at",
    "task_identity",
]
