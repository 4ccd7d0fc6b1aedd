"""What stands on the page of a run: its topics, each of which gives sections with figures and tables."""

from collections.abc import Callable, Iterator

from equiglot.report.background import (
    data_sections,
    learning_sections,
    model_sections,
    reading_sections,
    run_sections,
    vocabulary_sections,
)
from equiglot.report.data import Report
from equiglot.report.deviations import rdt_sections
from equiglot.report.findings import probe_sections
from equiglot.report.finetuned import fine_tuned_sections
from equiglot.report.likelihood import likelihood_sections
from equiglot.report.masked_lm import masked_sections, trade_off_sections
from equiglot.report.measures import MASKED, measure_of
from equiglot.report.paper_comparison import paper_sections
from equiglot.report.plots import Plot
from equiglot.report.scaling import growth_sections
from equiglot.report.sections import NamedTable, Section, every_part
from equiglot.report.tables import Table

Topic = Callable[[Report], Iterator[Section]]


def _scores(report: Report) -> Iterator[Section]:
    """What models are compared with their teachers by, and then the other."""
    masked = measure_of(report) == MASKED
    for topic in (masked_sections, likelihood_sections) if masked else (likelihood_sections, masked_sections):
        yield from topic(report)


TOPICS: tuple[Topic, ...] = (
    trade_off_sections,
    _scores,
    growth_sections,
    probe_sections,
    fine_tuned_sections,
    rdt_sections,
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
