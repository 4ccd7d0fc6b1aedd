"""Models that start from other models of the recipe, in whole runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file
from typer.testing import CliRunner

from equiglot.cli import app
from equiglot.errors import InputError
from equiglot.pipeline import Graph, Watcher, plan_recipe
from equiglot.recipe import recipe_text, recipe_tree
from tests.pipeline.conftest import TREE, Change, run_here

STILL = {"updates": 2, "batch": {"sentences": 8}, "learning_rate": 1e-30, "validations": 1, "validation_sequences": 4}
"""A training that changes no weight."""


def _started(**others: Any) -> dict[str, Any]:
    """The recipe's fields: a teacher of three layers, and a student that starts from two of them."""
    return {
        "models": {
            "student": {"from": {"model": "teacher", "layers": "alternate"}, "training": STILL, **others},
            "teacher": {"encoder": {"layers": 3}},
            "mono-{language}": {"languages": "each", "from": {"model": "teacher"}, "training": STILL},
        }
    }


@pytest.fixture(scope="module")
def run(make: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is done; not to be touched."""
    into = tmp_path_factory.mktemp("started") / "run"
    run_here(make(**_started()), into)
    return into


def test_a_student_starts_from_a_teacher_of_the_same_run(run: Path) -> None:
    theirs = load_file(run / "models" / "teacher" / "model.safetensors")
    ours = load_file(run / "models" / "student" / "model.safetensors")
    for name, weights in ours.items():
        assert weights.equal(theirs[name.replace("layer.1.", "layer.2.")]), name
    assert {name for name in theirs if "layer.1." not in name and "layer.2." not in name} <= ours.keys()
    config = json.loads((run / "models" / "student" / "config.json").read_text())
    assert config["num_hidden_layers"] == 2
    whole = load_file(run / "models" / "mono-ru" / "model.safetensors")
    assert all(weights.equal(theirs[name]) for name, weights in whole.items()) and whole.keys() == theirs.keys()


def test_the_card_says_from_what(run: Path) -> None:
    started = "BERT, 2 layers, 2 heads, width 16, at most 32 tokens, started from every second layer of teacher"
    assert started in (run / "models" / "student" / "README.md").read_text()
    assert "started from teacher" in (run / "models" / "mono-en" / "README.md").read_text()


def test_it_is_made_once(run: Path, make: Change, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    started: list[str] = []
    watcher = Watcher(start=lambda job: started.append(job.name))
    run_here(make(**_started()), tmp_path / "run", watcher=watcher)
    assert started == []
    before = (run / "models" / "student" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "run" / "models" / "student")
    run_here(make(**_started()), tmp_path / "run", watcher=watcher)
    assert started == ["model/student"]
    assert (tmp_path / "run" / "models" / "student" / "model.safetensors").read_bytes() == before


def test_it_is_another_one_when_what_it_starts_from_is(make: Change) -> None:
    def marks(**changes: Any) -> dict[str, str]:
        graph = Graph(make(**_started(**changes.pop("student", {})), **changes), lambda step: None)
        assert next(name for name in graph.jobs if name.startswith("model/")) == "model/teacher"
        return {name: job.fingerprint for name, job in graph.jobs.items()}

    plain = marks()
    seed = marks(models__teacher__training={"seed": 1})
    assert {name for name in plain if plain[name] != seed[name]} == {
        f"{kind}/{model}" for kind in ("model", "scores") for model in ("teacher", "student", "mono-en", "mono-ru")
    }
    layers = marks(models__student__from__layers=[0, 1])
    assert {name for name in plain if plain[name] != layers[name]} == {"model/student", "scores/student"}


def test_a_teacher_of_stored_labels_may_start_from_another_model(make: Change) -> None:
    fields = _started(labels={"kind": "stored", "teachers": "mono-{language}"})
    jobs = list(Graph(make(**fields), lambda step: None).jobs)
    order = ["model/teacher", "model/mono-en", "labels/mono-en.en.k8", "model/student"]
    assert sorted(order, key=jobs.index) == order


def test_a_plan_knows_its_size(run: Path, make: Change) -> None:
    costs = {model.name: model for model in plan_recipe(make(**_started()), run).models}
    about = {name: json.loads((run / "models" / name / "training.json").read_text()) for name in costs}
    assert {name: model.parameters for name, model in costs.items()} == {
        name: each["parameters"] for name, each in about.items()
    }
    assert all(model.seconds > 0 for model in costs.values())


def test_the_recipe_is_written_as_it_is_read(make: Change) -> None:
    recipe = make(**_started())
    assert recipe_tree(recipe)["models"]["student"]["from"] == {"model": "teacher", "layers": "alternate"}
    assert "from:" in recipe_text(recipe)
    assert recipe.plans()["student"].encoder == recipe.plans()["teacher"].encoder.model_copy(update={"layers": 2})


def test_layers_of_a_model_that_is_taken(run: Path, text_files: Path, tmp_path: Path) -> None:
    tree = {**TREE, "languages": {code: {"text": str(text_files / f"{code}.txt")} for code in ("en", "ru")}}
    tree["models"] = {
        "big": {"existing": str(run / "models" / "teacher"), "languages": ["en", "ru"]},
        "small": {"from": {"model": "big", "layers": [2]}, "vocabulary": "big", "training": STILL},
    }
    del tree["vocabulary"], tree["evaluation"]
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(tree))
    for command in (["plan"], ["run", "--into", str(tmp_path / "run")], ["plan", "--into", str(tmp_path / "run")]):
        done = CliRunner().invoke(app, [command[0], str(tmp_path / "small.yaml"), *command[1:]])
        assert done.exit_code == 0, done.output
    theirs = load_file(run / "models" / "teacher" / "model.safetensors")
    for name, weights in load_file(tmp_path / "run" / "models" / "small" / "model.safetensors").items():
        assert weights.equal(theirs[name.replace("layer.0.", "layer.2.")]), name
    card = (tmp_path / "run" / "models" / "small" / "README.md").read_text()
    assert "bert, 1 layers, 2 heads, width 16, started from layer 2 of big" in card


WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    ({"from": {"model": "techer"}}, "no model is called 'techer'", "student.from.model", "did you mean 'teacher'?"),
    ({"from": {"model": "x"}}, "no model is called 'x'", "student.from.model", "there is: "),
    ({"from": {"model": "student"}}, "a circle: student needs student", "student.from.model", "break it"),
    ({"from": {"model": "mono-en"}, "encoder": {"layers": 1}}, "leave out encoder", "models.student", ""),
    ({"from": {"model": "teacher", "layers": [0, 3]}}, "none with the number 3", "student.from.layers", "0 to 2"),
    ({"from": {"model": "teacher", "layers": [1, 1]}}, "named twice", "student.from.layers", "each once"),
    ({"from": {"model": "teacher", "layers": []}}, "", "student.from.layers", ""),
    ({"from": {"layers": "first"}}, "either a model of the recipe or a folder", "models.student.from", ""),
    ({"from": {"model": "teacher", "folder": "x"}}, "either a model", "models.student.from", ""),
    ({"existing": "./x", "languages": ["en"], "from": {"model": "teacher"}}, "leave out from", "models.student", ""),
    ({"from": {"model": "teacher"}, "vocabulary": {"size": 300}}, "another vocabulary", "from.model", "to shared"),
]


@pytest.mark.parametrize(("student", "what", "where", "fix"), WRONG, ids=[each[1] for each in WRONG])
def test_contradictions(make: Change, student: dict[str, Any], what: str, where: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        make(models={"student": student, "teacher": {"encoder": {"layers": 3}}, "mono-en": {"languages": ["en"]}})
    assert what in caught.value.what
    assert where in str(caught.value.where) and fix in str(caught.value.fix)


def test_a_longer_circle(make: Change) -> None:
    taught = {"kind": "soft", "teachers": "student"}
    with pytest.raises(InputError) as caught:
        make(models={"student": {"from": {"model": "other"}}, "other": {"labels": taught}})
    words = ("student needs other needs student", "other needs student needs other")
    assert caught.value.what in [f"a circle: {each}" for each in words]
    assert "models.student.from.model" in str(caught.value.where)


def test_modernbert_begins_with_its_first_layer(make: Change) -> None:
    encoder = {"architecture": "modernbert", "layers": 4}
    with pytest.raises(InputError, match="none of them can be first") as caught:
        make(models={"student": {"from": {"model": "teacher", "layers": "last"}}, "teacher": {"encoder": encoder}})
    assert "student.from.layers" in str(caught.value.where)


def test_a_narrow_student_of_a_wide_teacher(make: Change, tmp_path: Path) -> None:
    labels = {"kind": "soft", "teachers": "teacher", "relations": 0.2}
    models = {"teacher": {}, "student": {"from": {"model": "teacher", "width": 8}, "labels": labels}}
    recipe = make(models=models)
    run_here(recipe, tmp_path / "run")
    config = json.loads((tmp_path / "run/models/student/config.json").read_text())
    assert (config["hidden_size"], config["num_attention_heads"]) == (8, 1)
    card = (tmp_path / "run/models/student/README.md").read_text()
    assert "width 8" in card and "in the directions in which its embeddings vary most" in card
    with pytest.raises(InputError, match="does not fit") as refused:
        make(models={"teacher": {}, "student": {"from": {"model": "teacher", "width": 10}}})
    assert "models.student.from.width" in str(refused.value.where)
    with pytest.raises(InputError, match="hidden states 8 wide"):
        make(models=models, models__student__labels={"kind": "soft", "teachers": "teacher", "states": 0.2})
