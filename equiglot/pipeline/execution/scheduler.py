"""The jobs that are left, given to workers as their needs are done."""

import glob
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from equiglot.errors import InputError, Interrupted
from equiglot.pipeline.execution.folder import Log
from equiglot.pipeline.execution.machine import Machine
from equiglot.pipeline.execution.pool import Event, Made, MakePool, Pool, StopSignals
from equiglot.pipeline.execution.states import Unchanged, write_record
from equiglot.pipeline.graph import Graph, Job
from equiglot.pipeline.progress import JobProgress, Remark
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory, fingerprint, write_json

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 60.0


@dataclass
class Watcher:
    """Told what happens during a run; the default says nothing.

    Attributes:
        begin: the jobs, and which of them are left.
        event: what a worker says.
        start: a job begins.
        reuse: a job was taken from another run.
        unchecked: the place that a finished model was taken from cannot be looked at any more; and why.
        stop: trainings are asked to save and stop.
        tick: some time has passed, some tenths of a second.
    """

    begin: Callable[[Graph, Sequence[Job]], None] = field(default=lambda graph, left: None)
    start: Callable[[Job], None] = field(default=lambda job: None)
    event: Callable[[Event], None] = field(default=lambda event: None)
    reuse: Callable[[Job, str], None] = field(default=lambda job, source: None)
    unchecked: Callable[[str, InputError], None] = field(default=lambda job, why: None)
    stop: Callable[[], None] = field(default=lambda: None)
    tick: Callable[[], None] = field(default=lambda: None)


class Execution:
    """Does the jobs that are left, several at a time."""

    def __init__(
        self, run: RunDirectory, graph: Graph, left: Sequence[Job], watcher: Watcher, log: Log, unchanged: Unchanged
    ) -> None:
        self._run, self._graph, self._watcher, self._log, self._unchanged = run, graph, watcher, log, unchanged
        self._waiting = {job.name: job for job in left}
        self._unfinished = set(self._waiting)
        self._running: dict[str, JobProgress | None] = {}
        self._noted = 0.0

    def go(self, make_pool: MakePool, recipe: Recipe, machine: Machine, signals: StopSignals) -> None:
        """Does all of them, or raises what stopped it; trainings are given time to save before."""
        with make_pool(
            self._run,
            recipe,
            count=min(machine.workers, len(self._waiting)),
            threads=machine.threads,
            checkpoint_seconds=machine.checkpoint_seconds,
        ) as pool:
            self._note_running()
            while self._unfinished:
                error = Interrupted(signals.received) if signals.received is not None else self._advance(pool)
                if error is not None:
                    self._wind_down(pool, error)
                    raise error

    def _advance(self, pool: Pool) -> Exception | None:
        """Starts what can be started and hears the workers for a while; the first failure, if there is one."""
        self._start_ready(pool)
        failures = [self._take(event) for event in pool.events(_POLL_SECONDS)]
        self._watcher.tick()
        return next((failure for failure in failures if failure is not None), None)

    def _start_ready(self, pool: Pool) -> None:
        ready = [job for job in self._waiting.values() if not self._unfinished & set(job.needs)]
        for job in ready[: pool.idle]:
            del self._waiting[job.name]
            pool.start(job)
            self._log.add("job", job=job.name, fingerprint=job.fingerprint)
            self._running[job.name] = None
            self._watcher.start(job)
            self._note_running()

    def _take(self, event: Event) -> Exception | None:
        """Acts on what a worker says; gives the error, if it is one."""
        if isinstance(event.progress, Remark):
            self._log.add("remark", job=event.job, remark=event.progress.remark)
        elif event.kind == "progress":
            self._running[event.job] = event.progress
        else:
            del self._running[event.job]
        if event.made is not None:
            event = self._finish(event, event.made)
        if event.error is not None:
            self._log.add("failed", job=event.job, error=str(event.error))
        if event.kind != "progress" or time.monotonic() - self._noted >= 1:
            self._note_running()
        self._watcher.event(event)
        return event.error

    def _finish(self, event: Event, made: Made) -> Event:
        """Records a job; only then does its training have nothing to continue from.

        What it read must be what its fingerprint stands for: otherwise it has failed, and what it made is removed.
        """
        job = self._graph.jobs[event.job]
        self._unchanged.note([job])
        try:
            self._check_read(job, made)
        except InputError as error:
            shutil.rmtree(job.output(self._run), ignore_errors=True)
            shutil.rmtree(job.checkpoints(self._run), ignore_errors=True)
            return Event(job.name, "failed", error=error)
        write_record(self._run, self._graph, job, made.outputs, made.seconds)
        self._unfinished.discard(job.name)
        self._log.add("done", job=job.name, seconds=round(made.seconds, 3))
        for folder in job.checkpoints(self._run).parent.glob(f"{glob.escape(job.subject)}-" + "?" * 12):
            shutil.rmtree(folder, ignore_errors=True)  # abandoned ones too
        return event

    def _check_read(self, job: Job, made: Made) -> None:
        """Refuses what was made of something else than the fingerprint stands for.

        Raises:
            InputError: text, labels or a model from outside the run, or outputs of earlier jobs, have changed.
        """
        if fingerprint(made.source) != fingerprint(job.inputs.get("source")):
            raise InputError(
                f"{job.step.source_name} of {job.name} changed while it was read",
                where=job.name,
                fix="leave the files alone while a run reads them; the same command reads them again",
            )
        self._unchanged.check(self._graph.jobs[name] for name in job.needs)

    def _note_running(self) -> None:
        """Writes what `equiglot status` reads."""
        self._noted = time.monotonic()
        running = {name: progress and progress.model_dump() for name, progress in self._running.items()}
        write_json(self._run.progress, running)

    def _wind_down(self, pool: Pool, error: Exception) -> None:
        """Lets trainings and labellings save where they are; other jobs are short, or begin again."""
        if not self._training:
            return
        if isinstance(error, Interrupted):
            self._watcher.stop()
        pool.ask_to_stop()
        end = time.monotonic() + _GRACE_SECONDS
        while self._training and time.monotonic() < end:
            for event in pool.events(_POLL_SECONDS):
                self._take(event)

    @property
    def _training(self) -> bool:
        return any(self._graph.jobs[name].step.continues for name in self._running)
