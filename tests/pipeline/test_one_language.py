"""Models of one language with several amounts of text, and students of some of them (paper 1, appendix C)."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from equiglot.evaluation import read_scores
from equiglot.run import RunDirectory
from tests.pipeline.conftest import Change, run_here

AMOUNTS = {"small": 4_000, "middle": 8_000, "whole": 100_000}
STUDENTS = {"small-of-whole": "small", "middle-of-whole": "middle", "small-of-small": "small"}


@pytest.fixture(scope="module")
def root(make: Change, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    caps = {name: {"kind": "cap", "characters": size} for name, size in AMOUNTS.items()}
    models: dict[str, object] = {name: {"balance": cap} for name, cap in caps.items()}
    for name, amount in STUDENTS.items():
        labels = {"kind": "soft", "teachers": name.rpartition("-")[2]}
        models[name] = {"balance": caps[amount], "labels": labels, "training": {"learning_rate": 5e-3}}
    recipe = make(
        languages__en={"text": "en.txt"},
        languages__ru={"text": "ru.txt", "vocabulary_only": True},
        models=models,
        report={"reference": "whole"},
    )
    into = tmp_path_factory.mktemp("one") / "run"
    run_here(recipe, into)
    yield into


def _rows(root: Path, name: str) -> list[list[str]]:
    with (RunDirectory(root).tables / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_all_are_compared_with_the_one_that_the_recipe_names(root: Path) -> None:
    scores = read_scores(RunDirectory(root).scores)
    others = {"small", "middle", *STUDENTS}
    distances = {score.model: score.value for score in scores if score.metric == "d" and score.language == "en"}
    assert set(distances) == {*others, "frequency"}
    mrr = {score.model: score.value for score in scores if score.metric == "mrr" and score.language == "en"}
    assert distances == pytest.approx({name: mrr[name] - mrr["whole"] for name in distances})
    pairs = {(score.model, score.reference) for score in scores if score.metric == "difference"}
    assert len({frozenset(pair) for pair in pairs}) == 15  # of five models and the ranking by frequency


def test_the_table_of_amounts_has_every_model_in_its_place(root: Path) -> None:
    head, *rows = _rows(root, "amount")
    titles = [title for title in head if not title.endswith((" low", " high", " difference", "language"))]
    assert titles == ["Text", "Masked words (hard labels)", "Students of whole", "Students of small"]
    table = [dict(zip(head, row, strict=True)) for row in rows]
    assert [bool(row["Students of whole"]) for row in table] == [True, True, False]
    assert [bool(row["Students of small"]) for row in table] == [True, False, False]
    assert all(row["Masked words (hard labels)"] for row in table)
    sizes = [int(row["Text"]) for row in table]
    assert sizes[0] <= 4_000 < sizes[1] <= 8_000 < sizes[2]
    scores = {score.model: score.value for score in read_scores(RunDirectory(root).scores)
              if score.metric == "mrr" and score.language == "en"}  # fmt: skip
    assert float(table[0]["Students of whole difference"]) == pytest.approx(
        scores["small-of-whole"] - scores["small"], abs=1e-5
    )
    assert float(table[1]["Students of whole"]) == pytest.approx(scores["middle-of-whole"], abs=1e-5)


def test_the_page_speaks_of_one_language(root: Path) -> None:
    text = RunDirectory(root).report.read_text(encoding="utf-8")
    header = text[text.index("<header") : text.index("</header>")]
    assert "monolingual teachers over all languages (D" not in header and "No verdict yet" not in header
    assert 'id="amount-plot"' in text and "Of 3 students" in text
    assert (RunDirectory(root).figures / "amount-english.svg").is_file()
    rows = _rows(root, "mrr")
    assert [row[0] for row in rows] == ["Language", "English"]  # and no means of a single language


def test_cards_say_what_each_model_is(root: Path) -> None:
    said = {
        "whole": "a monolingual expert that other models are compared with",
        "small": "a monolingual model that learnt from the masked words alone",
        "small-of-whole": "a monolingual model that learnt from the distributions of other models",
    }
    for name, words in said.items():
        card = RunDirectory(root).card(name).read_text(encoding="utf-8")
        assert words in card and "- multilingual" not in card
