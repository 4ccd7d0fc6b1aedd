"""What models cost, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table

from equiglot import exporting
from equiglot.display.words import printable
from equiglot.evaluation import COST, Score, metrics_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def print_cost(console: Console, record: exporting.CostRecord) -> None:
    """A row for each number, a column for each model: the number, of times the range over rounds, and how many times
    the first model's it is. What is too wide for the terminal is several tables."""
    rows = {(each.model, each.metric): each for each in exporting.cost_rows(record)}
    metrics, first = metrics_of(COST), record.models[0].name
    columns: list[list[str | Text]] = [
        [
            printable(each.name),
            each.form,
            *(_cell(rows[each.name, metric.name], rows[first, metric.name], metric.digits) for metric in metrics),
        ]
        for each in record.models
    ]
    titles: list[str | Text] = ["", "", *(metric.title for metric in metrics)]
    while columns:
        fitting = accumulate((_width(column) for column in columns), initial=_width(titles))
        count = max(1, sum(used <= console.width for used in fitting) - 1)
        table = Table("", box=None, pad_edge=False)
        for column in columns[:count]:
            table.add_column(column[0], justify="right")
        for title, *cells in zip(titles[1:], *(column[1:] for column in columns[:count]), strict=True):
            table.add_row(title, *cells)
        console.print(table)
        columns = columns[count:]
    rounds = len(record.models[0].latency)
    measured = f"{record.sentences} sentences, {rounds} rounds, the models in turn: medians and ranges"
    threads = "1 thread" if record.threads == 1 else f"{record.threads} threads"
    flags = f" ({' '.join(record.processor.flags)})" if record.processor.flags else ""
    console.print(printable(f"Time: {measured}; {threads} on {record.processor.name}{flags}."), soft_wrap=True)


def _width(column: Sequence[str | Text]) -> int:
    """What a column needs, with the gap before the next one."""
    return max(cell_len(line) for cell in column for line in str(cell).split("\n")) + 1


def _cell(score: Score, first: Score, digits: int) -> str:
    lines = [f"{score.value:,.{digits}f}"]
    if score.low is not None and score.high is not None:
        lines.append(f"[{score.low:,.{digits}f}, {score.high:,.{digits}f}]")
    if score is not first and first.value:
        lines.append(f"({score.value / first.value:.2f}x)")
    return "\n".join(lines)
