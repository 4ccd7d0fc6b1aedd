"""What models cost, beside each other."""

from rich.console import Console
from rich.table import Table

from equiglot.display.words import printable
from equiglot.evaluation import COST, METRICS, Score, metrics_of
from equiglot.exporting import CostRecord, cost_rows


def print_cost(console: Console, record: CostRecord) -> None:
    """A row for each number, a column for each model: the number, how many times the first model's it is, and of times
    the range over rounds."""
    rows = {(each.model, each.metric): each for each in cost_rows(record)}
    table = Table("", box=None, pad_edge=False)
    for each in record.models:
        table.add_column(printable(each.name), justify="right")
    table.add_row("", *(each.form for each in record.models))
    first = record.models[0].name
    for metric in metrics_of(COST):
        found = [rows[each.name, metric.name] for each in record.models]
        cells = [_cell(each, rows[first, metric.name], METRICS[metric.name].digits) for each in found]
        table.add_row(metric.title, *cells)
    console.print(table)
    rounds = len(record.models[0].latency)
    measured = f"{record.sentences} sentences, {rounds} rounds, the models in turn: medians and ranges"
    threads = "1 thread" if record.threads == 1 else f"{record.threads} threads"
    flags = f" ({' '.join(record.processor.flags)})" if record.processor.flags else ""
    console.print(printable(f"Time: {measured}; {threads} on {record.processor.name}{flags}."), soft_wrap=True)


def _cell(score: Score, first: Score, digits: int) -> str:
    ends = "" if score.low is None or score.high is None else f" [{score.low:,.{digits}f}, {score.high:,.{digits}f}]"
    times = "" if score is first or not first.value else f" ({score.value / first.value:.2f}x)"
    return f"{score.value:,.{digits}f}{ends}{times}"
