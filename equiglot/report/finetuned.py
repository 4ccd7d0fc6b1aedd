"""What fine-tuned models score, by language, and how that compares with the models that distances are measured from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from equiglot.evaluation import IN_LANGUAGE, METRICS, Metric, left_tailed, metrics_of, primary_of, ratios_of
from equiglot.report.data import FineTunedTask, Report
from equiglot.report.format import (
    GROUPS,
    NONE,
    SURE,
    capital,
    decimal,
    interval,
    listed,
    probability,
    signed,
    spelt,
    task_title,
)
from equiglot.report.probes import SOURCES, data_table, how_counted
from equiglot.report.score_index import Number, ScoreIndex, teachers_of
from equiglot.report.sections import Fold, Heading, NamedTable, Notes, Paragraph, Part, Section
from equiglot.report.series import Series, likelihood_series
from equiglot.report.tables import (
    Cell,
    Mark,
    Pair,
    Table,
    best_and_level,
    difference_cell,
    mark_of,
    pairs_of,
    row_header,
    row_languages,
)

_RATIO_DIGITS = 3


def fine_tuned_sections(report: Report) -> Iterator[Section]:
    """One section for all tasks that models were fine-tuned on; none in a run without."""
    tasks = [TunedTask(report, task) for task in report.fine_tuned]
    if not tasks:
        return
    against = [each for source in SOURCES for each in all_against(tasks, source)]
    said = {each.title: each.words() for each in against}
    parts: list[Part] = [Paragraph(text) for text in _about(tasks)]
    if not any(task.scored for task in tasks):
        parts.append(Paragraph("No fine-tuned model is scored yet.", absent=True))
    if said:
        parts += [Notes.of(said), NamedTable("finetune-ratios", _ratio_table(against))]
    for task in tasks:
        parts += task.parts()
    yield Section("fine-tuned", "Fine-tuned tasks", "Fine-tuned tasks", tuple(parts))


@dataclass(frozen=True)
class _Column:
    """A model, or a pair of models, in the languages that were trained on, or in others; by one metric."""

    entry: Series | Pair
    source: str
    numbers: ScoreIndex
    metric: Metric

    @property
    def label(self) -> str:
        return self.entry.label if isinstance(self.entry, Series) else self.entry.title

    def number(self, language: str) -> Number | None:
        if isinstance(self.entry, Pair):
            return self.numbers.difference(self.entry.first, self.entry.second, language)
        return self.entry.number(self.numbers, self.metric.name, language)

    def cell(self, language: str) -> Cell:
        """A score is marked where it is the best, or level with it; a difference where it is clear."""
        number, first = self.number(language), primary_of(self.numbers.task)
        if isinstance(self.entry, Pair) or self.metric.relative_to:
            return difference_cell(number, first.difference.digits)
        best, level = best_and_level(self.numbers, self.metric.name, language, paired=self.metric == first)
        return _score_cell(number, mark_of(self.entry.name, best, level), self.metric.digits)


@dataclass(frozen=True)
class _ExportedColumn(_Column):
    """A model in int8, beside itself in fp32."""

    entry: Series
    before: ScoreIndex

    def cell(self, language: str) -> Cell:
        """What it scores, and what that is more or less than in fp32."""
        number, before = self.number(language), self.entry.number(self.before, self.metric.name, language)
        if number is None or before is None:
            return Cell(NONE, values={"": None})
        values = {"": number.value, "fp32": before.value, "difference": number.value - before.value}
        return Cell(decimal(number.value, self.metric.digits), signed(number.value - before.value), values=values)


@dataclass(frozen=True)
class TunedTask:
    """The numbers of one task that models were fine-tuned on."""

    report: Report
    task: FineTunedTask

    @property
    def metric(self) -> Metric:
        """The one that models are compared by, and the best weights chosen by."""
        return primary_of(self.task.name)

    @cached_property
    def by_source(self) -> dict[str, ScoreIndex]:
        """In the languages that a model was trained on; and in others."""
        return {source: ScoreIndex(self.report, self.task.name, source) for source in SOURCES}

    @property
    def scored(self) -> bool:
        """Whether there is any number."""
        return any(score.task == self.task.name for score in self.report.scores)

    def parts(self) -> Iterator[Part]:
        """Its tables, below a heading."""
        first, *others = (NamedTable(self._file(each.name), self._scores(each)) for each in metrics_of(self.task.name))
        yield from (Heading(task_title(self.task.task)), first)
        yield NamedTable(self._file("distance"), self._distances())
        yield NamedTable(self._file("differences"), self._differences())
        yield NamedTable(self._file("int8"), self._exported())
        yield Fold("Other ways to count", tuple(others))
        yield Fold("Chosen settings", (NamedTable(self._file("settings"), self._chosen()),))
        yield Fold("The labelled data", (NamedTable(self._file("data"), data_table(self.report, self.task)),))

    def _file(self, what: str) -> str:
        return f"{self.task.name}-{what.replace('_', '-')}"

    def _scores(self, metric: Metric) -> Table:
        """One row a language and group; of each model what it scores in its languages, and zero-shot."""
        how = how_counted(metric, self.task)
        spread = f"95 % intervals over test {GROUPS[self.task.unit]} in brackets"
        if self.task.seeds > 1:
            spread += f"; \N{PLUS-MINUS SIGN} is the standard deviation of {spelt(self.task.seeds)} trainings"
        best = "Of each row the best multilingual model is bold"
        best += "; \N{ALMOST EQUAL TO} marks those within its noise." if metric == self.metric else "."
        return self._table(
            f"{capital(metric.phrase)} in percent: {how}. {spread}. {best}", likelihood_series(self.report), metric
        )

    def _distances(self) -> Table:
        """How much better models are than those that distances are measured from."""
        caption = (
            f"D: {self.metric.phrase} minus that of the {teachers_of(self.report)}, in points, on the same items; "
            "95 % intervals in brackets, bold where they exclude zero; positive where the model is better."
        )
        return self._table(caption, _compared(self.report), METRICS["d"])

    def _differences(self) -> Table:
        found = dict.fromkeys(pair for numbers in self.by_source.values() for pair in pairs_of(self.report, numbers))
        caption = (
            f"Paired differences in {self.metric.phrase} between models, in points, on the same items; bold where the "
            "95 % interval excludes zero."
        )
        return self._table(caption, list(found), self.metric)

    def _exported(self) -> Table:
        """One row a language and group (the mean of its languages): scores in int8, and what that changes."""
        before, after = (
            {source: ScoreIndex(self.report.in_form(form), self.task.name, source) for source in SOURCES}
            for form in ("fp32", "int8")
        )
        several = "; of all trainings of a model the one that is best on dev data" * (self.task.seeds > 1)
        caption = (
            f"Exported with weights in int8: {self.metric.phrase} in percent{several}. Beneath, how many points that "
            "is more or less than the same graph scores in fp32."
        )
        columns = [
            _ExportedColumn(series, source, after[source], self.metric, before[source])
            for series in likelihood_series(self.report)
            for source in SOURCES
        ]
        return self._table_of(caption, columns)

    def _chosen(self) -> Table:
        """One row a model and what it was trained on: the settings that were best on dev data, and all others."""
        rows, names = list[tuple[Cell, ...]](), self.report.language_name
        for model, trained in self.task.tried.items():
            for code, trials in trained.items():
                best = max(trials, key=lambda each: each.score)
                tried = (f"{each.learning_rate:g}, {each.batch}: {decimal(each.score)}" for each in trials)
                rows.append(
                    (
                        Cell(self.report.label_of(model), values={"": model}),
                        Cell(names(code) if code else "together", values={"": code}),
                        Cell(f"{best.learning_rate:g}", values={"": best.learning_rate}),
                        Cell(str(best.batch), values={"": best.batch}),
                        Cell(decimal(best.score), "\n".join(tried), values={"": best.score}),
                    )
                )
        caption = (
            "The settings that all trainings of a model had: of those that were tried with the first seed (beneath: "
            f"rate, batch: score), the best on dev data in {self.metric.phrase}, in percent."
        )
        columns = ("Model", "Trained on", "Learning rate", "Batch", "Score on dev data")
        return Table(caption, columns, tuple(rows), numeric_from=2)

    def _table(self, caption: str, entries: Sequence[Series | Pair], metric: Metric) -> Table:
        return self._table_of(
            caption,
            [
                _Column(entry, source, numbers, metric)
                for entry in entries
                for source, numbers in self.by_source.items()
            ],
        )

    def _table_of(self, caption: str, every: Sequence[_Column]) -> Table:
        """One row a language and group, for those that any column has a number of; one column a model and source."""
        languages = row_languages(self.report)
        columns = [column for column in every if any(column.number(row[0]) for row in languages)]
        rows = tuple(
            (row_header(*row), *(column.cell(row[0]) for column in columns))
            for row in languages
            if any(column.number(row[0]) for column in columns)
        )
        if len({column.source for column in columns}) < 2:
            return Table(caption, ("", *(column.label for column in columns)), rows)
        spans = [(next(group).label, 1 + sum(1 for _ in group)) for _, group in groupby(columns, lambda one: one.entry)]
        return Table(caption, ("", *(column.source for column in columns)), rows, spans=(("", 1), *spans))


def _score_cell(number: Number | None, mark: Mark, digits: int) -> Cell:
    """A score with its interval, and beneath that its spread over trainings, where there are several."""
    if number is None:
        return Cell(NONE, values={"": None})
    spread = "" if number.deviation is None else f"\N{PLUS-MINUS SIGN} {decimal(number.deviation, digits)}"
    notes = filter(None, (interval(number.low, number.high, digits=digits), spread))
    values = {"": number.value, "low": number.low, "high": number.high}
    values |= {} if number.deviation is None else {"deviation": number.deviation}
    return Cell(decimal(number.value, digits), "\n".join(notes), mark, values)


def _compared(report: Report) -> tuple[Series, ...]:
    """What is compared with the models that distances are measured from."""
    return tuple(each for each in likelihood_series(report) if each.role != "teacher")


@dataclass(frozen=True)
class Against:
    """A model against those that distances are measured from, over all languages and tasks that both have.

    Attributes:
        series: the model.
        source: in the languages that were trained on, or in others.
        pairs: (task, language) -> its score and theirs, in percent.
    """

    report: Report
    series: Series
    source: str
    pairs: dict[tuple[str, str], tuple[float, float]]

    @property
    def title(self) -> str:
        """Whose numbers these are."""
        return self.series.label if self.source == IN_LANGUAGE else f"{self.series.label}, {self.source}"

    @property
    def _scores(self) -> tuple[list[float], list[float]]:
        return [ours for ours, _ in self.pairs.values()], [theirs for _, theirs in self.pairs.values()]

    def words(self) -> str:
        """How large its ratios are, and whether its lead, over languages and tasks, is more than chance."""
        ratios, test = ratios_of(*self._scores), left_tailed(*self._scores)
        teachers = teachers_of(self.report)
        if ratios.mean is None or ratios.lowest is None or ratios.highest is None:
            return f"The {teachers} score 0, and there is nothing to divide by."
        low, mean, high = (decimal(each, _RATIO_DIGITS) for each in (ratios.lowest, ratios.mean, ratios.highest))
        size = f"{mean} times what the {teachers} score" + (f" on average, {low} to {high}" if ratios.count > 1 else "")
        over = f"over {_pairs(ratios.count)} of a language and a task"
        none = len(self.pairs) - ratios.count
        over += f" ({_pairs(none)} more, where the {teachers} score 0, without a ratio)" if none else ""
        left = f"; {_pairs(test.zeros)} without a difference left out" if test.zeros else ""
        tied = f"; {test.ties} differences are tied and share ranks" if test.ties else ""
        return f"{capital(size)}, {over}. {_verdict(test.p, test.smallest, test.pairs, teachers)}{left}{tied}."

    def ratio_cell(self, pair: tuple[str, str]) -> Cell:
        """Its score divided by theirs."""
        ours, theirs = self.pairs.get(pair, (0.0, 0.0))
        return _ratio_cell(ours / theirs if theirs > 0 else None)


def all_against(tasks: Sequence[TunedTask], source: str) -> list[Against]:
    """Every model that has a score beside one that it is measured from."""
    report, found = tasks[0].report, []
    for series in _compared(report):
        pairs = {}
        for task in tasks:
            numbers, metric = task.by_source[source], task.metric.name
            for language in (each.code for each in report.languages):
                teacher, ours = report.teacher_of(language), numbers.of(series.name, metric, language)
                theirs = numbers.of(teacher.name, metric, language) if teacher else None
                if teacher and teacher.name != series.name and ours and theirs:
                    pairs[task.task.name, language] = ours.value, theirs.value
        if pairs:
            found.append(Against(report, series, source, pairs))
    return found


def _verdict(p: float, smallest: float, pairs: int, teachers: str) -> str:
    """What a one-sided test says, and how small its p could be."""
    if not pairs:
        return "There is no difference to test"
    test = f"left-tailed Wilcoxon signed-rank test of the {teachers} minus the model"
    if smallest > SURE:
        return f"{capital(_pairs(pairs))} cannot decide it: the p of a {test} is {smallest:.3f} at the least"
    least = f"{smallest:.3f}" if smallest >= 0.0005 else f"{smallest:.1g}"
    said = "better by more than chance" if p <= SURE else "not shown to be better"
    return f"It is {said}: p {probability(p)} ({test}; with {_pairs(pairs)} it cannot be below {least})"


def _pairs(count: int) -> str:
    return f"{spelt(count)} pair{'' if count == 1 else 's'}"


def _ratio_cell(ratio: float | None) -> Cell:
    return Cell(decimal(ratio, _RATIO_DIGITS), values={"": ratio})


def _ratio_table(against: Sequence[Against]) -> Table:
    """One row a task and language, one column a model; beneath, mean, lowest, and p."""
    report = against[0].report
    pairs = list(dict.fromkeys(pair for each in against for pair in each.pairs))
    order = [each.name for each in report.fine_tuned]
    pairs.sort(key=lambda pair: order.index(pair[0]))
    titles = {each.name: task_title(each.task) for each in report.fine_tuned}
    rows = [
        (
            Cell(report.language_name(code), values={"": report.language_name(code), "code": code}),
            Cell(titles[name], values={"": name}),
            *(each.ratio_cell((name, code)) for each in against),
        )
        for name, code in pairs
    ]
    ratios = [ratios_of(*each._scores) for each in against]
    tests = [left_tailed(*each._scores) for each in against]
    ends = {
        "Mean": [_ratio_cell(each.mean) for each in ratios],
        "Lowest": [_ratio_cell(each.lowest) for each in ratios],
        "p": [
            Cell(f"{each.p:.3f}", values={"": each.p, "pairs": each.pairs, "smallest": each.smallest}) for each in tests
        ],
    }
    notes = {"p": "Wilcoxon, left-tailed"}
    for title, cells in ends.items():
        rows.append((Cell(title, notes.get(title, ""), "total", {"": title}), Cell("", values={"": ""}), *cells))
    caption = (
        f"Scores divided by those of the {teachers_of(report)}: above 1 the model is better. Beneath, over all "
        "languages and tasks: the mean and the lowest ratio, and p."
    )
    return Table(caption, ("", "Task", *(each.title for each in against)), tuple(rows), numeric_from=2)


def _about(tasks: Sequence[TunedTask]) -> Iterator[str]:
    """What was done, and what the numbers are, in whole sentences."""
    for method, group in groupby(tasks, lambda each: (each.task.method, each.task.together, each.task.seeds)):
        named = listed([task_title(each.task.task).lower() for each in group])
        how, together, seeds = method
        where = "on one language at a time, and tested on that one"
        if together:
            names = listed([tasks[0].report.language_name(code) for code in together])
            where = f"on {names} together, as far as the model has them, and tested on all languages of the model: "
            where += "in-language on these, zero-shot on others"
        often = "There is one training of each: what another seed would change is not known."
        if seeds > 1:
            often = f"Each score is the mean of {spelt(seeds)} trainings with other new weights, order and dropout."
        what = "all weights of a model, and a new head, are trained"
        yield f"{capital(named)}: {what} {where}. {capital(how)}. {often}"
    groups = " or ".join(dict.fromkeys(GROUPS[task.task.unit] for task in tasks))
    yield (
        f"The intervals are over test {groups}. They do not contain the noise of fine-tuning, nor that of training the "
        "models themselves: another seed of either moves scores too."
    )
