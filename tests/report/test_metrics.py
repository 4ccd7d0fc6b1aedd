"""The registry of metrics: whoever adds one entry sees the metric computed, shown and written everywhere."""

import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from equiglot.display.models import print_external_scores
from equiglot.display.runs import print_scores
from equiglot.evaluation import (
    IN_LANGUAGE,
    METRICS,
    Bootstrap,
    ExternalScores,
    Gold,
    MaskedPositions,
    Metric,
    Score,
    metrics_of,
    pair_rows,
    position_estimates,
    primary_of,
    score_labels,
)
from equiglot.evaluation.counting import count_right
from equiglot.evaluation.metrics import LabelRule
from equiglot.finetuning import CHOOSING
from equiglot.pipeline import Status
from equiglot.report import Report, render, tables_of, write_tables
from equiglot.report.card import model_card
from equiglot.tasks import fine_tuned_name, task_of

BOOTSTRAP = Bootstrap(resamples=20, seed=0)
TOY = Metric(
    name="top9",
    phrase="top-nine share",
    digits=3,
    tasks=("mlm", "pos"),
    axis="Top-nine share (%)",
    caption="Top-nine share: the right token is among the first nine",
    explanation="Top-nine share: how often the right word is among nine.",
    positions=lambda ranks, losses: 100.0 * (ranks <= 9),
    labels=LabelRule(
        count_right, lambda sums: 100 - 100 * sums[..., 0] / np.maximum(1, sums[..., 1]), "the share of wrong {items}"
    ),
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Metric:
    monkeypatch.setitem(METRICS, TOY.name, TOY)
    return TOY


def _shown(print_: object, *scores: object) -> str:
    file = io.StringIO()
    print_(Console(file=file, width=200), *scores)  # type: ignore[operator]
    return file.getvalue()


def _positions() -> MaskedPositions:
    ranks = np.array([1, 9, 10, 3, 8, 2, 40, 1], np.int32)
    return MaskedPositions(ranks=ranks, losses=np.ones(8, np.float32), sequences=np.arange(8) // 2, count=4)


def _with(report: Report, scores: Iterable[Score]) -> Report:
    return report.model_copy(update={"scores": (*report.scores, *scores)})


def _place(score: Score) -> tuple[str, str, str, str | None]:
    return score.task, score.metric, score.language, score.source


def test_one_entry_is_enough_for_masked_words(toy: Metric, synthetic: Report, tmp_path: Path) -> None:
    rows = list(pair_rows("student", "mlm", position_estimates("en", _positions(), BOOTSTRAP), seed=0))
    (row,) = (each for each in rows if each.metric == toy.name)
    assert row.value == 75.0 and row.low is not None
    report = _with(synthetic, [row])

    terminal = _shown(
        print_external_scores, ExternalScores(masked=(rows,), bits=(), groups=(("student",),), coverage=())
    )
    assert "top-nine share, %" in terminal and "75.000" in terminal
    assert f"{toy.caption}. 95 % intervals in brackets." in render(report)
    write_tables(tables_of(report), tmp_path / "tables")
    written = (tmp_path / "tables" / "top9.csv").read_text(encoding="utf-8").splitlines()
    assert "75.0" in written[1] and written[1].startswith("English,en,")
    card = model_card(report, next(model for model in report.models if model.name == "student"))
    assert "Top-nine share (%)" in card and "75.000" in card and toy.explanation in card


def test_one_entry_is_enough_for_labels(toy: Metric, probed: Report, tmp_path: Path) -> None:
    gold = Gold(np.array([0, 1, 1, 0], np.int16), np.array([2, 2]))
    (scored,) = score_labels("pos", ("NOUN", "VERB"), gold, [np.array([0, 1, 1, 1], np.int16)], language="en",
                             bootstrap=BOOTSTRAP)  # fmt: skip
    assert scored[toy.name].value == 25.0
    row = next(each for each in probed.scores if _place(each) == ("pos", "accuracy", "en", IN_LANGUAGE))
    report = _with(probed, [row.model_copy(update={"metric": toy.name, "value": 25.0, "low": 20.0, "high": 30.0})])
    assert "Top-nine share in percent: the share of wrong words;" in render(report)
    write_tables(tables_of(report), tmp_path / "tables")
    assert "25.0,20.0,30.0" in (tmp_path / "tables" / "pos-top9.csv").read_text(encoding="utf-8")


def test_a_task_of_its_own_is_shown_by_its_first_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        METRICS, TOY.name, replace(TOY, tasks=("guessing",), first_of=("guessing",), lower_is_better=True)
    )
    score = Score(model="student", task="guessing", language="en", metric=TOY.name, value=12.3456, n=9, seed=0)
    shown = _shown(print_scores, Status({}, {}, {}, None, [score]))
    assert "top-nine share, %" in shown and "12.346" in shown
    assert primary_of("guessing").name == TOY.name


def test_what_is_measured_of_each_task() -> None:
    found = {
        task: [each.name for each in metrics_of(task)] for task in ("mlm", "likelihood", "pos", "ner", "topic", "place")
    }
    assert found == {
        "mlm": ["mrr", "accuracy", "top5", "loss"],
        "likelihood": ["bits"],
        "pos": ["accuracy", "macro_f1", "seqeval_f1"],
        "ner": ["macro_f1", "entity_f1", "seqeval_f1", "accuracy"],
        "topic": ["accuracy", "macro_f1"],
        "place": ["macro_f1", "accuracy"],
    }


def test_models_that_are_fine_tuned_are_compared_by_what_their_weights_are_chosen_by() -> None:
    for task, metric in CHOOSING.items():
        first, *others = metrics_of(fine_tuned_name(task))
        assert first.name == metric and {first, *others} == {*metrics_of(task)}


def test_every_metric_can_be_computed_for_its_tasks() -> None:
    for metric in METRICS.values():
        assert set(map(task_of, metric.first_of)) <= set(metric.tasks)
        assert ("mlm" in metric.tasks) == (metric.positions is not None)
        assert (metric.labels is not None) == bool({*metric.tasks} - {"mlm", "likelihood", "cost"})
