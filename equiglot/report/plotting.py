"""Figures as data: axes, dots and lines; and how they stand on the page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import ClassVar, NamedTuple

from equiglot.report.format import MINUS, decimal, interval, signed
from equiglot.report.score_index import Number
from equiglot.report.series import Series

Interval = tuple[float, float]


class Tick(NamedTuple):
    """A mark of an axis, in data coordinates, with what it says."""

    place: float
    text: str
    bold: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis: its title, its limits, whether lines stand at its ticks; without `named` ticks they are round numbers.

    Where the first limit is the larger one, it runs the other way. `striped` lays a band behind every second tick.
    """

    title: str
    range: tuple[float, float]
    named: tuple[Tick, ...] = ()
    grid: bool = True
    striped: bool = False

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """What is marked on it."""
        return self.named or round_ticks(*self.range)


class Dot(NamedTuple):
    """A point in data coordinates, with what a tooltip says of it and its intervals, across and upwards."""

    x: float
    y: float
    said: str = ""
    across: Interval | None = None
    upwards: Interval | None = None


@dataclass(frozen=True)
class Trace:
    """Points that belong together: with markers of a `symbol` (`drawing.SYMBOLS`), with a line of a `dash`, or both.

    `dash` is "solid", "dash" or "dot". `name` is what a tooltip calls them, and what stands beside the only point, at a
    `side` (`labels.SIDES`), where there is one.
    """

    name: str
    dots: Sequence[Dot]
    colour: str
    symbol: str = ""
    dash: str = ""
    side: str = ""


class HeatCell(NamedTuple):
    """A coloured cell of a heat map, around a place in data coordinates, with what stands in it and in its tooltip."""

    x: int
    y: int
    value: float
    text: str
    said: str
    framed: bool = False


@dataclass(frozen=True)
class HeatMap:
    """Cells that belong together; the two values that `bounds` are have the first and the last colour."""

    name: str
    cells: Sequence[HeatCell]
    bounds: Interval


@dataclass(frozen=True)
class Rule:
    """A line across the whole figure, at a place of x or of y; a faint one is dotted."""

    x: float | None = None
    y: float | None = None
    faint: bool = False


@dataclass(frozen=True)
class Note:
    """Text at a place, in data coordinates; `raised` in ems. With text `under` it, an arrow leads from it there."""

    text: str
    x: float
    y: float
    colour: str
    anchor: str = "start"
    raised: float = 0.0
    under: str = ""


@dataclass(frozen=True)
class Figure:
    """One figure; `height` is that of the area that the axes enclose, in pixels."""

    height: int
    x: Axis
    y: Axis
    traces: Sequence[Trace] = ()
    heat: HeatMap | None = None
    rules: Sequence[Rule] = ()
    notes: Sequence[Note] = ()


def round_ticks(low: float, high: float, most: int = 6) -> tuple[Tick, ...]:
    """At most some `most` round numbers between two limits: steps of 1, 2 or 5 times a power of ten."""
    least = abs(high - low) / most or 1.0
    unit = 10.0 ** floor(log10(least))
    step = next(size * unit for size in (1, 2, 5, 10) if size * unit >= least * (1 - 1e-9))
    digits = max(0, -floor(log10(step) + 1e-9))
    first, last = ceil(min(low, high) / step - 1e-9), floor(max(low, high) / step + 1e-9)
    values = (round(number * step, digits) for number in range(first, last + 1))
    return tuple(Tick(value, f"{value:,.{digits}f}".replace("-", MINUS)) for value in values)


def whisker(number: Number) -> Interval | None:
    """A number's interval, which holds the number itself; None where it has none."""
    if number.low is None or number.high is None:
        return None
    return min(number.low, number.value), max(number.high, number.value)


def spoken(number: Number, *, signs: bool = False, digits: int = 1) -> str:
    """A number with its interval, as a tooltip or a sentence says it."""
    value = signed(number.value, digits) if signs else decimal(number.value, digits)
    return f"{value} {interval(number.low, number.high, sign=signs, digits=digits)}".strip()


def span_of(numbers: Sequence[Number], share: float = 0.16) -> Interval:
    """Axis limits around numbers and their intervals, with room: `share` of their span on either side."""
    ends = [end for number in numbers for end in (number.value, number.low, number.high) if end is not None]
    room = share * (max(ends) - min(ends)) or 1.0
    return min(ends) - room, max(ends) + room


def is_within(number: Number, bounds: Interval) -> bool:
    """Whether a value lies inside axis limits."""
    return bounds[0] <= number.value <= bounds[1]


@dataclass(frozen=True)
class Plot:
    """A figure's place on the page.

    Attributes:
        name: what its files are called, and with "-plot" the element that it is drawn into.
        title: what a screen reader says of it.
        caption: what stands under it.
        absent: what stands in its place where there is nothing to draw.
        views: name of a view -> figure; with several, the reader chooses.
        choice: label of that choice.
        series: what its key explains; empty where labels stand in the figure.
    """

    kind: ClassVar[str] = "plot"
    name: str
    title: str
    caption: str
    absent: str
    views: Mapping[str, Figure]
    choice: str = ""
    series: tuple[Series, ...] = ()

    @property
    def id(self) -> str:
        """Of the element that it is drawn into."""
        return f"{self.name}-plot"

    @property
    def files(self) -> dict[str, str]:
        """View -> the name of its file, without suffix; no two are equal, whatever the views are called."""
        names: dict[str, str] = {}
        for view in self.views:
            name = "-".join(filter(None, (self.name, re.sub(r"\W+", "-", view.lower()).strip("-")[:60])))
            while name in names.values():
                name += "-"
            names[view] = name
        return names


def single(figure: Figure | None) -> Mapping[str, Figure]:
    """A figure as the only view of a plot."""
    return {} if figure is None else {"": figure}
