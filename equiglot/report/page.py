"""The page of a run: its topics, in the order in which they stand, and the file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from equiglot.evaluation import ALL
from equiglot.files import write_text
from equiglot.report.audit import audit_sections
from equiglot.report.background import (
    data_sections,
    learning_sections,
    model_sections,
    reading_sections,
    run_sections,
    vocabulary_sections,
)
from equiglot.report.cost import cost_sections
from equiglot.report.data import Model, Report
from equiglot.report.deviations import rdt_sections
from equiglot.report.findings import probe_sections
from equiglot.report.finetuned import fine_tuned_sections
from equiglot.report.format import interval, signed
from equiglot.report.lengths import length_sections
from equiglot.report.paper_comparison import paper_sections
from equiglot.report.plotting import Plot
from equiglot.report.scaling import growth_sections
from equiglot.report.score_index import MASKED, measure_of, numbers_of, teachers_of
from equiglot.report.scores import likelihood_sections, masked_sections, trade_off_sections
from equiglot.report.sections import NamedTable, Section, every_part, render_page
from equiglot.report.series import Series, multilingual_series
from equiglot.report.tables import Table
from equiglot.report.verdict import verdict

Topic = Callable[[Report], Iterator[Section]]


def _scores(report: Report) -> Iterator[Section]:
    """What models are compared with their teachers by, and then the other."""
    masked = measure_of(report) == MASKED
    for topic in (masked_sections, likelihood_sections) if masked else (likelihood_sections, masked_sections):
        yield from topic(report)


TOPICS: tuple[Topic, ...] = (
    audit_sections,
    trade_off_sections,
    _scores,
    length_sections,
    growth_sections,
    probe_sections,
    fine_tuned_sections,
    rdt_sections,
    cost_sections,
    paper_sections,
    learning_sections,
    data_sections,
    vocabulary_sections,
    model_sections,
    reading_sections,
    run_sections,
)
"""In the order of the page. A new one is a file with such a function, and its name here."""


def sections_of(report: Report) -> tuple[Section, ...]:
    """The sections of the page."""
    return tuple(section for topic in TOPICS for section in topic(report))


def plots_of(report: Report) -> tuple[Plot, ...]:
    """The figures, in the order of the page."""
    return tuple(part for part in every_part(sections_of(report)) if isinstance(part, Plot))


def tables_of(report: Report) -> dict[str, Table]:
    """Name -> table, in the order of the page."""
    return {part.name: part.table for part in every_part(sections_of(report)) if isinstance(part, NamedTable)}


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
    learnt = model.labels if model.source or not model.labels else f"learns from {model.labels}"
    return "; ".join(filter(None, (model.balancing, learnt)))
