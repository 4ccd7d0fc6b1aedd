"""What was trimmed, what that changed, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from equiglot import revising
from equiglot.display.words import printable

if TYPE_CHECKING:
    from rich.console import Console

_FEW = 30  # held-out sentences
_OFTEN = 0.9  # of the sentences of a language that was kept; below, the text chose too few entries for it


def print_trim(console: Console, record: revising.TrimRecord) -> None:
    """Sizes, then how text is cut before and after, then what is lost."""
    model, table = record.model, Table("", "before", "after", "times less", box=None, pad_edge=False)
    sizes = {
        "entries": (record.entries_before, record.entries_after),
        "parameters": (model.parameters_before, model.parameters_after),
        "bytes of weights": (record.bytes_before, record.bytes_after),
    }
    for column in table.columns[1:]:
        column.justify = "right"
    for what, (before, after) in sizes.items():
        table.add_row(what, f"{before:,}", f"{after:,}", f"{before / after:.1f}")
    console.print(table)
    console.print(f"Entries were chosen: {record.chosen_by}.", highlight=False)
    _print_texts(console, "Held-out sentences", [each for each in record.texts if each.kept])
    logits = "" if model.largest_difference is None else f", outputs differ by {model.largest_difference:.1e} at most"
    console.print(f"Last hidden states are equal, bit by bit, on {model.compared}{logits}.", highlight=False)
    if few := [each.language for each in record.texts if each.kept and each.sentences < _FEW]:
        console.print(f"Few sentences were held out in {', '.join(few)}: give more text for a proof.", highlight=False)
    if cut := [each.language for each in record.texts if each.kept and each.sentences and each.same_share < _OFTEN]:
        more = "give more text, or a larger --size or --fit; with --min-sentence-share 0 all that the text has stays"
        console.print(f"Many sentences of {', '.join(cut)} are cut otherwise now: {more}.", highlight=False)
    if others := [each for each in record.texts if not each.kept]:
        _print_texts(console, "Languages not kept", others)
        console.print("The model can no longer be relied on there.")


def _print_texts(console: Console, title: str, texts: list[revising.TextProof]) -> None:
    table = Table(title, "sentences", "cut as before", "unknown tokens", "tokens a word", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for each in texts:
        (unknown, unknown_after), (fertility, fertility_after) = each.unknown_rates, each.fertilities
        shares = (
            f"{each.same_share:.1%}",
            f"{unknown:.2%} → {unknown_after:.2%}",
            f"{fertility:.2f} → {fertility_after:.2f}",
        )
        table.add_row(printable(each.language), f"{each.sentences:,}", *(shares if each.sentences else "–––"))
    console.print(table)
