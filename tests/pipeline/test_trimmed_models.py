"""Models whose vocabulary is cut down within a run, before a student starts from them and after it was trained."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer

from equiglot.errors import InputError
from equiglot.pipeline import Graph, plan_recipe
from equiglot.pipeline.steps.material import material_of
from equiglot.run import RunDirectory
from equiglot.vocabulary import load_tokenizer
from tests.pipeline.conftest import Change, run_here
from tests.pipeline.test_starting import STILL


def _shrunk(**others: Any) -> dict[str, Any]:
    """The recipe's fields: a teacher of both languages; Russian alone of it; a student of that; and one cut last."""
    russian = {"languages": ["ru"], "training": STILL}
    labels = {"kind": "soft", "teachers": "small", "states": 0.2}
    return {
        "models": {
            "late": {"trim": {"model": "whole", "size": 260}, "languages": ["ru"]},
            "student": {
                "from": {"model": "small", "layers": "alternate"},
                "vocabulary": "small",
                "labels": labels,
                **russian,
            },
            "whole": {"from": {"model": "teacher", "layers": "first"}, **russian},
            "small": {"trim": {"model": "teacher", **others}, "languages": ["ru"]},
            "teacher": {"encoder": {"layers": 3}},
        }
    }


@pytest.fixture(scope="module")
def run(make: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is done; not to be touched."""
    into = tmp_path_factory.mktemp("trimmed") / "run"
    run_here(make(**_shrunk()), into)
    return into


def test_a_student_of_a_trimmed_teacher_has_its_rows(run: Path) -> None:
    models = run / "models"
    kept = json.loads((models / "small" / "old_ids.json").read_text())["old_ids"]
    theirs, ours = (load_file(models / name / "model.safetensors") for name in ("teacher", "student"))
    rows = "bert.embeddings.word_embeddings.weight"
    assert len(kept) < len(theirs[rows])
    assert ours[rows].equal(theirs[rows][kept])
    assert ours["bert.encoder.layer.1.output.dense.weight"].equal(theirs["bert.encoder.layer.2.output.dense.weight"])
    proof = json.loads((models / "small" / "trim.json").read_text())
    assert proof["languages"] == ["ru"] and proof["model"]["hidden_states_equal"]
    kept, lost = proof["texts"]
    assert (kept["language"], kept["kept"], lost["language"], lost["kept"]) == ("ru", True, "en", False)
    assert kept["sentences"] == lost["sentences"] == 30  # the validation text, which chose nothing
    assert lost["same"] < lost["sentences"]


def test_a_student_can_be_trimmed_last(run: Path) -> None:
    late, whole = run / "models" / "late", run / "models" / "whole"
    kept = json.loads((late / "old_ids.json").read_text())["old_ids"]
    assert len(kept) == 260 == len(load_tokenizer(late))
    text = "Программа может открыть файл."
    before, after = (AutoTokenizer.from_pretrained(folder) for folder in (whole, late))
    assert [kept[each] for each in after(text)["input_ids"]] == before(text)["input_ids"]
    assert AutoModelForMaskedLM.from_pretrained(late).config.vocab_size == 260


def test_the_page_says_what_was_trimmed(run: Path) -> None:
    page = (run / "report" / "index.html").read_text()
    assert "teacher, trimmed to its languages" in page
    assert "trimmed" in (run / "models" / "small" / "README.md").read_text()


def test_labels_of_the_large_model_serve_every_trimmed_one(make: Change, tmp_path: Path) -> None:
    """They are made once; what a trimmed vocabulary lacks is unknown in the text, and no target."""
    labels = {"kind": "stored", "teachers": "teacher", "k": 8, "weight": 1}
    student = {"languages": ["ru"], "from": {"model": "smaller"}, "vocabulary": "smaller", "labels": labels}
    models = {**_shrunk()["models"], "smaller": {"trim": {"model": "small", "size": 260}, "languages": ["ru"]}}
    models = {name: models[name] for name in ("teacher", "small", "smaller")} | {"stored": student}
    recipe = make(models=models)
    assert "stored" in {model.name for model in plan_recipe(recipe).models}
    run_here(recipe, tmp_path / "run")
    assert "the 8 most probable words of teacher" in (tmp_path / "run/report/index.html").read_text()
    about = json.loads((tmp_path / "run/models/stored/training.json").read_text())
    assert {term for point in about["losses"] for term in point["losses"]} >= {"soft/ru"}
    run = RunDirectory(tmp_path / "run")
    plan = recipe.plans()["stored"]
    (source,) = material_of(run, recipe, plan).sources
    read = source.read(np.arange(20), np.zeros(20, dtype=np.int64))
    large, small = (load_tokenizer(run.model(name)) for name in ("teacher", "smaller"))
    flat, _ = source.text.gather(np.arange(20))
    pieces, mapped = large.convert_ids_to_tokens(flat.tolist()), small.convert_ids_to_tokens(read.ids.clip(0).tolist())
    lost = read.ids < 0
    assert [one for one, gone in zip(pieces, lost, strict=True) if not gone] == [
        one for one, gone in zip(mapped, lost, strict=True) if not gone
    ]
    assert lost.any() and not read.chosen[lost].any()
    assert {*read.inputs[lost].tolist()} <= {small.unk_token_id, small.mask_token_id, *range(len(small))}
    other = make(
        models={**models, "small": {**models["small"], "trim": {"model": "teacher", "min_sentence_share": 0.1}}}
    )
    before, after = Graph(recipe).jobs, Graph(other).jobs
    name = next(name for name in before if name.startswith("labels/"))
    assert before[name].fingerprint == after[name].fingerprint
    assert before["model/stored"].fingerprint != after["model/stored"].fingerprint


def test_order_does_not_matter_and_a_change_makes_what_follows_anew(make: Change) -> None:
    before = Graph(make(**_shrunk())).jobs
    names = list(before)
    order = ["model/teacher", "model/small", "tokens/ru.small", "model/student"]
    assert sorted(order, key=names.index) == order
    after = Graph(make(**_shrunk(min_sentence_share=0.1))).jobs
    changed = {name for name in before if before[name].fingerprint != after[name].fingerprint}
    assert {"model/small", "tokens/ru.small", "model/student"} <= changed
    assert not {"model/teacher", "model/whole", "model/late"} & changed


def test_what_it_will_take_is_planned(make: Change) -> None:
    plan = plan_recipe(make(**_shrunk(size=100)))
    sizes = {model.name: model.parameters for model in plan.models}
    assert "small" not in sizes and sizes["student"] < sizes["whole"] < sizes["teacher"]


def test_an_amount_that_is_too_small_names_its_field(make: Change, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too small") as refused:
        run_here(make(**_shrunk(size=9)), tmp_path / "run")
    assert "models.small.trim.size" in str(refused.value.where)


@pytest.mark.parametrize(
    ("change", "told", "where"),
    [
        ({"models__small__trim": {"model": "teachr"}}, "no model is called 'teachr'", "models.small.trim.model"),
        ({"models__small__languages": ["en", "ru"], "models__teacher__languages": ["ru"]}, "'en'", "models.small"),
        ({"models__small__trim": {"model": "student"}}, "a circle", "models."),
        ({"models__small__trim": {"model": "teacher", "size": 9, "fit": "1MB"}}, "one amount", "models.small.trim"),
        ({"models__small__trim": {"model": "teacher", "fit": "much"}}, "is no size", "models.small.trim.fit"),
        ({"models__small__training": {"updates": 3}}, "leave out training", "models.small"),
        ({"models__small__existing": "./folder"}, "either `existing` or `trim`", "models.small"),
    ],
)
def test_contradictions_are_refused(make: Change, change: dict[str, Any], told: str, where: str) -> None:
    with pytest.raises(InputError) as refused:
        make(**_shrunk(), **change)
    assert told in str(refused.value) and where in str(refused.value.where)
