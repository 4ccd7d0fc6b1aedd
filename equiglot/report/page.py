"""The page of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from equiglot.evaluation import ALL
from equiglot.report.beside import beside
from equiglot.report.contents import plots_of, tables_of
from equiglot.report.data import Model, Report
from equiglot.report.findings import section_of
from equiglot.report.numbers import Numbers
from equiglot.report.rendering import render_page
from equiglot.report.scaling import growth_words, growths
from equiglot.report.series import Series, multilingual_series
from equiglot.report.verdict import verdict
from equiglot.report.words import count, duration, interval, moment, short_count, signed
from equiglot.run import write_text

_CONTENTS = {
    "trade-off": "Trade-off",
    "scores": "Scores",
    "distance": "Distance",
    "learning": "Learning curves",
    "data": "Data",
    "vocabulary": "Vocabulary",
    "models": "Models",
    "metric": "How to read the numbers",
    "run": "What was run",
}

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
    """Writes the page to `path`, atomically: about 5 MB, most of it Plotly.

    Raises:
        OSError: the disk is full or `path` cannot be written; what stood there before is unharmed.
    """
    write_text(path, render(report))


def render(report: Report) -> str:
    """The page as HTML. Every text of the report is escaped where it stands."""
    probed = [section_of(report, task) for task in report.tasks]
    published, grown = beside(report), growths(report)
    own = {
        **({"amount": "Amount of text"} if grown else {}),
        **{section.id: section.title for section in probed},
        **({"beside": "Beside the paper"} if published else {}),
    }
    return render_page(
        "page.html.jinja",
        plots_of(report),
        report=report,
        verdict=verdict(report),
        standings=_standings(report),
        probed=probed,
        published=published,
        amounts=[words for growth in grown if (words := growth_words(growth))],
        contents=_contents(own),
        tables=tables_of(report),
        examples=[language for language in report.languages if language.example],
        seeds=Numbers(report).seeds,
        run_facts=_run_facts(report),
    )


def _contents(found: Mapping[str, str]) -> dict[str, str]:
    """The sections of the page: id -> title; `found` are those that not every run has, behind the distances."""
    titles: dict[str, str] = {}
    for name, title in _CONTENTS.items():
        titles[name] = title
        if name == "distance":
            titles |= found
    return titles


def _standings(report: Report) -> list[Standing]:
    numbers = Numbers(report)
    models = {model.name: model for model in report.models}
    found = [(series, numbers.of(series.name, "d", ALL)) for series in multilingual_series(report)]
    return (
        []
        if len(found) > _MOST_STANDINGS
        else [
            Standing(
                series,
                signed(number.value),
                interval(number.low, number.high, sign=True),
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
