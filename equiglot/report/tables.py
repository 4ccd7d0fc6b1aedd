"""Scores as rows of tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from equiglot.evaluation import ALL, METRICS, Metric, group_language, primary_of
from equiglot.report.data import Language, Model, Report
from equiglot.report.format import decimal, group_label, interval, signed
from equiglot.report.score_index import MASKED, Number, ScoreIndex
from equiglot.report.series import Series, masked_series, multilingual_series

Mark = Literal["", "best", "level", "clear", "own", "total"]
"""best: of the multilingual models; level: its paired difference from the best does not exclude zero; clear: a
difference whose interval excludes zero; own: a probe on the language that it was trained on; total: the header of a
row of means."""

_WIDE = 3
"""With more pairs of models than this, only those with a student are shown."""
_BROAD = 8
"""Columns of a table that can be read side by side."""


Value = str | float | None
"""What a program reads: a text, a number that is not rounded, or nothing."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what it says.
        note: in smaller letters under it.
        mark: why it stands out.
        values: name -> the same for programs; the main value is named "".
    """

    text: str
    note: str = ""
    mark: Mark = ""
    values: Mapping[str, Value] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Table:
    """A table with a caption. The first cell of a row is its header; columns from `numeric_from` on are numbers.

    `spans` are titles that stand above those of the columns, each with the number of columns that it is for; of all
    columns or, where the table has none, of no column.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric_from: int = 1
    spans: tuple[tuple[str, int], ...] = ()

    @property
    def titles(self) -> tuple[str, ...]:
        """What each column is called where all must be said in one line, such as "Student, zero-shot"."""
        above = [title for title, count in self.spans for _ in range(count)] or [""] * len(self.columns)
        return tuple(", ".join(filter(None, pair)) for pair in zip(above, self.columns, strict=True))


def score_table(
    report: Report,
    metric: str,
    caption: str,
    series: Sequence[Series] | None = None,
    numbers: ScoreIndex | None = None,
) -> Table:
    """One row a language and group, one column a model; the best multilingual model of each row is marked.

    The numbers are those of masked words, if no others are given.
    """
    digits, numbers = METRICS[metric].digits, numbers or ScoreIndex(report)
    return _number_table(numbers, metric, series or masked_series(report), caption, signs=False, digits=digits)


def distance_table(
    report: Report, caption: str, series: Sequence[Series] | None = None, measure: Metric = MASKED
) -> Table:
    """D(M, L) by group, then by language, as the paper's Table 2."""
    numbers, shown = ScoreIndex(report, measure.task), series or multilingual_series(report)
    return _number_table(numbers, "d", shown, caption, signs=True, digits=measure.difference.digits)


def _number_table(
    numbers: ScoreIndex, metric: str, series: Sequence[Series], caption: str, *, signs: bool, digits: int
) -> Table:
    rows, paired = [], metric in ("d", primary_of(numbers.task).name)
    for language, label, note in row_languages(numbers.report):
        best, level = best_and_level(numbers, metric, language, paired=paired)
        cells = [
            number_cell(
                entry.number(numbers, metric, language), mark_of(entry.name, best, level), signs=signs, digits=digits
            )
            for entry in series
        ]
        if any(entry.number(numbers, metric, language) for entry in series):
            rows.append((row_header(language, label, note), *cells))
    return _upright(Table(caption, ("", *(entry.label for entry in series)), tuple(rows)))


def _upright(table: Table) -> Table:
    """A table of a single row that is too broad to be read, with a row for each of its columns."""
    if len(table.rows) != 1 or len(table.columns) <= _BROAD:
        return table
    head, *cells = table.rows[0]
    rows = tuple((Cell(title), cell) for title, cell in zip(table.columns[1:], cells, strict=True))
    return Table(table.caption, ("Model", head.text), rows)


def row_languages(report: Report) -> list[tuple[str, str, str]]:
    """The rows of a table or figure of scores: (what stands in `Score.language`, label, note), groups first.

    Of a single language there are no groups.
    """
    names = [*report.proper_groups, "all"] if len(report.languages) != 1 else []
    groups = [(group_language(name), group_label(name), "") for name in names]
    ordered = [code for name in report.proper_groups for code in report.groups[name]]
    codes = dict.fromkeys([*ordered, *(language.code for language in report.languages)])
    singles = [(code, report.language_name(code), group_label(report.group_of(code) or "")) for code in codes]
    return groups + singles


def row_header(language: str, label: str, note: str) -> Cell:
    """The header of a row of scores; the arguments are those of `row_languages`."""
    mark: Mark = "total" if language.startswith("group:") else ""
    return Cell(label, note.lower(), mark, {"": label, "code": language, "group": note})


def best_and_level(
    numbers: ScoreIndex, metric: str, language: str, *, paired: bool
) -> tuple[str | None, frozenset[str]]:
    """The best multilingual model of a row, and, if the metric is the one that is `paired`, those within its noise."""
    best = next((model.name for model, _ in numbers.ranking(metric, language)), None)
    level = numbers.level_with_best(metric, language) if paired else ()
    return best, frozenset(model.name for model in level)


def mark_of(name: str, best: str | None, level: frozenset[str]) -> Mark:
    """The mark of a model's number in a row; the last two arguments are what `best_and_level` says."""
    return "best" if name == best else "level" if name in level else ""


def number_cell(number: Number | None, mark: Mark, *, signs: bool, digits: int) -> Cell:
    """A number with its deviation, or else its interval, `digits` after the point; with `signs` as a difference."""
    if number is None:
        return Cell(decimal(None), values={"": None})
    text = signed(number.value, digits) if signs else decimal(number.value, digits)
    values = {"": number.value, "low": number.low, "high": number.high}
    if number.deviation is not None and not signs:
        note = f"\N{PLUS-MINUS SIGN} {decimal(number.deviation, digits)}"
        return Cell(text, note, mark, {**values, "deviation": number.deviation})
    return Cell(text, interval(number.low, number.high, sign=signs, digits=digits), mark, values)


@dataclass(frozen=True)
class Pair:
    """Two models by their names in the scores, and what the column of their difference is called."""

    first: str
    second: str
    title: str


def difference_table(
    report: Report,
    caption: str,
    pairs: Sequence[Pair] | None = None,
    numbers: ScoreIndex | None = None,
) -> Table:
    """How much better one model is than another, by group and language, on the same text; of the multilingual models if
    none are named.

    The numbers are those of masked words, if no others are given.
    """
    numbers = numbers or ScoreIndex(report)
    digits = primary_of(numbers.task).difference.digits
    shown = pairs_of(report, numbers) if pairs is None else pairs
    rows = []
    for language, label, note in row_languages(report):
        found = [numbers.difference(pair.first, pair.second, language) for pair in shown]
        if any(found):
            rows.append((row_header(language, label, note), *(difference_cell(number, digits) for number in found)))
    return _upright(Table(caption, ("", *(pair.title for pair in shown)), tuple(rows)))


def pairs_of(report: Report, numbers: ScoreIndex) -> list[Pair]:
    """The pairs of models whose difference is known; of many, those with a student, of one language on equal text."""
    models = report.of_role("student", "baseline")
    pairs = [(first, second) for index, first in enumerate(models) for second in models[index + 1 :]]
    known = [pair for pair in pairs if numbers.difference(pair[0].name, pair[1].name, ALL)]
    shown = known if len(known) <= _WIDE else [pair for pair in known if _is_telling(*pair)]
    return [Pair(one.name, two.name, f"{one.label} \N{MINUS SIGN} {two.label}") for one, two in shown]


def _is_telling(one: Model, two: Model) -> bool:
    """Whether a difference is shown, even of many."""
    texts = [{code: portion.characters for code, portion in model.portions.items()} for model in (one, two)]
    return one.role == "student" and (len(one.languages) != 1 or texts[0] == texts[1])


def difference_cell(number: Number | None, digits: int = 1) -> Cell:
    """A difference; it is marked where its interval excludes zero."""
    clear = number is not None and (number.clearly_positive or number.clearly_negative)
    return number_cell(number, "clear" if clear else "", signs=True, digits=digits)


def language_cell(report: Report, language: Language) -> Cell:
    """The header of a row about a language's text."""
    group = report.group_of(language.code)
    note = f"{language.code}, {group_label(group).lower()}" if group else language.code
    values = {"": language.name, "code": language.code, "group": group_label(group) if group else ""}
    return Cell(language.name, note, values=values)
