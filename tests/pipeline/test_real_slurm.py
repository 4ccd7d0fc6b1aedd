"""A real SLURM on this machine: jobs that are cancelled or killed, or lose the daemon of their node."""

import json
import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from equiglot.pipeline import Event, Machine, Watcher, pool_on, run_recipe
from equiglot.pipeline.execution import elsewhere
from equiglot.pipeline.execution.slurm import Slurm
from equiglot.recipe import Recipe
from tests.pipeline.conftest import Change, half_written, results, run_here
from tests.pipeline.real_slurm import cluster, start, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files of a SLURM that is at work."""
    folder = tmp_path_factory.mktemp("slurm")
    with cluster(folder):
        yield folder


@pytest.fixture(autouse=True)
def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands find it; nobody waits long."""
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    monkeypatch.setattr(Slurm, "look_seconds", 1.0)
    monkeypatch.setattr(elsewhere, "_LATE_SECONDS", 5.0)


@pytest.fixture
def recipe(make: Change) -> Recipe:
    """Two models that take some seconds to train."""
    return make(training__updates=1500, models={"mono-{language}": {"languages": "each"}})


def _run(
    recipe: Recipe, tmp_path: Path, finished: Path, profile: str, act: Callable[[int, int], None] | None = None
) -> list[str]:
    """Runs it; `act` is done when a training has come some way, told its process and how many attempts were lost.

    Its results are those of a run without SLURM. Gives the words about what was lost.
    """
    events, acted, process = list[Event](), set[int](), 0
    (tmp_path / "profile.yaml").write_text(profile)

    def watch(event: Event) -> None:
        nonlocal process
        events.append(event)
        if event.job != "model/mono-en":
            return
        if event.place.startswith("process"):
            process = int(event.place.split()[1])
        lost = sum(each.job == event.job and each.kind == "lost" for each in events)
        if act and event.progress is not None and lost not in acted:
            acted.add(lost)
            act(process, lost)

    into, machine = tmp_path / "run", Machine(checkpoint_seconds=1)
    pool = pool_on(f"slurm:{tmp_path / 'profile.yaml'}")
    run_recipe(recipe, into, machine=machine, pool=pool, watcher=Watcher(event=watch), reuse=[finished])
    run_here(recipe, tmp_path / "here", reuse=[finished])
    assert results(into) == results(tmp_path / "here")
    assert half_written(into) == [] and not (into / ".attempts").exists()
    log = [json.loads(line) for line in (into / "log.jsonl").read_text().splitlines()]
    return [each["why"] for each in log if each["event"] == "lost" and each["job"] == "model/mono-en"]


def _jobs() -> list[str]:
    """Of SLURM, those that run."""
    command = ["squeue", "--noheader", "--array", "--states=RUNNING", "--format=%i"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_jobs_that_are_cancelled_requeued_and_killed(recipe: Recipe, finished: Path, tmp_path: Path) -> None:
    """SLURM does not begin jobs again, though it is told to: the command does."""

    def act(process: int, lost: int) -> None:
        if lost == 0:
            for job in _jobs():
                said = subprocess.run(["scontrol", "requeue", job], check=False, capture_output=True, text=True)
                assert "disabled" in said.stderr
                subprocess.run(["scancel", job], check=True)
        elif lost == 1:
            os.kill(process, signal.SIGKILL)

    first, second = _run(recipe, tmp_path, finished, "jobs: 4\npartition: cpu\n", act)
    assert "asked to stop where it ran, and has saved" in first
    assert "gone without a word (" in second


def test_the_daemon_of_the_node_is_killed(recipe: Recipe, finished: Path, tmp_path: Path, folder: Path) -> None:
    """SLURM gives the node up, and so its jobs; their workers may still be at work when it comes back."""

    def act(process: int, lost: int) -> None:
        if lost == 0:
            os.kill(int((folder / "slurmd.pid").read_text()), signal.SIGKILL)
            while _jobs():
                time.sleep(1)
            start(["slurmd", "-D", "-N", platform.node().partition(".")[0]], dict(os.environ), folder)

    lost = _run(recipe, tmp_path, finished, "{}", act)
    assert all("gone without a word (" in each for each in lost)  # none, if its worker ended all the same
