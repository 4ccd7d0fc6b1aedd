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

from equiglot.errors import InputError, Interrupted
from equiglot.pipeline.execution.divided import Divided
from equiglot.pipeline.execution.elsewhere import OUTPUT, Elsewhere, EngineRefuses
from equiglot.pipeline.execution.orders import read_order
from equiglot.pipeline.execution.pool import MakePool, Pool
from equiglot.pipeline.execution.slurm_profile import SlurmProfile, read_profile
from equiglot.pipeline.execution.workers import MEMORY
from equiglot.pipeline.steps import Step
from equiglot.pipeline.steps.cost import Resources
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory

_JOB = re.compile(r"\d+(_\d+)?")
_COMMANDS = ("sbatch", "squeue", "scancel")
_SAVE_SECONDS = 120  # before the limit of a job: in which a training saves
_LEAVE_SECONDS = 300  # before the limit of the command's own: in which it leaves its jobs, and is submitted again
_ANSWER_SECONDS = 60.0
_TRIES = 5
_HIGHEST_INDEX = 1000  # of an array, where a cluster has not set another one
_COMPUTE_ENVIRONMENT = ("SLURM_", "SBATCH_")  # what a job says of itself to what is started in it
_AWAY = ("unable to contact slurm controller", "timed out", "temporarily", "connection failure", "connection refused")
_BUSY = (*_AWAY, "are busy", "not available now", "not available (down")  # the latter of `--test-only`: a job waits
_REFUSED = re.compile(r"^(sbatch: error: |allocation failure: )+")
_SIZES = ("--partition=", "--cpus-per-task=", "--gres=", "--mem=", "--time=", "--constraint=")
_GO_ON = "jobs that SLURM has go on; the same command takes them up, and continues"
_NEVER = ("PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "InvalidAccount", "InvalidQOS")


def pool_on_slurm(profile: str, ask: Callable[[str], bool]) -> MakePool:
    """What makes a pool of jobs of SLURM.

    Args:
        profile: the path of a profile.
        ask: puts a question to who sits at the terminal.

    Raises:
        InputError: the profile is wrong, or there is no SLURM here.
    """
    engine = slurm_of(profile)
    settings = engine.profile

    def leaves(why: Interrupted) -> bool:
        if why.signal != signal.SIGINT:
            return True
        try:
            return sys.stdin.isatty() and ask("Leave the jobs with SLURM? The same command takes them up again.")
        except Interrupted as second:  # in place of an answer
            return second.signal != signal.SIGINT

    def make(run: RunDirectory, recipe: Recipe, *, count: int, threads: int, checkpoint_seconds: float) -> Pool:
        far = Elsewhere(
            engine,
            run,
            recipe,
            count=settings.jobs,
            threads=settings.cpus,
            checkpoint_seconds=checkpoint_seconds,
            leaves=leaves,
        )
        return Divided(far, settings.short_seconds)

    return make


def slurm_of(profile: str) -> "Slurm":
    """SLURM as the profile at a path says.

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
    return Slurm(read, profile)


@dataclass
class Slurm:
    """Gives attempts to SLURM.

    Attributes:
        profile: how.
        where: the profile's path, for messages.
    """

    profile: SlurmProfile
    where: str
    look_seconds = 30.0

    def called(self, ticket: str) -> str:
        """SLURM's number of the job."""
        return f"SLURM job {ticket}"

    def check(self, steps: Sequence[Step], threads: int) -> None:
        """Asks SLURM about a job of each size, without giving it one; what it would refuse for now, it may not later.

        Raises:
            InputError: it would never begin one of them.
        """
        for request, step in {tuple(self.profile.request(step.resources)): step for step in steps}.items():
            self._ask([*request, *self.profile.options], step.name)

    def check_command(self) -> None:
        """Asks SLURM about a job that is the command itself.

        Raises:
            InputError: it would never begin it.
        """
        self._ask(self.profile.request_command(), "the command itself")

    def _ask(self, options: Sequence[str], what: str) -> None:
        done = _call(["sbatch", "--test-only", *options], "#!/bin/sh\n")
        if done is not None and done.returncode != 0 and not _passes(error := _words(done.stderr)):
            raise self._refusal(error, options, what)

    def start_command(self, run: RunDirectory, name: str, arguments: Sequence[str], after: str = "") -> str:
        """Submits a command as a job, with this process's environment and working directory.

        Args:
            run: the run folder; what the command prints is added to a file there.
            name: of the job.
            arguments: of `python -m equiglot`.
            after: the number of a job that has to end first.

        Returns:
            SLURM's number of the job.

        Raises:
            InputError: SLURM refuses, or does not answer.
        """
        options = [
            f"--job-name={name}",
            "--no-requeue",
            f"--signal=B:USR1@{_LEAVE_SECONDS}",
            f"--output={str(Path(os.path.abspath(run.output))).replace('%', '%%')}",
            "--open-mode=append",
            *([f"--dependency=afterany:{after}"] if after else []),
            *self.profile.request_command(),
        ]
        return self._send(options, _script(self.profile, (), f"equiglot {shlex.join(arguments)}"))

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
            EngineRefuses: one waits for what will never be.
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
            self.cancel([ticket])  # the same command gives it as the profile then says
            fix = f"correct the profile: `sinfo` lists partitions, time limits and nodes; {_GO_ON}"
            raise EngineRefuses(f"SLURM lets job {ticket} wait for ever: {reason}", where=self.where, fix=fix)

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
        # A job that SLURM begins twice, or that was submitted twice, does nothing the second time.
        once = (
            f"attempt={prefix}-$SLURM_ARRAY_TASK_ID" if is_array else f"attempt={attempts[0]}",
            f'mkdir {shlex.quote(str(folder))}/"$attempt"/begun || exit 1',
        )
        worker = f'equiglot.worker {shlex.quote(str(root))} "$attempt"'
        job = self._send(options, _script(self.profile, once, worker))
        return {each: f"{job}_{index}" if is_array else job for each, index in zip(attempts, indices, strict=True)}

    def _send(self, options: Sequence[str], script: str) -> str:
        """Submits a script; gives SLURM's number of the job.

        What is not answered is tried again. If SLURM had taken it all the same there are two jobs: one of them begins.

        Raises:
            EngineRefuses: SLURM refuses, or does not answer.
        """
        error = "no answer"
        for again in range(_TRIES):
            if again:
                time.sleep(self.look_seconds)
            done = _call(["sbatch", "--parsable", *options], script)
            if done is not None and done.returncode == 0:
                if found := re.findall(r"^(\d+)(?:;\S*)?$", done.stdout, re.MULTILINE):
                    return str(found[-1])
                raise EngineRefuses(f"sbatch gave no number of a job: {done.stdout.strip()!r}", where=self.where)
            if done is not None:
                error = _words(done.stderr)
                if not _passes(error):
                    raise self._refusal(error, options)
        raise EngineRefuses(f"SLURM does not answer: {error}", where=self.where, fix=f"see `sinfo`; {_GO_ON}")

    def _refusal(self, error: str, options: Sequence[str], step: str = "") -> EngineRefuses:
        gpu = next((each for each in options if each.startswith("--gres=")), None)
        fix = f"correct the profile (`sinfo` lists partitions, time limits and nodes); {_GO_ON}"
        if gpu:
            fix = f"see that the partition has GPUs ({gpu}): `sinfo -o '%P %G'`, or correct the profile"
        if "limit" in error.lower():
            fix = f"ask for less in the profile: fewer jobs at a time, less time or memory; {_GO_ON}"
        of = f" for {step} ({' '.join(each for each in options if each.startswith(_SIZES))})" if step else ""
        return EngineRefuses(f"SLURM refuses a job{of}: {_REFUSED.sub('', error)}", where=self.where, fix=fix)


@dataclass(frozen=True)
class QueuedJob:
    """A job that SLURM has.

    Attributes:
        number: SLURM's.
        place: where it waits or runs, in words.
    """

    number: str
    place: str


def find_jobs(name: str) -> list[QueuedJob] | None:
    """The jobs of a name that wait or run, the newest last; None where SLURM cannot be asked."""
    done = _call(["squeue", "--noheader", f"--name={name}", "--format=%i|%T|%V|%S|%R"])
    if done is None or done.returncode != 0:
        return None
    lines = [line.split("|", 4) for line in done.stdout.splitlines() if re.match(r"\d+\|.*\|.*\|.*\|", line)]
    return [
        QueuedJob(number, _place(state, submitted, begun, where))
        for number, state, submitted, begun, where in sorted(lines, key=lambda fields: int(fields[0]))
        if state != "COMPLETING"
    ]


def _place(state: str, submitted: str, begun: str, where: str) -> str:
    """Where a job runs, or that it waits and why; since when."""
    if state == "PENDING":
        return f"waits in the queue of SLURM since {submitted} {where}"
    return f"{'runs' if state == 'RUNNING' else f'is {state.lower()}'} on {where} since {begun}"


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


def _script(profile: SlurmProfile, before: Sequence[str], module: str) -> str:
    """What a job does: some lines, those of the profile, then a module of Python's with its arguments.

    Python takes the place of the shell: so it gets the signal that SLURM sends to the shell.
    """
    lines = [
        "#!/bin/bash" + (" -l" if profile.modules else ""),
        *before,
        *(["module load " + " ".join(map(shlex.quote, profile.modules))] if profile.modules else []),
        *profile.setup,
        *(f'export {name}="${{{name}:-{value}}}"' for name, value in MEMORY.items()),
        f"exec {shlex.quote(profile.python or sys.executable)} -m {module}",
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
