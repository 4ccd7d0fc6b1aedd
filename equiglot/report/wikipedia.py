"""Whether the languages' texts are as unequal as their Wikipedias (paper 1, Figure 2)."""

from dataclasses import dataclass

from equiglot.report.data import Report
from equiglot.report.format import decimal, short_count
from equiglot.report.labels import Point, text_positions
from equiglot.report.plotting import Axis, Dot, Figure, Tick, Trace, round_ticks

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


def wikipedia_figure(fit: Fit) -> Figure:
    """Paper 1, Figure 2: characters of training text by the logarithm of the Wikipedia's size, and the line."""
    ends = min(point.x for point in fit.points), max(point.x for point in fit.points)
    line = [fit.intercept + fit.slope * x for x in ends]
    room = 0.08 * (ends[1] - ends[0])
    top = max(*(point.y for point in fit.points), *line)
    x_range, y_range = (ends[0] - room, ends[1] + room), (min(0.0, *line) - 0.04 * top, 1.1 * top)
    ticks = tuple(Tick(tick.place, short_count(tick.place)) for tick in round_ticks(0, top))
    points = [
        Trace(point.label, [Dot(point.x, point.y, said)], "var(--blue)", "circle", side=side)
        for point, side in zip(fit.points, text_positions(fit.points, x_range, y_range), strict=True)
        for said in [f"{short_count(point.y)} characters, {short_count(2**point.x)} MB"]
    ]
    return Figure(
        height=330,
        x=Axis("size of the Wikipedia (binary logarithm of MB)", x_range),
        y=Axis("characters of training text", y_range, ticks),
        traces=[Trace("", tuple(map(Dot, ends, line)), "var(--teacher)", dash="dot"), *points],
    )
