"""Starts the other processes that train a model together with this one, and ends them with it.

Each is told on its standard input, in one line of JSON, what it trains; when that input ends, this process has died,
and it dies too. What goes wrong in one of them ends the training in all.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from equiglot import training
from equiglot.errors import InputError
from equiglot.pipeline.steps.context import Context
from equiglot.recipe import Recipe, recipe_tree

REFUSED, LOST = 2, 3
"""Exit codes of a process whose last words are an InputError, and of one that has lost another."""
_MODULE = "equiglot.pipeline.steps.rank"
_GRACE = 60.0  # seconds in which a process that has failed is seen to have ended: a busy machine takes some
_PAUSE = 0.02


class RankKilled(InputError):
    """Another rank was killed: by whoever wants its memory or its machine, and not for what it was told to do."""


@contextmanager
def training_ranks(recipe: Recipe, model: str, context: Context, devices: int) -> Iterator[training.Ranks]:
    """This process as the first of `devices` ranks that train a model; the others are started, and do the same.

    Raises:
        RankKilled: another rank was killed.
        InputError: another rank has refused its input.
        RuntimeError: another rank has failed: a bug, with its traceback.
    """
    if devices == 1:
        yield training.Ranks()
        return
    import torch

    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    with TemporaryDirectory(prefix="equiglot-ranks-") as folder:
        told = {
            "recipe": recipe_tree(recipe),
            "model": model,
            "run": os.fspath(context.run.root),
            "output": os.fspath(context.output),
            "checkpoints": os.fspath(context.checkpoints),
            "threads": torch.get_num_threads(),
            "folder": folder,
            "size": devices,
        }
        others = [_Other(rank, told, Path(folder)) for rank in range(1, devices)]
        try:
            _wait_for(others)
            with training.joined(meeting(Path(folder)), 0, devices) as ranks:
                yield ranks
        except training.RankLost as lost:
            raise _cause(others, lost) from None
        finally:
            for other in others:
                other.end()


@contextmanager
def _sigterm_held() -> Iterator[None]:
    """What is started within never gets SIGTERM: it asks for a stop, and the first rank decides for all when that is.

    A machine that goes down sends it to every process, and some clusters to all of a job.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def meeting(folder: Path) -> Path:
    """Where ranks meet that share a folder."""
    return folder / "meeting"


def ready_file(folder: Path, rank: int) -> Path:
    """What a rank makes when it is about to join."""
    return folder / f"ready-{rank}"


class _Other:
    """Another rank's process."""

    def __init__(self, rank: int, told: dict[str, object], folder: Path) -> None:
        self.rank, self._words, self._ready = rank, folder / f"words-{rank}", ready_file(folder, rank)
        with self._words.open("wb") as words, _sigterm_held():
            # Not of this process's group: Ctrl-C is for the process that was started by the user, who is asked first.
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=words,
                start_new_session=True,
            )
        self._told = json.dumps({**told, "rank": rank}).encode() + b"\n"

    @property
    def ready(self) -> bool:
        """Whether it is about to join."""
        return self._ready.exists()

    @property
    def code(self) -> int | None:
        """Its exit code, if it has ended."""
        return self._process.poll()

    @property
    def words(self) -> str:
        """What it said last."""
        return self._words.read_text(errors="replace").strip()

    def tell(self) -> None:
        """Tells it what to train."""
        with suppress(BrokenPipeError):  # it has died: `code` says so
            self._input.write(self._told)
            self._input.flush()

    def end(self) -> None:
        """Ends it, if it has not ended."""
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._input.close()

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin


def _wait_for(others: list[_Other]) -> None:
    """Until all are about to join.

    Raises:
        RankLost: one has ended before.
    """
    for other in others:
        other.tell()
    while not all(other.ready for other in others):
        if any(other.code is not None for other in others):
            raise training.RankLost("it has ended before it began")
        time.sleep(_PAUSE)


def _cause(others: list[_Other], lost: training.RankLost) -> Exception:
    """Why another rank does not answer.

    Where one dies, those that wait for it end as well, and say that they have lost it: it is not their fault.
    """
    end = time.monotonic() + _GRACE
    while time.monotonic() < end:
        for other in others:
            if other.code and other.code != LOST:
                return _failure(other, other.code)
        time.sleep(_PAUSE)
    return InputError(
        f"a rank of the training does not answer: {str(lost).splitlines()[0]}",
        where="training.devices",
        fix="the same command continues",
    )


def _failure(other: _Other, code: int) -> Exception:
    """What has ended a rank with an exit code."""
    if code < 0:
        return RankKilled(
            f"rank {other.rank} of the training was killed ({signal.Signals(-code).name})",
            where="training.devices",
            fix="if nobody did it, memory ran out: use fewer devices or smaller batches; the same command continues",
        )
    if code == REFUSED:
        return InputError(f"rank {other.rank} of the training: {other.words}", where="training.devices")
    return RuntimeError(f"rank {other.rank} of the training failed:\n{other.words}")
