"""A real SLURM on this machine: jobs that are cancelled or killed, or lose the daemon of their node."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from equiglot.errors import InputError
from equiglot.pipeline import Event, Machine, Watcher, pool_on, read_status, run_recipe
from equiglot.pipeline.execution import elsewhere
from equiglot.pipeline.execution.slurm import Slurm
from equiglot.recipe import Recipe, recipe_text
from tests.pipeline.conftest import Change, half_written, results, run_here
from tests.pipeline.real_slurm import cluster, start, why_not
from tests.waiting import at_random, until

SAVED, GONE = "asked to stop where it ran, and has saved", "gone without a word ("
pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files of a SLURM that is at work."""
    folder = tmp_path_factory.mktemp("slurm")
    with cluster(folder):
        yield folder


@pytest.fixture(autouse=True)
def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands find it; nobody waits long; the last jobs of the test before have ended."""
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    monkeypatch.setattr(Slurm, "look_seconds", 1.0)
    monkeypatch.setattr(elsewhere, "_LATE_SECONDS", 5.0)
    until(lambda: not _jobs())


@pytest.fixture
def recipe(make: Change) -> Recipe:
    """Two models that take some seconds to train."""
    return make(training__updates=1500, models={"mono-{language}": {"languages": "each"}})


@dataclass
class At:
    """Where a training is that has come some way.

    Attributes:
        model: which.
        process: that trains it.
        job: SLURM's number.
        lost: attempts before.
    """

    model: str
    process: int
    job: str
    lost: int


def _run(
    recipe: Recipe, tmp_path: Path, finished: Path, profile: str, act: Callable[[At], None]
) -> dict[str, list[str]]:
    """Runs it; `act` is done once in each attempt at a training, when that has come some way.

    Its results are those of a run without SLURM. Gives for each model the words about what was lost.
    """
    at, acted = dict[str, At](), set[tuple[str, int]]()
    (tmp_path / "profile.yaml").write_text(profile)

    def watch(event: Event) -> None:
        place = re.match(r"process (\d+) on .*\(SLURM job (\w+)\)", event.place)
        if place and event.job.startswith("model/"):
            lost = at[event.job].lost if event.job in at else 0
            at[event.job] = At(event.job.removeprefix("model/"), int(place[1]), place[2], lost)
        if event.kind == "lost" and event.job in at:
            at[event.job].lost += 1
        if event.job in at and event.progress is not None and (event.job, at[event.job].lost) not in acted:
            acted.add((event.job, at[event.job].lost))
            at_random(1)
            act(at[event.job])

    into, machine = tmp_path / "run", Machine(checkpoint_seconds=1)
    pool = pool_on(f"slurm:{tmp_path / 'profile.yaml'}")
    run_recipe(recipe, into, machine=machine, pool=pool, watcher=Watcher(event=watch), reuse=[finished])
    run_here(recipe, tmp_path / "here", reuse=[finished])
    assert results(into) == results(tmp_path / "here")
    assert half_written(into) == [] and not (into / ".attempts").exists()
    lost = defaultdict[str, list[str]](list)
    for each in map(json.loads, (into / "log.jsonl").read_text().splitlines()):
        if each["event"] == "lost":
            lost[each["job"].removeprefix("model/")].append(each["why"])
    return lost


def _jobs() -> list[str]:
    """Of SLURM, those that run."""
    command = ["squeue", "--noheader", "--array", "--states=RUNNING", "--format=%i"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_jobs_that_are_cancelled_requeued_and_killed_or_come_to_their_limit(
    recipe: Recipe, finished: Path, tmp_path: Path
) -> None:
    """SLURM does not begin jobs again, though it is told to: the command does.

    At the limit, a process that stands still is woken, asked to stop, and killed soon after.
    """

    def act(at: At) -> None:
        if at.model == "mono-en" and at.lost == 0:
            said = subprocess.run(["scontrol", "requeue", at.job], check=False, capture_output=True, text=True)
            assert "disabled" in said.stderr
            subprocess.run(["scancel", at.job], check=True)
        elif at.model == "mono-en" and at.lost == 1:
            os.kill(at.process, signal.SIGKILL)
        elif at.model == "mono-ru" and at.lost == 0:
            os.kill(at.process, signal.SIGSTOP)
            subprocess.run(["scontrol", "update", f"JobId={at.job}", "TimeLimit=1"], check=True)

    lost = _run(recipe, tmp_path, finished, "jobs: 4\npartition: cpu\n", act)
    first, second = lost["mono-en"]
    assert SAVED in first and GONE in second
    (limit,) = lost["mono-ru"]
    assert SAVED in limit or GONE in limit


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("partition: gone", "invalid partition specified"),
        ("gpus: 1", "--gres=gpu:1"),
        ("cpus: 4000", "--cpus-per-task=4000.*Requested node configuration is not available"),
        ("memory: 9000G", "--mem=9000G .*Requested node configuration is not available"),
        ("constraint: cray-1", "Invalid feature specification"),
    ],
)
def test_what_slurm_would_never_begin(recipe: Recipe, tmp_path: Path, profile: str, message: str) -> None:
    (tmp_path / "profile.yaml").write_text(profile)
    with pytest.raises(InputError, match=message) as refused:
        run_recipe(recipe, tmp_path / "run", machine=Machine(), pool=pool_on(f"slurm:{tmp_path}/profile.yaml"))
    assert "SLURM refuses a job for " in refused.value.what and refused.value.fix
    assert not _jobs() and not (tmp_path / "run" / ".attempts").exists()


def test_the_daemon_of_the_node_is_killed(recipe: Recipe, finished: Path, tmp_path: Path, folder: Path) -> None:
    """SLURM gives the node up, and so its jobs; their workers may still be at work when it comes back."""

    def act(at: At) -> None:
        if at.model == "mono-en" and at.lost == 0:
            os.kill(int((folder / "slurmd.pid").read_text()), signal.SIGKILL)
            until(lambda: not _jobs())
            start(["slurmd", "-D", "-N", platform.node().partition(".")[0]], dict(os.environ), folder)

    # None, if its worker ended all the same; the daemon that comes back ends it, and it may have time to save.
    lost = _run(recipe, tmp_path, finished, "{}", act)["mono-en"]
    assert all(SAVED in each or GONE in each for each in lost), lost


def test_a_command_that_is_a_job_itself(recipe: Recipe, finished: Path, tmp_path: Path) -> None:
    """Its process is killed, and the jobs go on; its next one is asked to end them; the third comes to the end."""
    into = tmp_path / "run"
    shown = (into / "output.txt").read_text
    (tmp_path / "tiny.yaml").write_text(recipe_text(recipe))
    (tmp_path / "profile.yaml").write_text("detached: {partition: cpu}\nshort_seconds: 1000\n")
    command = ["run", f"{tmp_path}/tiny.yaml", "--into", str(into), "--on", f"slurm:{tmp_path}/profile.yaml"]
    command = [sys.executable, "-m", "equiglot", *command, "--reuse", str(finished)]

    def detach() -> str:
        said = subprocess.run([*command, "--detach"], check=False, capture_output=True, text=True)
        assert (said.returncode, said.stderr) == (0, "")
        return said.stdout.partition("The command is SLURM job ")[2].partition(".")[0]

    def is_training() -> bool:
        status = read_status(into)
        return status.owner is not None and any(each.place.startswith("process") for each in status.running.values())

    for end_it in (["kill", "-KILL"], ["scancel", "--batch", "--signal=INT"]):
        job = detach()
        refused = subprocess.run(command, check=False, capture_output=True, text=True)
        assert refused.returncode == 2 and f"SLURM job {job} is the command of this run" in refused.stderr
        until(is_training, shown)
        status = read_status(into)
        assert status.owner is not None and status.detached is not None and status.detached.place is not None
        assert status.detached.place.startswith(f"runs on {platform.node().partition('.')[0]} since 20")
        subprocess.run([*end_it, str(status.owner.pid) if "kill" in end_it else job], check=True)
        until(lambda job=job: job not in _jobs(), shown)
        assert (into / ".attempts").exists() == ("kill" in end_it)
        if "kill" in end_it:
            assert _jobs()
        else:
            until(lambda: not _jobs(), shown)
        status = read_status(into)
        assert status.owner is None and status.detached is not None and status.detached.has_ended
    assert status.detached.last[-1] == "Stopped; the same command continues."
    detach()
    until(lambda: not (into / ".detached.json").exists(), shown)
    run_here(recipe, tmp_path / "here", reuse=[finished])
    assert results(into) == results(tmp_path / "here")
