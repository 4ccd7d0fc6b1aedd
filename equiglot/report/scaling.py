"""How the score of one language grows with its text: from the masked words, and from each teacher (paper 1, App. C)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from math import log10

from equiglot.report.data import Model, Report
from equiglot.report.format import NONE, decimal, interval, listed, short_count, signed
from equiglot.report.plotting import Axis, Dot, Figure, Plot, Tick, Trace, span_of, spoken, whisker
from equiglot.report.score_index import MASKED, Number, ScoreIndex
from equiglot.report.sections import NamedTable, Paragraph, Section
from equiglot.report.series import LOOKS, Series
from equiglot.report.tables import Cell, Table, number_cell

_FEWEST = 3
"""Amounts of text from which on there is something to see."""
_APART = 0.008
"""Share of the axis by which tracks stand beside each other, so that no interval hides another."""
_GOLD = ""
"""Stands for the teacher of models that have none."""


@dataclass(frozen=True)
class Sized:
    """A scored model of one language, and how many characters of text it had."""

    model: Model
    characters: int
    number: Number


@dataclass(frozen=True)
class Growth:
    """The models of one language by teacher and amount of text."""

    report: Report
    language: str

    @cached_property
    def _numbers(self) -> ScoreIndex:
        return ScoreIndex(self.report)

    @cached_property
    def tracks(self) -> dict[str, tuple[Sized, ...]]:
        """Name of a teacher -> its students by their text; first, without a teacher, those of the masked words."""
        found: dict[str, list[Sized]] = {_GOLD: []}
        for model in self.report.models:
            characters = model.portions[self.language].characters if self.language in model.portions else None
            number = self._numbers.of(model.name, MASKED.name, self.language)
            if model.languages == (self.language,) and characters and number:
                teachers = listed(model.teachers.get(self.language, ())) or _GOLD
                found.setdefault(teachers, []).append(Sized(model, characters, number))
        ordered = {teacher: sorted(models, key=lambda each: each.characters) for teacher, models in found.items()}
        return {teacher: tuple(models) for teacher, models in ordered.items() if models}

    @property
    def amounts(self) -> tuple[int, ...]:
        """How much text models had, in characters."""
        return tuple(sorted({each.characters for models in self.tracks.values() for each in models}))

    def against_gold(self, each: Sized) -> Number | None:
        """Score of a student minus that of the model that learnt from the masked words of the same text, paired."""
        equal = (other for other in self.tracks.get(_GOLD, ()) if other.characters == each.characters)
        other = next(equal, None)
        if other is None or other.model == each.model:
            return None
        if other.model.name == self.report.references.get(self.language):
            return self._numbers.of(each.model.name, "d", self.language)
        return self._numbers.difference(each.model.name, other.model.name, self.language)


def growths(report: Report) -> tuple[Growth, ...]:
    """The languages of which models had at least three amounts of text."""
    found = (Growth(report, language.code) for language in report.languages)
    return tuple(growth for growth in found if len(growth.amounts) >= _FEWEST)


def track_series(found: Sequence[Growth]) -> dict[str, Series]:
    """Teacher -> how its track looks, in all languages the same; "" stands for the masked words."""
    teachers = dict.fromkeys(teacher for growth in found for teacher in growth.tracks if teacher != _GOLD)
    labels = {model.name: model.label for growth in found for model in growth.report.models}
    looks = zip(teachers, cycle(LOOKS), strict=False)
    gold = Series(_GOLD, "Masked words (hard labels)", "teacher", "var(--teacher)", "cross")
    return {_GOLD: gold} | {
        teacher: Series(teacher, f"Students of {labels.get(teacher, teacher)}", "student", f"var({colour})", symbol)
        for teacher, (colour, symbol) in looks
    }


def growth_figure(growth: Growth, series: Mapping[str, Series]) -> Figure:
    """Paper 1, Figure 3: score by characters of text, logarithmic; one line for the masked words, one a teacher."""
    amounts = growth.amounts
    wide = log10(amounts[-1] / amounts[0])
    # Logarithms on a plain axis: so every amount that there is gets its tick, and no other.
    ends = log10(amounts[0]) - 0.06 * wide, log10(amounts[-1]) + 0.06 * wide
    ticks = tuple(Tick(log10(amount), short_count(amount)) for amount in amounts)
    middle = (len(growth.tracks) - 1) / 2
    traces = [
        _track(series[teacher], models, _APART * wide * (place - middle))
        for place, (teacher, models) in enumerate(growth.tracks.items())
    ]
    heights = span_of([each.number for models in growth.tracks.values() for each in models], 0.08)
    x = Axis("characters of training text, logarithmic", ends, ticks)
    return Figure(height=360, x=x, y=Axis(MASKED.axis, heights), traces=traces)


def _track(series: Series, models: Sequence[Sized], shift: float) -> Trace:
    dots = [
        Dot(
            log10(each.characters) + shift,
            each.number.value,
            f"{each.model.label}, {short_count(each.characters)} characters: {spoken(each.number)}",
            upwards=whisker(each.number),
        )
        for each in models
    ]
    return Trace(series.label, dots, series.colour, series.symbol, dash="solid")


def growth_table(report: Report, caption: str) -> Table:
    """The same as rows, one an amount of text; of students the paired difference from the masked words beneath."""
    found = growths(report)
    series = track_series(found)
    rows = tuple(row for growth in found for row in _rows(growth, tuple(series)))
    return Table(caption, ("Text", *(entry.label for entry in series.values())), rows)


def _rows(growth: Growth, teachers: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    alone = len(growth.report.languages) == 1
    name = "" if alone else growth.report.language_name(growth.language)
    known = {
        (teacher, each.characters): _cell(growth, each) for teacher, models in growth.tracks.items() for each in models
    }
    for amount in growth.amounts:
        head = Cell(short_count(amount), name, values={"": amount, "language": growth.language})
        yield head, *(known.get((teacher, amount), Cell(NONE, values={"": None})) for teacher in teachers)


def _cell(growth: Growth, each: Sized) -> Cell:
    cell = number_cell(each.number, "", signs=False, digits=1)
    lead = growth.against_gold(each)
    if lead is None:
        return cell
    said = f"{signed(lead.value)} {interval(lead.low, lead.high, sign=True)}".strip()
    clear = lead.clearly_positive or lead.clearly_negative
    values = {**cell.values, "difference": lead.value, "difference low": lead.low, "difference high": lead.high}
    return Cell(cell.text, f"{cell.note}\n{said}", "clear" if clear else "", values)


def growth_sections(report: Report) -> Iterator[Section]:
    """Where models of one language differ in how much text they had."""
    found = growths(report)
    if not found:
        return
    series = track_series(found)
    plot = Plot(
        name="amount",
        title=f"Line chart: {MASKED.phrase} by amount of training text; the table below has the numbers",
        caption=f"{MASKED.phrase} of models of one language by the characters of text that they were trained on, with "
        "95 % intervals; one line for those that learnt from the masked words, one for the students of each teacher.",
        absent="",
        views={report.language_name(growth.language): growth_figure(growth, series) for growth in found},
        choice="Models of",
        series=tuple(series.values()),
    )
    table = growth_table(
        report,
        f"{MASKED.caption} by characters of training text and what a model learnt from; 95 % intervals in brackets. "
        "Beneath, the paired difference from the model that learnt from the masked words of the same text; bold where "
        "it excludes zero.",
    )
    words = (Paragraph(words) for growth in found if (words := growth_words(growth)))
    yield Section("amount", "Amount of text", "Score by amount of text", (*words, plot, NamedTable("amount", table)))


def growth_words(growth: Growth) -> str:
    """What became of the students, in a sentence or two."""
    students = [each for teacher, models in growth.tracks.items() if teacher != _GOLD for each in models]
    leads = [(each, lead) for each in students if (lead := growth.against_gold(each))]
    if not leads:
        return ""
    better = [each.model.label for each, lead in leads if lead.clearly_positive]
    worse = [each.model.label for each, lead in leads if lead.clearly_negative]
    best = max(students, key=lambda each: each.number.value)
    parts = [
        f"{len(better)} {'is' if len(better) == 1 else 'are'} better{_named(better)}",
        f"{len(worse)} {'is' if len(worse) == 1 else 'are'} worse{_named(worse)}",
        f"{len(leads) - len(better) - len(worse)} within the noise of it",
    ]
    return (
        f"Of {len(leads)} students, beside the model that learnt from the masked words of the same text, "
        f"{listed(parts)}. The best is {best.model.label} ({decimal(best.number.value)} %, "
        f"{short_count(best.characters)} characters)."
    )


def _named(labels: Sequence[str]) -> str:
    return f" ({listed(labels)})" if labels else ""
