"""Models that get vocabulary entries within a run, and students that start from them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from equiglot.errors import InputError
from equiglot.models.transplanting import sparse_codes
from equiglot.pipeline import Graph, StepCost, plan_recipe
from equiglot.revising import extension_parts
from equiglot.vocabulary import SPECIAL_TOKENS, load_tokenizer
from tests.pipeline.conftest import Change, run_here
from tests.pipeline.test_starting import STILL

ROWS = "bert.embeddings.word_embeddings.weight"


def _extended(**others: Any) -> dict[str, Any]:
    """The recipe's fields: a teacher of both languages; one with more of Russian, twice; and a student of that."""
    extend = {"model": "teacher", "entries": 30, "min_frequency": 5}
    return {
        "models": {
            "student": {
                "languages": ["ru"],
                "from": {"model": "richer", "layers": "alternate"},
                "vocabulary": "richer",
                "labels": {"kind": "soft", "teachers": "richer", "states": 0.2},
                "training": STILL,
            },
            "richer": {"extend": {**extend, "fitting": {"updates": 8}, **others}, "languages": ["ru"]},
            "means": {"extend": {**extend, "start": "mean"}, "languages": ["ru"]},
            "teacher": {"encoder": {"layers": 3}},
        }
    }


@pytest.fixture(scope="module")
def run(make: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is done; not to be touched."""
    into = tmp_path_factory.mktemp("extended") / "run"
    run_here(make(**_extended()), into)
    return into


def test_a_student_of_an_extended_teacher_has_its_rows(run: Path) -> None:
    models, rows = run / "models", "bert.embeddings.word_embeddings.weight"
    theirs, means, richer, ours = (
        load_file(models / name / "model.safetensors") for name in ("teacher", "means", "richer", "student")
    )
    size = len(theirs[rows])
    assert len(load_tokenizer(models / "student")) == len(ours[rows]) == size + 30
    assert (
        ours[rows].equal(richer[rows])
        and richer[rows][:size].equal(theirs[rows])
        and means[rows][:size].equal(theirs[rows])
    )
    assert not richer[rows][size:].equal(means[rows][size:])
    record = json.loads((models / "richer" / "extend.json").read_text())
    assert record["languages"] == ["ru"] and record["start"] == "fitted" and record["fitted_on"]["ru"] > 0
    (text,) = record["texts"]
    assert text["sentences"] == 30 and text["tokens_after"] < text["tokens_before"]  # validation text
    scored = {json.loads(line)["model"] for line in (run / "scores.jsonl").read_text().splitlines()}
    assert "teacher" in scored


def test_the_page_says_what_was_extended(run: Path) -> None:
    page = (run / "report" / "index.html").read_text()
    assert "teacher with up to 30 more entries; their rows are fitted" in page
    assert not any(wrong in page for wrong in ("learns from not trained", "not trained: richer", "not trained: means"))
    assert "extended" in (run / "models" / "richer" / "README.md").read_text()


def test_order_does_not_matter_and_a_change_makes_what_follows_anew(make: Change) -> None:
    before = Graph(make(**_extended())).jobs
    names = list(before)
    order = ["model/teacher", "model/richer", "tokens/ru.richer", "model/student"]
    assert sorted(order, key=names.index) == order
    after = Graph(make(**_extended(fitting={"updates": 9}))).jobs
    changed = {name for name in before if before[name].fingerprint != after[name].fingerprint}
    assert {"model/richer", "tokens/ru.richer", "model/student"} <= changed
    assert not {"model/teacher", "model/means"} & changed
    reseeded = Graph(make(**_extended(), seed=7)).jobs
    assert reseeded["model/richer"].inputs != before["model/richer"].inputs
    assert reseeded["model/means"].inputs == before["model/means"].inputs


def test_what_it_will_take_is_planned(make: Change) -> None:
    plan = plan_recipe(make(**_extended(entries=100)))
    sizes = {model.name: model.parameters for model in plan.models}
    assert sizes.keys() == {"teacher", "student"}
    plan = plan_recipe(make(**_extended(entries=200)))
    assert {model.name: model.parameters for model in plan.models}["student"] == sizes["student"] + 100 * (16 + 1)


def test_the_fitting_of_rows_is_planned(make: Change) -> None:
    def rows(start: str, **fitting: Any) -> list[StepCost]:
        models = {
            "teacher": {},
            "richer": {
                "extend": {"model": "teacher", "entries": 30, "start": start}
                | ({"fitting": fitting} if fitting else {}),
                "languages": ["ru"],
            },
        }
        plan = plan_recipe(make(models=models))
        (teacher,) = plan.models
        assert plan.disk >= 2 * 4 * teacher.parameters  # what is extended is a model on the disk, too
        return [step for step in plan.steps if step.name == "new rows"]

    (means,) = rows("mean")
    few, many = (rows("fitted", updates=updates, sentences=8)[0] for updates in (100, 300))
    assert (means.amount, means.seconds) == (0, 0)
    assert many.amount == pytest.approx(3 * few.amount, rel=0.01) and many.seconds > few.seconds > 0
    # So many sentences, of as many tokens as the text is taken to have before it is cut: 80 characters, 2.3 a token.
    assert few.amount == 100 * 8 * 37 and few.disk == means.disk > 4 * 30 * 16


def _transplanted(**extend: Any) -> dict[str, Any]:
    """The recipe's fields: a teacher of both languages, one of Russian with a vocabulary of its own, and its rows."""
    settings = {"model": "teacher", "entries": 30, "min_frequency": 5, "start": "transplanted", "donor": "mono-ru"}
    return {
        "models": {
            "richer": {"languages": ["ru"], "extend": settings | extend},
            "teacher": {},
            "mono-ru": {"languages": ["ru"], "vocabulary": {"size": 600}, "training": STILL},
        }
    }


def test_rows_come_from_a_model_that_has_the_entries(make: Change, tmp_path: Path) -> None:
    run_here(make(**_transplanted(anchors=8)), tmp_path / "run")
    models = tmp_path / "run" / "models"
    about = json.loads((models / "richer" / "extend.json").read_text())
    assert 0 < about["transplanted"] <= about["entries_after"] - about["entries_before"]
    assert about["anchors"] > 50 and about["distances"].keys() == {"mean", "transplanted"}
    rows = {name: load_file(models / name / "model.safetensors")[ROWS] for name in ("teacher", "mono-ru", "richer")}
    ours, theirs = (load_tokenizer(models / name).get_vocab() for name in ("richer", "mono-ru"))
    first, ids = about["entries_before"], {entry["token"]: entry["parts"] for entry in about["entries"]}
    assert rows["richer"][:first].equal(rows["teacher"])
    anchors = [token for token, number in ours.items() if number < first and token in {*theirs} - {*SPECIAL_TOKENS}]
    assert about["anchors"] == len(anchors)
    for token, parts in ids.items():
        made, piece = rows["richer"][ours[token]], rows["teacher"]
        if token not in theirs:  # the mean of its pieces
            torch.testing.assert_close(made, piece[[ours[part] for part in parts]].mean(0))
            continue
        chosen, shares = sparse_codes(
            rows["mono-ru"][theirs[token]][None].double(), rows["mono-ru"][[theirs[a] for a in anchors]].double(), 8
        )
        expected = (shares[0, :, None] * piece[[ours[anchors[place]] for place in chosen[0]]]).sum(0)
        torch.testing.assert_close(made, expected.float(), atol=1e-5, rtol=1e-4)
    card = (models / "richer" / "README.md").read_text()
    assert "in a model that has it" in card
    assert "their rows are transplanted from mono-ru" in (tmp_path / "run" / "report" / "index.html").read_text()


def test_a_donor_is_made_first_and_is_part_of_what_is_made(make: Change) -> None:
    jobs = Graph(make(**_transplanted())).jobs
    assert {"model/teacher", "model/mono-ru"} <= set(jobs["model/richer"].needs)
    names = [*jobs]
    assert names.index("model/mono-ru") < names.index("model/richer")
    other = Graph(make(**_transplanted(anchors=16))).jobs
    assert other["model/richer"].fingerprint != jobs["model/richer"].fingerprint


def _taught(**fields: Any) -> dict[str, Any]:
    """The recipe's fields: a student of a teacher whose vocabulary was extended twice for it."""
    taught = {
        "languages": ["ru"],
        "from": {"model": "richest"},
        "vocabulary": "richest",
        "labels": {"kind": "soft", "teachers": "teacher", **fields},
        "training": {"updates": 30, "batch": {"sentences": 8}, "validations": 1, "validation_sequences": 4},
    }
    extend = {"entries": 30, "min_frequency": 5, "start": "mean"}
    return {
        "models": {
            "student": taught,
            "richest": {"extend": {**extend, "model": "richer"}, "languages": ["ru"]},
            "richer": {"extend": {**extend, "model": "teacher"}, "languages": ["ru"]},
            "teacher": {},
        }
    }


@pytest.mark.parametrize("fields", [{}, {"weight": 0.5, "temperature": 2}])
def test_a_teacher_without_the_new_entries_teaches_the_others(
    make: Change, tmp_path: Path, fields: dict[str, Any]
) -> None:
    recipe = make(**_taught(**fields))
    jobs = Graph(recipe).jobs
    assert {"model/richer", "model/richest", "model/teacher"} <= set(jobs["model/student"].needs)
    run_here(recipe, tmp_path / "run")
    models = tmp_path / "run" / "models"
    first, parts = extension_parts([models / "richer", models / "richest"])
    old, new = (load_tokenizer(models / name) for name in ("teacher", "richest"))
    assert first == len(old) and len(parts) == len(new) - first == 60
    for place, ids in enumerate(parts):
        assert old.decode(ids).replace(" ", "") == new.decode([first + place]).replace(" ", "")
    points = json.loads((models / "student" / "training.json").read_text())["losses"]
    terms = {term for point in points for term, value in point["losses"].items() if value > 0}
    assert terms == {"soft/ru", "hard/ru"}  # of new entries, the masked words


def test_text_that_has_too_little_names_its_field(make: Change, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no entry can be learnt") as refused:
        run_here(make(**_extended(min_frequency=10**6)), tmp_path / "run")
    assert "models.richer.extend" in str(refused.value.where)


@pytest.mark.parametrize(
    ("change", "told", "where"),
    [
        ({"models__richer__extend__model": "teachr"}, "no model is called 'teachr'", "models.richer.extend.model"),
        ({"models__richer__extend__model": "student"}, "a circle", "models."),
        ({"models__richer__extend__donor": "teacher"}, "only rows that are transplanted", "models.richer.extend"),
        ({"models__means__extend__start": "transplanted"}, "`donor` is missing", "models.means.extend"),
        ({"models__richer__extend__entries": 0}, "greater than 0", "models.richer.extend.entries"),
        ({"models__means__extend__fitting": {"updates": 3}}, "`start: mean` are not fitted", "models.means.extend"),
        ({"models__richer__training": {"updates": 3}}, "leave out training", "models.richer"),
        ({"models__richer__existing": "./folder"}, "either `existing` or `extend`", "models.richer"),
        ({"models__richer__trim": {"model": "teacher"}}, "either `trim` or `extend`", "models.richer"),
        ({"models__student__vocabulary": "shared"}, "another vocabulary", "models.student"),
        ({"models__student__labels__teachers": "teacher"}, "teacher lacks entries", "models.student.labels.states"),
        (
            {
                "models__teacher__labels": {"kind": "soft", "teachers": "richer"},
                "models__richer__extend__model": "means",
            },
            "a circle",
            "models.",
        ),
        (
            {"models__richer__extend__model": "other", "models__other": {"vocabulary": "richer", "languages": ["ru"]}},
            "a circle",
            "models.other.vocabulary",
        ),
        (
            {
                "models__student__labels": {"kind": "stored", "teachers": "teacher"},
            },
            "another vocabulary",
            "models.student.labels",
        ),
        (
            {"models__other": {"labels": {"kind": "soft", "teachers": {"ru": "richer"}, "without_teacher": "gold"}}},
            "richer has another vocabulary than other",
            "models.other.labels",
        ),
    ],
)
def test_contradictions_are_refused(make: Change, change: dict[str, Any], told: str, where: str) -> None:
    with pytest.raises(InputError) as refused:
        make(**_extended(), **change)
    assert told in str(refused.value) and where in str(refused.value.where)
