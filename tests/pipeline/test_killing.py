"""A real run is killed at random instants, several times in a row, and ends as if nothing had happened."""

import copy
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import yaml

from equiglot.errors import InputError
from equiglot.pipeline import Machine, read_run, read_status, run_recipe
from equiglot.run import RunDirectory
from tests.pipeline.conftest import TREE, half_written, results
from tests.pipeline.merging import merge_tree, teachers_tree
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"}


SHRUNK: dict[str, Any] = {
    "small": {"trim": {"model": "hl"}, "languages": ["ru"]},
    "rich": {"extend": {"model": "small", "entries": 20, "min_frequency": 5, "fitting": {"updates": 20}}},
    "thin": {
        "from": {"model": "rich", "width": 8},
        "vocabulary": "rich",
        "labels": {"kind": "soft", "teachers": "rich", "relations": 0.2},
        "training": {"best_by": "loss"},
    },
}
"""Models that are made of another one of the run: fewer entries, more of them, and a narrow student."""


@pytest.fixture(scope="module", params=["balance", "merge"])
def recipe(request: pytest.FixtureRequest, text_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe that trains its teachers and shrinks a model, and one that takes them and stores their labels."""
    folder = tmp_path_factory.mktemp("recipe")
    path, teachers = folder / "tiny.yaml", folder / "teachers.yaml"
    if request.param == "merge":
        teachers.write_text(yaml.safe_dump(teachers_tree(text_files)))
        finish(teachers, folder / "teachers", "--workers", "2")
        tree = merge_tree(text_files, folder / "teachers", copies="best")
        tree["training"] |= {"updates": 40}
    else:
        tree = copy.deepcopy(TREE)
        for language in tree["languages"].values():
            language["text"] = str(text_files / language["text"])
        tree["training"] |= {"updates": 40, "warmup": 0.1}
        tree["models"]["hl"] = {"training": {"early_stopping": {"patience": 2}}}
        tree["models"] |= {name: {"languages": ["ru"], **model} for name, model in SHRUNK.items()}
    path.write_text(yaml.safe_dump(tree))
    return path


def command(recipe: Path, into: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "equiglot", "run", str(recipe), "--into", str(into), *options]


def finish(recipe: Path, into: Path, *options: str) -> str:
    called = command(recipe, into, *options)
    done = subprocess.run(called, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def undisturbed(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("undisturbed") / "run"
    shown = finish(recipe, into, "--workers", "2")
    assert "model/student: done in" in shown
    assert "MRR, %" in shown
    assert shown.splitlines()[-1] == f"The page: {into}/report/index.html"
    return into


def jobs_begun(into: Path) -> int:
    log = RunDirectory(into).log
    return log.read_text().count('"event": "job"') if log.is_file() else 0


class Disturbed:
    """A run in a process group of its own, to be killed at a random instant of its work."""

    def __init__(self, recipe: Path, into: Path, errors: Path) -> None:
        self.into, self.errors = into, errors
        begun = jobs_begun(into)
        with errors.open("w") as file:
            called = command(recipe, into, "--workers", "2", "--checkpoint-seconds", "0")
            self.process = subprocess.Popen(called, env=ENVIRONMENT, stdout=file, stderr=file, start_new_session=True)
        jobs = random.randint(1, 8)
        while self.process.poll() is None and jobs_begun(into) < begun + jobs:
            time.sleep(0.02)
        time.sleep(random.uniform(0, 0.6))
        self.family = self._family()

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def workers(self) -> list[psutil.Process]:
        return [each for each in self.family[1:] if "spawn_main" in " ".join(_command_line(each))]

    def end(self) -> int:
        """The exit code, when nobody is left of the family."""
        code = self.process.wait(PATIENCE)
        _, alive = psutil.wait_procs(self.family, timeout=PATIENCE)
        assert alive == []
        return code

    def said(self) -> str:
        return self.errors.read_text()


def _command_line(process: psutil.Process) -> list[str]:
    """Nothing of a process that has just ended."""
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def kill_parent(run: Disturbed) -> None:
    run.process.kill()
    assert run.end() in (-signal.SIGKILL, 0)


def kill_worker(run: Disturbed) -> None:
    workers = run.workers()
    if workers:
        random.choice(workers).kill()
    code = run.end()
    assert code in (0, 2), run.said()  # 0: the worker had nothing to do any more
    if code == 2:
        assert "was killed (SIGKILL)" in run.said()
        assert "the same command continues" in run.said()
        assert "Traceback" not in run.said()


def terminate(run: Disturbed) -> None:
    run.process.terminate()
    stopped(run, signal.SIGTERM)


def press_control_c(run: Disturbed) -> None:
    signal_all(run, signal.SIGINT)
    stopped(run, signal.SIGINT)


def hang_up(run: Disturbed) -> None:
    signal_all(run, signal.SIGHUP)
    stopped(run, signal.SIGHUP)


def signal_all(run: Disturbed, number: signal.Signals) -> None:
    """Signals the whole process group, as a terminal does."""
    with suppress(ProcessLookupError):  # it may have come to its end
        os.killpg(run.process.pid, number)


def stopped(run: Disturbed, number: signal.Signals) -> None:
    code = run.end()
    assert code in (128 + number, 0), run.said()
    if code:
        assert "Stopped; the same command continues." in run.said()
        assert "Traceback" not in run.said()
        assert half_written(run.into) == []


def look_and_kill(run: Disturbed) -> None:
    """Looks at the run, tries to run it a second time, and kills it."""
    status = read_status(run.into)
    if run.process.poll() is None:
        assert status.owner is not None and status.owner.pid == run.process.pid
        assert status.running
        with pytest.raises(InputError, match=f"process {run.process.pid} works on this folder"):
            run_recipe(read_run(run.into), run.into, machine=Machine())
    kill_parent(run)


def test_a_run_that_is_killed_again_and_again(recipe: Path, undisturbed: Path, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"random seed {seed}")
    random.seed(seed)
    into = tmp_path / "run"
    ask_to_stop = random.choice([press_control_c, terminate, hang_up])
    for disturb in (look_and_kill, kill_worker, ask_to_stop, kill_parent):
        disturb(Disturbed(recipe, into, tmp_path / "said"))
    finish(recipe, into, "--workers", "1", "--checkpoint-seconds", "0.1")
    assert results(into) == results(undisturbed)
    assert half_written(into) == []
    assert read_status(into).owner is None
