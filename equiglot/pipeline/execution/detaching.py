"""The command itself as a job of SLURM: given to it, found again, known to have ended, and given to it once more.

The job has a name that no other has, and the run folder has that name before SLURM has the job: whatever is killed
between the two, SLURM can be asked for the job. While SLURM has it, no other command works on the run.
"""

import os
import re
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from equiglot.errors import InputError
from equiglot.files import read_json, write_json
from equiglot.lease import job_name
from equiglot.pipeline.execution.elsewhere import last_lines
from equiglot.pipeline.execution.slurm import Slurm, find_jobs
from equiglot.run import RunDirectory

_SHORTEST_SECONDS = 600.0  # that a job must have had before the command is given to SLURM again


class DetachedCommand(BaseModel):
    """A command that was given to SLURM.

    Attributes:
        name: of its job.
        job: SLURM's number of it; empty where whoever gave it to SLURM was killed before it knew.
        root: the run folder; of a copy of that one it is not the command.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^equiglot [\w.-]{1,60} [0-9a-f]{16}$")
    job: str = Field("", pattern=r"^\d{0,20}$")
    root: str

    @property
    def is_this(self) -> bool:
        """Whether it is this process."""
        return job_name() == self.name


@dataclass(frozen=True)
class Whereabouts:
    """Where a command is that was given to SLURM.

    Attributes:
        name: of its job.
        job: SLURM's number of it; empty where that is not known.
        place: where it waits or runs, in words; empty if it has ended, None if SLURM cannot be asked.
        output: the file that has what it printed.
        last: the last lines of it.
    """

    name: str
    job: str
    place: str | None
    output: Path
    last: list[str]

    @property
    def has_ended(self) -> bool:
        """Whether SLURM does not have it any more."""
        return self.place == ""


def find_command(run: RunDirectory) -> Whereabouts | None:
    """Where the command of a run is that was given to SLURM; None if none was, or it is done."""
    return None if (command := _read(run)) is None else _look_for(run, command)


def _look_for(run: RunDirectory, command: DetachedCommand) -> Whereabouts:
    jobs = find_jobs(command.name)
    place = None if jobs is None else "; ".join(job.place for job in jobs)
    number = jobs[-1].number if jobs else command.job
    return Whereabouts(command.name, number, place, run.output, last_lines(run.output))


def check_command(run: RunDirectory, *, take_over: bool = False) -> str:
    """Refuses to work on a run of which another command is a job that waits or runs.

    Args:
        run: the run folder.
        take_over: though SLURM cannot be asked.

    Returns:
        The name of a job that has ended, and did not come to the end of the run; empty if there is none.

    Raises:
        InputError: SLURM has the job, or cannot be asked.
    """
    command = _read(run)
    if command is None or command.is_this:
        return ""
    found = _look_for(run, command)
    if found.has_ended or (found.place is None and take_over):
        return command.name
    if found.place is None:
        job = found.job or command.name
        what = f"SLURM job {job} is the command of this run, and it is not known whether it has ended"
        fix = "give the command where `squeue` answers; if you know that the job has ended, add --take-over"
        raise InputError(what, where=run.root, fix=fix)
    what = f"SLURM job {found.job} is the command of this run: it {found.place}"
    follow, end = f"equiglot status {shlex.quote(str(run.root))}", f"scancel {found.job}"
    fix = f"follow it: {follow}; or end it: {end} (its jobs go on), then give the command again"
    raise InputError(what, where=run.root, fix=fix)


def is_command(run: RunDirectory) -> bool:
    """Whether this process is the job that the command of a run was given to SLURM as."""
    return (command := _read(run)) is not None and command.is_this


def forget_command(run: RunDirectory) -> None:
    """Forgets the job of the command: it is done, or has ended, and another one goes on."""
    run.detached.unlink(missing_ok=True)


def give_command(run: RunDirectory, engine: Slurm, arguments: Sequence[str]) -> str:
    """Gives a command to SLURM, whose run this process holds.

    Args:
        run: the run folder.
        engine: gives it.
        arguments: of `python -m equiglot`.

    Returns:
        SLURM's number of the job.

    Raises:
        InputError: SLURM refuses, or does not answer.
    """
    label = re.sub(r"[^\w.-]", "_", Path(os.path.abspath(run.root)).name, flags=re.ASCII)[:60] or "run"
    command = DetachedCommand(name=f"equiglot {label} {secrets.token_hex(8)}", root=os.path.abspath(run.root))
    run.output.unlink(missing_ok=True)
    write_json(run.detached, command.model_dump())
    try:
        job = engine.start_command(run, command.name, arguments)
    except InputError:
        if find_jobs(command.name) == []:
            forget_command(run)
        raise
    write_json(run.detached, command.model_copy(update={"job": job}).model_dump())
    return job


def give_command_again(run: RunDirectory, engine: Slurm, arguments: Sequence[str], seconds: float) -> str:
    """Gives the command to SLURM once more, whose job this process is: to begin when this job has ended.

    Args:
        run: the run folder.
        engine: gives it.
        arguments: of `python -m equiglot`.
        seconds: that this job has had.

    Returns:
        SLURM's number of the new job.

    Raises:
        InputError: SLURM refuses, or does not answer; or the job had so little time that it would come to nothing.
    """
    name = job_name()
    if seconds < _SHORTEST_SECONDS:
        what = f"the time of the job is too short: SLURM has asked it to stop after {seconds:.0f} s"
        fix = "give `detached.time` an hour or more, then the command again"
        raise InputError(what, where=engine.where, fix=fix)
    job = engine.start_command(run, name, arguments, after=os.environ["SLURM_JOB_ID"])
    write_json(run.detached, DetachedCommand(name=name, job=job, root=os.path.abspath(run.root)).model_dump())
    return job


def _read(run: RunDirectory) -> DetachedCommand | None:
    try:
        command = DetachedCommand.model_validate(read_json(run.detached))
        return command if os.path.samefile(command.root, run.root) else None
    except FileNotFoundError:  # or the folder that this one is a copy of is gone
        return None
    except (OSError, ValueError):  # nothing of ours: files are written whole
        raise InputError("this is not what a command has written", where=run.detached, fix="delete that file") from None
