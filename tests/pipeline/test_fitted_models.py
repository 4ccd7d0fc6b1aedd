"""Students that must fit into a size, in whole runs: their layers, and the entries of what they start from."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForMaskedLM

from equiglot.errors import InputError
from equiglot.exporting.exporting import batch_tokenizer, longest_input
from equiglot.exporting.graph import quantize, save_graph, trace
from equiglot.models import exported_bytes_with, load_classifier
from equiglot.models.whole import load_whole
from equiglot.pipeline import Graph, plan_recipe
from equiglot.recipe import Recipe
from equiglot.vocabulary import load_tokenizer, tokenizer_bytes
from tests.pipeline.conftest import Change, run_here
from tests.pipeline.test_starting import STILL

TEACHER = {"encoder": {"layers": 4}, "training": STILL}


def shrunk(make: Change, budget: int, precision: str = "fp32", **trim: Any) -> Recipe:
    """A teacher of four layers, its Russian entries, and a student of these that has so many bytes."""
    start = {"model": "small", "fit": budget, "precision": precision}
    student = {"languages": ["ru"], "from": start, "vocabulary": "small", "training": STILL}
    small = {"trim": {"model": "teacher", **trim}, "languages": ["ru"]}
    return make(models={"teacher": TEACHER, "small": small, "student": student})


def size(model: Path) -> int:
    """The bytes of weights and tokenizer."""
    return sum((model / name).stat().st_size for name in ("model.safetensors", "tokenizer.json"))


@pytest.fixture(scope="module")
def whole(make: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with room for all layers; not to be touched."""
    into = tmp_path_factory.mktemp("fitted") / "run"
    run_here(shrunk(make, 10_000_000), into)
    return into


def test_a_student_with_room_has_all_layers_and_the_entries_that_its_language_needs(whole: Path) -> None:
    about = json.loads((whole / "models" / "student" / "training.json").read_text())["fit"]
    assert about["layers"] == [0, 1, 2, 3] and about["needed"] == size(whole / "models" / "student")
    assert "0.0005" in json.loads((whole / "models" / "small" / "trim.json").read_text())["chosen_by"]


def test_layers_go_first(whole: Path, make: Change, tmp_path: Path) -> None:
    budget = size(whole / "models" / "student") - 1
    recipe = shrunk(make, budget)
    run_here(recipe, tmp_path / "run", reuse=[whole])
    student, small = (tmp_path / "run" / "models" / name for name in ("student", "small"))
    about = json.loads((student / "training.json").read_text())["fit"]
    layers, needed = about["layers"], about["needed"]
    assert (about["bytes"], layers, about["of"], needed) == (budget, [0, 2, 3], 4, size(student))
    model = AutoModelForMaskedLM.from_pretrained(student)
    assert model.config.num_hidden_layers == 3 and model.config.vocab_size == about["entries"]
    assert (small / "old_ids.json").read_bytes() == (whole / "models" / "small" / "old_ids.json").read_bytes()
    said = f"from layers 0, 2 and 3 of 4 of small, to fit into {budget:,} bytes ({needed:,} with"
    assert said in (student / "README.md").read_text()
    assert said in (tmp_path / "run" / "report" / "index.html").read_text()
    # What is made is known before it is trained again.
    (planned,) = [each for each in plan_recipe(recipe, tmp_path / "run").models if each.name == "student"]
    assert planned.parameters == model.num_parameters() and "layers 0, 2 and 3 of 4" in planned.note


def test_a_student_whose_export_must_fit(whole: Path, make: Change, tmp_path: Path) -> None:
    beside = tokenizer_bytes(load_tokenizer(whole / "models" / "small"))
    entries = json.loads((whole / "models" / "small" / "trim.json").read_text())["entries_after"]
    budget = exported_bytes_with(whole / "models" / "small", entries) + beside - 1
    recipe = shrunk(make, budget, "int8")
    run_here(recipe, tmp_path / "run", reuse=[whole])
    student = tmp_path / "run" / "models" / "student"
    about = json.loads((student / "training.json").read_text())["fit"]
    assert (about["precision"], about["layers"], about["entries"]) == ("int8", [0, 2, 3], entries)
    said = f"to fit into {budget:,} bytes in int8 (at most {about['needed']:,} with {entries:,} entries)"
    assert said in (student / "README.md").read_text()
    assert said in (tmp_path / "run" / "report" / "index.html").read_text()
    (planned,) = [each for each in plan_recipe(recipe, tmp_path / "run").models if each.name == "student"]
    assert f"at most {about['needed']:,} of {budget:,} bytes in int8" in planned.note
    # What is fine-tuned from it, and exported, has no more.
    load_classifier(student, "token", ["A", "B", "C"], seed=0).save_pretrained(tmp_path / "tagger")
    tagger, tokenizer = load_whole(tmp_path / "tagger"), load_tokenizer(student)
    save_graph(quantize(trace(tagger), reduce_range=False), tmp_path / "model_int8.onnx")
    batch_tokenizer(tokenizer, longest_input(tagger, tokenizer)).save(str(tmp_path / "tokenizer.json"))
    written = sum((tmp_path / name).stat().st_size for name in ("model_int8.onnx", "tokenizer.json"))
    assert written <= about["needed"] <= budget


def test_entries_go_where_half_of_the_layers_would_not_fit(whole: Path, make: Change, tmp_path: Path) -> None:
    budget = size(whole / "models" / "student") * 2 // 3
    run_here(shrunk(make, budget), tmp_path / "run", reuse=[whole])
    student, small = (tmp_path / "run" / "models" / name for name in ("student", "small"))
    about, trimmed = (json.loads(path.read_text()) for path in (student / "training.json", small / "trim.json"))
    before = json.loads((whole / "models" / "small" / "trim.json").read_text())
    assert about["fit"]["layers"] == [0, 2] and about["fit"]["needed"] == size(student) <= budget
    assert trimmed["entries_after"] == about["fit"]["entries"] < before["entries_after"]
    assert trimmed["chosen_by"] == f"as many entries as fit into {budget:,} bytes beside half of the layers"


def test_a_size_that_cannot_be_met_is_refused_with_the_least(whole: Path, make: Change, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="with one layer and ") as refused:
        run_here(shrunk(make, 9_000), tmp_path / "run", reuse=[whole])
    assert refused.value.where == "models.student.from.fit"
    least = int(str(refused.value.fix).split()[1].replace(",", ""))
    run_here(shrunk(make, least), tmp_path / "least", reuse=[whole])
    about = json.loads((tmp_path / "least" / "models" / "student" / "training.json").read_text())["fit"]
    assert about["layers"] == [0] and about["needed"] == least == size(tmp_path / "least" / "models" / "student")
    trimmed = json.loads((tmp_path / "least" / "models" / "small" / "trim.json").read_text())
    said = f"the fewest that can stay; half of the layers do not fit into {least:,} bytes even beside these"
    assert trimmed["chosen_by"] == said and said in (tmp_path / "least" / "models" / "small" / "README.md").read_text()


def test_a_size_is_part_of_what_is_made_and_nothing_else_changes(make: Change) -> None:
    first, second = (Graph(shrunk(make, budget)).jobs for budget in (50_000, 60_000))
    changed = {name for name in first if first[name].fingerprint != second[name].fingerprint}
    assert {"model/small", "model/student"} <= changed and "model/teacher" not in changed
    counted = Graph(shrunk(make, 50_000, "int8")).jobs
    changed = {name for name in first if first[name].fingerprint != counted[name].fingerprint}
    assert {"model/small", "model/student"} <= changed and "model/teacher" not in changed
    given, other = (Graph(shrunk(make, budget, fit=40_000)).jobs for budget in (50_000, 60_000))
    assert given["model/small"].fingerprint == other["model/small"].fingerprint


def test_before_entries_are_known_a_plan_says_so(make: Change) -> None:
    (planned,) = [each for each in plan_recipe(shrunk(make, 50_000)).models if each.name == "student"]
    assert planned.parameters <= 50_000 // 4 and "known when small is made" in planned.note


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ({"model": "small", "fit": "much"}, "is no size"),
        ({"model": "small", "fit": "1MB", "layers": "first"}, "either `layers` or `fit`"),
        ({"model": "small", "precision": "int8"}, "`precision` says what `fit` counts"),
        ({"model": "small", "fit": "1MB", "precision": "int4"}, "precision"),
    ],
)
def test_contradictions_are_refused(make: Change, start: dict[str, Any], told: str) -> None:
    recipe = shrunk(make, 50_000)
    models = {name: model.model_dump(mode="json", exclude_unset=True) for name, model in recipe.models.items()}
    with pytest.raises(InputError, match=told):
        make(models={**models, "student": {**models["student"], "from": start}})
