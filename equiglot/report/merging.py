"""Merged models as rows of tables: united vocabularies, cut text, stored labels, and what a student saw of it all."""

import re
from collections.abc import Iterable, Iterator, Sequence

import langcodes

from equiglot.report.data import Model, Report
from equiglot.report.facts import share_cell
from equiglot.report.format import count, decimal, duration, listed, short_count
from equiglot.report.parts import CutText, Merged, StoredText
from equiglot.report.tables import Cell, Table, language_cell
from equiglot.vocabulary import UnionModel

_UNKNOWN = 0.05  # of the tokens; more speaks against the language
_KINDS = {"wordpiece": "WordPiece", "unigram": "Unigram", "bpe": "BPE", "byte-bpe": "byte-level BPE"}


def merging_tables(report: Report) -> dict[str, Table]:
    """Name -> table, in the order of the page; without rows where nothing was merged."""
    merged = report.merged or Merged()
    return {
        "union": _union_table(report, merged),
        "segmentation": _segmentation_table(report, merged),
        "labels": _labels_table(report, merged),
        "tokens": _tokens_table(report),
    }


def union_words(report: Report) -> str:
    """What the united vocabulary is, in whole sentences; nothing where none is."""
    union = report.merged.union if report.merged else None
    if union is None:
        return ""
    names = listed([_label(report, name) for name in union.models])
    more = f", {count(union.alphabet)} of them characters that no model has at that place of a word"
    kind = f"{_kind(union.kind)}, {count(union.size)} entries{more if union.alphabet else ''}"
    rules = f" What happens to text before it is cut is as in {_label(report, union.rules)}." if union.rules else ""
    return (
        f"The union of the vocabularies of {names}: {kind}. A token is what it stands for, its letters and whether it "
        f"begins a word, not how a tokenizer writes it; special tokens are matched by what they are for.{rules}"
    )


def union_differences(report: Report) -> dict[str, tuple[str, ...]]:
    """Label of a model -> what the student's tokenizer does to text otherwise than the model's."""
    union = report.merged.union if report.merged else None
    return {
        _label(report, name): tuple(re.sub("`([^`]*)`", r"“\1”", text) for text in each.differences)
        for name, each in (union.models.items() if union else ())
        if each.differences
    }


def doubtful(labels: Iterable[StoredText]) -> tuple[str, ...]:
    """Sentences on teachers that do not know the language of the text that they labelled; as a rule none."""
    found = []
    for each in labels:
        language = langcodes.Language.get(each.language).display_name()
        if each.unknown is not None and each.unknown > _UNKNOWN:
            found.append(
                f"{100 * each.unknown:.0f} % of the tokens of the {language} text are unknown to {each.teacher}: "
                "is it a language, or a script, that it was trained on?"
            )
        if each.loss is not None and each.counting is not None and each.loss >= each.counting:
            found.append(
                f"{each.teacher} predicts the {language} text no better than counts of its tokens do "
                f"({each.loss:.2f} against {each.counting:.2f} nats a masked token): "
                "it is not its language, or not its tokenizer."
            )
    return tuple(found)


def _union_table(report: Report, merged: Merged) -> Table:
    columns = ("Model", "Kind", "Entries", "Pieces of words", "In others too (%)", "Only here", "Not in the union")
    caption = (
        "The united vocabularies: entries; different pieces of words among them, and how many of these another model "
        "has too. Not in the union are bytes that make no whole character."
    )
    models = merged.union.models if merged.union else {}
    rows = tuple(_union_row(report, name, each) for name, each in models.items())
    return Table(caption, columns, rows, numeric_from=2)


def _union_row(report: Report, name: str, each: UnionModel) -> tuple[Cell, ...]:
    return (
        _model_cell(report, name),
        Cell(_kind(each.kind), values={"": each.kind}),
        Cell(count(each.size), values={"": each.size}),
        Cell(count(each.surfaces), values={"": each.surfaces}),
        share_cell(each.shared / each.surfaces if each.surfaces else None, 1),
        Cell(count(each.only), values={"": each.only}),
        Cell(count(each.unmapped), " ".join(each.examples), values={"": each.unmapped}),
    )


def _segmentation_table(report: Report, merged: Merged) -> Table:
    columns = ("Language", "Teacher", "Sentences alike (%)", "Words alike (%)", "Unmapped tokens (%)", "Their mass (%)")
    caption = (
        "Where the student's own tokenizer cuts text as the teacher does, which it learns from: share of the sentences "
        "and of the words; share of the teacher's running tokens for which the student has none, and the probability "
        "that the teacher gives to such tokens."
    )
    return Table(caption, columns, tuple(_rows_by_language(report, merged.cuts)), numeric_from=2)


def _rows_by_language(report: Report, cuts: tuple[CutText, ...]) -> Iterator[tuple[Cell, ...]]:
    for language in report.languages:
        for each in cuts:
            if each.language == language.code:
                shares = (each.sentences, each.words, each.unmapped, each.mass)
                cells = (share_cell(share, digits) for share, digits in zip(shares, (1, 1, 2, 2), strict=True))
                yield language_cell(report, language), _model_cell(report, each.teacher), *cells


def _labels_table(report: Report, merged: Merged) -> Table:
    columns = (
        *("Language", "Teacher", "Words", "Positions", "Size (MB)"),
        *("Mass kept (%)", "Entropy (nats)", "Agreement (%)", "Time"),
    )
    caption = (
        "The stored labels: words of each masked position, and the bytes that a position takes; the probability that "
        "the words have together, the entropy of the teacher's distributions, and how often its first word is the one "
        "that stood there."
    )
    order = {language.code: place for place, language in enumerate(report.languages)}
    stores = sorted(merged.labels, key=lambda each: order.get(each.language, len(order)))
    rows = [_store_row(report, each) for each in stores]
    return Table(caption, columns, tuple([*rows, *([_store_sum(stores)] if len(stores) > 1 else [])]), numeric_from=2)


def _store_row(report: Report, each: StoredText) -> tuple[Cell, ...]:
    sampled = f"{each.samples} sampled" if each.samples else ""
    draws = f"{each.draws} masks" if each.draws > 1 else ""
    about = {"": each.k, "samples": each.samples, "draws": each.draws}
    name = report.language_name(each.language)
    return (
        Cell(name, each.language, values={"": name, "code": each.language}),
        _model_cell(report, each.teacher),
        Cell(count(each.k), "\n".join(filter(None, (sampled, draws))), values=about),
        *_sizes([each]),
        share_cell(each.kept, 1),
        Cell(decimal(each.entropy, 2), values={"": each.entropy}),
        share_cell(each.agreement, 1),
        Cell(duration(each.seconds), values={"s": each.seconds}),
    )


def _store_sum(stores: list[StoredText]) -> tuple[Cell, ...]:
    seconds = sum(each.seconds or 0.0 for each in stores)
    empty = Cell("", values={"": None})
    label = Cell("All", mark="total", values={"": "All"})
    time = Cell(duration(seconds), values={"s": seconds})
    return label, empty, empty, *_sizes(stores), empty, empty, empty, time


def _sizes(stores: list[StoredText]) -> Iterator[Cell]:
    """Positions, and megabytes with the bytes a position."""
    positions, size = sum(each.positions for each in stores), sum(each.size for each in stores)
    each = size / positions if positions else None
    yield Cell(count(positions), values={"": positions})
    yield Cell(decimal(size / 1e6), f"{decimal(each)} bytes each", values={"": size / 1e6, "bytes a position": each})


def _tokens_table(report: Report) -> Table:
    """One row a language and teacher, one column a student (paper 2, Tables 3 and 6)."""
    students = [model for model in report.of_role("student") if model.portions]
    rows = [
        (
            language_cell(report, language),
            Cell(teacher.label),
            Cell(short_count(seen), values={"": seen}),
            *(_share_of(student, language.code, seen) for student in students),
        )
        for language in report.languages
        for teacher in report.of_role("teacher")
        if (seen := teacher.pretrained.get(language.code))
        and any(language.code in student.portions for student in students)
    ]
    caption = (
        "How much of the text that its teachers were trained on a student saw: tokens of each teacher's training, as "
        "the recipe states them; those of the student's text, read once, and what they are in percent of the teacher's."
    )
    alone = len({row[0].values["code"] for row in rows}) == len(rows) > 1
    total = [_tokens_sum(rows)] if alone else []
    titles = ("Language", "Teacher", "Its tokens", *(model.label for model in students))
    return Table(caption, titles, (*rows, *total), 2)


def _tokens_sum(rows: Sequence[tuple[Cell, ...]]) -> tuple[Cell, ...]:
    """All languages together, where each has one teacher."""
    seen, *saw = (sum(_number(row[place]) for row in rows) for place in range(2, len(rows[0])))
    head = Cell("All", mark="total", values={"": "All"})
    return head, Cell(""), Cell(short_count(seen), values={"": seen}), *(_tokens_cell(each, seen) for each in saw)


def _number(cell: Cell) -> float:
    value = cell.values[""]
    return value if isinstance(value, int | float) else 0.0


def _share_of(student: Model, language: str, seen: int) -> Cell:
    portion = student.portions.get(language)
    if portion is None or portion.tokens is None:
        return Cell(count(None), values={"": None, "%": None})
    return _tokens_cell(portion.tokens, seen)


def _tokens_cell(tokens: float, seen: float) -> Cell:
    share = 100 * tokens / seen
    return Cell(short_count(tokens), f"{share:.3g} %", values={"": tokens, "%": share})


def _kind(kind: str) -> str:
    return _KINDS.get(kind, kind)


def _model_cell(report: Report, name: str) -> Cell:
    return Cell(_label(report, name), values={"": name})


def _label(report: Report, name: str) -> str:
    return next((model.label for model in report.models if model.name == name), name)
