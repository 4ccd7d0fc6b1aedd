"""What a worker on another machine is told to do, and how it does it: all of it in a folder of the shared disk.

`.attempts/<attempt>/order.json` says what to do. The worker adds a line to `said.jsonl` for everything that it says,
and one from time to time to say that it lives. Where a file `stop` appears, it saves and stops; where the folder is
gone, nobody waits for it any more, and it ends.
"""

import json
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.files import naming, read_json, write_json
from equiglot.pipeline.execution.machine import versions
from equiglot.pipeline.execution.pool import Assignment, failure
from equiglot.pipeline.execution.workers import StepWorker, encode_event
from equiglot.pipeline.records import read_record
from equiglot.run import RunDirectory

SAID, STOP, TICKET = "said.jsonl", "stop", "ticket"
_T = TypeVar("_T")
_Say = Callable[[bytes], None]
_ORDER = "order.json"
_SAME_ENVIRONMENT = "let the profile start the same environment that the command runs in"
_LATE_SECONDS = 60.0  # in which a shared disk shows what another machine has written
_ALIVE_SECONDS = 20.0  # between the lines that say so
_AGAIN_SECONDS = 1.0  # between tries to write a line that counts
_REPORT_SECONDS = 5.0  # between the lines that say how far a job is
_LOOK_SECONDS = 2.0  # between looks for the file that asks to stop


class Order(BaseModel):
    """An attempt at a job on another machine.

    Attributes:
        task: what to do.
        recipe: the tree of the recipe.
        threads: for computing.
        checkpoint_seconds: time between checkpoints of a training.
        versions: of the packages that the command has.
        root: the run folder that the worker is given; known when the order is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    task: Assignment
    recipe: dict[str, Any]
    threads: int
    checkpoint_seconds: float
    versions: dict[str, str]
    root: str = ""


def give_order(run: RunDirectory, order: Order) -> Path:
    """Writes an order down; gives its folder."""
    folder = run.attempts / order.task.attempt
    write_json(folder / _ORDER, order.model_dump(mode="json") | {"root": os.path.abspath(run.root)})
    return folder


def read_order(run: RunDirectory, attempt: str) -> Order:
    """The order of an attempt.

    Raises:
        OSError: there is none.
        ValueError: it is none of ours.
    """
    return Order.model_validate(read_json(run.attempts / attempt / _ORDER))


def left_attempts(run: RunDirectory) -> Iterator[tuple[Assignment, str]]:
    """The attempts that commands have given to an engine, each with the engine's ticket of it.

    Those that came with a copy of another run folder are that one's: their workers write there.
    """
    for path in sorted(run.attempts.glob(f"*/{TICKET}")):
        with suppress(OSError, ValueError):  # nothing of ours
            order = read_order(run, path.parent.name)
            if order.task.attempt == path.parent.name and os.path.samefile(order.root, run.root):
                yield order.task, path.read_text()


def carry_out(root: Path, attempt: str) -> None:
    """Does what an order says, and says how it ended; the main function of a worker on another machine.

    Raises:
        InputError: the order is not seen here.
    """
    run = RunDirectory(root)
    order = _wait_for(lambda: _seen(run, attempt))
    if order is None:
        fix = "see that this machine has the same run folder there"
        raise InputError(f"there is no order {attempt} here", where=run.attempts, fix=fix)
    with _talking(run.attempts / attempt) as (say, tell, stop):
        tell(_line({"kind": "started", "host": platform.node(), "pid": os.getpid()}))
        try:
            _check(run, order)
            worker = StepWorker(run, order.recipe, threads=order.threads, checkpoint_seconds=order.checkpoint_seconds)
            event = worker.do(order.task, lambda event: say(encode_event(event)), stop, report_seconds=_REPORT_SECONDS)
        except BaseException as error:
            event = failure(order.task.job, attempt, error)
        tell(encode_event(event))


def _seen(run: RunDirectory, attempt: str) -> Order | None:
    try:
        return read_order(run, attempt)
    except OSError:
        return None
    except ValueError:
        what = "this order is of another version of Equiglot"
        raise InputError(what, where=run.attempts / attempt, fix=_SAME_ENVIRONMENT) from None


def _check(run: RunDirectory, order: Order) -> None:
    """Refuses to work with other packages than the command has, or where what is needed is not seen.

    Raises:
        InputError: what is another one, or missing.
    """
    here, wanted = versions(), order.versions.items()
    if other := [f"{name} {here.get(name)} instead of {each}" for name, each in wanted if here.get(name) != each]:
        raise InputError(f"this machine has {', '.join(other)}", where=platform.node(), fix=_SAME_ENVIRONMENT)
    _wait_for(lambda: None if _missing(run, order.task) else True)
    if missing := _missing(run, order.task):
        raise InputError(
            f"what was made before is not seen here: {', '.join(missing[:3])}",
            where=f"{run.root} on {platform.node()}",
            fix="see that this machine has the same run folder there",
        )


def _missing(run: RunDirectory, task: Assignment) -> list[str]:
    """The jobs before it whose records are not here, or are others."""
    found = {name: read_record(run, name) for name in task.needs}
    return [name for name, record in found.items() if record is None or record.fingerprint != task.needs[name]]


def _wait_for(look: Callable[[], _T | None]) -> _T | None:
    """What is found, once it is; None where it is not in time."""
    end = time.monotonic() + _LATE_SECONDS
    while (found := look()) is None and time.monotonic() < end:
        time.sleep(0.5)
    return found


@contextmanager
def _talking(folder: Path) -> Iterator[tuple[_Say, _Say, Callable[[], bool]]]:
    """What says a line, as far as the disk takes it; what says one that counts; and what is asked whether to stop.

    Meanwhile a thread says that the worker lives. SIGTERM asks to stop, too: schedulers send it before they kill.
    """
    asked, done, lock = threading.Event(), threading.Event(), threading.Lock()
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    looked, torn = 0.0, False

    def write(line: bytes) -> None:
        nonlocal torn
        path = folder / SAID
        try:
            with lock, naming(path), open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666), "wb") as file:
                begin, torn = b"\n" if torn else b"", True  # behind half a line, of which the disk took no more
                file.write(begin + line + b"\n")
                file.flush()
                os.fsync(file.fileno())
                torn = False  # closed each time: then a shared disk shows it elsewhere
        except FileNotFoundError:  # nobody waits for it any more
            os._exit(1)

    def say(line: bytes) -> None:
        with suppress(OSError):  # a disk that is full or away for a while
            write(line)

    def tell(line: bytes) -> None:
        end = time.monotonic() + _LATE_SECONDS
        while True:
            try:
                return write(line)
            except OSError:
                if time.monotonic() >= end:
                    raise
            time.sleep(_AGAIN_SECONDS)

    def stop() -> bool:
        nonlocal looked
        if time.monotonic() - looked >= _LOOK_SECONDS:
            looked = time.monotonic()
            with suppress(OSError):  # a disk that is away for a while
                if (folder / STOP).exists():
                    asked.set()
        return asked.is_set()

    def live() -> None:
        while not done.wait(_ALIVE_SECONDS):
            say(_line({"kind": "alive"}))

    threading.Thread(target=live, daemon=True).start()
    try:
        yield say, tell, stop
    finally:
        done.set()
        signal.signal(signal.SIGTERM, before)


def _line(value: Any) -> bytes:
    return json.dumps(value).encode()


def read_said(path: Path, begin: int) -> tuple[list[bytes], int]:
    """The whole lines that were added to a file behind the byte `begin`; and where the next one begins."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(begin)
        text = file.read()
        end = text.rfind(b"\n") + 1
        return text[:end].splitlines(), begin + end
    return [], begin
