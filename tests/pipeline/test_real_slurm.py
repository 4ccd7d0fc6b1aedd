"""A real SLURM on this machine: jobs that are cancelled or killed, or lose the daemon of their node."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from equiglot.pipeline import Event, Machine, Watcher, pool_on, read_status, run_recipe
from equiglot.pipeline.execution import elsewhere
from equiglot.pipeline.execution.slurm import Slurm
from equiglot.recipe import Recipe, recipe_text
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


def test_a_command_that_is_a_job_itself(recipe: Recipe, finished: Path, tmp_path: Path) -> None:
    """Its process is killed, and the jobs go on; its next one is asked to end them; the third comes to the end."""
    into, end = tmp_path / "run", time.monotonic() + 1200
    (tmp_path / "tiny.yaml").write_text(recipe_text(recipe))
    (tmp_path / "profile.yaml").write_text("detached: {partition: cpu}\nshort_seconds: 1000\n")
    command = ["run", f"{tmp_path}/tiny.yaml", "--into", str(into), "--on", f"slurm:{tmp_path}/profile.yaml"]
    command = [sys.executable, "-m", "equiglot", *command, "--reuse", str(finished)]

    def detach() -> str:
        said = subprocess.run([*command, "--detach"], check=False, capture_output=True, text=True)
        assert (said.returncode, said.stderr) == (0, "")
        return said.stdout.partition("The command is SLURM job ")[2].partition(".")[0]

    def until(what: Callable[[], object]) -> None:
        while not what():
            assert time.monotonic() < end, (into / "output.txt").read_text()
            time.sleep(0.5)

    def is_training() -> bool:
        status = read_status(into)
        return status.owner is not None and any(each.place.startswith("process") for each in status.running.values())

    for end_it in (["kill", "-KILL"], ["scancel", "--batch", "--signal=INT"]):
        job = detach()
        refused = subprocess.run(command, check=False, capture_output=True, text=True)
        assert refused.returncode == 2 and f"SLURM job {job} is the command of this run" in refused.stderr
        until(is_training)
        status = read_status(into)
        assert status.owner is not None and status.detached is not None and status.detached.place is not None
        assert status.detached.place.startswith(f"runs on {platform.node().partition('.')[0]} since 20")
        subprocess.run([*end_it, str(status.owner.pid) if "kill" in end_it else job], check=True)
        until(lambda job=job: job not in _jobs())
        assert bool(_jobs()) == (into / ".attempts").exists() == ("kill" in end_it)
        status = read_status(into)
        assert status.owner is None and status.detached is not None and status.detached.has_ended
    assert status.detached.last[-1] == "Stopped; the same command continues."
    detach()
    until(lambda: not (into / ".detached.json").exists())
    run_here(recipe, tmp_path / "here", reuse=[finished])
    assert results(into) == results(tmp_path / "here")
