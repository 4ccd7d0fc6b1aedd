"""How far a job is, as a worker says it and the run folder keeps it."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from equiglot.training import Progress


class TextProgress(BaseModel):
    """How far the preparation of a language's text is, or the probing of a model.

    Attributes:
        stage: reading, comparing, writing, encoding or probing.
        done: characters read; sentences compared, written or encoded; languages that probes were trained on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    stage: str
    done: int


class Remark(BaseModel):
    """Something that whoever runs a job should know at once.

    Attributes:
        remark: a sentence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    remark: str


Tell = Callable[[str, int], None]
"""Told a stage of a job, and how much of it was done since the last call."""

JobProgress = Progress | TextProgress | Remark
_PARSER: TypeAdapter[JobProgress] = TypeAdapter(JobProgress)


class Working(BaseModel):
    """A job at work.

    Attributes:
        since: when this attempt at it was begun, UTC, ISO 8601.
        progress: how far it is; None where it does not say.
        place: where it waits or runs, in words; empty for this machine.
        silent: seconds in which its worker was not heard when this was written, where that is on another machine: told
            by one clock, for those of two machines differ.
        lost: how many attempts were lost before, each with its machine, time or memory.
        why: what has ended the attempt before, if there was one.
    """

    model_config = ConfigDict(extra="forbid")
    since: str
    progress: JobProgress | None = None
    place: str = ""
    silent: float | None = None
    lost: int = 0
    why: str = ""


def parse_progress(saved: Any) -> JobProgress:
    """The progress that a JSON object stands for.

    Raises:
        ValueError: it stands for none.
    """
    return _PARSER.validate_python(saved)
