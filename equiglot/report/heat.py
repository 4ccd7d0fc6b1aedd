"""From which language to which probes carry over: a heat map a model."""

from collections.abc import Mapping

from equiglot.report.data import Model, ProbedTask, Report
from equiglot.report.format import decimal, shortened
from equiglot.report.plotting import Axis, Cell, Figure, HeatMap, Tick, spoken
from equiglot.report.transfer import Transfer

_ROW = 36
"""Height of a row, in pixels."""


def transfer_maps(report: Report, task: ProbedTask) -> Mapping[str, Figure]:
    """A model's label -> rows by the language trained on, columns by the language tested on.

    The colours mean the same in all of them. Models whose probes were tested on no other language have none.
    """
    transfer = Transfer(report, task)
    cells = [_cells(transfer, model) for model in transfer.models]
    values = [cell.value for found in cells for cell in found]
    maps: dict[str, Figure] = {}
    for model, found in zip(transfer.models, cells, strict=True):
        # Two models may have one label: no map may hide another.
        title = model.label if model.label not in maps else f"{model.label} ({len(maps) + 1})"
        maps[title] = _figure(transfer, HeatMap(model.label, found, (min(values), max(values))))
    return maps


def _cells(transfer: Transfer, model: Model) -> list[Cell]:
    name, digits = transfer.report.language_name, transfer.metric.digits
    return [
        Cell(
            column,
            row,
            number.value,
            decimal(number.value, digits),
            f"trained on {name(source)}, tested on {name(target)}: {spoken(number, digits=digits)}",
            framed=source == target,
        )
        for row, source in enumerate(transfer.sources)
        for column, target in enumerate(transfer.targets)
        if (number := transfer.number(model.name, source, target)) is not None
    ]


def _figure(transfer: Transfer, heat: HeatMap) -> Figure:
    name = transfer.report.language_name
    rows = [f"{shortened(name(code), 14)} ({shortened(code, 8)})" for code in transfer.sources]
    columns = [shortened(code, 8) for code in transfer.targets]
    x = Axis("tested on", (-0.5, len(columns) - 0.5), tuple(map(Tick, range(len(columns)), columns)), grid=False)
    y = Axis("trained on", (len(rows) - 0.5, -0.5), tuple(map(Tick, range(len(rows)), rows)), grid=False)
    return Figure(len(rows) * _ROW, x, y, heat=heat)
