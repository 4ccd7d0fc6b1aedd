"""What a task's data is, for those who read its scores."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class TaskLanguage(BaseModel):
    """The labelled data of one language.

    Attributes:
        code: the language.
        files: where it comes from, in words; empty if there is none.
        sentences: split -> how many sentences (or texts) are used.
        items: split -> how many words (or texts) are used.
        available: split -> how many words (or texts) there were to choose from.
        notes: what readers of the scores must know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    files: str = ""
    sentences: dict[str, int] = {}
    items: dict[str, int] = {}
    available: dict[str, int] = {}
    notes: tuple[str, ...] = ()


class TaskSummary(BaseModel):
    """The labelled data of a task.

    Attributes:
        task: its name.
        unit: what is labelled.
        labels: all labels, sorted, O last; labels on disk are numbers of these.
        languages: every language of the run, also those without data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    unit: Literal["word", "sentence"]
    labels: tuple[str, ...]
    languages: tuple[TaskLanguage, ...]
