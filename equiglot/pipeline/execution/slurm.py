"""SLURM as an engine: each attempt is a batch job, many equal ones an array; `sbatch`, `squeue`, `scancel`, no more.

SLURM begins no job again by itself, for the command does. Some time before a job's limit SLURM asks its worker to
stop: trainings save, and the command gives them to SLURM once more.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from equiglot.errors import InputError, Interrupted
from equiglot.pipeline.execution.elsewhere import OUTPUT, Elsewhere
from equiglot.pipeline.execution.orders import read_order
from equiglot.pipeline.execution.pool import MakePool, Pool
from equiglot.pipeline.execution.workers import MEMORY
from equiglot.pipeline.steps import Step
from equiglot.pipeline.steps.cost import Resources
from equiglot.recipe import Recipe, read_settings
from equiglot.run import RunDirectory
from equiglot.settings import Settings

_JOB = re.compile(r"\d+(_\d+)?")
_COMMANDS = ("sbatch", "squeue", "scancel")
_SAVE_SECONDS = 120  # before the limit of a job: in which a training saves
_ANSWER_SECONDS = 60.0
_TRIES = 5
_HIGHEST_INDEX = 1000  # of an array, where a cluster has not set another one
_COMPUTE_ENVIRONMENT = ("SLURM_", "SBATCH_")  # what a job says of itself to what is started in it
_AWAY = ("unable to contact slurm controller", "timed out", "temporarily", "connection failure", "connection refused")
_BUSY = (*_AWAY, "are busy", "not available now", "not available (down")  # the latter of `--test-only`: a job waits
_REFUSED = re.compile(r"^(sbatch: error: |allocation failure: )+")
_SIZES = ("--partition=", "--cpus-per-task=", "--gres=", "--mem=", "--time=", "--constraint=")
_NEVER = ("PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "InvalidAccount", "InvalidQOS")
_OWN_OPTIONS = ("array", "output", "error", "signal", "parsable", "requeue", "no-requeue", "wrap", "test-only", "wait")


def _quoted_time(value: Any) -> Any:
    if isinstance(value, int | float):  # YAML takes 10:00:00 for 36000, and SLURM a number for minutes
        raise ValueError('write a time in quotes: "10:00:00", or "2-00:00:00" for two days')
    return value


def _like(pattern: str, words: str) -> AfterValidator:
    """A text that is all like a pattern, which is said in words where it is not."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(words)
        return text

    return AfterValidator(check)


_Word = Annotated[str, _like(r"[^\s-][^\x00-\x1f]{0,999}", "this is no name: it is empty, or begins with - or a space")]
_Line = Annotated[str, _like(r"[^\x00\r\n]{1,10000}", "this is not one line of the shell")]
_Option = Annotated[str, _like(r"--?[a-zA-Z][^\x00-\x1f]{0,999}", "write an option as --name=value")]
_Memory = Annotated[str, _like(r"[1-9]\d{0,9}[KMGT]?", "write memory as 8G")]
_Time = Annotated[
    str,
    BeforeValidator(_quoted_time),
    _like(r"(\d{1,4}-\d{1,2}|\d{1,6})(:\d{1,2}){0,2}", 'write a time as "10:00:00", or "2-00:00:00" for two days'),
]


class SlurmProfile(Settings):
    """How jobs are given to SLURM: a file beside the recipe, which changes no fingerprint."""

    partition: _Word | None = Field(None, description="Where jobs wait; the cluster's default if not given.")
    account: _Word | None = Field(None, description="Who pays.")
    qos: _Word | None = Field(None, description="Quality of service.")
    time: _Time | None = Field(
        None,
        description='The limit of each job, in quotes: `"10:00:00"`, or `"2-00:00:00"` for two days. A training that '
        "needs longer saves, and goes on in another job.",
    )
    memory: _Memory | None = Field(None, description="Of each process of a job: `8G`.")
    cpus: int = Field(
        1,
        ge=1,
        le=4096,
        description="Cores of each process of a job, and its threads, which change results. A job is one process, or "
        "as many as `training.devices` says.",
    )
    gpus: int = Field(
        0,
        ge=0,
        le=64,
        description="Of each job that trains, labels or scores, and at least one for each process; others get none.",
    )
    gpu_type: _Word | None = Field(None, description="Which GPUs, as the cluster names them: `a100`.")
    constraint: _Word | None = Field(
        None,
        description="What nodes must have, as the cluster names it: a kind of processor. Without one, a training that "
        "goes on in another job may meet another kind of processor, and is refused there.",
    )
    modules: tuple[_Word, ...] = Field((), description="Loaded before the worker starts (`module load`).")
    setup: tuple[_Line, ...] = Field((), description="Lines of the shell before it starts: `source venv/bin/activate`.")
    python: _Line | None = Field(None, description="What runs the worker; what runs the command if not given.")
    jobs: int = Field(100, ge=1, le=10_000, description="That wait or run at a time.")
    options: tuple[_Option, ...] = Field((), description="Further options of `sbatch`: `--mail-type=FAIL`.")

    def request(self, takes: Resources) -> list[str]:
        """What `sbatch` is told of a job that takes so much."""
        gpus = max(self.gpus, takes.gpus) if self.gpus and takes.gpus else 0
        gpu = f"gpu:{self.gpu_type}:{gpus}" if self.gpu_type else f"gpu:{gpus}"
        given = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "time": self.time,
            "mem": self.memory and _times(self.memory, takes.processes),
            "constraint": self.constraint,
            "gres": gpu if gpus else None,
            "cpus-per-task": str(takes.cores(self.cpus)),
        }
        return ["--nodes=1", "--ntasks=1", *(f"--{name}={value}" for name, value in given.items() if value is not None)]


def _times(memory: str, processes: int) -> str:
    """An amount of memory for several processes."""
    number = memory.rstrip("KMGT")
    return f"{int(number) * processes}{memory.removeprefix(number)}"


def read_profile(path: Path) -> SlurmProfile:
    """The profile in a YAML file.

    Raises:
        InputError: no such file, no YAML, an unknown field, a wrong value, or an option that jobs must have otherwise.
    """
    profile = read_settings(path, SlurmProfile)
    for option in profile.options:
        if option.lstrip("-").partition("=")[0] in _OWN_OPTIONS:
            fix = "take it out: jobs could not be followed with it"
            raise InputError(f"the option {option!r} is not for a profile", where=f"{path}: options", fix=fix)
    return profile


def pool_on_slurm(profile: str, ask: Callable[[str], bool]) -> MakePool:
    """What makes a pool of jobs of SLURM.

    Args:
        profile: the path of a profile.
        ask: puts a question to who sits at the terminal.

    Raises:
        InputError: the profile is wrong, or there is no SLURM here.
    """
    if not profile:
        raise InputError("no profile is named", where="--on slurm", fix="write it as slurm:PROFILE.yaml")
    read = read_profile(Path(profile))
    for command in _COMMANDS:
        if shutil.which(command) is None:
            fix = "give the command on a login node of the cluster, or leave out --on"
            raise InputError(f"there is no {command} here", where=f"--on slurm:{profile}", fix=fix)

    def leaves(why: Interrupted) -> bool:
        if why.signal != signal.SIGINT:
            return True
        return sys.stdin.isatty() and ask("Leave the jobs with SLURM? The same command takes them up again.")

    def make(run: RunDirectory, recipe: Recipe, *, count: int, threads: int, checkpoint_seconds: float) -> Pool:
        engine, seconds = Slurm(read, profile), checkpoint_seconds
        return Elsewhere(
            engine, run, recipe, count=read.jobs, threads=read.cpus, checkpoint_seconds=seconds, leaves=leaves
        )

    return make


@dataclass
class Slurm:
    """Gives attempts to SLURM.

    Attributes:
        profile: how.
        where: the profile's path, for messages.
    """

    profile: SlurmProfile
    where: str
    name = "SLURM job"
    look_seconds = 30.0

    def check(self, steps: Sequence[Step], threads: int) -> None:
        """Asks SLURM about a job of each size, without giving it one; what it would refuse for now, it may not later.

        Raises:
            InputError: it would never begin one of them.
        """
        for request, step in {tuple(self.profile.request(step.resources)): step for step in steps}.items():
            options = [*request, *self.profile.options]
            done = _call(["sbatch", "--test-only", *options], "#!/bin/sh\n")
            if done is not None and done.returncode != 0 and not _passes(error := _words(done.stderr)):
                raise self._refusal(error, options, step.name)

    def start(self, run: RunDirectory, attempts: Sequence[str]) -> dict[str, str]:
        """Submits a job for each attempt; those that need the same are one array."""
        takes = {attempt: read_order(run, attempt).task.resources for attempt in attempts}
        tickets: dict[str, str] = {}
        try:
            for kind in dict.fromkeys(takes.values()):
                for group in _groups([each for each in attempts if takes[each] == kind]):
                    tickets |= self._submit(run, group, kind)
        except BaseException:
            self.cancel(list(tickets.values()))
            raise
        return tickets

    def places(self, tickets: Sequence[str]) -> Mapping[str, str] | None:
        """One question for all: where the user's jobs are. Jobs of which only the remains are cleared away have ended.

        The node is named by its worker once that has begun.

        Raises:
            InputError: one waits for what will never be.
        """
        command = ["squeue", "--noheader", "--array", f"--user={os.getuid()}", "--format=%i|%T|%R"]
        done = _call(command)
        if done is None or done.returncode != 0:
            return None
        found = {}
        for ticket, state, reason in (line.split("|", 2) for line in done.stdout.splitlines() if line.count("|") >= 2):
            if ticket in tickets and state != "COMPLETING":
                self._check_possible(ticket, reason.strip("()"))
                what = "waits in the queue of SLURM" if state == "PENDING" else f"{state.lower()} in SLURM"
                found[ticket] = f"{what} as job {ticket} {reason if reason.startswith('(') else f'({reason})'}"
        return found

    def _check_possible(self, ticket: str, reason: str) -> None:
        if reason in _NEVER:
            fix = "correct the profile: `sinfo` lists partitions, time limits and nodes; the same command continues"
            raise InputError(f"SLURM lets job {ticket} wait for ever: {reason}", where=self.where, fix=fix)

    def cancel(self, tickets: Sequence[str]) -> None:
        """Ends jobs; what SLURM says of those that have ended already is not of interest."""
        if jobs := [each for each in tickets if _JOB.fullmatch(each)]:  # a run folder may be a stranger's
            _call(["scancel", *jobs])

    def _submit(self, run: RunDirectory, attempts: Sequence[str], takes: Resources) -> dict[str, str]:
        """Submits one job, or an array whose indices are the last numbers of the attempts."""
        root, folder = Path(os.path.abspath(run.root)), Path(os.path.abspath(run.attempts))
        prefix, indices = attempts[0].rpartition("-")[0], [each.rpartition("-")[2] for each in attempts]
        is_array = len(attempts) > 1
        output = folder / (f"{prefix}-%a" if is_array else attempts[0]) / OUTPUT
        options = [
            f"--job-name=equiglot {root.name}",
            "--no-requeue",
            f"--signal=B:TERM@{_SAVE_SECONDS}",
            f"--output={str(folder).replace('%', '%%')}/{output.relative_to(folder)}",
            *([f"--array={','.join(indices)}"] if is_array else []),
            *self.profile.request(takes),
            *self.profile.options,
        ]
        attempt = f"{prefix}-$SLURM_ARRAY_TASK_ID" if is_array else attempts[0]
        job = self._send(options, _script(self.profile, root, folder, attempt))
        return {each: f"{job}_{index}" if is_array else job for each, index in zip(attempts, indices, strict=True)}

    def _send(self, options: Sequence[str], script: str) -> str:
        """Submits a script; gives SLURM's number of the job.

        What is not answered is tried again. If SLURM had taken it all the same there are two jobs: one of them begins.

        Raises:
            InputError: SLURM refuses, or does not answer.
        """
        error = "no answer"
        for again in range(_TRIES):
            if again:
                time.sleep(self.look_seconds)
            done = _call(["sbatch", "--parsable", *options], script)
            if done is not None and done.returncode == 0:
                if found := re.findall(r"^(\d+)(?:;\S*)?$", done.stdout, re.MULTILINE):
                    return str(found[-1])
                raise InputError(f"sbatch gave no number of a job: {done.stdout.strip()!r}", where=self.where)
            if done is not None:
                error = _words(done.stderr)
                if not _passes(error):
                    raise self._refusal(error, options)
        fix = "see `sinfo`; the same command continues"
        raise InputError(f"SLURM does not answer: {error}", where=self.where, fix=fix)

    def _refusal(self, error: str, options: Sequence[str], step: str = "") -> InputError:
        gpu = next((each for each in options if each.startswith("--gres=")), None)
        fix = "correct the profile (`sinfo` lists partitions, time limits and nodes); the same command continues"
        if gpu:
            fix = f"see that the partition has GPUs ({gpu}): `sinfo -o '%P %G'`, or correct the profile"
        if "limit" in error.lower():
            fix = "ask for less in the profile: fewer jobs at a time, less time or memory; the same command continues"
        of = f" for {step} ({' '.join(each for each in options if each.startswith(_SIZES))})" if step else ""
        return InputError(f"SLURM refuses a job{of}: {_REFUSED.sub('', error)}", where=self.where, fix=fix)


def _words(errors: str) -> str:
    """What `sbatch` says, in one line."""
    return "; ".join(line for line in errors.splitlines() if line.strip()) or "without a reason"


def _passes(error: str) -> bool:
    """Whether what SLURM says is of now, and may be otherwise in a while."""
    return any(each in error.lower() for each in _BUSY)


def _groups(attempts: Sequence[str]) -> Iterator[list[str]]:
    """The attempts of one array, or of one job each where a number is higher than indices may be."""
    for prefix, group in groupby(attempts, lambda each: each.rpartition("-")[0]):
        numbers = [int(each.rpartition("-")[2]) for each in group]
        yield from ([f"{prefix}-{number}" for number in some] for some in _together(numbers))


def _together(numbers: Sequence[int]) -> Iterator[list[int]]:
    if low := [number for number in numbers if number <= _HIGHEST_INDEX]:
        yield low
    yield from ([number] for number in numbers if number > _HIGHEST_INDEX)


def _script(profile: SlurmProfile, root: Path, folder: Path, attempt: str) -> str:
    """What a job does. A job that SLURM begins twice, or that was submitted twice, does nothing the second time.

    The worker takes the place of the shell: so it gets the signal that SLURM sends to the shell.
    """
    python = shlex.quote(profile.python or sys.executable)
    lines = [
        "#!/bin/bash" + (" -l" if profile.modules else ""),
        f"attempt={attempt}",
        f'mkdir {shlex.quote(str(folder))}/"$attempt"/begun || exit 1',
        *(["module load " + " ".join(map(shlex.quote, profile.modules))] if profile.modules else []),
        *profile.setup,
        *(f'export {name}="${{{name}:-{value}}}"' for name, value in MEMORY.items()),
        f'exec {python} -m equiglot.worker {shlex.quote(str(root))} "$attempt"',
    ]
    return "\n".join(lines) + "\n"


def _call(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str] | None:
    """Runs a command of SLURM's, out of reach of Ctrl-C; None where it does not answer in time, or is not there."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name == "SLURM_CONF" or not name.startswith(_COMPUTE_ENVIRONMENT)
    }
    try:
        return subprocess.run(
            command,
            check=False,
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=_ANSWER_SECONDS,
            start_new_session=True,
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
