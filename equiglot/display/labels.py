"""Stored labels: those of a run, and one store in detail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from equiglot.display.words import duration, printable
from equiglot.labels import StoredExample, StoreSummary
from equiglot.report import StoredText, doubtful

if TYPE_CHECKING:
    from rich.console import Console


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
    print_doubts(console, stores)


def print_doubts(console: Console, stores: Sequence[StoredText]) -> None:
    """Teachers that do not know the language of the text that they labelled."""
    for text in doubtful(stores):
        console.print(Text(f"Warning: {text}", style="yellow"))


def print_store(console: Console, summary: StoreSummary) -> None:
    """One store: what it is of, its size, what is kept, and some positions in words."""
    manifest, settings, counted = summary.manifest, summary.manifest.settings, summary.statistics
    kept = f"{settings.k} of {manifest.vocabulary_size:,} ids, log-probabilities in {settings.precision}"
    sampled = f", {settings.samples} sampled from the rest" if settings.samples else ""
    tempered = f", at temperature {settings.temperature:g}" if settings.temperature != 1 else ""
    speed = counted.tokens / max(counted.seconds, 1e-9)
    rows = {
        "text": f"{manifest.sequences:,} sequences of {manifest.language}, masked in {settings.draws} way(s)",
        "a position": f"{kept}{sampled}{tempered}",
        "positions": f"{counted.positions:,} in {manifest.shards:,} shard(s)",
        "size": f"{summary.size / 1e6:,.1f} MB, {summary.bytes_a_position:.1f} bytes a position "
        f"(all logits in fp16: {summary.dense_size / 1e6:,.0f} MB)",
        "kept": f"{100 * summary.kept:.1f} % of the probability",
        "entropy": f"{summary.entropy:.2f} nats",
        "agreement": f"{100 * summary.agreement:.1f} % with the words that stood there (loss {summary.loss:.2f} nats)",
        "labelled in": f"{duration(counted.seconds)}, {speed / 1000:,.1f}k tokens/s",
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table, highlight=False)
    for example in summary.examples:
        _print_example(console, example)


def _print_example(console: Console, example: StoredExample) -> None:
    """The sentence with a gap, the word that stood there, and what the teacher says; ## goes on with a word."""
    console.print()
    gap = Text.assemble("[", printable(example.gold), "]", style="bold")
    console.print(Text(" ").join([printable(example.before), gap, printable(example.after)]), soft_wrap=True)
    words = [f"{word} {100 * share:.1f}%" for word, share in example.top_k]
    others = f"all others {100 * example.rest:.1f}%"
    sampled = f"; of these: {', '.join(example.samples)}" if example.samples else ""
    console.print(printable(f"{', '.join(words)}, {others}{sampled}"), soft_wrap=True)
