"""Whether the languages' texts are as unequal as their Wikipedias (paper 1, Figure 2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from equiglot.report.data import Report
from equiglot.report.format import decimal, plot_text, short_count, shortened
from equiglot.report.labels import Point, text_positions
from equiglot.report.plotting import HOVER, base_layout

_FEWEST = 3
"""Languages through which a line says something."""


@dataclass(frozen=True)
class Fit:
    """The least-squares line of characters against the logarithm of a Wikipedia's size.

    Attributes:
        points: a language's logarithm and its characters, with its name.
        slope: characters for each doubling of a Wikipedia.
        intercept: characters where the logarithm is zero.
        r: Pearson's correlation.
    """

    points: tuple[Point, ...]
    slope: float
    intercept: float
    r: float

    @property
    def words(self) -> str:
        """The line in a sentence."""
        more = "more" if self.slope >= 0 else "fewer"
        return (
            f"Each doubling of a Wikipedia goes with {short_count(abs(self.slope))} characters {more} here (least "
            f"squares over {len(self.points)} languages, r = {decimal(self.r, 2)})."
        )


def wikipedia_fit(report: Report) -> Fit | None:
    """The line through all languages whose Wikipedia's size is stated; None where there are too few, or none differ."""
    from scipy.stats import linregress

    points = tuple(
        Point(language.wikipedia, language.train.characters, language.name)
        for language in report.languages
        if language.wikipedia is not None and language.train is not None
    )
    if len(points) < _FEWEST or len({point.x for point in points}) < 2:
        return None
    line = linregress([point.x for point in points], [point.y for point in points])
    return Fit(points, float(line.slope), float(line.intercept), float(line.rvalue))


def wikipedia_figure(fit: Fit) -> go.Figure:
    """Paper 1, Figure 2: characters of training text by the logarithm of the Wikipedia's size, and the line."""
    ends = min(point.x for point in fit.points), max(point.x for point in fit.points)
    line = [fit.intercept + fit.slope * x for x in ends]
    room = 0.08 * (ends[1] - ends[0])
    top = max(*(point.y for point in fit.points), *line)
    x_range, y_range = (ends[0] - room, ends[1] + room), (min(0.0, *line) - 0.04 * top, 1.1 * top)
    titles = {"x": "size of the Wikipedia (binary logarithm of MB)", "y": "characters of training text"}
    figure = go.Figure(layout=base_layout(height=400, x_range=x_range, y_range=y_range, **titles))
    ticks = _ticks(top)
    figure.update_yaxes(tickvals=ticks, ticktext=[short_count(tick) for tick in ticks])
    look = {"color": "var(--teacher)", "width": 1.6, "dash": "dot"}
    figure.add_trace(go.Scatter(x=ends, y=line, mode="lines", line=look, hoverinfo="skip"))
    for point, position in zip(fit.points, text_positions(fit.points, x_range, y_range), strict=True):
        figure.add_trace(_point(point, position))
    return figure


def _ticks(top: float) -> Sequence[float]:
    """Some five round numbers from 0 to `top`."""
    step = next(size * 10**power for power in range(12) for size in (1, 2, 5) if top / (size * 10**power) <= 6)
    return [step * number for number in range(int(top // step) + 1)]


def _point(point: Point, position: str) -> go.Scatter:
    said = f"<b>{plot_text(point.label)}</b><br>{short_count(point.y)} characters, 2<sup>{decimal(point.x)}</sup> MB"
    return go.Scatter(
        x=[point.x],
        y=[point.y],
        mode="markers+text",
        marker={"color": "var(--blue)", "symbol": "circle", "size": 9},
        text=[plot_text(shortened(point.label))],
        textposition=position,
        textfont={"color": "var(--ink)", "size": 13},
        cliponaxis=False,
        customdata=[said],
        hovertemplate=HOVER,
    )
