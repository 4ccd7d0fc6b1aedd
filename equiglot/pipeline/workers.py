"""Worker processes: each does one job at a time, with its own share of the processor.

A small model does not keep several cores busy, but several small models do; and with its own threads a job's result
does not depend on how many others run beside it. Messages are JSON, not pickles.
"""

import fcntl
import json
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from equiglot.errors import InputError
from equiglot.pipeline.graph import Job
from equiglot.recipe import Recipe, recipe_tree
from equiglot.run import RunDirectory
from equiglot.training import Progress

_REPORT_SECONDS = 0.2


@dataclass(frozen=True)
class Event:
    """What a worker says: a job's progress, its end, or its failure.

    Attributes:
        job: the job's name.
        kind: "progress", "done", "stopped" or "failed".
        progress: for "progress".
        seconds: for "done".
        error: for "failed".
    """

    job: str
    kind: str
    progress: Progress | None = None
    seconds: float = 0.0
    error: Exception | None = None


class WorkerFailed(Exception):
    """A bug in a job, with the traceback of its process."""


class Workers:
    """A pool of worker processes for one run.

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
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._busy: dict[Connection, str | None] = {}
        self._processes = []
        options = {"threads": threads, "checkpoint_seconds": checkpoint_seconds}
        for _ in range(count):
            here, there = context.Pipe()
            arguments = (there, self._stop, os.fspath(run.root), json.dumps(recipe_tree(recipe)), options)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            there.close()
            self._busy[here] = None
            self._processes.append(process)

    @property
    def idle(self) -> int:
        """Workers without a job."""
        return sum(job is None for job in self._busy.values())

    @property
    def at_work(self) -> bool:
        """Whether any worker has a job."""
        return any(self._busy.values())

    def start(self, job: Job) -> None:
        """Gives a job to an idle worker."""
        connection = next(each for each, busy in self._busy.items() if busy is None)
        try:
            connection.send_bytes(json.dumps([job.kind, job.subject, job.fingerprint]).encode())
        except OSError:
            raise WorkerFailed("a worker process died before it had anything to do") from None
        self._busy[connection] = job.name

    def events(self, seconds: float) -> Iterator[Event]:
        """What the workers say within some seconds."""
        for ready in wait([each for each, busy in self._busy.items() if busy], seconds):
            assert isinstance(ready, Connection)
            name = self._busy[ready] or ""
            try:
                event = _event(name, json.loads(ready.recv_bytes()))
            except EOFError:
                event = Event(name, "failed", error=WorkerFailed(f"the process of {name} died (out of memory?)"))
            if event.kind != "progress":
                self._busy[ready] = None
            yield event

    def ask_to_stop(self) -> None:
        """Asks trainings to save and stop."""
        self._stop.set()

    def close(self) -> None:
        """Ends the processes."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()


def _event(job: str, message: dict[str, Any]) -> Event:
    if message["kind"] == "progress":
        return Event(job, "progress", progress=Progress(**message["progress"]))
    if message["kind"] == "input-error":
        return Event(job, "failed", error=InputError(message["what"], where=message["where"], fix=message["fix"]))
    if message["kind"] == "failed":
        return Event(job, "failed", error=WorkerFailed(f"{job} failed:\n{message['traceback']}"))
    return Event(job, message["kind"], seconds=message.get("seconds", 0.0))


def hold_workers_lock(run: RunDirectory, *, shared: bool) -> int:
    """Takes the lock that every worker shares; who takes it alone knows that no worker of an earlier run is left."""
    handle = os.open(run.root / ".workers", os.O_CREAT | os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    return handle


def _work(connection: Connection, stop: Any, root: str, recipe_json: str, options: dict[str, Any]) -> None:
    """The main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_die_with_parent, daemon=True).start()
    run = RunDirectory(Path(root))
    hold_workers_lock(run, shared=True)
    recipe = Recipe.model_validate(json.loads(recipe_json))
    prepare_process(options["threads"])
    while True:
        try:
            kind, subject, fingerprint = json.loads(connection.recv_bytes())
        except EOFError:
            return
        message = _do(connection, stop, run, recipe, (kind, subject, fingerprint), options["checkpoint_seconds"])
        connection.send_bytes(json.dumps(message).encode())


def _do(
    connection: Connection, stop: Any, run: RunDirectory, recipe: Recipe, job: tuple[Any, str, str], seconds: float
) -> dict[str, Any]:
    from equiglot.pipeline.work import Hooks, Stopped, perform  # noqa: PLC0415 - torch, only where it is used

    last = 0.0

    def report(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= _REPORT_SECONDS or progress.update == progress.updates:
            last = time.monotonic()
            connection.send_bytes(json.dumps({"kind": "progress", "progress": progress.model_dump()}).encode())

    begun = time.monotonic()
    try:
        perform(run, recipe, *job, Hooks(report, stop.is_set, seconds))
    except Stopped:
        return {"kind": "stopped"}
    except InputError as error:
        return {"kind": "input-error", "what": error.what, "where": error.where, "fix": error.fix}
    except OSError as error:
        return {"kind": "input-error", **describe_os_error(error)}
    except Exception:
        return {"kind": "failed", "traceback": traceback.format_exc()}
    return {"kind": "done", "seconds": time.monotonic() - begun}


def describe_os_error(error: OSError) -> dict[str, str | None]:
    """What the operating system refused (a full disk, a missing right), as the parts of an InputError."""
    return {
        "what": error.strerror or str(error),
        "where": None if error.filename is None else os.fspath(error.filename),
        "fix": "make room on the disk; the same command then continues" if error.errno == 28 else None,
    }


def prepare_process(threads: int) -> None:
    """Settings of a process that does jobs: threads, quiet libraries."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    import torch
    import transformers

    torch.set_num_threads(threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
