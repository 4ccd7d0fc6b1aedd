"""The figures of the page as SVG files for papers.

They are drawn from the very figures that the page shows, by Matplotlib, in the page's colours on white. Text stays
text, so that every script is shown by whatever font the reader has; equal figures give equal bytes.
"""

import io
import math
import re
import warnings
from collections.abc import Iterable
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from equiglot.report.plots import Plot
from equiglot.report.rendering import our_text
from equiglot.report.series import Series
from equiglot.run import atomic_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 6.3
"""Inches: the width of the text on a page of A4."""
_POINTS = 0.55
"""A point of paper for each pixel of the page: 14 pixels become 8 points, as in a caption."""
_SIZE = 8.0
_MARKERS = {
    "circle": "o", "circle-open": "o", "diamond": "D", "square": "s", "triangle-up": "^", "hexagon": "H", "cross": "P",
    "x": "X",
}  # fmt: skip
_DASHES = {None: "-", "solid": "-", "dash": "--", "dot": ":"}
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": _SIZE,
    "svg.fonttype": "none",
    "svg.hashsalt": "equiglot",
    "text.parse_math": False,
}


def write_figures(plots: Iterable[Plot], folder: Path) -> None:
    """Writes every view of every figure as an SVG file; the folder is replaced as a whole."""
    with atomic_folder(folder) as inside:
        for plot in plots:
            for view, figure in plot.views.items():
                title = f"{plot.title}: {view}" if view else plot.title
                svg = to_svg(figure, plot.series, title)
                (inside / f"{plot.files[view]}.svg").write_text(svg, encoding="utf-8")


def to_svg(figure: go.Figure, series: Iterable[Series], title: str) -> str:
    """A figure of the page as SVG, with a key of `series`; `title` is for readers that cannot see it."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    height = figure.layout.height * _POINTS / 72
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the reader's font has it, or none
        paper = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = paper.add_subplot()
        _prepare(axes, figure.layout)
        for shape in figure.layout.shapes:
            _draw_shape(axes, shape)
        for trace in figure.data:
            draw = _draw_heatmap if trace.type == "heatmap" else _draw_trace
            draw(axes, trace)
        for note in figure.layout.annotations:
            _draw_note(axes, note)
        _add_key(paper, list(series))
        out = io.StringIO()
        paper.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    return out.getvalue()


def _prepare(axes: "Axes", layout: go.Layout) -> None:
    for axis, limits, settings in (
        (axes.xaxis, axes.set_xlim, layout.xaxis),
        (axes.yaxis, axes.set_ylim, layout.yaxis),
    ):
        axis.set_label_text(unescape(settings.title.text or ""), color=_colour("var(--soft)"))
        axis.set_tick_params(length=0, labelcolor=_colour("var(--soft)"))
        if settings.showgrid is not False:
            axis.grid(color=_colour("var(--line)"), linewidth=0.6)
        if settings.range:
            limits(*settings.range)
        if settings.ticktext:
            axis.set_ticks(settings.tickvals, [_plain(text) for text in settings.ticktext])
            for label, text in zip(axis.get_ticklabels(), settings.ticktext, strict=True):
                label.set_fontweight("bold" if text.startswith("<b>") else "normal")
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set(color=_colour("var(--line)"), linewidth=0.8)


def _draw_shape(axes: "Axes", shape: Any) -> None:
    if shape.type == "rect" and not shape.fillcolor:
        x, y = (shape.x0, shape.x1, shape.x1, shape.x0, shape.x0), (shape.y0, shape.y0, shape.y1, shape.y1, shape.y0)
        axes.plot(x, y, color=_colour(shape.line.color), linewidth=shape.line.width * _POINTS, clip_on=False, zorder=3)
        return
    if shape.type == "rect":
        axes.axhspan(shape.y0, shape.y1, color=_colour(shape.fillcolor), linewidth=0, zorder=0)
        return
    look = {
        "color": _colour(shape.line.color),
        "linewidth": shape.line.width * _POINTS,
        "linestyle": _DASHES[shape.line.dash],
        "alpha": shape.opacity,
        "zorder": 1.5,
    }
    if shape.x0 == shape.x1:
        axes.axvline(shape.x0, **look)
    else:
        axes.axhline(shape.y0, **look)


def _draw_trace(axes: "Axes", trace: go.Scatter) -> None:
    for axis, errors in (("xerr", trace.error_x), ("yerr", trace.error_y)):
        if errors.array is not None:
            width = errors.thickness * _POINTS
            ends: dict[str, Any] = {axis: [list(errors.arrayminus), list(errors.array)]}
            axes.errorbar(trace.x, trace.y, **ends, fmt="none", ecolor=_colour(errors.color), elinewidth=width)
    if "lines" in trace.mode:
        style = _DASHES[trace.line.dash]
        axes.plot(trace.x, trace.y, style, color=_colour(trace.line.color), linewidth=trace.line.width * _POINTS)
    if "markers" in trace.mode:
        size = (trace.marker.size or 6) * _POINTS
        look = _marker(trace.marker.symbol or "circle", trace.marker.color, size)
        axes.plot(trace.x, trace.y, clip_on=False, zorder=3, **look)
    if "text" in trace.mode:
        up, across = trace.textposition.split()
        axes.annotate(
            unescape(trace.text[0]),
            (trace.x[0], trace.y[0]),
            xytext=({"left": -5, "right": 5}.get(across, 0), {"top": 5, "bottom": -5}.get(up, 0)),
            textcoords="offset points",
            ha={"left": "right", "right": "left"}.get(across, "center"),
            va={"top": "bottom", "bottom": "top"}.get(up, "center"),
            color=_colour(trace.textfont.color),
        )


def _draw_heatmap(axes: "Axes", trace: go.Heatmap) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    values = [[math.nan if value is None else value for value in row] for row in trace.z]
    columns, rows = ([place - 0.5 for place in range(length + 1)] for length in (len(values[0]), len(values)))
    colours = LinearSegmentedColormap.from_list("", [(place, _colour(name)) for place, name in trace.colorscale])
    axes.pcolormesh(columns, rows, values, cmap=colours, vmin=trace.zmin, vmax=trace.zmax, edgecolors="white")
    for row, texts in enumerate(trace.text):
        for column, text in enumerate(texts):
            axes.text(column, row, text, ha="center", va="center", color=_colour(trace.textfont.color))


def _draw_note(axes: "Axes", note: Any) -> None:
    """Text at a place of the data or of the axes, with an arrow to it or without."""
    anywhere = {"paper": "axes fraction", None: "data", "x": "data", "y": "data"}
    away = (note.ax, -note.ay) if note.showarrow else (note.xshift or 0, note.yshift or 0)
    arrow = {"arrowstyle": "-|>", "color": _colour(note.arrowcolor), "linewidth": 0.8} if note.showarrow else None
    axes.annotate(
        _plain(note.text),
        (note.x, note.y),
        xycoords=(anywhere[note.xref], anywhere[note.yref]),
        xytext=(_POINTS * away[0], _POINTS * away[1]),
        textcoords="offset points",
        ha=note.xanchor or "center",
        va={"bottom": "bottom", "top": "top"}.get(note.yanchor, "center"),
        color=_colour(note.font.color),
        fontsize=_SIZE * 0.9,
        arrowprops=arrow,
        annotation_clip=False,
    )


def _add_key(paper: "Figure", series: list[Series]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=entry.label, **_marker(entry.symbol, entry.colour, 5)) for entry in series]
    columns = min(len(handles), 4)
    if handles:  # Matplotlib fills columns; people read lines
        ordered = [handle for start in range(columns) for handle in handles[start::columns]]
        options = {"ncols": columns, "frameon": False, "handletextpad": 0.3, "columnspacing": 1.4}
        paper.legend(handles=ordered, loc="outside upper left", **options)


def _marker(symbol: str, colour: str, size: float) -> dict[str, Any]:
    size *= 0.8 if symbol == "diamond" else 1  # Matplotlib's is larger than its other signs
    face = "white" if symbol.endswith("-open") else _colour(colour)
    look = {"color": _colour(colour), "markerfacecolor": face, "markeredgewidth": 0.6}
    return {**look, "linestyle": "none", "marker": _MARKERS[symbol], "markersize": size}


def _plain(text: str) -> str:
    """What Plotly's subset of HTML says."""
    return unescape(re.sub(r"</?b>", "", text.replace("<br>", "\n")))


def _colour(name: str) -> str | tuple[float, float, float, float]:
    """A colour as Matplotlib takes it; `var(--name)` is what the page's style says for light paper."""
    found = re.fullmatch(r"var\((--[a-z-]+)\)", name)
    value = _light()[found[1]] if found else name
    if value.startswith("rgba"):
        red, green, blue, alpha = map(float, re.findall(r"[\d.]+", value))
        return red / 255, green / 255, blue / 255, alpha
    return value


@cache
def _light() -> dict[str, str]:
    root = our_text("page.css").split("}", 1)[0]
    return dict(re.findall(r"(--[a-z-]+): ([^;]+);", root))
