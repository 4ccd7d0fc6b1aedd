"""Models that differ in how long they were trained: who is ahead at which length, and what it costs to get there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, takewhile
from math import log10

from equiglot.evaluation import ALL, Metric, group_language
from equiglot.report.data import Model, Report
from equiglot.report.format import capital, group_phrase, listed, spelt
from equiglot.report.plotting import Axis, Dot, Figure, Plot, Rule, Tick, Trace, span_of, spoken, whisker
from equiglot.report.score_index import Number, ScoreIndex, measure_of
from equiglot.report.sections import NamedTable, Paragraph, Section
from equiglot.report.series import LOOKS, Series
from equiglot.report.tables import Cell, Mark, Table, number_cell

_FORWARDS, _TRAINING = 2, 6
"""Floating-point operations a parameter and token: of a teacher that reads, of a model that learns (Kaplan et al.,
2020, Table 1)."""
_APART = 0.006
"""Share of the axis by which lines stand beside each other, so that no interval hides another."""


@dataclass(frozen=True)
class Lengths:
    """The models of a report that stand in lines: equal but for how long they were trained."""

    report: Report

    @cached_property
    def lines(self) -> dict[str, tuple[Model, ...]]:
        """Name of a line -> its models, the shortest training first; of two trainings at least.

        Models of some languages alone have no number over all of them, and stand in no line.
        """
        found: dict[str, list[Model]] = {}
        everything = {*self._numbers.languages_of(ALL)}
        for model in self.report.models:
            if model.compared and everything <= {*model.languages} and model.alike and model.updates and model.tokens:
                found.setdefault(model.alike, []).append(model)
        lines: dict[str, tuple[Model, ...]] = {}
        for models in found.values():
            line = tuple(sorted(models, key=lambda model: model.updates or 0))
            if len({model.updates for model in line}) > 1:
                name = _beginning([model.label for model in line])
                lines[name if name and name not in lines else line[0].label] = line
        return lines

    @cached_property
    def measure(self) -> Metric:
        """What models are compared by."""
        return measure_of(self.report)

    @cached_property
    def _numbers(self) -> ScoreIndex:
        return ScoreIndex(self.report, self.measure.task)

    @property
    def intervals(self) -> str:
        """What intervals are."""
        seeds = self._numbers.seeds
        if seeds < 2:
            return "95 % intervals"
        return f"means of {spelt(seeds)} trainings, and all that their 95 % intervals hold"

    @property
    def is_distance(self) -> bool:
        """Whether the numbers are distances from teachers."""
        return any(self._distance(model) for line in self.lines.values() for model in line)

    def _distance(self, model: Model) -> Number | None:
        return self._numbers.of(model.name, "d", ALL)

    def number(self, model: Model, language: str) -> Number | None:
        """D of a model in a language or group, or its score where there are no teachers."""
        return self._numbers.of(model.name, "d" if self.is_distance else self.measure.name, language)

    def difference(self, one: Model, other: Model) -> Number | None:
        """How much better one model is than another over all languages, paired."""
        return self._numbers.difference(one.name, other.name, ALL)

    def operations(self, model: Model) -> float | None:
        """Floating-point operations of a training, its teachers' reading included as if each token were labelled anew.

        None where the size of a model is not known.
        """
        sizes = {each.name: each.parameters for each in self.report.models}
        if model.parameters is None or model.tokens is None:
            return None
        reading = 0.0
        for language, share in _shares(model).items():
            known = [sizes.get(name) for name in model.teachers.get(language, ())]
            if None in known:
                return None
            reading += share * sum(size for size in known if size)
        return model.tokens * (_TRAINING * model.parameters + _FORWARDS * reading)


def _shares(model: Model) -> dict[str, float]:
    """Language -> its share of the tokens that a model read."""
    read = {code: (each.tokens or 0) * (each.passes or 0.0) for code, each in model.portions.items()}
    total = sum(read.values())
    if not total:
        return dict.fromkeys(model.languages, 1 / len(model.languages))
    return {code: tokens / total for code, tokens in read.items()}


def _beginning(labels: Sequence[str]) -> str:
    """What labels have in common at their beginning, up to a number that they end with."""
    alike = takewhile(lambda letters: len({*letters}) == 1, zip(*labels, strict=False))
    return "".join(letters[0] for letters in alike).rstrip("-_. 0123456789")


def length_sections(report: Report) -> Iterator[Section]:
    """Where models of a run differ in nothing but how long they were trained."""
    lengths = Lengths(report)
    if not lengths.lines:
        return
    series = line_series(lengths)
    what = lengths.measure.difference.axis if lengths.is_distance else capital(lengths.measure.phrase)
    plot = Plot(
        name="lengths",
        title=f"Line chart: {what} by training; the table below has the numbers",
        caption=f"{what} by the operations of training (floating-point), on a logarithmic axis, with "
        f"{lengths.intervals}: {_TRAINING} a parameter and token, and {_FORWARDS} for each teacher that reads it. "
        "The training of the teachers is not counted. Every point is a training of its own.",
        absent="",
        views={title: figure for title, language in _views(report) if (figure := _figure(lengths, language, series))},
        choice="Languages",
        series=tuple(series.values()),
    )
    words = (Paragraph(text) for text in (_leaders(lengths),) if text)
    yield Section(
        "lengths",
        "Training length",
        "Score by length of training",
        (*words, plot, NamedTable("lengths", length_table(lengths))),
    )


def _views(report: Report) -> Iterator[tuple[str, str]]:
    yield "All languages", ALL
    for name in report.proper_groups:
        yield capital(group_phrase(name)), group_language(name)
    if len(report.languages) > 1:
        yield from ((language.name, language.code) for language in report.languages)


def line_series(lengths: Lengths) -> dict[str, Series]:
    """Name of a line -> how it looks."""
    return {
        name: Series(name, name, models[0].role, f"var({LOOKS[place % len(LOOKS)][0]})", LOOKS[place % len(LOOKS)][1])
        for place, (name, models) in enumerate(lengths.lines.items())
    }


def _figure(lengths: Lengths, language: str, series: Mapping[str, Series]) -> Figure | None:
    found = {
        name: [
            (model, operations, number)
            for model in models
            if (operations := lengths.operations(model)) and (number := lengths.number(model, language))
        ]
        for name, models in lengths.lines.items()
    }
    points = [point for line in found.values() for point in line]
    if not points:
        return None
    places = [log10(operations) for _, operations, _ in points]
    wide = max(places) - min(places) or 1.0
    middle = (len(found) - 1) / 2
    traces = [
        Trace(
            name,
            [
                Dot(
                    log10(operations) + _APART * wide * (place - middle),
                    number.value,
                    f"{model.label}, {model.updates or 0:,} updates: {_said(lengths, number)}",
                    upwards=whisker(number),
                )
                for model, operations, number in line
            ],
            series[name].colour,
            series[name].symbol,
            dash="solid",
        )
        for place, (name, line) in enumerate(found.items())
        if line
    ]
    ends = min(places) - 0.06 * wide, max(places) + 0.06 * wide
    measure, zero = lengths.measure, [Number(0.0)] if lengths.is_distance else []
    heights = span_of([*(number for *_, number in points), *zero], 0.08)
    return Figure(
        height=360,
        x=Axis("floating-point operations of training, logarithmic", ends, _powers(*ends)),
        y=Axis(measure.difference.axis if lengths.is_distance else measure.axis, heights),
        traces=traces,
        rules=[Rule(y=0.0)] if lengths.is_distance else [],
    )


def _said(lengths: Lengths, number: Number) -> str:
    measure = lengths.measure.difference if lengths.is_distance else lengths.measure
    return spoken(number, signs=lengths.is_distance, digits=measure.digits)


def _powers(low: float, high: float) -> tuple[Tick, ...]:
    """Ticks of a logarithmic axis at 1, 2 and 5 times the powers of ten."""
    marks = ((power, digit) for power in range(int(low), int(high) + 1) for digit in (1, 2, 5))
    ticks = (Tick(power + log10(digit), f"{digit}e{power}") for power, digit in marks)
    return tuple(tick for tick in ticks if low <= tick.place <= high)


def length_table(lengths: Lengths) -> Table:
    """Rows are lengths, columns lines: D over all languages; bold what leads, with what is level with it."""
    by_length = _by_length(lengths)
    rows = tuple(
        (Cell(f"{updates:,}", values={"": updates}), *(_cell(lengths, name, models) for name in lengths.lines))
        for updates, models in by_length.items()
    )
    what = f"D ({lengths.measure.title})" if lengths.is_distance else capital(lengths.measure.title)
    caption = (
        f"{what} over all languages by updates of training, with {lengths.intervals}. Bold: the best of its length, "
        "and those whose paired difference from it does not exclude zero."
    )
    return Table(caption, ("Updates", *lengths.lines), rows)


def _by_length(lengths: Lengths) -> dict[int, dict[str, Model]]:
    """Updates -> line -> its model, in order."""
    found: dict[int, dict[str, Model]] = {}
    for name, models in lengths.lines.items():
        for model in models:
            found.setdefault(model.updates or 0, {})[name] = model
    return dict(sorted(found.items()))


def _cell(lengths: Lengths, name: str, models: Mapping[str, Model]) -> Cell:
    number = lengths.number(models[name], ALL) if name in models else None
    mark: Mark = "clear" if number is not None and name in _best(lengths, models) else ""
    digits = lengths.measure.difference.digits if lengths.is_distance else lengths.measure.digits
    return number_cell(number, mark, signs=lengths.is_distance, digits=digits)


def _best(lengths: Lengths, models: Mapping[str, Model]) -> tuple[str, ...]:
    """The line that leads among models of one length, then those that are level with it."""
    numbers = {name: number for name, model in models.items() if (number := lengths.number(model, ALL))}
    direction = 1 if lengths.measure.lower_is_better and not lengths.is_distance else -1
    first, *others = sorted(numbers, key=lambda name: direction * numbers[name].value)
    leads = {name: lengths.difference(models[first], models[name]) for name in others}
    return first, *(name for name, lead in leads.items() if lead and lead.low is not None and lead.low <= 0)


def _leaders(lengths: Lengths) -> str:
    """Who is ahead at which length, where several lines have it."""
    best = {
        updates: _best(lengths, models)
        for updates, models in _by_length(lengths).items()
        if len(models) > 1 and any(lengths.number(model, ALL) for model in models.values())
    }
    if not best:
        return ""
    parts = []
    for names, group in groupby(best, key=lambda updates: best[updates]):
        span = list(group)
        when = f"at {span[0]:,} updates" if len(span) == 1 else f"from {span[0]:,} to {span[-1]:,} updates"
        parts.append(f"{names[0]} leads {when}" + (f", level with {listed(names[1:])}" if len(names) > 1 else ""))
    return f"Over all languages {'; '.join(parts)}."
