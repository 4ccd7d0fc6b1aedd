"""What the models of a run cost: measured last, all together, and shown on the page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from equiglot.errors import InputError
from equiglot.evaluation import ALL, COST, metrics_of, read_scores
from equiglot.exporting import CostRecord
from equiglot.pipeline import Graph, Machine, plan_recipe
from equiglot.recipe import Recipe, parse_recipe
from equiglot.run import RunDirectory
from tests.pipeline.conftest import TREE, run_here

MODELS = ("mono-en", "hl", "en")


def _recipe(text: Path, evaluation: Any, **changes: Any) -> Recipe:
    models = {"mono-en": {"languages": ["en"]}, "hl": {}, "en": {"languages": ["en"]}}
    return parse_recipe({**TREE, "models": models, "evaluation": evaluation, **changes}, text)


@pytest.fixture(scope="module")
def measured(text_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three models, of which little more than costs is asked; not to be touched."""
    into = tmp_path_factory.mktemp("measured") / "run"
    run_here(
        _recipe(text_files, [{"task": "likelihood", "sentences": 2}, {"task": "cost", "sentences": 4, "rounds": 2}]),
        into,
    )
    return into


def test_all_models_are_measured_together(measured: Path) -> None:
    run = RunDirectory(measured)
    record = CostRecord.model_validate_json((run.costs / "cost.json").read_text())
    assert [each.name for each in record.models] == [*MODELS] and record.sentences == 4
    for each in record.models:
        weights = (run.model(each.name) / "model.safetensors").stat().st_size
        assert each.disk > weights > 4 * each.parameters and len(each.latency) == 2
    rows = [each for each in read_scores(run.scores) if each.task == COST]
    assert {(each.model, each.metric, each.language) for each in rows} == {
        (model, metric.name, ALL) for model in MODELS for metric in metrics_of(COST)
    }


def test_the_page_has_a_table(measured: Path) -> None:
    run = RunDirectory(measured)
    page = run.report.read_text()
    assert "What the models cost" in page and "sentences/s" in page
    lines = (run.tables / "cost.csv").read_text().splitlines()
    assert len(lines) == 1 + len(metrics_of(COST)) and any("ms" in line for line in lines)


def test_scores_stand_against_costs(measured: Path) -> None:
    """A point a model, in the language that three have; none in the others."""
    run = RunDirectory(measured)
    page = run.report.read_text()
    assert "Scores by size on disk" in page and "Scores by time that a sentence takes" in page
    assert "Likelihood, Russian" not in page
    assert {"size-likelihood-english", "latency-likelihood-english"} <= {
        path.stem for path in run.figures.glob("*.svg")
    }


def test_it_comes_last_and_times_change_nothing_else(text_files: Path) -> None:
    def marks(evaluation: Any) -> Mapping[str, str]:
        jobs = Graph(_recipe(text_files, evaluation)).jobs
        return {name: job.fingerprint for name, job in jobs.items()}

    without, with_cost = marks(["mlm"]), marks(["mlm", "cost"])
    assert list(with_cost)[-1] == "cost/all"
    assert {name: mark for name, mark in with_cost.items() if name != "cost/all"} == without
    job = Graph(_recipe(text_files, ["mlm", "cost"])).jobs["cost/all"]
    assert {*job.needs} == {*without}
    assert marks(["mlm", {"task": "cost", "rounds": 7}])["cost/all"] != with_cost["cost/all"]


def test_a_plan_counts_what_is_read(text_files: Path, measured: Path, tmp_path: Path) -> None:
    few, many = (
        plan_recipe(_recipe(text_files, ["likelihood", {"task": "cost", "rounds": rounds}]), measured, Machine())
        for rounds in (1, 40)
    )
    amounts = [{each.name: each for each in plan.steps}["scores"] for plan in (few, many)]
    assert amounts[0].amount < amounts[1].amount and amounts[0].seconds < amounts[1].seconds


def test_models_are_compared_by_scores_and_not_by_costs(text_files: Path) -> None:
    recipe = _recipe(text_files, ["cost", "likelihood"])
    assert recipe.evaluated == ("likelihood",) and recipe.probed == {} and recipe.costs is not None


def test_costs_need_text(text_files: Path, tmp_path: Path) -> None:
    models = {"taken": {"existing": str(tmp_path / "model"), "languages": ["en"]}}
    with pytest.raises(InputError, match="costs are measured on test sentences"):
        parse_recipe({"name": "x", "languages": {"en": {}}, "models": models, "evaluation": ["cost"]}, text_files)
