"""How much of the machine a run uses."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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

        Where there is a GPU, one worker.
        """
        import torch

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if torch.cuda.is_available():
            return cls(workers or 1, threads or cores)
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
