"""D against training compute, of several runs of one recipe with different seeds: figures and a Markdown table.

    equiglot run benchmarks/recipes/end-curve.yaml --into runs/curve-0
    equiglot run benchmarks/recipes/end-curve.yaml --into runs/curve-1 --set training.seed=1 --reuse runs/curve-0
    python -m benchmarks.curve runs/curve-0 runs/curve-1 --into figures

Models that differ in their updates alone have one name but for `-1k` or `-8` at its end, and one line. Compute is
counted in updates of a model without teachers; the forward pass of a teacher makes an update a third dearer. What the
teachers' own training took is not counted. Each point is the mean over the runs, with the smallest and the largest.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import cycle
from math import log2
from pathlib import Path

from benchmarks.seeds import Values, cell, collect, read_runs
from equiglot.evaluation import group_language
from equiglot.files import read_json
from equiglot.report.format import signed
from equiglot.report.plotting import Axis, Dot, Figure, Rule, Tick, Trace
from equiglot.report.series import LOOKS, Series
from equiglot.report.writing import to_svg
from equiglot.run import RunDirectory

_LENGTH = re.compile(r"-\d+k?$")
_TEACHER = 4 / 3
"""What an update costs with a teacher of the model's size that reads along: forward and backward are three passes."""


def lines(values: Values, updates: Mapping[str, int]) -> dict[str, dict[int, str]]:
    """Name without its length -> updates -> name of the model, of those that there are several lengths of; sorted."""
    found: dict[str, dict[int, str]] = {}
    for name in values:
        if name in updates:
            found.setdefault(_LENGTH.sub("", name), {})[updates[name]] = name
    return {family: dict(sorted(models.items())) for family, models in sorted(found.items()) if len(models) > 1}


def table(values: Values, updates: Mapping[str, int], groups: Sequence[str]) -> str:
    """A row an amount of updates and group, a column a line."""
    families = lines(values, updates)
    rows = ["| updates | | " + " | ".join(families) + " |", "|---|---|" + "---|" * len(families)]
    for count in sorted({count for models in families.values() for count in models}):
        for group in groups:
            numbers = [
                values.get(models.get(count, ""), {}).get(group_language(group), []) for models in families.values()
            ]
            first = f"{count:,}" if group == groups[0] else ""
            rows.append(f"| {first} | {group} | " + " | ".join(map(cell, numbers)) + " |")
    return "\n".join(rows)


def figure(
    values: Values, updates: Mapping[str, int], taught: Mapping[str, bool], group: str
) -> tuple[Figure, list[Series]]:
    """D of one group by compute, logarithmic, one line a family; and how they look."""
    series, traces = [], []
    for (family, models), (colour, symbol) in zip(lines(values, updates).items(), cycle(LOOKS), strict=False):
        look = Series(
            family,
            family,
            "student" if any(taught[name] for name in models.values()) else "baseline",
            f"var({colour})",
            symbol,
        )
        dots = []
        for count, name in models.items():
            numbers = values[name].get(group_language(group), [])
            if numbers:
                mean, span = sum(numbers) / len(numbers), (min(numbers), max(numbers))
                cost = count * (_TEACHER if taught[name] else 1)
                dots.append(Dot(log2(cost), mean, f"{family}, {count:,} updates: {signed(mean)}", upwards=span))
        series.append(look)
        traces.append(Trace(family, dots, look.colour, symbol, dash="solid"))
    counts = sorted({count for models in lines(values, updates).values() for count in models})
    heights = [end for trace in traces for dot in trace.dots for end in dot.upwards or ()]
    margin = 0.06 * (max(heights) - min(heights))
    x = Axis(
        "training compute, in updates without a teacher (a teacher that reads along: a third more), logarithmic",
        (log2(counts[0]) - 0.2, log2(counts[-1] * _TEACHER) + 0.2),
        tuple(Tick(log2(count), f"{count:,}") for count in counts),
    )
    y = Axis("D (points of MRR)", (min(heights) - margin, max(0.0, *heights) + margin))
    return Figure(height=360, x=x, y=y, traces=traces, rules=[Rule(y=0)]), series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--into", type=Path, help="a folder for the figures, one a group")
    arguments = parser.parse_args()
    values = collect(read_runs(arguments.runs), "d")
    updates, taught = dict[str, int](), dict[str, bool]()
    for run in map(RunDirectory, arguments.runs):
        for path in run.root.glob("models/*/training.json"):
            record = read_json(path)
            updates[path.parent.name] = record["updates"]
            taught[path.parent.name] = any(
                name.startswith("soft/") for point in record["losses"] for name in point["losses"]
            )
    if not lines(values, updates):
        sys.exit("no two models of these runs differ in their updates alone (hl-1k, hl-2k)")
    known = {place for by_place in values.values() for place, numbers in by_place.items() if numbers}
    groups = [group for group in ("all", "high", "low") if group_language(group) in known]
    print(table(values, updates, groups))
    if arguments.into is not None:
        arguments.into.mkdir(parents=True, exist_ok=True)
        for group in groups:
            drawn, series = figure(values, updates, taught, group)
            title = f"Line chart: D by training compute, {group} languages; the table has the numbers"
            (arguments.into / f"{group}.svg").write_text(to_svg(drawn, series, title), encoding="utf-8")


if __name__ == "__main__":
    main()
