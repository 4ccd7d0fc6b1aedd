"""What steps need: a GPU where a model computes, and nowhere else."""

from pathlib import Path
from typing import Any

import pytest
import torch

from equiglot.models import copy_checkpoint, opening
from equiglot.pipeline.execution.slurm_profile import SlurmProfile
from equiglot.pipeline.graph import steps_of
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from tests.pipeline.conftest import Change


@pytest.fixture
def recipe(make: Change) -> Recipe:
    """A model of every kind; the labels of `one` are made at once, those of `both` in two parts."""
    models: dict[str, Any] = {
        "taken": {"existing": "./somewhere", "languages": ["en"]},
        "trimmed": {"trim": {"model": "taken", "size": 300}, "languages": ["en"]},
        "extended": {"extend": {"model": "taken", "entries": 10, "start": "mean"}, "languages": ["en"]},
        "untrained": {"fresh": {"model": "taken"}},
        "one": {"languages": ["en"]},
        "both": {"languages": ["en"], "training": {"devices": 2, "accumulation": 2}},
        "student": {"languages": ["en"], "labels": {"kind": "stored", "teachers": "one"}},
        "other": {"languages": ["en"], "labels": {"kind": "stored", "teachers": "both", "parts": 2}},
    }
    return make(models=models, evaluation=["mlm", {"task": "likelihood", "sentences": 4}, {"task": "cost"}])


def test_a_gpu_is_asked_for_where_a_model_computes(recipe: Recipe) -> None:
    """Copies, drawn weights, a table that is cut, and links to files need none; nor does what is timed on a CPU."""
    profile = SlurmProfile(gpus=1)
    gpus = {
        step.name: [each for each in profile.request(step.resources) if each.startswith("--gres")]
        for step in steps_of(recipe)
    }
    asking = {name: each for name, each in gpus.items() if each}
    one, two = ["--gres=gpu:1"], ["--gres=gpu:2"]
    models = {f"model/{name}": one for name in ("extended", "one", "student", "other")} | {"model/both": two}
    labels = {"labels/one.en.k8", "labels-part/both.en.k8.1-of-2", "labels-part/both.en.k8.2-of-2"}
    scored = {name for name in gpus if name.startswith(("scores/", "likelihood/"))} - {"scores/frequency"}
    assert len(scored) > 8
    assert asking == models | dict.fromkeys(labels | scored, one)
    assert {"model/taken", "model/untrained", "model/trimmed", "labels/both.en.k8", "cost/all"} <= gpus.keys()


def test_a_copy_does_not_touch_the_gpu(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have none, or another job's."""

    def refuse(model: torch.nn.Module) -> None:
        raise AssertionError("moved")

    monkeypatch.setattr(opening, "on_device", refuse)
    copy_checkpoint(str(RunDirectory(finished).model("hl")), tmp_path / "copy")
    assert (tmp_path / "copy" / "model.safetensors").is_file()
