"""What does the jobs of a run: processes here, or anything else that keeps to the same protocol; signals to stop."""

import signal
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from equiglot.errors import InputError, Interrupted, refusal
from equiglot.outputs import output_checksums
from equiglot.pipeline.execution.machine import hardware
from equiglot.pipeline.graph import Graph, Job
from equiglot.pipeline.progress import JobProgress
from equiglot.pipeline.steps import Context, Step
from equiglot.pipeline.steps.cost import Resources
from equiglot.pipeline.steps.ranks import RankKilled
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from equiglot.training import Stopped

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""The last is what schedulers send, when they are told to, some time before the limit of a job."""


class StopSignals:
    """Notes that a signal asked to stop, so that trainings can save first; a second one is obeyed at once.

    A signal that was ignored stays ignored: `nohup` says so of the one that a closed terminal sends.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def check(self) -> None:
        """Raises `Interrupted` if a signal has asked to stop."""
        if self.received is not None:
            raise Interrupted(self.received)

    def __enter__(self) -> "StopSignals":
        try:
            heeded = [number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in heeded}
        except ValueError:  # not in the main thread: signals go elsewhere
            self._before = {}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.received is not None:
            raise Interrupted(number)
        self.received = number


def ignore_stop_signals() -> None:
    """For worker processes: Ctrl-C, a closed terminal and `kill -- -GROUP` reach them too, but the parent decides."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


@contextmanager
def stop_signals_held() -> Iterator[None]:
    """Holds them back; a process that is started meanwhile gets none until it says what to do with them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True)
class Made:
    """What a job that is done has made.

    Attributes:
        seconds: how long it took.
        outputs: file -> checksum.
        source: what stands for what it read from outside the run, as that was when the job was done.
        hardware: what it was done on.
    """

    seconds: float
    outputs: dict[str, str]
    source: Any
    hardware: dict[str, str] = field(default_factory=hardware)


@dataclass(frozen=True)
class Event:
    """What a worker says: a job's progress, its end, or its failure.

    Attributes:
        job: the job's name.
        attempt: which attempt at it.
        kind: "progress", "alive", "done", "stopped", "failed", or "lost": its worker is gone, by no fault of its.
        progress: for "progress", where it says how far the job is.
        place: for "progress", where it says where the job waits or runs.
        made: for "done".
        error: for "failed" and "lost".
    """

    job: str
    attempt: str
    kind: str
    progress: JobProgress | None = None
    made: Made | None = None
    error: Exception | None = None
    place: str = ""


class Assignment(BaseModel):
    """What a worker is told to do: strings and numbers, for it may be on another machine.

    Attributes:
        job: the job's name.
        attempt: the name of the lease of the command, and which of its attempts this is.
        output, checkpoints: the folders that the attempt makes, and continues from, below the run's.
        fingerprint: the job's.
        needs: the jobs before it -> their fingerprints.
        resources: what it keeps busy.
        seconds: that it will take, about; None where that is not known without measuring.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    job: str
    attempt: str = Field(pattern=r"^\d+(-[0-9a-f]+)?-\d+$")  # it becomes a part of paths
    output: str
    checkpoints: str
    fingerprint: str
    needs: dict[str, str]
    resources: Resources = Resources()
    seconds: float | None = None

    @classmethod
    def of(cls, run: RunDirectory, graph: Graph, job: Job, attempt: str, seconds: float | None = None) -> "Assignment":
        """An attempt at a job."""
        return cls(
            job=job.name,
            attempt=attempt,
            output=str(job.aside(run, attempt).relative_to(run.root)),
            checkpoints=str(job.checkpoints(run).relative_to(run.root)),
            fingerprint=job.fingerprint,
            needs={name: graph.jobs[name].fingerprint for name in job.needs},
            resources=job.step.resources,
            seconds=seconds,
        )


class WorkerFailed(Exception):
    """A bug in a job, with the traceback of its process."""


class Pool(Protocol):
    """Does jobs, several at a time; leaving its context ends those that are at work."""

    def __enter__(self) -> "Pool": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def check(self, steps: Sequence[Step]) -> None:
        """Refuses what can never be done here, as far as that is known before anything is begun.

        Raises:
            InputError: a step takes more than there is.
        """

    def start(self, assignment: Assignment) -> bool:
        """Begins an attempt at a job, whose needs are done; false where there is no room for it now."""

    def events(self, seconds: float) -> Iterator[Event]:
        """What is said of the jobs within some seconds; the last of each job is its end."""

    def adopt(self, wanted: Mapping[str, str]) -> Iterable[Assignment]:
        """Takes up attempts that an earlier command has begun and left; ends those that nobody wants any more.

        Args:
            wanted: job -> fingerprint, of the jobs that are left.
        """

    def ask_to_stop(self, why: Exception) -> bool:
        """Asks steps that can continue to save and stop: they end as "stopped".

        Args:
            why: what ends the run.

        Returns:
            Whether they do; false where all go on without this command.
        """


class MakePool(Protocol):
    """Makes a pool."""

    def __call__(
        self, run: RunDirectory, recipe: Recipe, *, count: int, threads: int, checkpoint_seconds: float
    ) -> Pool:
        """A pool for one run.

        Args:
            run: the run folder.
            recipe: what is run.
            count: jobs at a time.
            threads: of each.
            checkpoint_seconds: time between checkpoints of a training.
        """


def too_large(step: Step, takes: str, there: str, where: str) -> InputError:
    """That a step takes more than there is.

    Args:
        step: the step.
        takes: how many cores or GPUs.
        there: what there is, a clause.
        where: what has been asked.
    """
    fix, processes = "ask for fewer threads", step.resources.processes
    if processes > 1:
        takes += f" ({processes} processes together)"
        fix = f"set models.{step.subject}.training.devices to less: the model is the same, bit by bit"
    return InputError(f"{step.name} takes {takes}, and {there}", where=where, fix=fix)


def perform(step: Step, attempt: str, context: Context, gone: tuple[type[Exception], ...] = ()) -> Event:
    """Makes the output of a step, computes its checksums, and looks again at what was read from outside the run.

    Args:
        step: what is made; its needs are done.
        attempt: which attempt this is.
        context: where.
        gone: what `context` raises when nobody is there any more to be told; it is let through.

    Returns:
        The event that says how it ended.
    """
    begun = time.monotonic()
    try:
        step.run(context)
        seconds = time.monotonic() - begun
        outputs = output_checksums(context.output)
        source = step.source_made(outputs) if step.reads_outside else None
    except Stopped:
        return Event(step.name, attempt, "stopped")
    except gone:
        raise
    except BaseException as error:
        return failure(step.name, attempt, error)
    return Event(step.name, attempt, "done", made=Made(seconds, outputs, source))


def failure(job: str, attempt: str, error: BaseException) -> Event:
    """The event that something was raised: bad input, or a bug of ours with the traceback; or a process was killed."""
    refused = error if isinstance(error, InputError) else refusal(error, f"job {job}" if job else "a worker")
    bug = WorkerFailed(f"{job or 'a worker'} failed:\n{traceback.format_exc()}")
    return Event(job, attempt, "lost" if isinstance(error, RankKilled) else "failed", error=refused or bug)
