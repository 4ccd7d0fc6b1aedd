"""Ray as an engine: each attempt is a Ray task, which starts a worker as a process, waits for it, and ends it.

Ray gets strings and gives nothing back: what workers read and write is in the run folder, on a disk that all machines
share. Ray begins no task again by itself, for the command does. Its tasks end with the command.
"""

import importlib.util
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from equiglot.errors import InputError
from equiglot.files import write_text
from equiglot.pipeline.execution.divided import SHORT_SECONDS, Divided
from equiglot.pipeline.execution.elsewhere import OUTPUT, Elsewhere
from equiglot.pipeline.execution.machine import capacity
from equiglot.pipeline.execution.orders import read_order
from equiglot.pipeline.execution.pool import STOPPING, MakePool, Pool, too_large
from equiglot.pipeline.execution.workers import MEMORY
from equiglot.pipeline.steps import Step
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory

_ANSWER_SECONDS = 10.0  # in which a port answers, and the Ray behind it
_STORE_BYTES = 100 << 20  # of memory for objects: there are none
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_py_gcs_connect_timeout_s": f"{_ANSWER_SECONDS:.0f}"}


def pool_on_ray(address: str) -> MakePool:
    """What makes a pool of Ray tasks.

    Args:
        address: of a cluster: HOST:PORT where this machine is one of its machines, ray://HOST:PORT elsewhere, or auto;
            empty for a Ray of its own on this machine, which ends with the run.

    Raises:
        InputError: Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError("Ray is not installed", where="--on", fix="pip install 'equiglot[ray]'")

    def make(run: RunDirectory, recipe: Recipe, *, count: int, threads: int, checkpoint_seconds: float) -> Pool:
        far = _OnRay(
            connect(address, capacity(count, threads)),
            run,
            recipe,
            count=count,
            threads=threads,
            checkpoint_seconds=checkpoint_seconds,
            leaves=lambda why: False,
        )
        return Divided(far, SHORT_SECONDS)

    return make


class _OnRay(Elsewhere):
    """A pool that leaves Ray when it ends."""

    outlive = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        import ray

        super().__exit__(kind, error, trace)
        ray.shutdown()


def connect(address: str, cores: int) -> "Ray":
    """Connects this process with a Ray cluster, or starts a Ray on this machine.

    Args:
        address: where it answers; empty to start one.
        cores: of the one that is started.

    Raises:
        InputError: no Ray answers there.
    """
    if address and address != "auto":
        try:
            _knock(address.removeprefix("ray://"))
        except (ValueError, OverflowError):
            raise _no_ray(address, "this is no address") from None
        except OSError as error:
            raise _no_ray(address, f"nothing answers ({error})") from None
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})  # read at the import
    import ray

    own = {} if address else {"num_cpus": cores, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    try:
        with _signals_as_they_were():
            found = ray.init(address or "local", log_to_driver=False, logging_level="critical", **own)
    except (Exception, SystemExit) as error:  # the latter is how Ray gives up
        reason = "" if isinstance(error, SystemExit) else f": {_first_line(error)}"
        raise _no_ray(address, f"no Ray answers{reason}") from None
    return Ray("" if address.startswith("ray://") else found.address_info["gcs_address"])


def _knock(address: str) -> None:
    """Looks whether anything answers at HOST:PORT: Ray itself would try for minutes, and then end this process.

    Raises:
        OSError: nothing does.
        ValueError, OverflowError: it is no address.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()


def _no_ray(address: str, what: str) -> InputError:
    fix = "give HOST:PORT as `ray start --head` says it, or ray://HOST:10001 from outside the cluster"
    return InputError(what, where=f"--on ray{address and ':'}{address}", fix=fix)


@contextmanager
def _signals_as_they_were() -> Iterator[None]:
    """Takes back what Ray does on signals: a run saves its trainings first."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


class Ray:
    """Starts workers as Ray tasks, of the Ray that this process is connected with.

    A ticket is Ray's name of what a task would give back. Only the command that has started a task can ask for it.

    Args:
        head: HOST:PORT of what holds the cluster together; empty where this machine cannot see it.
    """

    look_seconds = 2.0

    def __init__(self, head: str) -> None:
        self._head = head
        self._tasks: dict[str, tuple[Any, RunDirectory, str]] = {}  # ticket -> Ray's reference, run, attempt

    def called(self, ticket: str) -> str:
        """Ray's own name says nothing."""
        return "a task of Ray"

    def check(self, steps: Sequence[Step], threads: int) -> None:
        """Refuses what is larger than every machine that the cluster has now.

        Raises:
            InputError: a step is; or the cluster is gone.
        """
        import ray

        with _asking():
            machines = [each["Resources"] for each in ray.nodes() if each["Alive"]]
        most_cores, most_gpus = (int(max((each.get(of, 0) for each in machines), default=0)) for of in ("CPU", "GPU"))
        for step in steps:
            cores, gpus = step.resources.cores(threads), step.resources.gpus if most_gpus else 0
            if not any(each.get("CPU", 0) >= cores and each.get("GPU", 0) >= gpus for each in machines):
                takes = f"{cores} cores" + (f" and {gpus} GPUs" if gpus else "")
                there = f"no machine of Ray has them: {most_cores} cores and {most_gpus} GPUs at most"
                raise too_large(step, takes, there, "--on ray")

    def start(self, run: RunDirectory, attempts: Sequence[str]) -> dict[str, str]:
        """Gives each attempt to Ray, which starts it where there are as many free cores as it takes.

        Raises:
            InputError: the cluster is gone.
        """
        import ray

        task, tickets = ray.remote(_task()), dict[str, str]()
        orders = {attempt: read_order(run, attempt) for attempt in attempts}
        with _asking():
            has_gpus = ray.cluster_resources().get("GPU", 0) >= 1
            for attempt, order in orders.items():
                takes = order.task.resources
                options = {
                    "num_cpus": takes.cores(order.threads),
                    "num_gpus": takes.gpus if has_gpus else 0,
                    "max_retries": 0,
                    "name": order.task.job,
                }
                reference = task.options(**options).remote(os.path.abspath(run.root), attempt)
                tickets[attempt] = reference.hex()
                self._tasks[reference.hex()] = reference, run, attempt
        return tickets

    def places(self, tickets: Sequence[str]) -> Mapping[str, str] | None:
        """Those that have not ended: Ray does not say which of them have begun, but their workers do.

        Raises:
            InputError: the cluster is gone.
        """
        import ray

        known = {each: self._tasks[each] for each in tickets if each in self._tasks}
        if not known:
            return {}
        with _asking():
            ended, left = ray.wait([each[0] for each in known.values()], num_returns=len(known), timeout=0)
        for reference in ended:
            self._note_end(reference.hex())
        return {each.hex(): "waits for free cores of Ray" for each in left}

    def cancel(self, tickets: Sequence[str]) -> None:
        """Interrupts the tasks, which end their workers."""
        import ray

        with _asking():
            for ticket in tickets:
                if ticket in self._tasks:
                    ray.cancel(self._tasks.pop(ticket)[0])

    def _note_end(self, ticket: str) -> None:
        """Keeps why a task has failed beside the attempt: the worker is found lost if it has not said how it ended."""
        import ray

        reference, run, attempt = self._tasks.pop(ticket)
        try:
            ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            reason = str(error.cause)
        except ray.exceptions.RayError as error:
            reason = _first_line(error)
            if self._head:  # more than one machine may be gone: then Ray would end this process after a minute
                with _asking():
                    _knock(self._head)
        else:
            return
        folder = run.attempts / attempt
        if folder.exists():
            write_text(folder / OUTPUT, reason + "\n")


@contextmanager
def _asking() -> Iterator[None]:
    """What goes wrong meanwhile means that the cluster is gone."""
    import ray

    try:
        yield
    except (ray.exceptions.RayError, OSError) as error:
        raise InputError(
            f"Ray does not answer any more: {_first_line(error)}", fix="the same command continues"
        ) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _task() -> Callable[[str, str], None]:
    """What Ray is given to do: a function in a function, which Ray sends as it is; one of a module it would import
    there, and PyTorch with it, in a process that does nothing but wait."""
    environment = dict(MEMORY)

    def work(run: str, attempt: str) -> None:
        import os
        import subprocess
        import sys
        import tempfile
        import time

        with tempfile.TemporaryFile() as output:
            command = [sys.executable, "-m", "equiglot.worker", run, attempt]
            variables = {**environment, **os.environ}
            worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=variables)
            try:
                while worker.poll() is None:
                    time.sleep(0.1)  # short: only between two of them Ray can interrupt it
            finally:
                worker.kill()
                worker.wait()
            if worker.returncode:
                output.seek(max(0, output.seek(0, os.SEEK_END) - 2000))
                raise RuntimeError(f"exit code {worker.returncode}: {output.read().decode(errors='replace').strip()}")

    return work
