"""Running a recipe: everything that is not done, in order, several jobs at a time; and continuing it after a kill."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from equiglot.errors import InputError
from equiglot.pipeline.assembling import publish
from equiglot.pipeline.graph import Graph, Job
from equiglot.pipeline.records import damaged, explain_change, state_of, take_from, write_record
from equiglot.pipeline.workers import Event, Workers, hold_workers_lock
from equiglot.recipe import Recipe, recipe_text
from equiglot.run import RunDirectory, write_json, write_text
from equiglot.training import Progress

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 60.0


class Interrupted(Exception):
    """The run was asked to stop by a signal; the same command continues it."""

    def __init__(self, number: int) -> None:
        self.signal = number
        super().__init__(signal.Signals(number).name)


@dataclass(frozen=True)
class Machine:
    """How much of the machine a run uses.

    Attributes:
        workers: jobs at a time.
        threads: of each. Results are the same for any number of workers, but not of threads.
        checkpoint_seconds: time between checkpoints.
    """

    workers: int = 1
    threads: int = 1
    checkpoint_seconds: float = 60.0

    @classmethod
    def of_here(cls, workers: int | None = None, threads: int | None = None) -> "Machine":
        """All cores: a worker of one thread on each, unless told otherwise; one worker where there is a GPU."""
        import torch

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if workers is None:
            workers = 1 if torch.cuda.is_available() else max(1, cores // (threads or 1))
        return cls(workers, threads or max(1, cores // workers) if workers == 1 else threads or 1)


@dataclass
class Watcher:
    """Told what happens during a run; the default says nothing.

    Attributes:
        begin: the jobs, and which of them are left.
        event: what a worker says.
        start: a job begins.
        reuse: a job was taken from another run.
    """

    begin: Callable[[Graph, Sequence[Job]], None] = field(default=lambda graph, left: None)
    start: Callable[[Job], None] = field(default=lambda job: None)
    event: Callable[[Event], None] = field(default=lambda event: None)
    reuse: Callable[[Job, str], None] = field(default=lambda job, source: None)


def run_recipe(
    recipe: Recipe,
    into: Path,
    *,
    replace: bool = False,
    reuse: Sequence[Path] = (),
    machine: Machine | None = None,
    watcher: Watcher | None = None,
) -> Path:
    """Runs, or continues, everything of a recipe that is not done in the run folder `into`.

    Args:
        recipe: what to run.
        into: the run folder, made if it is not there.
        replace: do again what the folder has from another version of the recipe.
        reuse: other run folders; what they have done already is copied.
        machine: how much of the machine to use; all of it by default.
        watcher: told what happens.

    Returns:
        The path of the report.

    Raises:
        InputError: bad input; another command works on the folder; the recipe has changed and `replace` is not set.
        Interrupted: a signal asked to stop.
    """
    run, watcher = RunDirectory(into), watcher or Watcher()
    graph = Graph(recipe)
    _make_folder(into)
    with _locked(run), _Signals() as signals:
        _check_changes(run, graph, replace)
        write_text(run.recipe, recipe_text(recipe))
        log = _Log(run.log)
        left = [job for job in graph.jobs.values() if state_of(run, job) != "done"]
        log.add("start", recipe=recipe.name, left=[job.name for job in left])
        watcher.begin(graph, left)
        left = list(_without_reused(run, graph, left, reuse, watcher, log))
        if left:
            _Execution(run, recipe, graph, left, machine or Machine.of_here(), watcher, log, signals).go()
        publish(run, recipe)
        log.add("end")
    return run.report


def read_run(root: Path) -> Recipe:
    """The recipe of a run folder.

    Raises:
        InputError: this is no run folder.
    """
    run = RunDirectory(root)
    if not run.recipe.is_file():
        raise InputError("this is no run folder: it has no recipe.yaml", where=root, fix="name the folder of a run")
    return Recipe.model_validate(yaml.safe_load(run.recipe.read_text(encoding="utf-8")))


def _make_folder(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise InputError("a file stands where the run folder should be", where=root, fix="choose another --into")
    known = (".lock", "recipe.yaml")
    if root.is_dir() and any(root.iterdir()) and not any((root / name).exists() for name in known):
        raise InputError("the folder is not empty and no run folder", where=root, fix="choose another --into")
    root.mkdir(parents=True, exist_ok=True)


@contextmanager
def _locked(run: RunDirectory) -> Iterator[None]:
    """Holds the run folder: a second command is refused, with the process id of the first."""
    handle = os.open(run.lock, os.O_CREAT | os.O_RDWR)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(handle, 20).decode() or "unknown"
            raise InputError(
                f"process {owner} works on this run", where=run.root, fix="wait for it, or choose another --into"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        # Workers of a command that was killed end a moment after it; nothing is touched before they are gone.
        os.close(hold_workers_lock(run, shared=False))
        yield
    finally:
        os.close(handle)


def _check_changes(run: RunDirectory, graph: Graph, replace: bool) -> None:
    changed = [job for job in graph.jobs.values() if state_of(run, job) == "changed"]
    if not changed or replace:
        return
    lines = [f"    {job.name}: {'; '.join(explain_change(run, job, graph)[:3])}" for job in changed]
    raise InputError(
        "the run folder holds jobs of another recipe, which would be done again:\n" + "\n".join(lines),
        where=run.root,
        fix="add --replace to do them again (all others are kept), or choose another --into",
    )


def _without_reused(
    run: RunDirectory, graph: Graph, left: Sequence[Job], reuse: Sequence[Path], watcher: Watcher, log: "_Log"
) -> Iterator[Job]:
    for job in left:
        source = take_from(reuse, run, graph, job) if reuse else None
        if source is None:
            yield job
        else:
            log.add("reused", job=job.name, source=source)
            watcher.reuse(job, source)


class _Log:
    """The structured log: one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, what: str, **details: Any) -> None:
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": what, **details}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


class _Signals:
    """Notes that a signal asked to stop; a second one is obeyed at once."""

    _NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Signals":
        try:
            self._before = {number: signal.signal(number, self._note) for number in self._NUMBERS}
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


class _Execution:
    """The jobs that are left, given to workers as their needs are done."""

    def __init__(
        self,
        run: RunDirectory,
        recipe: Recipe,
        graph: Graph,
        left: Sequence[Job],
        machine: Machine,
        watcher: Watcher,
        log: _Log,
        signals: _Signals,
    ) -> None:
        self._run, self._graph, self._watcher, self._log, self._signals = run, graph, watcher, log, signals
        self._waiting = {job.name: job for job in left}
        self._unfinished = set(self._waiting)
        self._running: dict[str, Progress | None] = {}
        self._noted = 0.0
        self._check_needs()
        self._workers = Workers(
            run,
            recipe,
            count=min(machine.workers, len(left)),
            threads=machine.threads,
            checkpoint_seconds=machine.checkpoint_seconds,
        )

    def go(self) -> None:
        """Does all of them, or raises what stopped it."""
        try:
            while self._unfinished:
                if self._signals.received is not None:
                    self._interrupt()
                self._start_ready()
                for event in self._workers.events(_POLL_SECONDS):
                    self._take(event)
        finally:
            self._workers.close()

    def _check_needs(self) -> None:
        """What was done before and is built upon must still be what it was."""
        needed = {name for job in self._waiting.values() for name in job.needs} - self._unfinished
        for name in sorted(needed):
            files = damaged(self._run, self._graph.jobs[name])
            if files:
                raise InputError(
                    f"files of {name} have changed since they were made: {', '.join(files[:3])}",
                    where=self._graph.jobs[name].output(self._run),
                    fix=f"delete that folder: the same command makes {name} again",
                )

    def _start_ready(self) -> None:
        ready = [job for job in self._waiting.values() if not self._unfinished & set(job.needs)]
        for job in ready[: self._workers.idle]:
            del self._waiting[job.name]
            self._workers.start(job)
            self._log.add("job", job=job.name, fingerprint=job.fingerprint)
            self._running[job.name] = None
            self._watcher.start(job)

    def _take(self, event: Event) -> None:
        if event.kind == "done":
            job = self._graph.jobs[event.job]
            write_record(self._run, self._graph, job, event.seconds)
            self._unfinished.discard(event.job)
            self._log.add("done", job=event.job, seconds=round(event.seconds, 3))
        self._watcher.event(event)
        self._note_progress(event)
        if event.error is not None:
            self._log.add("failed", job=event.job, error=str(event.error))
            raise event.error

    def _note_progress(self, event: Event) -> None:
        """Keeps the file that `equiglot status` reads; at most one a second, and losing it loses nothing."""
        if event.kind == "progress":
            self._running[event.job] = event.progress
        else:
            self._running.pop(event.job, None)
        if time.monotonic() - self._noted >= 1:
            self._noted = time.monotonic()
            running = {name: progress and progress.model_dump() for name, progress in self._running.items()}
            write_json(self._run.progress, running)

    def _interrupt(self) -> None:
        """Lets trainings save where they are; other jobs are short, or begin again."""
        assert self._signals.received is not None
        self._workers.ask_to_stop()
        end = time.monotonic() + _GRACE_SECONDS
        while self._workers.at_work and time.monotonic() < end:
            for event in self._workers.events(_POLL_SECONDS):
                self._take(event)
        self._log.add("interrupted", signal=signal.Signals(self._signals.received).name)
        raise Interrupted(self._signals.received)
