"""A run in which one of the languages has no teacher, as in the recipes that `init` writes for tiny ones."""

from pathlib import Path

import pytest

from equiglot.evaluation import ALL, read_scores
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from tests.pipeline.conftest import Change, run_here


@pytest.fixture
def untaught(make: Change) -> Recipe:
    """Russian is learnt from its words alone."""
    labels = {"kind": "soft", "teachers": {"en": "mono-en"}, "without_teacher": "gold"}
    models = {"mono-en": {"languages": ["en"]}, "hl": {}, "student": {"labels": labels}}
    return make(models=models, report={"reference": "mono-{language}"})


def test_the_verdict_is_of_the_languages_that_have_one(untaught: Recipe, tmp_path: Path) -> None:
    run_here(untaught, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    distances = {(each.model, each.language): each for each in read_scores(run.scores) if each.metric == "d"}
    assert {language for model, language in distances if model == "student"} == {"en", "group:high", ALL}
    assert distances["student", ALL].value == distances["student", "en"].value
    means = {each.model: each.value for each in read_scores(run.scores) if (each.metric, each.language) == ("mrr", ALL)}
    assert {"student", "hl"} <= means.keys(), "their own means are over all languages"
    page = run.report.read_text(encoding="utf-8")
    assert "No verdict" not in page and "over all languages with a teacher" in page
    assert "Means are over the languages that have a teacher." in page
