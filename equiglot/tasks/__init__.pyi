from .building import build_task
from .checking import check_task
from .folder import LabelledSplit, OpenTask, open_task
from .identity import task_at, task_identity
from .names import fine_tuned_name, task_of
from .settings import SPLITS, NamedEntities, PartOfSpeech, Place, Sentences, Task, Topic
from .summary import TaskLanguage, TaskSummary

__all__ = [
    "SPLITS",
    "LabelledSplit",
    "NamedEntities",
    "OpenTask",
    "PartOfSpeech",
    "Place",
    "Sentences",
    "Task",
    "TaskLanguage",
    "TaskSummary",
    "Topic",
    "build_task",
    "check_task",
    "fine_tuned_name",
    "open_task",
    "task_at",
    "task_identity",
    "task_of",
]
