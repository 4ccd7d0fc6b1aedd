"""Trainings that differ in nothing but seeds: how far their numbers lie apart, and which models stay ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, stdev

from equiglot.evaluation import ALL, MASKED_LM, METRICS, ZERO_SHOT, primary_of
from equiglot.report.comparison import ComparedRun, Comparison, all_models, distinct, name_in, shared_tasks
from equiglot.report.data import Model, Report
from equiglot.report.format import MINUS, NONE, capital, decimal, listed, signed, spelt, task_title
from equiglot.report.probes import SOURCES
from equiglot.report.score_index import ScoreIndex
from equiglot.report.tables import Cell, Table, row_header, row_languages
from equiglot.report.verdict import called


@dataclass(frozen=True)
class Spread:
    """What repeated trainings say of one task.

    Attributes:
        title: of the task.
        said: who is ahead in all of them, a sentence each.
        differences: between models, over the trainings.
        tables: the models' own numbers, over the trainings.
    """

    title: str
    said: tuple[str, ...]
    differences: Table
    tables: tuple[Table, ...]


def spreads(comparison: Comparison, report: Report, runs: Sequence[ComparedRun]) -> list[Spread]:
    """What lies between runs that differ only in seeds, task by task, where they can be compared.

    Args:
        comparison: the runs, and those that stand beside them.
        report: all of them as one (`merged`).
        runs: those that differ only in seeds.
    """
    return [_Trainings(comparison, report, runs, task).spread() for task in (MASKED_LM, *shared_tasks(runs))]


@dataclass(frozen=True)
class _Trainings:
    """Runs that differ only in seeds, and one task."""

    comparison: Comparison
    report: Report
    runs: Sequence[ComparedRun]
    task: str

    def spread(self) -> Spread:
        said = tuple(filter(None, map(self._agreement, self._sources)))
        return Spread(task_title(self.task), said, self._difference_table(), self._number_tables())

    @property
    def _sources(self) -> tuple[str | None, ...]:
        return (None,) if self.task == MASKED_LM else SOURCES

    @cached_property
    def _models(self) -> list[Model]:
        return all_models(self.comparison)

    @cached_property
    def _pairs(self) -> list[tuple[Model, Model]]:
        """Every student with every baseline."""
        students, baselines = (
            [model for model in self._models if model.role == role] for role in ("student", "baseline")
        )
        return [(student, baseline) for student in students for baseline in baselines]

    @cached_property
    def _within(self) -> dict[tuple[str, str | None], ScoreIndex]:
        """Each run's own numbers, by its name and what its probes were trained on."""
        return {
            (run.name, source): ScoreIndex(run.report, self.task, source)
            for run in self.runs
            for source in self._sources
        }

    def _comparable(self, runs: Sequence[ComparedRun], source: str | None, language: str) -> bool:
        """Whether what their numbers hang on besides the models is the same; zero-shot, in every language."""
        codes = [one.code for one in self.report.languages] if source == ZERO_SHOT else [language]
        codes = [code for each in codes for code in ScoreIndex(self.report).languages_of(each)]
        marks = [run.tests if self.task == MASKED_LM else run.labels.get(self.task, {}) for run in runs]
        return all(len({of.get(code, run.name) for run, of in zip(runs, marks, strict=True)}) == 1 for code in codes)

    def _number_tables(self) -> tuple[Table, ...]:
        caption = "over the trainings: mean; beneath, smallest to largest, and the standard deviation of n trainings."
        metric = primary_of(self.task)
        phrase = f"{capital(metric.phrase)} in percent"
        if self.task == MASKED_LM:
            titles = {metric.name: f"{phrase} {caption}", "d": f"D in points {caption}"}
            return tuple(self._number_table(name, None, title) for name, title in titles.items())
        return tuple(self._number_table(metric.name, source, f"{phrase}, {source}, {caption}") for source in SOURCES)

    def _number_table(self, metric: str, source: str | None, caption: str) -> Table:
        """One row a language and group, one column a model; a training that several runs share is counted once."""
        numbers = ScoreIndex(self.report, self.task, source)
        trained = [(model, distinct(self.runs, model.name, task=self.task)) for model in self._models]
        shown = [(model, different) for model, different in trained if len(different) > 1]
        rows = []
        for language, label, note in row_languages(self.report):
            found = [
                [numbers.of(name_in(run.name, model.name), metric, language) for run in different]
                if self._comparable(different, source, language)
                else []
                for model, different in shown
            ]
            values = [[number.value for number in each if number is not None] for each in found]
            if any(values):
                cells = (_spread_cell(each, signs=METRICS[metric].signed) for each in values)
                rows.append((row_header(language, label, note), *cells))
        titles = (f"{model.label}, {len(different)} trainings" for model, different in shown)
        return Table(caption, ("", *titles), tuple(rows))

    def _difference_table(self) -> Table:
        """One row a pair of models, one column a group of languages, for probes twice."""
        languages = row_languages(self.report)
        groups = [row for row in languages if row[0].startswith("group:")] or languages
        columns = [(source, language, label) for source in self._sources for language, label, _ in groups]
        found = [[self._differences(*pair, *column[:2]) for column in columns] for pair in self._pairs]
        known = [place for place in range(len(columns)) if any(values[place] for values in found)]
        rows = tuple(
            (Cell(f"{one.label} {MINUS} {two.label}"), *(_difference_cell(values[place]) for place in known))
            for (one, two), values in zip(self._pairs, found, strict=True)
            if any(values)
        )
        spans = [(source, sum(columns[place][0] == source for place in known)) for source in self._sources if source]
        return Table(
            f"Differences between models over the trainings, in points of {primary_of(self.task).phrase}: mean; "
            "beneath, smallest to largest, and how many trainings are on the mean's side of 0.",
            ("Models", *(columns[place][2] for place in known)),
            rows,
            spans=(("", 1), *((source, number) for source, number in spans if number)) if spans else (),
        )

    def _differences(self, one: Model, two: Model, source: str | None, language: str) -> list[float]:
        """The first model minus the second in each training of theirs; empty where there are not several."""
        runs = distinct(self.runs, one.name, two.name, task=self.task)
        if not self._comparable(runs, source, language):
            return []
        found = [self._within[run.name, source].difference(one.name, two.name, language) for run in runs]
        values = [number.value for number in found if number is not None]
        return values if len(values) > 1 else []

    def _agreement(self, source: str | None) -> str:
        """Which models are ahead of others, or behind, in all trainings, over all languages; empty where none are."""
        agreed: dict[int, dict[str, list[str]]] = {}
        for one, two in self._pairs:
            values = self._differences(one, two, source, ALL)
            for where, sign in (("ahead of", 1), ("behind", -1)):
                if values and all(sign * value > 0 for value in values):
                    said = agreed.setdefault(len(values), {})
                    said.setdefault(f"{self._called(one)} is {where}", []).append(self._called(two))
        clauses = (
            f"{_all(number)} {'; '.join(f'{place} {listed(others)}' for place, others in said.items())}"
            for number, said in agreed.items()
        )
        where = f"{source}, mean over all languages" if source else "mean over all languages"
        return f"{capital('; '.join(clauses))} ({where})." if agreed else ""

    def _called(self, model: Model) -> str:
        return called(self.runs[0].report, model)


def _all(trainings: int) -> str:
    return "in both trainings" if trainings == 2 else f"in all {spelt(trainings)} trainings"


def _spread_cell(values: Sequence[float], *, signs: bool) -> Cell:
    if not values:
        return Cell(NONE)
    show = signed if signs else decimal
    deviation = decimal(stdev(values), 2) if len(values) > 1 else NONE
    note = f"{show(min(values))} to {show(max(values))}\nsd {deviation}, n = {len(values)}"
    return Cell(show(fmean(values)), note)


def _difference_cell(values: Sequence[float]) -> Cell:
    if not values:
        return Cell(NONE)
    mean = fmean(values)
    agreeing = sum(value * mean > 0 for value in values)
    side = "below" if mean < 0 else "above"
    note = f"{signed(min(values))} to {signed(max(values))}\n{side} 0 in {agreeing} of {len(values)}"
    return Cell(signed(mean), note)
