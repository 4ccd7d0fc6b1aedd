"""How far a job is, as a worker says it and the run folder keeps it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from equiglot.training import Progress


class TextProgress(BaseModel):
    """How far the preparation of a language's text is.

    Attributes:
        stage: reading, comparing or writing.
        done: characters read, or sentences compared or written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    stage: str
    done: int


JobProgress = Progress | TextProgress
_PARSER: TypeAdapter[JobProgress] = TypeAdapter(JobProgress)


def parse_progress(saved: Any) -> JobProgress:
    """The progress that a JSON object stands for.

    Raises:
        ValueError: it stands for none.
    """
    return _PARSER.validate_python(saved)
