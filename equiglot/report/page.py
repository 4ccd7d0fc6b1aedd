"""The page of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from equiglot.evaluation import ALL, MASKED_LM, metrics_of
from equiglot.report.contents import plots_of, tables_of
from equiglot.report.data import Model, Report
from equiglot.report.deviations import Deviations
from equiglot.report.findings import section_of
from equiglot.report.format import count, duration, interval, moment, short_count, signed, task_title
from equiglot.report.likelihood import likelihood_words
from equiglot.report.measures import BITS, MASKED, is_measured, measure_of, numbers_of, teachers_of
from equiglot.report.merging import doubtful, union_differences, union_words
from equiglot.report.paper_comparison import compare_with_paper
from equiglot.report.rendering import render_page
from equiglot.report.scaling import growth_words, growths
from equiglot.report.series import Series, multilingual_series
from equiglot.report.tables import Table
from equiglot.report.verdict import verdict
from equiglot.run import write_text

_MOST_STANDINGS = 12
"""Of more models than this the tables alone tell."""


@dataclass(frozen=True)
class Standing:
    """A multilingual model's D over all languages, as text, and what the model is."""

    series: Series
    value: str
    interval: str
    about: str


def write_report(report: Report, path: Path) -> None:
    """Writes the page to `path`, atomically.

    Raises:
        OSError: the disk is full or `path` cannot be written; what stood there before is unharmed.
    """
    write_text(path, render(report))


def render(report: Report) -> str:
    """The page as HTML. Every text of the report is escaped where it stands."""
    tables = tables_of(report)
    return render_page(
        "page.html.jinja",
        plots_of(report),
        report=report,
        verdict=verdict(report),
        standings=_standings(report),
        probed=[section_of(report, task) for task in report.tasks],
        published=compare_with_paper(report),
        amounts=[words for growth in growths(report) if (words := growth_words(growth))],
        contents=_contents(report, tables),
        tables=tables,
        masked=measure_of(report) == MASKED,
        others={metric.name: tables[metric.name] for metric in metrics_of(MASKED_LM) if metric != MASKED},
        teachers=teachers_of(report),
        measured=likelihood_words(report),
        deviations=Deviations(report).words(),
        union=union_words(report),
        otherwise=union_differences(report),
        doubts=doubtful(report.merged.labels if report.merged else ()),
        examples=[language for language in report.languages if language.example],
        seeds=numbers_of(report).seeds,
        run_facts=_run_facts(report),
    )


def _contents(report: Report, tables: Mapping[str, Table]) -> dict[str, str]:
    """The sections of the page: id -> title."""
    masked = measure_of(report) == MASKED
    scores = {"scores": "Scores"} if masked or tables[MASKED.name].rows else {}
    likelihood = {"likelihood": "Likelihood"} if is_measured(report, BITS) else {}
    return {
        **({"trade-off": "Trade-off"} if masked or len(report.proper_groups) > 1 else {}),
        **({**scores, "distance": "Distance", **likelihood} if masked else {**likelihood, **scores}),
        **({"amount": "Amount of text"} if growths(report) else {}),
        **{task.task: task_title(task.task) for task in report.tasks},
        **({"rdt": "Deviation from teachers"} if tables["rdt"].rows else {}),
        **({"beside": "Beside the paper"} if compare_with_paper(report) else {}),
        "learning": "Learning curves",
        "data": "Data",
        "vocabulary": "Vocabulary",
        **({"labels": "Stored labels"} if tables["labels"].rows else {}),
        "models": "Models",
        "metric": "How to read the numbers",
        "run": "What was run",
    }


def _standings(report: Report) -> list[Standing]:
    numbers, fine = numbers_of(report), measure_of(report).difference.digits
    models = {model.name: model for model in report.models}
    found = [(series, numbers.of(series.name, "d", ALL)) for series in multilingual_series(report)]
    return (
        []
        if len(found) > _MOST_STANDINGS
        else [
            Standing(
                series,
                signed(number.value, fine),
                interval(number.low, number.high, sign=True, digits=fine),
                _about(models[series.name]),
            )
            for series, number in found
            if number is not None
        ]
    )


def _about(model: Model) -> str:
    return "; ".join(filter(None, (model.balancing, f"learns from {model.labels}" if model.labels else "")))


def _run_facts(report: Report) -> dict[str, str]:
    tokens = [model.tokens for model in report.models if model.tokens is not None]
    seconds = report.run.seconds
    facts = {
        "Command": report.run.command,
        "Started": moment(report.run.started),
        "Finished": moment(report.run.finished),
        "Time of all jobs": "" if seconds is None else f"{duration(seconds)}, added up; several can run side by side",
        "Tokens read": f"{short_count(sum(tokens))} in training, all models together" if tokens else "",
        "Models": count(len(report.models)),
    }
    return {name: value for name, value in facts.items() if value}
