"""What all figures share: layout, markers, whiskers, ranges, and how a number is put in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from equiglot.report.format import decimal, interval, signed
from equiglot.report.score_index import Number
from equiglot.report.series import Series

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_AXIS: dict[str, Any] = {
    "gridcolor": "var(--line)",
    "linecolor": "var(--line)",
    "zeroline": False,
    "fixedrange": True,
    "automargin": True,
    "tickfont": {"color": "var(--soft)"},
    "title": {"font": {"color": "var(--soft)", "size": 13}, "standoff": 10},
}
HOVER = "%{customdata}<extra></extra>"


def base_layout(
    *, height: int, x: str, y: str, x_range: Sequence[float] | None = None, y_range: Sequence[float] | None = None
) -> dict[str, Any]:
    """Plotly layout of a figure: height in pixels, titles of the axes, and their limits where they are fixed."""

    def axis(title: str, bounds: Sequence[float] | None) -> dict[str, Any]:
        return {**_AXIS, "title": {**_AXIS["title"], "text": title}, "range": bounds}

    return {
        "template": "none",
        "height": height,
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 16, "t": 12, "b": 8},
        "font": {"family": FONT, "size": 14, "color": "var(--ink)"},
        "hoverlabel": {"bgcolor": "var(--card)", "bordercolor": "var(--line)", "font": {"color": "var(--ink)"}},
        "xaxis": axis(x, x_range),
        "yaxis": axis(y, y_range),
    }


def marker(series: Series, size: int) -> Mapping[str, Any]:
    """How a series' points look; `size` in pixels."""
    return {"color": series.colour, "symbol": series.symbol, "size": size}


def whiskers(numbers: Sequence[Number], colour: str) -> dict[str, Any]:
    """Whiskers; a number without interval has none."""
    above = [0.0 if number.high is None else max(number.high - number.value, 0.0) for number in numbers]
    below = [0.0 if number.low is None else max(number.value - number.low, 0.0) for number in numbers]
    return {"type": "data", "array": above, "arrayminus": below, "color": colour, "thickness": 1.6, "width": 0}


def spoken(number: Number, *, signs: bool = False, digits: int = 1) -> str:
    """A number with its interval, as a hover text or a sentence says it."""
    value = signed(number.value, digits) if signs else decimal(number.value, digits)
    return f"{value} {interval(number.low, number.high, sign=signs, digits=digits)}".strip()


def span_of(numbers: Sequence[Number], share: float = 0.16) -> tuple[float, float]:
    """Axis limits around numbers and their intervals, with room: `share` of their span on either side."""
    ends = [end for number in numbers for end in (number.value, number.low, number.high) if end is not None]
    room = share * (max(ends) - min(ends)) or 1.0
    return min(ends) - room, max(ends) + room


def is_within(number: Number, bounds: tuple[float, float]) -> bool:
    """Whether a value lies inside axis limits."""
    return bounds[0] <= number.value <= bounds[1]
