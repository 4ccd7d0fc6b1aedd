"""Scores as Plotly figures.

A figure names colours as the page's custom properties (`var(--blue)`); the page's script resolves them, so that the
same figure serves light, dark and paper. Every text that comes from a run goes through `plot_text`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

from equiglot.evaluation import ALL, Metric, group_language
from equiglot.report.curves import Line, lines_of_losses, lines_of_mrr
from equiglot.report.data import Report
from equiglot.report.format import decimal, group_phrase, plot_text, shortened
from equiglot.report.labels import Point, spread, text_positions
from equiglot.report.measures import MASKED, measure_of, teachers_of
from equiglot.report.plotting import HOVER, base_layout, is_within, marker, span_of, spoken, whiskers
from equiglot.report.score_index import Number, ScoreIndex
from equiglot.report.series import Series, all_series, masked_series
from equiglot.report.tables import row_languages

_POINT, _GAP = 15, 16
"""Height of a model's place in a row, and the space between rows, both in pixels."""

_STRIP = 0.13
"""Share of the trade-off's height that is kept free for each label of what lies beyond the axes."""


def trade_off(report: Report) -> go.Figure | None:
    """Paper 1, Figure 1: mean MRR of the high-resource group (x) against that of the low-resource group (y).

    Where teachers have vocabularies of their own, it is D in bits per character instead; the teachers are at 0. None
    where there are fewer than two groups, or where nothing is scored in both.
    """
    groups = _trade_off_groups(report)
    if groups is None:
        return None
    low, high = groups
    measure = measure_of(report)
    numbers = ScoreIndex(report, measure.task)
    metric = measure.name if measure == MASKED else "d"
    places = []
    for series in all_series(report):
        x = series.number(numbers, metric, group_language(high))
        y = series.number(numbers, metric, group_language(low))
        if x and y:
            places.append((series, x, y))
    if all(series.role == "teacher" and metric == "d" for series, _, _ in places):
        return None
    title = "mean MRR, {} (%)" if measure == MASKED else f"{measure.difference.axis}, {{}}"
    x_title, y_title = (title.format(plot_text(group_phrase(name))) for name in (high, low))
    return _trade_off_figure(places, x_title, y_title, measure)


def _trade_off_groups(report: Report) -> tuple[str, str] | None:
    """The low-resource and the high-resource group: by name, else the first two."""
    names = report.proper_groups
    if {"low", "high"} <= set(names):
        return "low", "high"
    if len(names) < 2:
        return None
    return (names[1], names[0]) if names[0] == "high" or names[1] == "low" else (names[0], names[1])


def _trade_off_figure(
    places: Sequence[tuple[Series, Number, Number]], x_title: str, y_title: str, measure: Metric
) -> go.Figure:
    trained = [place for place in places if place[0].role != "reference"] or places
    x_range, y_range = span_of([x for _, x, _ in trained]), span_of([y for _, _, y in trained])
    inside = [place for place in places if is_within(place[1], x_range) and is_within(place[2], y_range)]
    outside = [place for place in places if place not in inside]
    strip = _STRIP * len(outside)
    y_range = (y_range[0] - strip / (1 - strip) * (y_range[1] - y_range[0]), y_range[1])
    figure = go.Figure(layout=base_layout(height=470, x=x_title, y=y_title, x_range=x_range, y_range=y_range))
    for series, x, y in places:
        if series.role == "teacher":
            figure.add_vline(x.value, line={"color": "var(--teacher)", "width": 1, "dash": "dot"}, opacity=0.45)
            figure.add_hline(y.value, line={"color": "var(--teacher)", "width": 1, "dash": "dot"}, opacity=0.45)
    points = [Point(x.value, y.value, shortened(series.label)) for series, x, y in inside]
    for (series, x, y), position in zip(inside, text_positions(points, x_range, y_range, strip), strict=True):
        figure.add_trace(_labelled_point(series, x, y, position, measure))
    for index, (series, x, y) in enumerate(outside):
        figure.add_annotation(**_off_scale(series, x, y, index))
    return figure


def _labelled_point(series: Series, x: Number, y: Number, position: str, measure: Metric) -> go.Scatter:
    label = plot_text(shortened(series.label))
    x_said, y_said = (spoken(each, signs=measure != MASKED, digits=measure.difference.digits) for each in (x, y))
    said = f"<b>{plot_text(series.label)}</b><br>x: {x_said}<br>y: {y_said}"
    return go.Scatter(
        x=[x.value],
        y=[y.value],
        error_x=whiskers([x], series.colour),
        error_y=whiskers([y], series.colour),
        mode="markers+text",
        marker=marker(series, 13),
        text=[label],
        textposition=position,
        textfont={"color": series.colour, "size": 14},
        cliponaxis=False,
        customdata=[said],
        hovertemplate=HOVER,
    )


def _off_scale(series: Series, x: Number, y: Number, index: int) -> dict[str, Any]:
    """A label at the corner for what lies far below the models: drawn to scale it would press them together."""
    text = f"{plot_text(shortened(series.label))}<br>({decimal(x.value)}, {decimal(y.value)})"
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": _STRIP * index,
        "ax": 46,
        "ay": -12,
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
        "text": text,
        "showarrow": True,
        "arrowhead": 2,
        "arrowwidth": 1.2,
        "arrowcolor": series.colour,
        "font": {"color": series.colour, "size": 12},
        "hovertext": f"{plot_text(series.label)} lies beyond the axes",
    }


def scores_by_language(report: Report, series: Sequence[Series], measure: Metric = MASKED) -> go.Figure | None:
    """MRR, or another measure, of some models in every language, with intervals; None where there is no score."""
    return _rows_figure(report, series, measure, relative=False)


def beyond_the_axis(report: Report) -> dict[Series, tuple[float, float]]:
    """References whose MRR is, in every language, far below that of all models: series -> its smallest and largest.

    Drawn to scale they would press all others together.
    """
    numbers = ScoreIndex(report)
    values = {series: _values(report, numbers, series) for series in masked_series(report)}
    trained = [value for series, found in values.items() if series.role != "reference" for value in found]
    if not trained:
        return {}
    floor = min(trained) - 0.5 * (max(trained) - min(trained))
    far = {series: found for series, found in values.items() if series.role == "reference" and found}
    return {series: (min(found), max(found)) for series, found in far.items() if max(found) < floor}


def _values(report: Report, numbers: ScoreIndex, series: Series) -> list[float]:
    found = (series.number(numbers, "mrr", row[0]) for row in row_languages(report))
    return [number.value for number in found if number]


def distances(report: Report, series: Sequence[Series], measure: Metric = MASKED) -> go.Figure | None:
    """D(M, L) by group and by language (paper 1, Eq. 3), with intervals; None where there is none."""
    figure = _rows_figure(report, series, measure, relative=True)
    if figure is not None:
        bounds = span_of([Number(0.0), *_distances_of(report, series, measure)], 0.06)
        figure.update_layout(margin_t=30, xaxis_range=bounds)
        figure.add_vline(0, line={"color": "var(--teacher)", "width": 1.5})
        figure.add_annotation(
            x=0, y=1, yref="paper", xanchor="right" if bounds[1] < -bounds[0] else "left", yanchor="bottom",
            showarrow=False, text=teachers_of(report), font={"color": "var(--teacher)", "size": 12},
        )  # fmt: skip
    return figure


def _distances_of(report: Report, series: Sequence[Series], measure: Metric) -> list[Number]:
    numbers = ScoreIndex(report, measure.task)
    found = (entry.number(numbers, "d", row[0]) for entry in series for row in row_languages(report))
    return [number for number in found if number is not None]


def _rows_figure(report: Report, series: Sequence[Series], measure: Metric, *, relative: bool) -> go.Figure | None:
    """Dots with whiskers: one band a language or group, one place within the band a model; D if `relative`."""
    numbers, metric = ScoreIndex(report, measure.task), "d" if relative else measure.name
    rows = [
        row
        for row in row_languages(report)
        if any(entry.number(numbers, metric, row[0]) is not None for entry in series)
    ]
    if not rows:
        return None
    band = len(series) * _POINT + _GAP
    title = measure.difference.axis if relative else measure.axis
    figure = go.Figure(layout=base_layout(height=len(rows) * band + 70, x=title, y=""))
    digits = measure.difference.digits if relative else measure.digits
    for place, entry in enumerate(series):
        shift = (place - (len(series) - 1) / 2) * _POINT / band
        found = [(index, row, entry.number(numbers, metric, row[0])) for index, row in enumerate(rows)]
        known = [(index + shift, row, number) for index, row, number in found if number is not None]
        figure.add_trace(_dots(entry, known, signs=relative, digits=digits))
    for index in range(0, len(rows), 2):
        figure.add_hrect(index - 0.5, index + 0.5, fillcolor="var(--band)", line_width=0, layer="below")
    ticks = [_tick(row) for row in rows]
    figure.update_yaxes(
        range=[len(rows) - 0.5, -0.5], tickvals=list(range(len(rows))), ticktext=ticks, showgrid=False, title=None
    )
    return figure


def _tick(row: tuple[str, str, str]) -> str:
    text = plot_text(shortened(row[1], 18))
    return f"<b>{text}</b>" if row[0].startswith("group:") else text


def _dots(
    series: Series, known: Sequence[tuple[float, tuple[str, str, str], Number]], *, signs: bool, digits: int
) -> go.Scatter:
    values = [number for _, _, number in known]
    return go.Scatter(
        x=[number.value for number in values],
        y=[place for place, _, _ in known],
        error_x=whiskers(values, series.colour),
        mode="markers",
        marker=marker(series, 9),
        customdata=[
            f"<b>{plot_text(series.label)}</b><br>{plot_text(row[1])}: {spoken(number, signs=signs, digits=digits)}"
            for _, row, number in known
        ],
        hovertemplate=HOVER,
    )


def learning_curves(report: Report) -> dict[str, go.Figure]:
    """Validation MRR by update: view -> figure, one view for the mean over languages and one a language."""
    codes = [language.code for language in report.languages]
    names = codes if len(codes) == 1 else [ALL, *codes]
    views = {name: lines_of_mrr(report, None if name == ALL else name) for name in names}
    titles = {name: "Mean over languages" if name == ALL else report.language_name(name) for name in names}
    axes = {name: "mean over languages" if name == ALL else plot_text(shortened(titles[name])) for name in names}
    return _views((titles[name], lines, f"validation MRR, {axes[name]} (%)") for name, lines in views.items())


def loss_curves(report: Report) -> dict[str, go.Figure]:
    """Losses by update: view -> figure, one view for each model and term, one line a language."""
    return _views((title, lines, "nats per masked position") for title, lines in lines_of_losses(report))


def _views(found: Iterable[tuple[str, Sequence[Line], str]]) -> dict[str, go.Figure]:
    views: dict[str, go.Figure] = {}
    for title, lines, axis in found:
        if lines:
            # Two languages may have one name: no view may hide another.
            views[title if title not in views else f"{title} ({len(views) + 1})"] = _lines_figure(lines, axis)
    return views


def _lines_figure(lines: Sequence[Line], title: str) -> go.Figure:
    end = max(line.x[-1] for line in lines)
    figure = go.Figure(layout=base_layout(height=430, x="update", y=title, x_range=(0, end * 1.01 or 1)))
    figure.update_layout(margin_r=150)
    for line in lines:
        said = [
            f"<b>{plot_text(line.label)}</b><br>update {x:,}: {decimal(y, 2)}"
            for x, y in zip(line.x, line.y, strict=True)
        ]
        look = {"color": line.colour, "width": 2.2, "dash": line.dash}
        mode = "lines" if len(line.x) > 1 else "markers"
        trace = go.Scatter(x=line.x, y=line.y, mode=mode, line=look, customdata=said, hovertemplate=HOVER)
        figure.add_trace(trace.update(marker_color=line.colour))
    values = [value for line in lines for value in line.y]
    heights = spread([line.y[-1] for line in lines], 0.055 * ((max(values) - min(values)) or 1.0))
    for line, height in zip(lines, heights, strict=True):
        figure.add_annotation(
            x=1, xref="paper", y=height, xanchor="left", xshift=8, showarrow=False, align="left",
            text=plot_text(shortened(line.label, 19)), font={"color": line.colour, "size": 13},
        )  # fmt: skip
    return figure
