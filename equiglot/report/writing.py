"""What is beside the page: tables as CSV, Markdown and LaTeX (booktabs), and its figures as SVG for papers.

Text in figures stays text, so that every script is shown by whatever font there is; equal figures give equal bytes.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import accumulate, zip_longest
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

from equiglot.files import atomic_folder
from equiglot.report.drawing import EM, add, add_marker, draw, margins
from equiglot.report.labels import text_width
from equiglot.report.plotting import Figure, Plot
from equiglot.report.sections import our_text
from equiglot.report.series import Series
from equiglot.report.tables import Cell, Table, Value

_FIRST = "Language"
"""What a column without a title is called: it holds the headers of rows of scores."""

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": r"\textasciigrave{}",
    "\N{MINUS SIGN}": "$-$", "\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{EN DASH}": "--", "\N{ALMOST EQUAL TO}": r"$\approx$",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}", "\N{MIDDLE DOT}": r"\textperiodcentered{}", "\N{NO-BREAK SPACE}": "~",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``", "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
}  # fmt: skip
_WIDE = 40
"""Texts with more characters are broken into lines."""


def write_tables(tables: Mapping[str, Table], folder: Path) -> None:
    """Writes every table that has rows as <name>.csv, <name>.md and <name>.tex; the folder is replaced as a whole."""
    with atomic_folder(folder) as inside:
        for name, table in tables.items():
            if table.rows:
                texts = {"csv": csv_text(table), "md": markdown_text(table), "tex": latex_text(table, name)}
                for suffix, text in texts.items():
                    (inside / f"{name}.{suffix}").write_text(text, encoding="utf-8")


def csv_text(table: Table) -> str:
    """A table for programs: numbers in full, each in a column of its own, the ends of intervals too."""
    columns: dict[tuple[int, str], str] = {}
    rows = []
    for cells in table.rows:
        row: dict[tuple[int, str], Value] = {}
        for place, (title, cell) in enumerate(zip(table.titles, cells, strict=True)):
            for name, value in (cell.values or {"": cell.text}).items():
                columns.setdefault((place, name), " ".join(filter(None, (title or _FIRST, name))))
                row[place, name] = round(value, 6) if isinstance(value, float) else value
        rows.append(row)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    ordered = sorted(columns, key=lambda key: key[0])  # stable: within a cell in the cell's order
    writer.writerow([columns[key] for key in ordered])
    writer.writerows([row.get(key) for key in ordered] for row in rows)
    return out.getvalue()


def markdown_text(table: Table) -> str:
    """A table for a README, in the dialect of GitHub; notes stand behind the numbers, what is marked is bold."""
    aligned = ["---:" if place >= table.numeric_from else "---" for place in range(len(table.columns))]
    head = [markdown_line(title) or " " for title in table.titles]
    rows = [head, aligned, *([_markdown_cell(cell) for cell in cells] for cells in table.rows)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([markdown_line(table.caption), "", *lines]) + "\n"


def _markdown_cell(cell: Cell) -> str:
    text = markdown_line(cell.text)
    shown = {"": text, "level": f"\N{ALMOST EQUAL TO}\N{NO-BREAK SPACE}**{text}**"}.get(cell.mark, f"**{text}**")
    return " ".join(filter(None, (shown, markdown_line(_in_line(cell.note)))))


def markdown_line(text: str) -> str:
    """`text` in one line, with nothing in it that Markdown reads as a sign; the brackets of intervals are none."""
    escaped = re.sub(r"([\\`*_<>|~])", r"\\\1", " ".join(text.split())).replace("&", "&amp;")
    return re.sub(r"\](?=[(\[:])|!(?=\[)", r"\\\g<0>", escaped)


def latex_text(table: Table, name: str) -> str:
    """A table for a paper; needs the packages booktabs and textcomp, and of LaTeX an engine that reads UTF-8."""
    head = " & ".join(map(_latex, table.columns))
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(table.caption)}}}",
        rf"\label{{tab:{name}}}",
        rf"\begin{{tabular}}{{{_latex_columns(table)}}}",
        r"\toprule",
        *_latex_spans(table),
        rf"{head} \\",
        r"\midrule",
    ]
    for cells, following in zip_longest(table.rows, table.rows[1:]):
        lines.append(" & ".join(map(_latex_cell, cells)) + r" \\")
        if following and cells[0].mark == "total" != following[0].mark:
            lines.append(r"\midrule")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _latex_spans(table: Table) -> Iterator[str]:
    """The line of titles above several columns, and the rules under them."""
    if not table.spans:
        return
    ends = list(accumulate(count for _, count in table.spans))
    yield " & ".join(rf"\multicolumn{{{count}}}{{c}}{{{_latex(title)}}}" for title, count in table.spans) + r" \\"
    starts = [end - count + 1 for end, (_, count) in zip(ends, table.spans, strict=True)]
    named = zip(starts, ends, table.spans, strict=True)
    yield " ".join(rf"\cmidrule(lr){{{start}-{end}}}" for start, end, (title, _) in named if title)


def _latex_columns(table: Table) -> str:
    def column(place: int) -> str:
        if place >= table.numeric_from:
            return "r"
        return r"p{4cm}" if any(len(cells[place].text) > _WIDE for cells in table.rows) else "l"

    return "".join(map(column, range(len(table.columns))))


def _latex_cell(cell: Cell) -> str:
    text = _latex(cell.text)
    shown = {"": text, "level": rf"$\approx$\,\textbf{{{text}}}"}.get(cell.mark, rf"\textbf{{{text}}}")
    note = _latex(_in_line(cell.note))
    return rf"{shown} {{\scriptsize {note}}}" if note else shown


def _latex(text: str) -> str:
    """`text` with nothing in it that LaTeX reads as a command, nor (`[`, `*`) as an option of the one before."""
    escaped = "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split(" ")))
    escaped = " ".join(escaped.split("\n"))
    return "{}" + escaped if escaped[:1] in ("[", "*") else escaped


def _in_line(note: str) -> str:
    return ", ".join(note.split("\n"))


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
    font = {"font-size": f"{EM:g}", "font-family": "DejaVu Sans, Helvetica, Arial, sans-serif"}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **font})
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
    return dict(re.findall(r"(--[a-z-]+): ([^;]+);", our_text("page.css").split("}", 1)[0]))
