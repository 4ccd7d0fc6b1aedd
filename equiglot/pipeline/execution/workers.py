"""Worker processes: each does one job at a time, with its own share of the processor.

A small model does not keep several cores busy, but several small models do; and with its own threads a job's result
does not depend on how many others run beside it. Messages are JSON, not pickles.
"""

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from equiglot.errors import InputError
from equiglot.pipeline.execution.machine import capacity, core_count, gpu_count
from equiglot.pipeline.execution.pool import (
    Assignment,
    Event,
    Made,
    WorkerFailed,
    failure,
    ignore_stop_signals,
    perform,
    stop_signals_held,
    too_large,
)
from equiglot.pipeline.graph import steps_of
from equiglot.pipeline.progress import JobProgress, Remark, parse_progress
from equiglot.pipeline.steps import Context, Step
from equiglot.recipe import Recipe, recipe_tree
from equiglot.run import RunDirectory
from equiglot.training import Progress

_REPORT_SECONDS = 0.2
# How a worker's C library and kernels use memory; read when a process starts. glibc gives freed memory back at once and
# asks for it again, page by page, which is a tenth of a training step; oneDNN keeps what it compiles for each shape.
MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "2048",
}
_STOP = b"stop"
_GONE = (EOFError, ConnectionError)  # the process on the other side has died


@dataclass
class _Worker:
    """A process, the way to talk to it, and what it does."""

    process: SpawnProcess
    connection: Connection
    task: Assignment | None = None


class Workers:
    """A pool of worker processes on this machine for one run; leaving its context ends them.

    Args:
        run: the run folder.
        recipe: what is run.
        count: processes.
        threads: of each.
        checkpoint_seconds: time between checkpoints of a training.
    """

    def __init__(
        self, run: RunDirectory, recipe: Recipe, *, count: int, threads: int, checkpoint_seconds: float
    ) -> None:
        self._run, self._threads, self._capacity = run, threads, capacity(count, threads)
        self._workers: list[_Worker] = []
        self._next = ""  # a job that waits for cores: others do not go before it
        options = {"threads": threads, "checkpoint_seconds": checkpoint_seconds}
        arguments = (os.fspath(run.root), json.dumps(recipe_tree(recipe)), options)
        try:
            gpus = gpu_count() if count > 1 else 0  # a model may be trained on all of them
            for number in range(count):
                self._workers.append(_start(arguments, gpu_of(number, gpus)))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()

    def check(self, steps: Sequence[Step]) -> None:
        """Refuses a model with more ranks than this machine has cores, or GPUs that one worker sees."""
        cores, gpus = core_count(), gpu_count()
        seen = gpus if len(self._workers) == 1 else min(gpus, 1)
        for step in steps:
            takes = step.resources
            if gpus and takes.gpus > seen:
                there = f"this machine has {gpus}, of which each of {len(self._workers)} workers sees {seen}"
                raise too_large(step, f"{takes.gpus} GPUs", there, "--workers")
            if not gpus and takes.processes > 1 and takes.cores(self._threads) > cores:
                raise too_large(step, f"{takes.cores(self._threads)} cores", f"this machine has {cores}", "--on local")

    def start(self, assignment: Assignment) -> bool:
        """Gives an idle worker something to do, if there are as many free cores as it takes."""
        busy = [each.task.resources.cores(self._threads) for each in self._workers if each.task is not None]
        if len(busy) == len(self._workers) or self._next not in ("", assignment.job):
            return False
        if busy and sum(busy) + assignment.resources.cores(self._threads) > self._capacity:
            self._next = assignment.job
            return False
        self._next = ""
        worker = next(each for each in self._workers if each.task is None)
        worker.task = assignment
        try:
            worker.connection.send_bytes(assignment.model_dump_json().encode())
        except ConnectionError:
            raise _death_of(worker) from None
        return True

    def events(self, seconds: float) -> Iterator[Event]:
        """What the workers say within some seconds."""
        busy = {each.connection: each for each in self._workers if each.task is not None}
        for ready in wait(list(busy), seconds):
            assert isinstance(ready, Connection)
            worker = busy[ready]
            event = _receive(worker)
            if event.kind != "progress":
                worker.task = None
            yield event

    def adopt(self, wanted: Mapping[str, str]) -> Iterable[Assignment]:
        """None: workers end with the command that started them."""
        return ()

    def ask_to_stop(self, why: Exception) -> bool:
        """Asks trainings to save and stop."""
        for worker in self._workers:
            try:
                worker.connection.send_bytes(_STOP)
            except ConnectionError:  # it has died: `events` will say so
                continue
        return True


def gpu_of(worker: int, gpus: int) -> dict[str, str]:
    """What a worker's environment says of the GPU that it is to see: each its own, as far as there are any."""
    if gpus < 2:
        return {}
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus)))).split(",")
    return {"CUDA_VISIBLE_DEVICES": seen[worker % gpus]}


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Processes that are started meanwhile have these variables."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start(arguments: tuple[Any, ...], gpu: Mapping[str, str]) -> _Worker:
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there, *arguments), daemon=True)
    resource_tracker.ensure_running()  # multiprocessing's own process; starting it would let the signals through
    with stop_signals_held(), _environment(gpu):
        process.start()
    there.close()
    return _Worker(process, here)


def _receive(worker: _Worker) -> Event:
    assert worker.task is not None
    job, attempt = worker.task.job, worker.task.attempt
    try:
        return decode_event(worker.connection.recv_bytes(), job, attempt)
    except _GONE:
        return Event(job, attempt, "failed", error=_death_of(worker))


def encode_event(event: Event) -> bytes:
    """An event as a JSON message, in one line."""
    message: dict[str, Any] = {"kind": event.kind}
    if event.progress is not None:
        message["progress"] = event.progress.model_dump()
    if event.made is not None:
        message["made"] = asdict(event.made)
    if isinstance(event.error, InputError):
        message["refused"] = {"what": event.error.what, "where": event.error.where, "fix": event.error.fix}
    elif event.error is not None:
        message["bug"] = str(event.error)
    return json.dumps(message).encode()


def decode_event(message: bytes, job: str, attempt: str) -> Event:
    """The event of `encode_event`, about an attempt at a job."""
    found = json.loads(message)
    progress = parse_progress(found["progress"]) if "progress" in found else None
    made = Made(**found["made"]) if "made" in found else None
    error = InputError(**found["refused"]) if "refused" in found else None
    return Event(job, attempt, found["kind"], progress, made, WorkerFailed(found["bug"]) if "bug" in found else error)


def _death_of(worker: _Worker) -> Exception:
    """Why a process is gone that said nothing: a signal, of the system or of the user."""
    worker.process.join(5)
    job = worker.task.job if worker.task else "a worker"
    code = worker.process.exitcode or 0
    if code >= 0:
        return WorkerFailed(f"the process of {job} ended without a word, exit code {code}")
    remedies = {
        signal.SIGKILL: "if nobody did it, memory ran out: use fewer --workers or smaller batches",
        signal.SIGBUS: "the disk may be full: make room",
    }
    number = signal.Signals(-code)
    fix = "; ".join((*(text for each, text in remedies.items() if each == number), "the same command continues"))
    return InputError(f"the process of {job} was killed ({number.name})", fix=fix)


def _work(connection: Connection, root: str, recipe_json: str, options: dict[str, Any]) -> None:
    """The main function of a worker process."""
    ignore_stop_signals()
    threading.excepthook = lambda _: None  # what TensorBoard's thread raises, its next call raises again
    try:
        threading.Thread(target=_die_with_parent, daemon=True).start()
        worker = StepWorker(RunDirectory(Path(root)), json.loads(recipe_json), **options)
        while (message := connection.recv_bytes()) != _STOP:
            task = Assignment.model_validate_json(message)
            # While a job is done, the only message that can come is the one that asks to stop.
            event = worker.do(task, lambda event: connection.send_bytes(encode_event(event)), connection.poll, _GONE)
            connection.send_bytes(encode_event(event))
    except _GONE:
        return
    except BaseException as error:
        connection.send_bytes(encode_event(failure("", "", error)))


class StepWorker:
    """Makes the outputs of steps of a run, one after the other, wherever it is.

    Args:
        run: the run folder.
        recipe: the tree of the recipe.
        threads: for computing.
        checkpoint_seconds: time between checkpoints of a training.
    """

    def __init__(self, run: RunDirectory, recipe: Any, *, threads: int, checkpoint_seconds: float) -> None:
        self._run, self._checkpoint_seconds = run, checkpoint_seconds
        self._steps = {step.name: step for step in steps_of(Recipe.model_validate(recipe))}
        prepare_process(threads)

    def do(
        self,
        task: Assignment,
        say: Callable[[Event], None],
        stop: Callable[[], bool],
        gone: tuple[type[Exception], ...] = (),
        report_seconds: float = _REPORT_SECONDS,
    ) -> Event:
        """Makes the output of a step.

        Args:
            task: which, and where.
            say: told how far it is.
            stop: asked whether to stop.
            gone: what `say` and `stop` raise when nobody is there any more; it is let through.
            report_seconds: between what it says of how far it is.

        Returns:
            The event that says how it ended.
        """
        context = Context(
            run=self._run,
            output=self._run.root / task.output,
            checkpoints=self._run.root / task.checkpoints,
            progress=_report(task, say, report_seconds),
            stop=stop,
            checkpoint_seconds=self._checkpoint_seconds,
        )
        return perform(self._steps[task.job], task.attempt, context, gone)


def _report(task: Assignment, say: Callable[[Event], None], seconds: float) -> Callable[[JobProgress], None]:
    """Tells how far a job is, not too often."""
    last = 0.0

    def report(progress: JobProgress) -> None:
        nonlocal last
        trained = isinstance(progress, Progress) and progress.update == progress.updates
        if time.monotonic() - last >= seconds or trained or isinstance(progress, Remark):
            last = time.monotonic()
            say(Event(task.job, task.attempt, "progress", progress=progress))

    return report


def prepare_process(threads: int) -> None:
    """Settings of a process that does jobs: threads, quiet libraries."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    import torch
    import tqdm
    import transformers

    from equiglot.models import fix_workspace

    tqdm.tqdm.set_lock(
        threading.RLock()
    )  # its own would be a semaphore of the system, and outlive a worker that is killed
    fix_workspace()
    torch.set_num_threads(threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
