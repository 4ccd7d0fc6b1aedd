"""The record of each finished job."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.files import read_sealed
from equiglot.run import RunDirectory


class Record(BaseModel):
    """A finished job.

    Attributes:
        name, fingerprint, inputs: the job's.
        needs: the jobs before it -> their fingerprints.
        outputs: file -> checksum.
        seconds: how long it took.
        begun, finished: when, UTC, ISO 8601.
        versions, hardware: what it was done with and on.
        place: where, in words: a process, a machine, an engine's job; empty for the machine of the command.
        source: the run that it was taken from, if it was not done here.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    fingerprint: str
    inputs: dict[str, Any]
    needs: dict[str, str]
    outputs: dict[str, str]
    seconds: float
    begun: str
    finished: str
    versions: dict[str, str]
    hardware: dict[str, str]
    place: str = ""
    source: str | None = None


def read_record(run: RunDirectory, name: str) -> Record | None:
    """The record of a job; None where there is none, or none that is as it was written.

    Raises:
        InputError: in its place is no plain file.
    """
    try:
        return Record.model_validate(read_sealed(run.job(name)))
    except (OSError, ValueError):
        return None


def known_record(run: RunDirectory, name: str) -> Record:
    """The record of a job that is done.

    Raises:
        InputError: it is no longer there, or as it was written.
    """
    record = read_record(run, name)
    if record is None:
        raise InputError(
            f"the record of {name} is gone or damaged", where=run.job(name), fix="run the same command again"
        )
    return record
