"""What was exported, what was compared, and what int8 changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from equiglot import exporting
from equiglot.display.words import printable
from equiglot.evaluation import METRICS

if TYPE_CHECKING:
    from rich.console import Console


def print_export(console: Console, record: exporting.ExportRecord) -> None:
    """Sizes and differences; then what int8 changes on text, and the scores on a task."""
    sizes = f"{record.bytes_before:,} bytes became {record.bytes_after:,}"
    _say(console, f"{record.kind}, {record.parameters:,} parameters: {sizes}.")
    largest = max(each.largest_difference for each in record.shapes)
    shapes = ", ".join(f"{each.batch} x {each.length}" for each in record.shapes)
    _say(console, f"ONNX in fp32 differs from PyTorch by {largest:.1e} at most, with padding, on {shapes} tokens.")
    if record.reduce_range is None:
        _print_scores(console, record)
        return
    flags = " ".join(record.processor.flags) or "no flags known"
    _say(console, f"Exported on {record.processor.name} ({flags}).")
    _say(console, f"Weights are int8. {exporting.for_which_processor(reduce_range=record.reduce_range)}")
    table = Table("int8 against fp32", "compared", "count", "result", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for each in record.agreement:
        table.add_row(printable(each.text), each.what, f"{each.count:,}", exporting.value_of(each))
    console.print(table)
    _print_scores(console, record)
    if record.loss is None:
        _say(console, "What int8 costs on a task was not measured: give --data to a fine-tuned model.")
    elif record.loss > 0:
        _say(console, f"Warning: int8 loses {record.loss:.2%} of the score.")


def _say(console: Console, line: str) -> None:
    console.print(printable(line), soft_wrap=True, highlight=False)


def _print_scores(console: Console, record: exporting.ExportRecord) -> None:
    forms = list(dict.fromkeys(each.model for each in record.scores))
    if not forms:
        return
    table = Table("language", "metric", *forms, box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    values = {(exporting.language_of(each), each.metric, each.model): each.value for each in record.scores}
    for language, metric in dict.fromkeys((exporting.language_of(each), each.metric) for each in record.scores):
        found = [f"{values[language, metric, form]:.2f}" for form in forms]
        table.add_row(printable(language), METRICS[metric].phrase or metric, *found)
    console.print(table)
