"""Tiny runs on real text: models of some ten thousand weights, a second of work each."""

import copy
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
import torch

from equiglot.files import checksum
from equiglot.pipeline import Event, JobProgress, Machine, run_recipe
from equiglot.pipeline.execution.pool import Assignment, perform
from equiglot.pipeline.execution.slurm import Slurm
from equiglot.pipeline.graph import steps_of
from equiglot.pipeline.steps import Context, Step
from equiglot.recipe import Recipe, parse_recipe
from equiglot.run import RunDirectory
from tests.labelled import write_entities, write_treebanks
from tests.pipeline import slurm_stand_in

TREE: dict[str, Any] = {
    "name": "tiny",
    "languages": {
        "en": {"text": "en.txt", "group": "high"},
        "ru": {"text": "ru.txt", "group": "low"},
        "ar": {"text": "ar.txt", "vocabulary_only": True},
    },
    "text": {"valid": 30, "test": 30},
    "vocabulary": {"size": 400, "characters": 10_000},
    "encoder": {"layers": 1, "heads": 2, "hidden_size": 16, "max_length": 32},
    "training": {
        "updates": 20,
        "batch": {"sentences": 8},
        "learning_rate": 1e-3,
        "validations": 4,
        "validation_sequences": 20,
    },
    "models": {
        "mono-{language}": {"languages": "each"},
        "hl": {},
        "student": {"balance": "truncate", "labels": {"kind": "soft", "teachers": "mono-{language}"}},
    },
    "evaluation": [{"task": "mlm", "sequences": 20, "resamples": 100}],
}

Change = Callable[..., Recipe]


class WorkersHere:
    """Does the jobs in this process: no time to start, and what a test changes is changed for them too."""

    def __init__(
        self, run: RunDirectory, recipe: Recipe, *, count: int, threads: int, checkpoint_seconds: float
    ) -> None:
        self._run, self._recipe, self._seconds = run, recipe, checkpoint_seconds
        self._task: Assignment | None = None
        self._threads, self._before = threads, torch.get_num_threads()

    def __enter__(self) -> "WorkersHere":
        torch.set_num_threads(self._threads)
        return self

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._before)

    def check(self, steps: Sequence[Step]) -> None: ...

    def start(self, assignment: Assignment) -> bool:
        if self._task is not None:
            return False
        self._task = assignment
        return True

    def events(self, seconds: float) -> Iterator[Event]:
        assert self._task is not None
        task, self._task = self._task, None
        step = {step.name: step for step in steps_of(self._recipe)}[task.job]
        told: list[JobProgress] = []
        output, checkpoints = (self._run.root / each for each in (task.output, task.checkpoints))
        context = Context(self._run, output, checkpoints, told.append, checkpoint_seconds=self._seconds)
        last = perform(step, task.attempt, context)
        yield from (Event(task.job, task.attempt, "progress", progress=each) for each in told)
        yield last

    def adopt(self, wanted: Mapping[str, str]) -> Iterable[Assignment]:
        return ()

    def ask_to_stop(self, why: Exception) -> bool:
        return True


run_here = partial(run_recipe, machine=Machine(), pool=WorkersHere)
"""Runs a recipe in this process."""


@pytest.fixture(scope="session")
def make(text_files: Path) -> Change:
    """The tiny recipe with some fields changed: "models.hl.balance"="truncate"."""

    def changed(**fields: Any) -> Recipe:
        tree = copy.deepcopy(TREE)
        for path, value in fields.items():
            *above, last = path.split("__")
            node = tree
            for step in above:
                node = node.setdefault(step, {})
            node[last] = value
        return parse_recipe(tree, text_files)

    return changed


@pytest.fixture(scope="session")
def finished(make: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is done; not to be touched."""
    into = tmp_path_factory.mktemp("finished") / "run"
    run_here(make(), into)
    return into


@pytest.fixture(scope="session")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Treebanks of both languages, entities of English alone."""
    folder = tmp_path_factory.mktemp("labels")
    write_treebanks(folder, ["en", "ru"], 60)
    write_entities(folder, ["en"], 60)
    return folder


@pytest.fixture(scope="session")
def probed(make: Change, labels: Path) -> Change:
    """The tiny recipe with tasks, the places of paragraphs too: `fields` of each task, `changes` of the recipe."""

    def changed(*, changes: Mapping[str, Any] | None = None, folder: Path = labels, **fields: Any) -> Recipe:
        shared = {"resamples": 100, **fields}
        pos = {split: f"{folder}/ud/{{language}}_*-{split}.conllu" for split in ("train", "dev", "test")}
        ner = {split: f"{folder}/ner/{{language}}-{split}.tsv" for split in ("train", "dev", "test")}
        tasks = [
            {"task": "mlm", "sequences": 20, "resamples": 100},
            {"task": "pos", "data": {"kind": "conllu", **pos}, **shared},
            {"task": "ner", "data": {"kind": "bio", **ner}, **shared},
            {"task": "place", "sentences": {"train": 60, "dev": 30, "test": 40}, **shared},
        ]
        return make(evaluation=tasks, **(changes or {}))

    return changed


@pytest.fixture(scope="session")
def finished_probes(finished: Path, probed: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with probes that is done; not to be touched."""
    into = tmp_path_factory.mktemp("probed") / "run"
    run_here(probed(), into, reuse=[finished])
    return into


@pytest.fixture
def done(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, to be touched."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with little room."""
    if shutil.which("mount") is None:
        pytest.skip("there is no command to mount a file system")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a stand-in for SLURM that is found first; at the end no process of it is left."""
    folder, commands = tmp_path / "queue", tmp_path / "bin"
    folder.mkdir()
    commands.mkdir()
    for name in ("sbatch", "squeue", "scancel"):
        path = commands / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -S {slurm_stand_in.__file__} {name} "$@"\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(folder))
    monkeypatch.setattr(Slurm, "look_seconds", 0.2)
    yield folder
    for pid in slurm_stand_in.pids(folder):
        if slurm_stand_in.is_running(pid):
            os.killpg(pid, signal.SIGKILL)


def results(root: Path) -> dict[str, str]:
    """Checksums of all that must be the same in every run of a recipe."""
    files = [*root.glob("models/*/*.safetensors"), *root.glob("corpus/*/*.arrow"), *root.glob("tokens/*/*/*.npy")]
    files += [*root.glob("vocabulary/*.json"), *root.glob("scores/*/*"), root / "scores.jsonl"]
    files += [*root.glob("labels/*/shards/*/*.npy"), *root.glob("losses/*/*"), *root.glob("agreement/*/*")]
    assert len(files) > 30
    return {str(path.relative_to(root)): checksum(path) for path in sorted(files)}


def times(root: Path) -> dict[str, int]:
    """When the outputs of jobs were written."""
    folders = ("corpus", "vocabulary", "tokens", "models", "scores", "jobs")
    files = [path for name in folders for path in (root / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in files}


def half_written(root: Path) -> list[Path]:
    return [path for pattern in (".*.tmp", ".*.old", ".scratch*") for path in root.rglob(pattern)]


class PoolOfTests:
    """What all pools that tests stand in for have: nothing to take up, nothing to refuse."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def adopt(self, wanted: Mapping[str, str]) -> list[Assignment]:
        return []

    def check(self, steps: Sequence[Step]) -> None: ...
