"""The figures of the page as SVG files for papers: the same drawings, in the page's colours on white.

Text stays text, so that every script is shown by whatever font the reader has; equal figures give equal bytes.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

from equiglot.report.drawing import EM, add, add_marker, draw, margins
from equiglot.report.labels import text_width
from equiglot.report.plots import Plot
from equiglot.report.plotting import Figure
from equiglot.report.rendering import our_text
from equiglot.report.series import Series
from equiglot.run import atomic_folder

_INCHES, _WIDTH = 6.3, 825.0
"""The width of the text on a page of A4, and as many pixels as make 14 of them 8 points, as in a caption."""
_LINE = 1.6 * EM


def write_figures(plots: Iterable[Plot], folder: Path) -> None:
    """Writes every view of every figure as an SVG file; the folder is replaced as a whole."""
    with atomic_folder(folder) as inside:
        for plot in plots:
            for view, figure in plot.views.items():
                title = f"{plot.title}: {view}" if view else plot.title
                svg = to_svg(figure, plot.series, title)
                (inside / f"{plot.files[view]}.svg").write_text(svg, encoding="utf-8")


def to_svg(figure: Figure, series: Iterable[Series], title: str) -> str:
    """A figure of the page as SVG, with a key of `series`; `title` is for readers that cannot see it."""
    above, right, below, left = (EM * each for each in margins(figure))
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-size": f"{EM:g}"})
    root.set("font-family", "DejaVu Sans, Helvetica, Arial, sans-serif")
    add(root, "title").text = title
    key = add(root, "g")
    above += _LINE * _add_key(key, list(series))
    key.set("transform", f"translate({7 - left:.2f} {0.8 * EM - above:.2f})")
    draw(figure, root, _WIDTH - left - right)
    height = above + figure.height + below
    root.set("width", f"{_INCHES}in")
    root.set("height", f"{_INCHES * height / _WIDTH:.3f}in")
    root.set("viewBox", f"{-left:.2f} {-above:.2f} {_WIDTH:g} {height:.2f}")
    for element in root.iter():
        if "style" in element.attrib:
            element.set("style", _on_white(element.attrib["style"]))
    return tostring(root, encoding="unicode") + "\n"


def _add_key(group: Element, series: list[Series]) -> int:
    """Writes every series with its marker, as many to a line as there is room for; gives the number of lines."""
    place, line = 0.0, 0
    for entry in series:
        width = EM * (text_width(entry.label) + 2.5)
        if place and place + width > _WIDTH:
            place, line = 0.0, line + 1
        add_marker(group, entry.symbol, entry.colour, f"{place:.2f}", f"{line * _LINE:.2f}")
        text = add(group, "text", x=f"{place + EM:.2f}", y=f"{line * _LINE + 0.35 * EM:.2f}", style="fill:var(--ink)")
        text.text = entry.label
        place += width
    return line + 1 if series else 0


def _on_white(style: str) -> str:
    """A style with the colours that the page names for light paper, mixed where they are to be mixed."""
    plain = re.sub(r"var\((--[a-z-]+)\)", lambda found: _light()[found[1]], style)
    plain = re.sub(r"fill:rgba\((.+), ([\d.]+)\)", r"fill:rgb(\1);fill-opacity:\2", plain)
    return re.sub(r"color-mix\(in srgb, #(\w+) ([\d.]+)%, #(\w+)\)", _mixed, plain)


def _mixed(found: re.Match[str]) -> str:
    one, other = bytes.fromhex(found[1]), bytes.fromhex(found[3])
    share = float(found[2]) / 100
    return "#" + bytes(round(share * a + (1 - share) * b) for a, b in zip(one, other, strict=True)).hex()


@cache
def _light() -> dict[str, str]:
    root = our_text("page.css").split("}", 1)[0]
    return dict(re.findall(r"(--[a-z-]+): ([^;]+);", root))
