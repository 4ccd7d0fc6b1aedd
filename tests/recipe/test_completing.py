"""What Tab offers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from equiglot.recipe.completing import complete_fields, complete_models, complete_recipes, complete_runs
from equiglot.training import TrainingSettings

FIELDS = {
    "enc": ["encoder." + name for name in ("architecture", "layers", "heads")],
    "models.": ["models.mono-{language}", "models.hl", "models.v1.5", "models.student"],
    "models.stu": ["models.student.languages", "models.student.balance"],
    "models.student.trai": [f"models.student.training.{name}" for name in TrainingSettings.model_fields],
    "models.student.labels.te": ["models.student.labels.temperature", "models.student.labels.teachers"],
    "languages.": ["languages.en", "languages.ru", "languages.ko"],
    "languages.ru.text.": ["languages.ru.text.kind", "languages.ru.text.paths"],
    "evaluation.0.ra": ["evaluation.0.rate"],
    "training.batch.": ["training.batch.sentences", "training.batch.tokens"],
}


@pytest.mark.parametrize(("begun", "offered"), FIELDS.items())
def test_fields(place: Path, begun: str, offered: list[str]) -> None:
    found = complete_fields(begun, str(place / "small.yaml"))
    assert [each for each in found if each in offered] == offered
    assert all(each.startswith(begun) for each in found)


@pytest.mark.parametrize("begun", ["nothing", "encoder.layers.x", "models.nobody", "seed.", "evaluation.x."])
def test_fields_that_do_not_exist(place: Path, begun: str) -> None:
    assert complete_fields(begun, str(place / "small.yaml")) == []


@pytest.mark.parametrize("recipe", [None, "nowhere.yaml", "demo-quik"])
def test_fields_without_a_recipe(recipe: str | None) -> None:
    assert complete_fields("see", recipe) == ["seed"]
    assert complete_fields("models.", recipe) == []


def test_every_field_that_is_offered_can_be_followed(place: Path) -> None:
    """Nothing is offered that leads nowhere: every field is found again when it is typed out."""
    recipe, waiting, seen = str(place / "small.yaml"), [""], set[str]()
    while waiting:
        for field in complete_fields(waiting.pop(), recipe):
            if field not in seen and "v1.5" not in field:
                seen.add(field)
                assert field in complete_fields(field, recipe) or complete_fields(field + ".", recipe)
                waiting.append(field + ".")
    assert {"models.student.encoder.layers", "text.valid", "masking.rate", "report.reference"} <= seen


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with recipes, a run of two models, a model, and others."""
    (tmp_path / "runs" / "demo" / "jobs").mkdir(parents=True)
    (tmp_path / "runs" / "demo" / "recipe.yaml").write_text("name: x")
    for model in ("runs/demo/models/student", "runs/demo/models/student-half", "mine"):
        (tmp_path / model).mkdir(parents=True)
        (tmp_path / model / "config.json").write_text("{}")
    (tmp_path / "demonstration.yaml").write_text("")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "notes.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_recipes_runs_and_models(runs: Path) -> None:
    assert complete_recipes("demo") == ["demo", "demo-quick", "demonstration.yaml"]
    assert complete_recipes("runs/demo/") == ["runs/demo/jobs/", "runs/demo/models/", "runs/demo/recipe.yaml"]
    assert complete_runs("") == ["mine/", "runs/"]
    assert complete_runs("runs/") == complete_models("runs/d") == ["runs/demo"]
    assert complete_runs(f"{runs}/runs/d") == [f"{runs}/runs/demo"]
    assert complete_models("") == ["mine", "runs/"]
    assert complete_models("runs/demo/stu") == ["runs/demo/student", "runs/demo/student-half"]
    assert complete_models("nowhere/") == []


def test_folders_that_may_not_be_read(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(question: Callable[..., Any]) -> Callable[..., Any]:
        def asked(self: Path) -> Any:
            if "mine" in self.parts:
                raise PermissionError(13, "Permission denied")
            return question(self)

        return asked

    for name in ("is_file", "is_dir", "iterdir"):
        monkeypatch.setattr(Path, name, refuse(getattr(Path, name)))
    assert complete_models("") == complete_runs("") == ["runs/"]
    assert complete_models("mine/") == complete_runs("mine/x") == complete_recipes("mine/") == []
