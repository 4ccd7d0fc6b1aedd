"""Models: what they put in the place of masks, how they score, where they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from equiglot import evaluation, models
from equiglot.display.words import printable
from equiglot.evaluation import MASKED_LM, Score, metrics_of

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_WORDS = 12  # characters on average; above, what stands between spaces is more than a word


def print_fillers(console: Console, text: str, fillers: Mapping[str, Sequence[Sequence[evaluation.Filler]]]) -> None:
    """A table for each mask, a row for each model, the likeliest words first; ## goes on with the word before."""
    console.print(printable(text), soft_wrap=True)
    masks = len(next(iter(fillers.values())))
    for mask in range(masks):
        table = Table(box=None, pad_edge=False, show_header=masks > 1)
        table.add_column(Text("[MASK]" if masks == 1 else f"[MASK] {mask + 1}"))
        for name, each in fillers.items():
            words = (printable(f"{filler.text} {100 * filler.probability:.1f}%") for filler in each[mask])
            table.add_row(printable(name), *words)
        console.print(table)


def print_external_scores(console: Console, scores: evaluation.ExternalScores) -> None:
    """A table for each tokenizer, then what can be compared between all."""
    if len(scores.groups) > 1:
        console.print(
            "MRR, accuracy and loss can be compared within a table only: models with different tokenizers are asked "
            "for different pieces of the text, out of different vocabularies."
        )
    first, *others = shown = [metric for metric in metrics_of(MASKED_LM) if metric.in_terminal]
    for rows in scores.masked:
        table = Table("model", "language", box=None, pad_edge=False)
        for title in (*(metric.title for metric in shown), "positions"):
            table.add_column(title, justify="right", no_wrap=True)
        cells = {(each.model, each.language, each.metric): each for each in rows}
        for model, language in dict.fromkeys((each.model, each.language) for each in rows):
            best = cells[model, language, first.name]
            values = (f"{cells[model, language, each.name].value:.{each.digits}f}" for each in others)
            table.add_row(printable(model), language, _with_interval(best, first.digits), *values, f"{best.n:,}")
        console.print(table)
    if scores.bits:
        _print_bits(console, scores)


def _print_bits(console: Console, scores: evaluation.ExternalScores) -> None:
    """Bits per character, and what they say nothing about."""
    console.print(
        "Bits per character (PLL-word-l2r) can be compared between all models; less is better. They are counted on the "
        "words that every one of the models can express; `lacking` is the share of the characters in words that this "
        "model cannot."
    )
    table = Table("model", "language", box=None, pad_edge=False)
    for title in ("bits", "characters", "lacking, %", "altered, %"):
        table.add_column(title, justify="right", no_wrap=True)
    known = {(each.model, each.language): each for each in scores.coverage}
    for each in scores.bits:
        about = known[each.model, each.language]
        shares = (f"{100 * about.unexpressed:.2f}", f"{100 * about.altered:.1f}")
        table.add_row(printable(each.model), each.language, _with_interval(each, 2), f"{each.n:,}", *shares)
    console.print(table)
    if any(each.altered for each in scores.coverage):
        console.print(
            "`altered` words are read otherwise than they are written (in lower case, without accents): they say less, "
            "and are easier to predict."
        )
    clauses = dict.fromkeys(each.language for each in scores.coverage if each.word_length > _LONGEST_WORDS)
    if clauses:
        console.print(
            f"Words are what stands between spaces. In {', '.join(clauses)} that is a clause rather than a word, and "
            "bits are a rough measure there: each token is predicted without all that follows in its clause, and how "
            "finely a vocabulary cuts matters more."
        )


def _with_interval(score: Score, digits: int) -> str:
    return f"{score.value:.{digits}f} [{score.low:.{digits}f}, {score.high:.{digits}f}]"


def print_upload(console: Console, upload: models.Upload, repository: str, *, there: str | None, private: bool) -> None:
    """What would be sent where; `there` says who may read the repository, if it is there already."""
    if there:
        place = f"To the {there} repository {repository}, which is there already (files of the same names are replaced)"
    else:
        place = f"To a new {'private' if private else 'public'} repository {repository}"
    console.print(printable(f"{place}, a model of {upload.parameters:,} parameters:"), soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, size in upload.files.items():
        table.add_row(printable(name), f"{size:,} bytes")
    console.print(table)
    if upload.kept:
        console.print(printable(f"Not sent: {', '.join(upload.kept)}"), soft_wrap=True)
