"""The jobs that are left, given to workers as their needs are done."""

import glob
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from equiglot.errors import InputError, Interrupted
from equiglot.files import fingerprint, publish, write_json
from equiglot.lease import Lease, TakenOver
from equiglot.outputs import changed_files, missing_files, named
from equiglot.pipeline.execution.folder import Log
from equiglot.pipeline.execution.machine import Machine
from equiglot.pipeline.execution.pool import Assignment, Event, Made, MakePool, Pool, StopSignals
from equiglot.pipeline.execution.states import Unchanged, write_record
from equiglot.pipeline.graph import Graph, Job
from equiglot.pipeline.progress import Remark, Working
from equiglot.pipeline.steps import Step
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory

_POLL_SECONDS = 0.5
_NOTE_SECONDS = 10.0  # between two notes for `equiglot status`, where nothing is said
_RETRIES = 3  # of a job whose worker was lost
_LATE_SECONDS = 60.0  # in which a shared disk shows what another machine has written
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
        self,
        lease: Lease,
        graph: Graph,
        left: Sequence[Job],
        watcher: Watcher,
        log: Log,
        unchanged: Unchanged,
        estimate: Callable[[Step], float | None],
    ) -> None:
        self._lease, self._run, self._graph, self._watcher = lease, RunDirectory(lease.root), graph, watcher
        self._log, self._unchanged, self._estimate = log, unchanged, estimate
        self._waiting = {job.name: job for job in left}
        self._unfinished = set(self._waiting)
        self._running: dict[str, Working] = {}
        self._attempts: dict[str, str] = {}  # job -> the attempt that counts; others are rubbish
        self._lost = Counter[str]()
        self._why: dict[str, str] = {}  # job -> what has ended its last attempt
        self._heard: dict[str, float] = {}  # job whose worker is on another machine -> when it was last heard
        self._begun = 0  # attempts
        self._noted = 0.0
        self._stopping = False

    def go(self, make_pool: MakePool, recipe: Recipe, machine: Machine, signals: StopSignals) -> None:
        """Does all of them, or raises what stopped it; trainings are given time to save before."""
        with make_pool(
            self._run,
            recipe,
            count=min(machine.workers, len(self._waiting)),
            threads=machine.threads,
            checkpoint_seconds=machine.checkpoint_seconds,
        ) as pool:
            pool.check([job.step for job in self._waiting.values()])
            error = _refused(self._adopt, pool)
            while self._unfinished and error is None:
                error = Interrupted(signals.received) if signals.received is not None else _refused(self._advance, pool)
            if error is not None:
                error = _refused(self._lease.check) or error  # whoever was taken over from ends nobody's jobs
                with suppress(OSError, InputError):  # what ends the run counts more
                    self._wind_down(pool, error)
                raise error

    def _advance(self, pool: Pool) -> Exception | None:
        """Starts what can be started and hears the workers for a while; the first failure, if there is one."""
        self._start_ready(pool)
        failures = [self._take(event) for event in pool.events(_POLL_SECONDS)]
        if time.monotonic() - self._noted >= _NOTE_SECONDS:
            self._note_running()
        self._watcher.tick()
        return next((failure for failure in failures if failure is not None), None)

    def _start_ready(self, pool: Pool) -> None:
        ready = [job for job in self._waiting.values() if not self._unfinished & set(job.needs)]
        for job in ready:
            attempt = f"{self._lease.name}-{self._begun + 1}"
            if not pool.start(Assignment.of(self._run, self._graph, job, attempt, self._estimate(job.step))):
                continue
            self._begun += 1
            self._begin(job, attempt)
            self._log.add("job", job=job.name, fingerprint=job.fingerprint, attempt=attempt)
            self._note_running()

    def _begin(self, job: Job, attempt: str) -> None:
        """Notes an attempt at a job, the one that counts."""
        del self._waiting[job.name]
        self._attempts[job.name] = attempt
        why = self._why.get(job.name, "")
        self._running[job.name] = Working(since=_now(), lost=self._lost[job.name], why=why)
        self._watcher.start(job)

    def _adopt(self, pool: Pool) -> None:
        """Takes up what an earlier command has left with an engine."""
        for task in pool.adopt({name: job.fingerprint for name, job in self._waiting.items()}):
            self._begin(self._waiting[task.job], task.attempt)
            self._log.add("adopted", job=task.job, attempt=task.attempt)
        self._note_running()

    def _take(self, event: Event) -> Exception | None:
        """Acts on what a worker says; gives the error, if it is one that ends the run."""
        if self._attempts.get(event.job) != event.attempt:
            return None
        working = self._running[event.job]
        if event.kind == "alive" or event.job in self._heard:
            self._heard[event.job] = time.monotonic()
        if isinstance(event.progress, Remark):
            self._log.add("remark", job=event.job, remark=event.progress.remark)
        elif event.kind in ("progress", "alive"):
            working.progress = event.progress or working.progress
            working.place = event.place or working.place
        else:
            del self._running[event.job]
            del self._attempts[event.job]
            self._heard.pop(event.job, None)
            if event.kind == "stopped" and not self._stopping:
                event = _sent_away(event)
                self._lost[event.job] -= working.progress is not None  # it has come further
            if event.kind == "lost" and self._again(event):
                return None
        if event.made is not None:
            event = self._finish(event, event.made, working.place)
        self._watcher.event(event)
        if event.error is not None:
            with suppress(OSError):  # a full disk, as the error may say
                self._log.add("failed", job=event.job, error=str(event.error))
                self._note_running()
        elif event.kind not in ("progress", "alive") or time.monotonic() - self._noted >= 1:
            self._note_running()
        return event.error

    def _again(self, event: Event) -> bool:
        """Puts a job whose worker was lost back to those that wait; false where that was tried often enough."""
        self._lost[event.job] += 1
        self._why[event.job] = event.error.what if isinstance(event.error, InputError) else str(event.error)
        if self._lost[event.job] > _RETRIES:
            return False
        job = self._graph.jobs[event.job]
        self._waiting[job.name] = job
        self._log.add("lost", job=job.name, attempt=event.attempt, why=str(event.error))
        self._watcher.event(event)
        return True

    def _finish(self, event: Event, made: Made, place: str) -> Event:
        """Publishes what an attempt has made and records it; only then does its training have nothing to continue from.

        What it read must be what its fingerprint stands for: otherwise it has failed, and what it made is removed.
        """
        job = self._graph.jobs[event.job]
        output, attempt = job.output(self._run), job.aside(self._run, event.attempt)
        # A command that could not record it, or was killed then, has published it already.
        is_published = not attempt.exists() and not changed_files(output, made.outputs)
        try:
            if not is_published:
                self._wait_for(attempt, made, job)
        except InputError as error:  # what a training continues from stays
            return Event(job.name, event.attempt, "failed", error=error)
        try:
            self._check_read(job, made)
        except InputError as error:
            self._lease.check()
            shutil.rmtree(attempt, ignore_errors=True)
            shutil.rmtree(job.checkpoints(self._run), ignore_errors=True)
            return Event(job.name, event.attempt, "failed", error=error)
        self._lease.check()
        if not is_published:
            publish(attempt, output)
        self._unchanged.note([job])
        write_record(self._run, self._graph, job, made, place=place)
        self._unfinished.discard(job.name)
        self._log.add("done", job=job.name, seconds=round(made.seconds, 3))
        for folder in job.checkpoints(self._run).parent.glob(f"{glob.escape(job.subject)}-" + "?" * 12):
            shutil.rmtree(folder, ignore_errors=True)  # abandoned ones too
        return event

    def _wait_for(self, attempt: Path, made: Made, job: Job) -> None:
        """Waits until all that a worker on another machine has written is seen here.

        Raises:
            InputError: it is not seen.
        """
        end = time.monotonic() + _LATE_SECONDS
        while missing := missing_files(attempt, made.outputs):
            if time.monotonic() > end:
                raise InputError(
                    f"files that a worker wrote for {job.name} are not seen here: {named(missing)}",
                    where=attempt,
                    fix="see that all machines have the same folder there; the same command makes it again",
                )
            time.sleep(_POLL_SECONDS)

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
        """Writes what `equiglot status` reads.

        Raises:
            TakenOver: another command writes it.
        """
        self._lease.check()
        self._noted = now = time.monotonic()
        for name, heard in self._heard.items():
            self._running[name].silent = round(now - heard, 1)
        write_json(self._run.progress, {name: each.model_dump() for name, each in self._running.items()})

    def _wind_down(self, pool: Pool, error: Exception) -> None:
        """Lets trainings and labellings save where they are; other jobs are short, or begin again."""
        if not pool.ask_to_stop(error) or not self._training or isinstance(error, TakenOver):
            return
        self._stopping = True
        if isinstance(error, Interrupted):
            self._watcher.stop()
        end = time.monotonic() + _GRACE_SECONDS
        while self._training and time.monotonic() < end:
            for event in pool.events(_POLL_SECONDS):
                with suppress(OSError):  # a full disk: another job may save all the same
                    self._take(event)

    @property
    def _training(self) -> bool:
        return any(self._graph.jobs[name].step.continues for name in self._running)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _refused(act: Callable[..., Exception | None], *arguments: Any) -> Exception | None:
    """What ends the run: an error that `act` gives, or bad input, or what the disk refuses it."""
    try:
        return act(*arguments)
    except (OSError, InputError) as error:
        return error


def _sent_away(event: Event) -> Event:
    """A training that has saved and stopped unasked by this command: its machine is wanted, or its time is over."""
    what = f"{event.job} was asked to stop where it ran, and has saved"
    return replace(event, kind="lost", error=InputError(what, fix="the same command continues"))
