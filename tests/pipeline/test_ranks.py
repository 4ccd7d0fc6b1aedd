"""A model of a run that several processes train: the same bits, and one message where one of them dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from equiglot.errors import InputError
from equiglot.files import checksum, read_json
from equiglot.pipeline import Event, Machine, Watcher, pool_on, run_recipe
from equiglot.pipeline.execution.machine import core_count
from equiglot.pipeline.execution.pool import failure
from equiglot.pipeline.execution.workers import decode_event, encode_event
from equiglot.pipeline.graph import steps_of
from equiglot.pipeline.steps import Context, ranks
from equiglot.recipe import Recipe, recipe_tree
from equiglot.run import RunDirectory
from equiglot.training import Progress, Stopped
from tests.pipeline.conftest import Change, results, run_here
from tests.pipeline.slurm_stand_in import calls
from tests.waiting import PATIENCE

_FIELDS: dict[str, Any] = {
    "models": {"both": {}},
    "training__accumulation": 2,
    "training__batch": {"sentences": 4},
    "encoder__hidden_size": 32,
}


@pytest.fixture(scope="module")
def one(make: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model, of English and Russian, was trained by one process."""
    into = tmp_path_factory.mktemp("one") / "run"
    run_here(make(**_FIELDS), into)
    return into


def _train(recipe: Recipe, into: Path, **options: Any) -> None:
    step = {step.name: step for step in steps_of(recipe)}["model/both"]
    step.run(Context(RunDirectory(into), into / "made", into / "checkpoints", **options))


def test_two_processes_make_the_same_model_and_one_continues_it(
    make: Change, one: Path, tmp_path: Path, one_thread: None
) -> None:
    for folder in ("tokens", "vocabulary", "corpus"):
        (tmp_path / folder).symlink_to(one / folder)
    two = make(**_FIELDS, training__devices=2)
    seen: list[Progress] = []
    with pytest.raises(Stopped):
        _train(two, tmp_path, progress=seen.append, stop=lambda: seen[-1].update == 7)
    _train(make(**_FIELDS), tmp_path)
    other = tmp_path / "made"
    mine = RunDirectory(one).model("both")
    for name in ("model.safetensors", "config.json", "validation.safetensors"):
        assert checksum(mine / name) == checksum(other / name), name
    records = [read_json(folder / "training.json") for folder in (mine, other)]
    assert {**records[0], "seconds": 0} == {**records[1], "seconds": 0}


def test_a_job_of_slurm_is_two_processes(make: Change, one: Path, queue: Path, tmp_path: Path) -> None:
    """The worker that SLURM starts is the first of them, and starts the other."""
    (tmp_path / "profile.yaml").write_text("{}")
    into, pool = tmp_path / "run", pool_on(f"slurm:{tmp_path / 'profile.yaml'}")
    run_recipe(make(**_FIELDS, training__devices=2), into, machine=Machine(), pool=pool)
    assert results(into) == results(one)
    assert sum("--cpus-per-task=2" in each and "--test-only" not in each for each in calls(queue, "sbatch")) == 1


@pytest.mark.skipif(core_count() < 2, reason="this machine has one core, and local workers refuse what takes two")
def test_the_same_bytes_though_a_rank_is_killed(make: Change, one: Path, tmp_path: Path) -> None:
    """SIGTERM is not for it; after SIGKILL the training is begun again from its checkpoint, by other processes."""
    events = list[Event]()

    def watch(event: Event) -> None:
        if event.job != "model/both":
            return
        before, lost = any(each.progress for each in events), any(each.kind == "lost" for each in events)
        events.append(event)
        if event.progress is not None and not lost:
            for each in filter(_is_rank, psutil.Process().children(recursive=True)):
                each.send_signal(signal.SIGKILL if before else signal.SIGTERM)

    machine = Machine(checkpoint_seconds=0)
    recipe = make(**_FIELDS, training__devices=2)
    run_recipe(recipe, tmp_path / "run", machine=machine, watcher=Watcher(event=watch))
    (lost,) = (str(each.error) for each in events if each.kind == "lost")
    assert "rank 1 of the training was killed (SIGKILL)" in lost
    assert results(tmp_path / "run") == results(one)


def test_a_killed_rank_is_a_loss_wherever_it_was() -> None:
    event = failure("model/both", "1-1", ranks.RankKilled("rank 1 was killed"))
    assert decode_event(encode_event(event), "model/both", "1-1").kind == event.kind == "lost"


def test_what_is_trained_does_not_depend_on_the_devices(make: Change) -> None:
    steps = [{step.name: step for step in steps_of(make(**_FIELDS, training__devices=each))} for each in (1, 2)]
    assert steps[0]["model/both"].inputs == steps[1]["model/both"].inputs


@pytest.mark.parametrize(("devices", "accumulation"), [(3, 3), (4, 2), (2, 1), (6, 12), (2, 3)])
def test_devices_that_cannot_share_an_update_are_refused(make: Change, devices: int, accumulation: int) -> None:
    with pytest.raises(InputError, match=f"{devices} devices cannot share {accumulation} batches") as error:
        make(**_FIELDS | {"training__accumulation": accumulation}, training__devices=devices)
    assert "power of two" in str(error.value)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", r"rank 1 of the training was killed \(SIGKILL\)"),
        ("import sys; sys.exit('no such thing')", "rank 1 of the training failed:\nno such thing"),
    ],
)
def test_a_process_that_never_joins_ends_the_training(
    make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, message: str
) -> None:
    (tmp_path / "failing.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(ranks, "_MODULE", "failing")
    context = Context(RunDirectory(tmp_path), tmp_path / "made", tmp_path / "checkpoints")
    with pytest.raises((InputError, RuntimeError), match=message):  # noqa: SIM117
        with ranks.training_ranks(make(**_FIELDS), "both", context, 2):
            pass


def test_a_process_that_is_killed_at_work_ends_the_training(
    make: Change, one: Path, tmp_path: Path, one_thread: None
) -> None:
    for folder in ("tokens", "vocabulary", "corpus"):
        (tmp_path / folder).symlink_to(one / folder)
    left: list[psutil.Process] = []

    def kill(progress: Any) -> None:
        if progress.update == 3:
            left.extend(psutil.Process().children())
            os.kill(next(each.pid for each in left if _is_rank(each)), signal.SIGKILL)

    with pytest.raises(InputError, match=r"rank 1 of the training was killed \(SIGKILL\)"):
        _train(make(**_FIELDS, training__devices=2), tmp_path, progress=kill)
    assert not [each for each in psutil.Process().children() if _is_rank(each)]
    assert not (tmp_path / "made").exists()


def _is_rank(process: psutil.Process) -> bool:
    return "equiglot.pipeline.steps.rank" in process.cmdline()


def test_a_bug_in_one_of_them_is_told_with_its_traceback(
    make: Change, one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    for folder in ("tokens", "vocabulary", "corpus"):
        (tmp_path / folder).symlink_to(one / folder)
    (tmp_path / "failing.py").write_text(
        "from unittest.mock import patch\n"
        "from equiglot.pipeline.steps.rank import main\n"
        "from equiglot.training import MaskedLM\n"
        "with patch.object(MaskedLM, 'validate', side_effect=ValueError('no such thing')):\n"
        "    main()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(ranks, "_MODULE", "failing")
    with pytest.raises(RuntimeError, match=r"(?s)rank 1 of the training failed:.*ValueError: no such thing"):
        _train(make(**_FIELDS, training__devices=2), tmp_path)


def test_a_process_ends_with_the_first(make: Change, tmp_path: Path) -> None:
    """It waits for the others, and nobody comes."""
    told = {
        "recipe": recipe_tree(make(**_FIELDS)),
        "model": "both",
        "run": str(tmp_path),
        "output": str(tmp_path / "made"),
        "checkpoints": str(tmp_path / "checkpoints"),
        "threads": 1,
        "folder": str(tmp_path),
        "rank": 1,
        "size": 2,
    }
    command = [sys.executable, "-m", "equiglot.pipeline.steps.rank"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(told) + "\n")
    process.stdin.flush()
    while not ranks.ready_file(tmp_path, 1).exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.stdin.close()
    assert process.wait(PATIENCE) == 1
