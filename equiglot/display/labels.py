"""Stored labels: those of a run, and one store in detail."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from equiglot.display.words import duration
from equiglot.report import StoredText


def print_stores(console: Console, stores: Sequence[StoredText]) -> None:
    """The stores of a run, a line each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("labels of")
    for heading in ("k", "positions", "size", "bytes a position", "kept", "agreement", "time"):
        table.add_column(heading, justify="right")
    for store in stores:
        table.add_row(
            f"{store.teacher}, {store.language}",
            str(store.k),
            f"{store.positions:,}",
            f"{store.size / 1e6:,.1f} MB",
            f"{store.size / max(1, store.positions):.1f}",
            f"{100 * (store.kept or 0):.1f} %",
            f"{100 * (store.agreement or 0):.1f} %",
            duration(store.seconds or 0),
        )
    console.print(table)
