from .building import build_task
from .checking import check_task
from .folder import LabelledSplit, OpenTask, TaskLanguage, TaskSummary, open_task
from .names import fine_tuned_name, task_of
from .reading import task_at, task_identity
from .settings import SPLITS, NamedEntities, PartOfSpeech, Place, Sentences, Task, Topic

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
