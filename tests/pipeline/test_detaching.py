"""The command itself as a job of SLURM, with a stand-in for it; tests/pipeline/test_real_slurm.py has the real one."""

import copy
import io
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from equiglot.display import print_status
from equiglot.errors import InputError, Interrupted
from equiglot.files import read_json, write_json
from equiglot.lease import Owner
from equiglot.pipeline import read_status, running
from equiglot.pipeline.execution import detaching, slurm
from equiglot.recipe import load_recipe
from equiglot.run import RunDirectory
from equiglot.terminal import Terminal
from tests.pipeline.conftest import TREE, results, run_here
from tests.pipeline.slurm_stand_in import calls, is_running, pids
from tests.waiting import until

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recipe(text_files: Path, tmp_path: Path) -> Path:
    """A recipe file of one model, and beside it the profile that is used with it."""
    tree: dict[str, Any] = {**copy.deepcopy(TREE), "models": {"hl": {}}}
    for language in tree["languages"].values():
        language["text"] = str(text_files / language["text"])
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tree))
    _profile(tmp_path)
    return path


def _profile(folder: Path, text: str = "detached: {partition: held}") -> None:
    (folder / "profile.yaml").write_text(text)


def _submitted(queue: Path) -> list[list[str]]:
    return [call for call in calls(queue, "sbatch") if "--test-only" not in call]


def _shown(into: Path) -> str:
    console = Terminal(width=400, file=io.StringIO())
    print_status(console, read_status(into))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


DETACH = ("--on", "slurm:profile.yaml", "--detach")


def test_a_command_that_is_a_job_ends_with_the_same_bytes(
    program: Call, queue: Path, recipe: Path, finished: Path, tmp_path: Path
) -> None:
    """Its job is ended, and the same command works again. It does what it was told, whatever the file has become."""
    changed = ["--set", "models.hl.training.updates=21"]
    loaded, run = load_recipe(str(recipe), changed[1:]), RunDirectory(tmp_path / "a run's")
    command = ["run", recipe, "--into", run.root, "--reuse", finished, "--on", "slurm:profile.yaml", *changed]
    _profile(tmp_path, "setup: [echo no module of that name, exec sleep 600]")
    code, out, _ = program(*command, "--detach")
    assert code == 0 and "The command is SLURM job 100. Follow it: equiglot status" in out
    shown = _shown(run.root)
    assert "SLURM job 100, the command of this run, runs on here since now." in shown and str(run.output) in shown
    for more in ([], ["--detach"], ["--take-over"]):
        code, _, err = program(*command, *more)
        assert code == 2 and "SLURM job 100 is the command of this run: it runs on here" in err
        assert "equiglot status" in err and "scancel 100" in err and "Traceback" not in err
    (pid,) = pids(queue)
    os.kill(pid, signal.SIGTERM)
    until(lambda: not is_running(pid))
    shown = _shown(run.root)
    assert "SLURM job 100, the command of this run, has ended; the same command continues." in shown
    assert "Its last words:\n    no module of that name\n" in shown
    _profile(tmp_path, "short_seconds: 0")
    code, out, _ = program(*command, "--detach")
    assert code == 0 and "SLURM job 101" in out
    recipe.write_text("changed meanwhile")
    until(lambda: not is_running(pids(queue)[1]))
    assert run.output.read_text().splitlines()[-1] == f"The page: {run.report}"
    assert len(pids(queue)) == 4  # with one for the model, and one for its scores
    run_here(loaded, tmp_path / "here", reuse=[finished])
    assert results(run.root) == results(tmp_path / "here")
    assert "the command of this run" not in _shown(run.root) and not run.detached.exists()


def test_what_sbatch_is_told_of_the_command(program: Call, queue: Path, recipe: Path, tmp_path: Path) -> None:
    """Little, and no GPU; every option of the command, with paths that hold anywhere."""
    other = tmp_path / "other"
    (other / "jobs").mkdir(parents=True)
    options = "account: lab\ncpus: 3\nmemory: 64G\ntime: '5'\noptions: [--nice=1]\n"
    _profile(tmp_path, options + "detached: {partition: held, memory: 2G, cpus: 2, options: [--mail-type=END]}")
    given = ["--into", "50%", "--set", "seed=7", "--reuse", "other", "--replace", "--take-over", "--other-conditions"]
    code, _, err = program("run", recipe, *given, "--checkpoint-seconds", "5", *DETACH)
    assert (code, err) == (0, "")
    (told,) = _submitted(queue)
    wanted = "partition=held account=lab time=5 mem=2G cpus-per-task=2 mail-type=END open-mode=append no-requeue"
    assert {f"--{each}" for each in [*wanted.split(), "signal=B:USR1@300"]} <= set(told)
    assert f"--output={tmp_path}/50%%/output.txt" in told
    assert not any(word in each for each in told for word in ("gres", "nice", "constraint"))
    into = tmp_path / "50%"
    told_python = (queue / "100.sh").read_text().splitlines()[-1]
    assert told_python == (
        f"exec {sys.executable} -m equiglot run {into}/recipe.yaml --into={into} --on=slurm:{tmp_path}/profile.yaml "
        f"--checkpoint-seconds=5.0 --reuse={other} --replace --take-over --other-conditions"
    )
    assert load_recipe(str(into / "recipe.yaml")) == load_recipe(str(recipe), ["seed=7"])
    assert "SLURM job 100, the command of this run, waits in the queue of SLURM since then (Resources)" in _shown(into)


REFUSED = [
    ([], "detached: {partition: gone}", "SLURM refuses a job for the command itself"),
    ([], "detached: {cpus: 5}", r"the command itself \(.*--cpus-per-task=5"),
    ([], "cpus: 5", "SLURM refuses a job for corpus/"),
    ([], "detached: {gpus: 1}", "unknown field 'gpus'"),
    ([], "detached: {options: [--job-name=mine]}", "is not for a profile"),
    (["--set", "models.hl.training.updates=7"], "{}", "add --replace"),
    (["--reuse", "nowhere"], "{}", "no run folder to reuse"),
    (["--into", "tiny.yaml"], "{}", "a file stands where"),
    (["--threads", "2"], "{}", "the profile says"),
    (["--on", "local"], "{}", "--on local has no queue that the command itself"),
    (["--on", "ray:auto"], "{}", "start the command with nohup or in tmux"),
]


@pytest.mark.parametrize(("options", "profile", "what"), REFUSED)
def test_what_is_refused_is_not_submitted(
    program: Call, queue: Path, recipe: Path, done: Path, tmp_path: Path, options: list[str], profile: str, what: str
) -> None:
    (done / "jobs" / "corpus" / "en.json").unlink()
    _profile(tmp_path, profile)
    before = (done / "recipe.yaml").read_bytes()
    code, out, err = program("run", recipe, "--into", "run", *DETACH, *options)
    assert code == 2 and out == "" and err.startswith("Error: ")
    assert re.search(what, err), err
    assert not (queue / "calls").exists() or _submitted(queue) == []
    assert (done / "recipe.yaml").read_bytes() == before and not (done / ".detached.json").exists()


@pytest.mark.parametrize("when", ["before SLURM has it", "before it is noted"])
def test_killed_while_it_is_submitted(
    program: Call, queue: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The job has a name before there is a job."""
    has_job, notes = when == "before it is noted", list[Any]()

    def killed(*_: object, **__: object) -> str:
        raise Interrupted(signal.SIGTERM)

    def note(path: Path, value: Any) -> None:
        notes.append(value)
        if has_job and len(notes) == 2:
            killed()
        write_json(path, value)

    with monkeypatch.context() as patched:
        patched.setattr(detaching, "write_json", note)
        if not has_job:
            patched.setattr(slurm.Slurm, "start_command", killed)
        assert program("run", recipe, "--into", "run", *DETACH)[0] == 128 + signal.SIGTERM
    assert read_json(tmp_path / "run" / ".detached.json")["job"] == ""
    code, out, err = program("run", recipe, "--into", "run", *DETACH)
    if has_job:
        assert code == 2 and "SLURM job 100 is the command of this run: it waits" in err
        assert "SLURM job 100, the command of this run, waits" in _shown(tmp_path / "run")
    else:
        assert code == 0 and "SLURM job 100" in out


def test_slurm_does_not_answer(program: Call, queue: Path, recipe: Path, tmp_path: Path) -> None:
    """It may have the job all the same: who can ask it, knows."""
    (queue / "away").touch()
    code, _, err = program("run", recipe, "--into", "run", *DETACH)
    assert code == 2 and "SLURM does not answer" in err
    shown = _shown(tmp_path / "run")
    assert "SLURM job, the command of this run, is not known to run or to have ended" in shown
    code, _, err = program("run", recipe, "--into", "run", *DETACH)
    assert code == 2 and "it is not known whether it has ended" in err and "add --take-over" in err
    (queue / "away").unlink()
    assert program("run", recipe, "--into", "run", *DETACH)[0] == 0


def test_a_folder_where_slurm_is_not(
    program: Call, queue: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a copy of one at home; who knows that the job has ended may say so."""
    into, loaded = tmp_path / "run", load_recipe(str(recipe))
    assert program("run", recipe, "--into", into, *DETACH)[0] == 0
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"SLURM job 100 .* it is not known whether it has ended"):
        run_here(loaded, into)
    run_here(loaded, into, take_over=True)
    assert "SLURM" not in _shown(into)


@pytest.mark.parametrize("of_the_job", [True, False])
def test_a_job_that_died_on_another_machine(
    program: Call, queue: Path, recipe: Path, tmp_path: Path, of_the_job: bool
) -> None:
    """What SLURM does not have any more has ended, with its lease; the lease of somebody else is another matter."""
    into, loaded = tmp_path / "run", load_recipe(str(recipe))
    assert program("run", recipe, "--into", into, *DETACH)[0] == 0
    (queue / "100.job").unlink()
    name = read_json(into / ".detached.json")["name"] if of_the_job else "another"
    owner = Owner.of_here(into).model_copy(update={"host": "node7", "job": name})
    write_json(into / ".lease" / "000007" / "owner.json", owner.model_dump())
    shown = _shown(into)
    assert "SLURM job 100, the command of this run, has ended" in shown
    assert ("on node7 is at work" in shown) != of_the_job
    if of_the_job:
        run_here(loaded, into)
    else:
        with pytest.raises(InputError, match="on node7 works on this folder"):
            run_here(loaded, into)


def test_a_copy_of_the_run_folder_has_no_such_command(program: Call, queue: Path, recipe: Path, tmp_path: Path) -> None:
    into, other = tmp_path / "run", tmp_path / "copy"
    assert program("run", recipe, "--into", into, *DETACH)[0] == 0
    shutil.copytree(into, other)
    assert "SLURM job 100" in _shown(into) and "SLURM" not in _shown(other)
    assert detaching.check_command(RunDirectory(other)) == ""
    with pytest.raises(InputError, match="SLURM job 100 is the command of this run"):
        detaching.check_command(RunDirectory(into))


def test_its_time_is_nearly_over(
    program: Call, queue: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives itself to SLURM again; but not for ever, where its time is too short for anything."""
    into, check = tmp_path / "run", running.check_union

    def signalled(*arguments: Any) -> None:
        check(*arguments)
        os.kill(os.getpid(), signal.SIGUSR1)

    assert program("run", recipe, "--into", into, *DETACH)[0] == 0
    job = read_json(into / ".detached.json")
    arguments = shlex.split((queue / "100.sh").read_text().splitlines()[-1])[4:]
    monkeypatch.setenv("SLURM_JOB_NAME", job["name"])
    monkeypatch.setenv("SLURM_JOB_ID", "100")
    monkeypatch.setattr(running, "check_union", signalled)
    code, _, err = program(*arguments)
    assert code == 2 and "the time of the job is too short" in err and "detached.time" in err
    assert len(_submitted(queue)) == 1
    monkeypatch.setattr(detaching, "_SHORTEST_SECONDS", 0.0)
    code, out, err = program(*arguments)
    assert (code, err) == (0, "") and "SLURM job 101 goes on" in out
    assert f"--job-name={job['name']}" in _submitted(queue)[1] and "--dependency=afterany:100" in _submitted(queue)[1]
    assert (queue / "101.sh").read_text() == (queue / "100.sh").read_text()
    monkeypatch.setenv("SLURM_JOB_NAME", "of another")
    code, _, err = program(*arguments)
    assert code == 2 and "SLURM job 101 is the command of this run" in err
    monkeypatch.delenv("SLURM_JOB_NAME")
    (queue / "100.job").unlink()
    (queue / "101.job").unlink()
    assert program(*arguments)[0] == 128 + signal.SIGUSR1  # no job: it is as any other signal
    assert len(_submitted(queue)) == 2


def test_what_no_command_has_written(done: Path, recipe: Path) -> None:
    """A run folder may be a stranger's."""
    write_json(done / ".detached.json", {"name": "--me", "job": "1"})
    for read in (read_status, lambda into: run_here(load_recipe(str(recipe)), into)):
        with pytest.raises(InputError, match="not what a command has written"):
            read(done)
