"""From which language to which probes carry over: a heat map a model."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from equiglot.report.data import Model, ProbedTask, Report
from equiglot.report.format import decimal, plot_text, shortened
from equiglot.report.plotting import HOVER, base_layout, spoken
from equiglot.report.transfer import Transfer

_ROW, _FRAME = 36, 90
"""Height of a row, and of all that is around the rows, in pixels."""

_COLOURS = ((0.0, "var(--heat-low)"), (0.5, "var(--heat-mid)"), (1.0, "var(--heat-high)"))
"""All of them far enough from the ink that numbers on them can be read, in light and in dark."""


def transfer_maps(report: Report, task: ProbedTask) -> Mapping[str, go.Figure]:
    """A model's label -> rows by the language trained on, columns by the language tested on.

    The colours mean the same in all of them. Models whose probes were tested on no other language have none.
    """
    transfer = Transfer(report, task)
    every = [value for model in transfer.models for row in _values(transfer, model) for value in row]
    known = [value for value in every if value is not None]
    maps: dict[str, go.Figure] = {}
    for model in transfer.models:
        # Two models may have one label: no map may hide another.
        title = model.label if model.label not in maps else f"{model.label} ({len(maps) + 1})"
        maps[title] = _figure(transfer, model, (min(known), max(known)))
    return maps


def _values(transfer: Transfer, model: Model) -> list[list[float | None]]:
    found = [
        [transfer.number(model.name, source, target) for target in transfer.targets] for source in transfer.sources
    ]
    return [[number.value if number else None for number in row] for row in found]


def _figure(transfer: Transfer, model: Model, bounds: tuple[float, float]) -> go.Figure:
    sources, targets = transfer.sources, transfer.targets
    values = _values(transfer, model)
    trace = go.Heatmap(
        z=values,
        zmin=bounds[0],
        zmax=bounds[1],
        colorscale=_COLOURS,
        showscale=False,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        text=[["" if value is None else decimal(value, transfer.metric.digits) for value in row] for row in values],
        texttemplate="%{text}",
        textfont={"color": "var(--ink)"},
        customdata=_said(transfer, model),
        hovertemplate=HOVER,
    )
    layout = base_layout(height=len(sources) * _ROW + _FRAME, x="tested on", y="trained on")
    figure = go.Figure(trace, layout=layout)
    name = transfer.report.language_name
    rows = [f"{plot_text(shortened(name(code), 14))} ({plot_text(shortened(code, 8))})" for code in sources]
    columns = [plot_text(shortened(code, 8)) for code in targets]
    figure.update_xaxes(**_ticks(columns), range=[-0.5, len(targets) - 0.5])
    figure.update_yaxes(**_ticks(rows), range=[len(sources) - 0.5, -0.5])
    for row, code in enumerate(sources):
        if code in targets:
            _outline(figure, targets.index(code), row)
    return figure


def _said(transfer: Transfer, model: Model) -> list[list[str]]:
    name = transfer.report.language_name
    return [
        [
            f"<b>{plot_text(model.label)}</b><br>trained on {plot_text(name(source))}, tested on "
            f"{plot_text(name(target))}: {spoken(number, digits=transfer.metric.digits) if number else ''}"
            for target in transfer.targets
            for number in [transfer.number(model.name, source, target)]
        ]
        for source in transfer.sources
    ]


def _ticks(labels: list[str]) -> dict[str, Any]:
    return {"tickvals": list(range(len(labels))), "ticktext": labels, "showgrid": False, "ticks": ""}


def _outline(figure: go.Figure, column: int, row: int) -> None:
    corner = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    figure.add_shape(type="rect", **corner, line={"color": "var(--ink)", "width": 2})
