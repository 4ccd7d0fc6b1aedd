from .building import build_task
from .checking import check_task
from .folder import LabelledSplit, OpenTask, open_task
from .identity import task_at, task_identity
from .settings import SPLITS, NamedEntities, PartOfSpeech, Place, Task, Topic
from .summary import TaskLanguage, TaskSummary

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
