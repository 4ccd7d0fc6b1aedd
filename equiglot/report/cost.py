"""The section on what models cost."""

from collections.abc import Iterator

from equiglot.evaluation import ALL, COST, metrics_of
from equiglot.report.data import Report
from equiglot.report.format import capital
from equiglot.report.score_index import ScoreIndex
from equiglot.report.sections import NamedTable, Paragraph, Section
from equiglot.report.tables import Cell, Table, number_cell


def cost_sections(report: Report) -> Iterator[Section]:
    """One row a number, one column a model, where costs were measured."""
    numbers = ScoreIndex(report, COST)
    models = [model for model in report.models if numbers.of(model.name, "latency", ALL)]
    if not models:
        return
    rows = tuple(
        (
            Cell(capital(metric.title)),
            *(
                number_cell(numbers.of(model.name, metric.name, ALL), "", signs=False, digits=metric.digits)
                for model in models
            ),
        )
        for metric in metrics_of(COST)
    )
    caption = "What models cost. Of times and speeds the median over rounds; in brackets the least and the most."
    about = (
        "Each model was loaded in a process of its own, in fp32, and read test sentences of all languages, one by one "
        "and in batches of 32, tokenising included; the models took turns. In memory is by how much a process grew at "
        "most. Times are of the machine that is named at the end of this page, and say nothing of others."
    )
    table = Table(caption, ("", *(model.label for model in models)), rows)
    yield Section("cost", "Cost", "What the models cost", (Paragraph(about), NamedTable("cost", table)))
