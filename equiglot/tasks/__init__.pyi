from .building import build_task
from .checking import check_task
from .folder import LabelledSplit, OpenTask, TaskLanguage, TaskSummary, open_task
from .health import DataHealth
from .questions import QuestionSplit, open_questions
from .reading import task_at, task_identity
from .settings import (
    SPLITS,
    DependencyParsing,
    NamedEntities,
    PartOfSpeech,
    Place,
    QuestionAnswering,
    Sentences,
    Task,
    TextPair,
    Topic,
    fine_tuned_name,
    task_of,
)
from .trees import is_tree, maximum_tree

__all__ = [
    "SPLITS",
    "DataHealth",
    "DependencyParsing",
    "LabelledSplit",
    "NamedEntities",
    "OpenTask",
    "PartOfSpeech",
    "Place",
    "QuestionAnswering",
    "QuestionSplit",
    "Sentences",
    "Task",
    "TaskLanguage",
    "TaskSummary",
    "TextPair",
    "Topic",
    "build_task",
    "check_task",
    "fine_tuned_name",
    "is_tree",
    "maximum_tree",
    "open_questions",
    "open_task",
    "task_at",
    "task_identity",
    "task_of",
]
