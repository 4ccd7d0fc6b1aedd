"""The page of a run."""

from dataclasses import dataclass
from pathlib import Path

from equiglot.evaluation import ALL
from equiglot.report.contents import sections_of
from equiglot.report.data import Model, Report
from equiglot.report.format import interval, signed
from equiglot.report.measures import MASKED, measure_of, numbers_of, teachers_of
from equiglot.report.rendering import render_page
from equiglot.report.series import Series, multilingual_series
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
    return render_page(
        "page.html.jinja",
        sections_of(report),
        report=report,
        verdict=verdict(report),
        standings=_standings(report),
        masked=measure_of(report) == MASKED,
        teachers=teachers_of(report),
    )


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
