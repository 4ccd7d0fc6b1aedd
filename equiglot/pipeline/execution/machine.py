"""How much of the machine a run uses, and what it ran on."""

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("equiglot", "torch", "transformers", "tokenizers", "numpy", "pyarrow")


@cache
def versions() -> dict[str, str]:
    """Package -> version, Python among them."""
    return {"python": platform.python_version(), **{package: version(package) for package in _PACKAGES}}


@cache
def hardware() -> dict[str, str]:
    """Property of the machine -> value."""
    import torch

    found = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(core_count()),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def gpu_count() -> int:
    """GPUs that this process sees."""
    from torch.cuda import device_count

    return device_count()


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def capacity(workers: int, threads: int) -> int:
    """Cores that jobs keep busy together: as many as there are, or more where more workers are asked for."""
    return max(workers * threads, core_count())


_WORKER_BYTES = 2 << 30  # of which torch and transformers take half, whatever the model


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
        """All cores: a worker of one thread on each, unless told otherwise, as far as the memory goes.

        Where there are GPUs, a worker for each, with its part of the cores as threads; fewer workers have no more
        threads, for each process of a model that several train has as many.
        """
        cores = core_count()
        if gpus := gpu_count():
            workers = workers or gpus
            return cls(workers, threads or max(1, cores // max(workers, gpus)))
        fitting = min(cores // (threads or 1), _memory() // _WORKER_BYTES)
        return cls(workers or max(1, fitting), threads or 1)


def _memory() -> int:
    """Bytes of memory that the machine, or the container, has; a great many where it does not say."""
    found = [1 << 50]
    with suppress(ValueError, OSError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(ValueError, OSError):  # a container without a limit says "max"
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(found)
