"""What a plan says of too little text."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from equiglot.display import print_plan
from equiglot.pipeline import Machine, plan_recipe
from equiglot.pipeline.planning import meter
from equiglot.recipe import Recipe, doubts_of, initialise, load_recipe, parse_recipe
from equiglot.run import RunDirectory
from tests.recipe.test_initialising import lines

SIZES = {"en": 4000, "ru": 3000, "hi": 2000, "ko": 120}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "text").mkdir()
    for code, count in SIZES.items():
        (tmp_path / "text" / f"{code}.txt").write_text(lines(code, count), encoding="utf-8")
    return tmp_path


def doubts(folder: Path, codes: str = "en ru hi ko", **changes: Any) -> tuple[str, ...]:
    """Of a recipe with one tiny language, which init once wrote."""
    tree = {
        "name": "unequal",
        "languages": {code: {"text": f"text/{code}.txt"} for code in codes.split()},
        "text": {"valid": 100, "test": 100},
        "vocabulary": {"size": 600},
        "encoder": {"layers": 1, "heads": 2, "hidden_size": 16, "max_length": 32},
        "training": {"updates": 10},
        "models": {
            "mono-{language}": {"languages": "each"},
            "hl-balanced": {"balance": "truncate"},
            "student": {"balance": "truncate", "labels": {"kind": "soft", "teachers": "mono-{language}"}},
        },
        "evaluation": ["mlm"],
        **changes,
    }
    return of(parse_recipe(tree, folder))


def of(recipe: Recipe) -> tuple[str, ...]:
    measured = meter.RunMeter(recipe, RunDirectory(Path("nowhere")), {}, Machine())
    return doubts_of(recipe, {code: measured.text_size(code) for code in recipe.sources})


def test_one_tiny_language_that_cuts_all_others(folder: Path) -> None:
    cut, starved = doubts(folder)
    assert cut.startswith("hl-balanced, student: `balance: truncate` cuts every language to the 5,")
    assert "of ko, " in cut and "kind: annealed" in cut
    assert starved.startswith("mono-ko: fewer than 50,000 characters") and "without_teacher: gold" in starved


def test_nothing_is_said_where_there_is_enough(folder: Path) -> None:
    assert doubts(folder, "en ru hi") == ()


def test_test_sets_that_show_nothing(folder: Path) -> None:
    (few,) = doubts(folder, "en ru hi", text={"valid": 100, "test": 25})
    assert few.startswith("Test sentences are few: en 25 (±11 points), ru 25 (±11")
    (read,) = doubts(folder, "en ru hi", evaluation=[{"task": "mlm", "sequences": 25}])
    assert "en 25 (±11 points)" in read
    assert doubts(folder, "en ru hi", text={"test": 25}, evaluation=["likelihood"]) == ()


def test_vocabularies_that_their_text_does_not_support(folder: Path) -> None:
    (crowded,) = doubts(folder, "en ru hi", vocabulary={"size": 20_000})
    assert crowded.startswith("vocabulary: 20,000 entries") and "sampling" in crowded
    own = {"one": {"languages": ["en"], "vocabulary": {"size": 30_000}}}
    (crowded,) = doubts(folder, "en ru hi", models={**own, "hl": {}})
    assert crowded.startswith("models.one.vocabulary: 30,000 entries") and "sampling" not in crowded


@pytest.mark.parametrize("codes", ["en ru hi ko", "en ru", "ko"])
def test_recipes_of_init_can_be_planned(folder: Path, monkeypatch: pytest.MonkeyPatch, codes: str) -> None:
    """And the plan says what init says, no more and no less; speeds are not measured here."""
    monkeypatch.setattr(meter, "measure_speed", lambda *_, **__: 1e4)
    monkeypatch.setattr(meter, "measure_labelling", lambda *_: 1e4)
    for code in SIZES.keys() - set(codes.split()):
        (folder / "text" / f"{code}.txt").unlink()
    _, said = initialise(folder / "text", folder / "made.yaml", gpu=False)
    plan = plan_recipe(load_recipe(folder / "made.yaml"), None, Machine())
    # The sizes of the one are counted, those of the other guessed from the files.
    assert [each.partition(" ")[0] for each in plan.doubts] == [each.partition(" ")[0] for each in said]
    assert len(said) == (2 if "ko" in codes else 0), "too little for a teacher, and for a test"
    file = io.StringIO()
    print_plan(Console(file=file, width=500), plan)
    assert file.getvalue().count("Warning: ") == len(plan.doubts)
