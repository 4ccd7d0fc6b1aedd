"""Figures as SVG, one drawing for the page and for paper.

Its origin is the upper left corner of the area that the axes enclose; what is written around it stands outside. On the
page that area is as wide as the screen lets it be: places across are percentages, letters are ems, and nothing has to
be drawn anew when the screen turns. On paper both are pixels. All is built as a tree, so that text stays text.
"""

from dataclasses import dataclass
from functools import partial
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

from equiglot.report.format import decimal, shortened
from equiglot.report.labels import SIDES, share_of, text_width
from equiglot.report.plotting import Figure, HeatMap, Note, Plot, Rule, Trace
from equiglot.report.series import Series

EM = 14.0
"""Pixels of the letters' size on paper and on a wide screen."""
SYMBOLS = {
    "circle": "M-6 0A6 6 0 0 1 6 0A6 6 0 0 1-6 0Z",
    "circle-open": "M-5 0A5 5 0 0 1 5 0A5 5 0 0 1-5 0Z",
    "diamond": "M0-7 7 0 0 7-7 0Z",
    "square": "M-5.5-5.5H5.5V5.5H-5.5Z",
    "triangle-up": "M0-6.5 6.5 5H-6.5Z",
    "hexagon": "M-6-3.4 0-6.8 6-3.4V3.4L0 6.8-6 3.4Z",
    "cross": "M-2.2-6.5H2.2V-2.2H6.5V2.2H2.2V6.5H-2.2V2.2H-6.5V-2.2H-2.2Z",
    "x": "M-3.8-6.2 0-2.4 3.8-6.2 6.2-3.8 2.4 0 6.2 3.8 3.8 6.2 0 2.4-3.8 6.2-6.2 3.8-2.4 0-6.2-3.8Z",
}
"""Paths of the markers, 14 units wide and high around 0."""
_DASHES = {"solid": "", "dash": "9 6", "dot": "2 4"}
_HEAT = ("var(--heat-low)", "var(--heat-mid)", "var(--heat-high)")
"""All of them far enough from the ink that numbers on them can be read, in light and in dark."""
_DENSE = 8
"""Columns of a heat map above which its numbers are rounded on a narrow screen."""


def add(parent: Element, tag: str, **attributes: object) -> Element:
    """A new child; `stroke_width` is the attribute stroke-width, `class_` class; those that are empty are left out."""
    named = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    return SubElement(parent, tag, {name: value for name, value in named.items() if value})


def one_line(text: str) -> str:
    """`text` without breaks: they would set apart what tooltips say of several points."""
    return " ".join(text.split())


def add_place(parent: Element, x: str, y: str) -> Element:
    """A new child whose origin is (x, y), which may be percentages."""
    return add(parent, "svg", x=x, y=y, overflow="visible")


def add_marker(parent: Element, symbol: str, colour: str, x: str, y: str, **attributes: object) -> None:
    """A marker around (x, y)."""
    look = f"fill:none;stroke:{colour};stroke-width:2" if symbol.endswith("-open") else f"fill:{colour}"
    add(add_place(parent, x, y), "path", d=SYMBOLS[symbol], style=look, **attributes)


def sign(series: Series) -> Markup:
    """A series' marker, as it stands before its name on the page."""
    root = Element("svg", {"class": "sign", "viewBox": "-7 -7 14 14", "aria-hidden": "true"})
    add_marker(root, series.symbol, series.colour, "0", "0")
    return Markup(tostring(root, encoding="unicode"))


def on_page(plot: Plot) -> Markup:
    """All views of a plot, of which the page shows one."""
    root = Element("div", {"class": "plot", "id": plot.id, "role": "img", "aria-label": plot.title})
    for index, figure in enumerate(plot.views.values()):
        above, right, below, left = (f"{each:.2f}em" for each in margins(figure))
        view = add(root, "div", class_="view", style=f"padding:{above} {right} {below} {left}")
        if index:
            view.set("hidden", "")
        draw(figure, add(view, "svg", width="100%", height=figure.height, overflow="visible"))
    return Markup(tostring(root, encoding="unicode"))


def margins(figure: Figure) -> tuple[float, float, float, float]:
    """Room for what stands around the axes: above, to the right, below and to the left, in ems."""
    right = max((text_width(note.text) + 1 for note in figure.notes if note.x == figure.x.range[1]), default=1.2)
    ticks = max((text_width(tick.text, bold=tick.bold) for tick in figure.y.ticks), default=0.0)
    above = 2.0 if any(note.y == figure.y.range[1] for note in figure.notes) else 0.9
    return above, right, 3.7 if figure.x.title else 2.0, ticks + (2.5 if figure.y.title else 0.8)


def draw(figure: Figure, parent: Element, width: float | None = None) -> None:
    """Draws a figure into an SVG element; `width` is that of the area inside the axes in pixels, None for all."""
    frame = _Frame(figure, width)
    frame.axes(parent)
    for rule in figure.rules:
        frame.rule(parent, rule)
    for trace in figure.traces:
        frame.trace(parent, trace)
    if figure.heat:
        frame.heat(parent, figure.heat)
    for note in figure.notes:
        frame.note(parent, note)


@dataclass(frozen=True)
class _Frame:
    figure: Figure
    width: float | None

    def x(self, value: float) -> str:
        return self.across(share_of(value, self.figure.x.range))

    def across(self, share: float) -> str:
        return f"{100 * share:.2f}%" if self.width is None else f"{self.width * share:.2f}"

    def y(self, value: float) -> str:
        return f"{self.figure.height * (1 - share_of(value, self.figure.y.range)):.2f}"

    def em(self, value: float) -> str:
        return f"{value:.2f}em" if self.width is None else f"{EM * value:.2f}"

    def text(
        self, parent: Element, text: str, x: str, y: str, *, right: float = 0, down: float = 0.35, under: str = "",
        colour: str = "var(--soft)", anchor: str = "start", **attributes: object,
    ) -> None:  # fmt: skip
        """Text beside (x, y), with more `under` it or not: so many ems to the right and down; 0.35 is its middle."""
        beside, look = self.em(right), f"fill:{colour}"
        place = add_place(parent, x, y)  # not by dx: renderers cut Arabic where that begins
        element = add(place, "text", x=beside, y=self.em(down), text_anchor=anchor, style=look, **attributes)
        element.text = one_line(text)
        if under:
            add(element, "tspan", x=beside, y=self.em(down + 1.2)).text = under

    def axes(self, parent: Element) -> None:
        x, y, height = self.figure.x, self.figure.y, self.figure.height
        line = partial(add, parent, "line", style="stroke:var(--line)")
        for index, tick in enumerate(y.ticks):
            if y.striped and index % 2 == 0:
                top, size = self.y(tick.place - 0.5), height / len(y.ticks)
                add(parent, "rect", x="0", y=top, width=self.across(1), height=f"{size:.2f}", style="fill:var(--band)")
            if y.grid:
                line(x1="0", x2=self.across(1), y1=self.y(tick.place), y2=self.y(tick.place))
            weight = "bold" if tick.bold else ""
            self.text(parent, tick.text, "0", self.y(tick.place), right=-0.6, anchor="end", font_weight=weight)
        for tick in x.ticks:
            if x.grid:
                line(x1=self.x(tick.place), x2=self.x(tick.place), y1="0", y2=height)
            self.text(parent, tick.text, self.x(tick.place), str(height), down=1.4, anchor="middle")
        self.text(parent, x.title, self.across(0.5), str(height), down=3.2, anchor="middle")
        if y.title:
            away = 1 - margins(self.figure)[3]
            self.text(parent, y.title, "0", f"{height / 2}", down=away, anchor="middle", transform="rotate(-90)")

    def rule(self, parent: Element, rule: Rule) -> None:
        x = ("0", self.across(1)) if rule.x is None else (self.x(rule.x),) * 2
        y = ("0", str(self.figure.height)) if rule.y is None else (self.y(rule.y),) * 2
        look = {"stroke_width": "1", "stroke_dasharray": _DASHES["dot"], "opacity": "0.45"} if rule.faint else {}
        add(parent, "line", style="stroke:var(--teacher)", x1=x[0], x2=x[1], y1=y[0], y2=y[1], **look)

    def trace(self, parent: Element, trace: Trace) -> None:
        group = add(parent, "g", class_="trace", data_name=one_line(trace.name))
        whisker = partial(add, group, "line", style=f"stroke:{trace.colour}", stroke_width="1.6")
        places = [(self.x(dot.x), self.y(dot.y)) for dot in trace.dots]
        for dot, (x, y) in zip(trace.dots, places, strict=True):
            if dot.across:
                whisker(x1=self.x(dot.across[0]), x2=self.x(dot.across[1]), y1=y, y2=y)
            if dot.upwards:
                whisker(x1=x, x2=x, y1=self.y(dot.upwards[0]), y2=self.y(dot.upwards[1]))
        if trace.dash:
            self.line(group, trace)
        if trace.symbol:
            scale = f"scale({0.95 if trace.side else 0.68})"
            for dot, place in zip(trace.dots, places, strict=True):
                add_marker(group, trace.symbol, trace.colour, *place, transform=scale, data_said=one_line(dot.said))
        if trace.side:
            across, up = SIDES[trace.side]
            look = {"anchor": {-1: "end", 0: "middle", 1: "start"}[across], "colour": trace.colour}
            self.text(group, shortened(trace.name), *places[0], right=0.6 * across, down=0.35 - 0.9 * up, **look)

    def line(self, group: Element, trace: Trace) -> None:
        """A line, stretched to the width of the area inside the axes; its strokes are not."""
        wide, height = self.width or 1000.0, self.figure.height
        box = {"viewBox": f"0 0 {wide:g} {height}", "preserveAspectRatio": "none", "overflow": "visible"}
        inside = add(group, "svg", width=self.across(1), height=height, **box)
        points = [f"{wide * share_of(dot.x, self.figure.x.range):.1f},{self.y(dot.y)}" for dot in trace.dots]
        said = "" if trace.symbol else "\n".join(one_line(dot.said) for dot in trace.dots)
        look = {"style": f"fill:none;stroke:{trace.colour};stroke-width:2.2", "vector_effect": "non-scaling-stroke"}
        add(inside, "polyline", points=" ".join(points), stroke_dasharray=_DASHES[trace.dash], **look, data_said=said)

    def heat(self, parent: Element, heat: HeatMap) -> None:
        group = add(parent, "g", class_="heat", data_name=one_line(heat.name))
        wide, dense = self.across(0.96 / len(self.figure.x.ticks)), not self.width and len(self.figure.x.ticks) > _DENSE
        high = f"{0.96 * self.figure.height / len(self.figure.y.ticks):.2f}"
        for cell in heat.cells:
            corner = {"x": self.x(cell.x - 0.48), "y": self.y(cell.y - 0.48)}
            box = partial(add, group, "rect", **corner, width=wide, height=high)
            box(style=f"fill:{_heat_colour(share_of(cell.value, heat.bounds))}", data_said=one_line(cell.said))
            texts = {"fine": cell.text, "coarse": decimal(cell.value, 0)} if dense else {"": cell.text}
            for kind, text in texts.items():
                place = self.x(cell.x), self.y(cell.y)
                self.text(group, text, *place, class_=kind, anchor="middle", colour="var(--ink)")
            if cell.framed:
                box(class_="frame", style="fill:none;stroke:var(--ink);stroke-width:2")

    def note(self, parent: Element, note: Note) -> None:
        x, y = self.x(note.x), self.y(note.y)
        look = {"anchor": note.anchor, "colour": note.colour, "font_size": self.em(0.9)}
        if note.under:
            arrow = f"fill:none;stroke:{note.colour};stroke-width:1.2"
            add(add_place(parent, x, y), "path", d="M38-11 3-1M11-7 2-1 12 1", style=arrow)
            self.text(parent, note.text, x, y, right=3.2, down=-1.85, under=note.under, **look)
        else:
            beside = 0.6 if note.x == self.figure.x.range[1] else 0.0
            self.text(parent, note.text, x, y, right=beside, down=0.35 - note.raised, **look)


def _heat_colour(share: float) -> str:
    """The colour of a share of the scale, mixed from the two next to it."""
    low, high = (_HEAT[0], _HEAT[1]) if share < 0.5 else (_HEAT[1], _HEAT[2])
    part = 100 * (2 * share if share < 0.5 else 2 * share - 1)
    return f"color-mix(in srgb, {high} {part:.1f}%, {low})"
