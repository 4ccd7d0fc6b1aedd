"""Tables and findings of labelled tasks: in the language that a probe learnt on, and from all others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from equiglot.evaluation import IN_LANGUAGE, METRICS, ZERO_SHOT, Metric, metrics_of, primary_of
from equiglot.report.data import Model, ProbedTask, Report
from equiglot.report.format import GROUPS, UNITS, capital, count, listed
from equiglot.report.score_index import Number, ScoreIndex
from equiglot.report.series import Series, all_series
from equiglot.report.tables import (
    Cell,
    Pair,
    Table,
    best_and_level,
    difference_cell,
    language_cell,
    mark_of,
    number_cell,
    pairs_of,
    row_header,
    row_languages,
)
from equiglot.tasks import TaskLanguage, TaskSummary

SOURCES = (IN_LANGUAGE, ZERO_SHOT)


@dataclass(frozen=True)
class Transfer:
    """The numbers of a task's probes, by the task's first metric."""

    report: Report
    task: ProbedTask

    @property
    def metric(self) -> Metric:
        """The metric that models are compared by."""
        return primary_of(self.task.task)

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """All that were measured, the first metric first."""
        found = {score.metric for score in self.report.scores if score.task == self.task.task}
        return tuple(metric for metric in metrics_of(self.task.task) if metric.name in found or metric == self.metric)

    @cached_property
    def averages(self) -> Mapping[str, ScoreIndex]:
        """Numbers in the language that was trained on, and means over the probes of all other languages."""
        return {source: ScoreIndex(self.report, self.task.task, source) for source in SOURCES}

    @cached_property
    def _by_source(self) -> Mapping[str, ScoreIndex]:
        return {code: ScoreIndex(self.report, self.task.task, code) for code in self._codes}

    @cached_property
    def _codes(self) -> tuple[str, ...]:
        """All languages, in the order in which the page lists them."""
        grouped = [code for name in self.report.proper_groups for code in self.report.groups[name]]
        return tuple(dict.fromkeys([*grouped, *(language.code for language in self.report.languages)]))

    def number(self, model: str, source: str, target: str) -> Number | None:
        """Of a model's probe that was trained on `source` and tested on `target`."""
        numbers = self.averages[IN_LANGUAGE] if source == target else self._by_source[source]
        return numbers.of(model, self.metric.name, target)

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """The multilingual models of which a probe was tested on another language, the students first."""
        return tuple(model for model in self.report.of_role("student", "baseline") if self._transferred(model.name))

    def _transferred(self, model: str) -> bool:
        pairs = ((source, target) for source in self._codes for target in self._codes if source != target)
        return any(self.number(model, *pair) for pair in pairs)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The languages that a probe was trained on."""
        return tuple(code for code in self._codes if any(self._known(code, other) for other in self._codes))

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The languages that a probe was tested on."""
        return tuple(code for code in self._codes if any(self._known(other, code) for other in self._codes))

    def _known(self, source: str, target: str) -> bool:
        return any(self.number(model.name, source, target) for model in self.models)

    @property
    def untested(self) -> tuple[str, ...]:
        """The languages without labelled data to test on."""
        return tuple(language.code for language in self.task.languages if not language.items.get("test"))

    @property
    def untrained(self) -> tuple[str, ...]:
        """Those with data to test on, but none to train on."""
        tested = (language for language in self.task.languages if language.code not in self.untested)
        return tuple(language.code for language in tested if not language.items.get("train"))


_SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class _Column:
    """A model, or a pair of models, in the language that its probes were trained on, or in the others."""

    entry: Series | Pair
    source: str
    numbers: ScoreIndex

    @property
    def label(self) -> str:
        return self.entry.label if isinstance(self.entry, Series) else self.entry.title

    def number(self, metric: str, language: str) -> Number | None:
        if isinstance(self.entry, Series):
            return self.entry.number(self.numbers, metric, language)
        return self.numbers.difference(self.entry.first, self.entry.second, language)

    def cell(self, metric: str, language: str, *, paired: bool) -> Cell:
        number = self.number(metric, language)
        if isinstance(self.entry, Pair):
            return difference_cell(number, primary_of(self.numbers.task).difference.digits)
        best, level = best_and_level(self.numbers, metric, language, paired=paired)
        return number_cell(number, mark_of(self.entry.name, best, level), signs=False, digits=METRICS[metric].digits)


def probe_tables(report: Report, task: ProbedTask) -> dict[str, Table]:
    """Name -> table of a task, in the order of the page."""
    transfer = Transfer(report, task)
    return {
        **{name: _score_table(transfer, metric) for name, metric in score_tables(transfer).items()},
        f"{task.task}-difference": _difference_table(transfer),
        f"{task.task}-pairs": _pair_table(transfer),
        f"{task.task}-data": data_table(report, task),
    }


def score_tables(transfer: Transfer) -> dict[str, Metric]:
    """Name of a table of scores -> its metric, the first first."""
    return {f"{transfer.task.task}-{metric.name.replace('_', '-')}": metric for metric in transfer.metrics}


def _score_table(transfer: Transfer, metric: Metric) -> Table:
    """One row a language and group, two columns a model: in the language trained on, and in others."""
    return _table(transfer, metric.name, all_series(transfer.report), _score_caption(transfer, metric))


def _difference_table(transfer: Transfer) -> Table:
    """The same of differences between models, and beneath them p over the languages."""
    found = (pair for numbers in transfer.averages.values() for pair in pairs_of(transfer.report, numbers))
    caption = (
        f"Paired differences in {transfer.metric.phrase} between models, in points, on the same items; bold "
        "where the 95 % interval excludes zero."
    )
    return _table(transfer, "difference", list(dict.fromkeys(found)), caption)


def _table(transfer: Transfer, metric: str, entries: Sequence[Series | Pair], caption: str) -> Table:
    languages = row_languages(transfer.report)
    every = (_Column(entry, source, numbers) for entry in entries for source, numbers in transfer.averages.items())
    columns = [column for column in every if any(column.number(metric, row[0]) for row in languages)]
    rows = [
        (row_header(*row), *(column.cell(metric, row[0], paired=metric == transfer.metric.name) for column in columns))
        for row in languages
        if any(column.number(metric, row[0]) for column in columns)
    ]
    spans = [(next(group).label, 1 + sum(1 for _ in group)) for _, group in groupby(columns, lambda one: one.entry)]
    titles = ("", *(column.source for column in columns))
    return Table(caption, titles, (*rows, *_p_rows(columns)), spans=(("", 1), *spans))


def _p_rows(columns: Sequence[_Column]) -> Iterator[tuple[Cell, ...]]:
    found = [
        column.numbers.p(column.entry.first, column.entry.second) if isinstance(column.entry, Pair) else None
        for column in columns
    ]
    if any(found):
        cells = [number_cell(number, "", signs=False, digits=METRICS["p"].digits) for number in found]
        yield Cell("p", "Wilcoxon, over languages", values={"": "p"}), *cells


def _score_caption(transfer: Transfer, metric: Metric) -> str:
    """What a table's numbers are, and what its means leave out."""
    how = how_counted(metric, transfer.task)
    spread = (
        "mean \N{PLUS-MINUS SIGN} standard deviation of the probes' starts."
        if transfer.task.repeats > 1
        else "95 % intervals in brackets."
    )
    best = "Of each row the best multilingual model is bold, in either kind of column"
    best += "; \N{ALMOST EQUAL TO} marks those within its noise." if metric == transfer.metric else "."
    return f"{capital(metric.phrase)} in percent: {how}; {spread} {best}{_left_out(transfer)}"


def _left_out(transfer: Transfer) -> str:
    said = ""
    for codes, what in ((transfer.untested, "to test on"), (transfer.untrained, "to train on")):
        if codes:
            names = listed([transfer.report.language_name(code) for code in codes])
            said += f" There is no labelled data {what} for {names}."
    narrow = [model.label for model in transfer.models if {*transfer.sources} - {*model.languages}]
    own = f" {listed(narrow)}: zero-shot over the languages of its own training only." if narrow else ""
    return (f"{said} Means are over the languages that have it." if said else "") + own


def _pair_table(transfer: Transfer) -> Table:
    """Every number of the heat maps: one row a model and language trained on, one column a language tested on."""
    name = transfer.report.language_name
    rows = tuple(
        (
            Cell(name(source), model.label, values={"": name(source), "code": source, "model": model.label}),
            *(_pair_cell(transfer, model.name, source, target) for target in transfer.targets),
        )
        for model in transfer.models
        for source in transfer.sources
    )
    caption = (
        f"{capital(transfer.metric.phrase)} in percent of every probe: rows are the languages that it was "
        "trained on, columns those that it was tested on; in-language is bold."
    )
    return Table(caption, ("Trained on", *map(name, transfer.targets)), rows)


def _pair_cell(transfer: Transfer, model: str, source: str, target: str) -> Cell:
    number = transfer.number(model, source, target)
    return number_cell(number, "own" if source == target else "", signs=False, digits=transfer.metric.digits)


_RULES = {
    "squad": "Answers are compared as the script of SQuAD 1.1 does: lower case, without ASCII punctuation and English "
    "articles.",
    "mlqa": "Answers are compared as the script of MLQA does: lower case, without punctuation and the articles of the "
    "language; each Chinese character is a word.",
    "paper3": "It counts as in the code of paper 3.",
}


def how_counted(metric: Metric, task: TaskSummary) -> str:
    """What a metric is of a task, a phrase."""
    if metric.labels is None:
        return metric.caption
    items, official = UNITS[task.unit], task.rules != "paper3"
    if task.task == "parse":
        items += ", punctuation too," if official else " that are neither punctuation nor symbols"
    reading = "strict IOB2" if official else "where an I- that goes on no entity of its type begins one"
    return metric.labels.said.format(items=items, outside=", O too" if task.task == "ner" else "", reading=reading)


def data_table(report: Report, task: TaskSummary) -> Table:
    """Per language: the files, what readers must know of them, and how much there is in each split."""
    known = {language.code: language for language in report.languages}
    things, groups = UNITS[task.unit], "" if task.unit in ("sentence", "pair") else f"{GROUPS[task.unit]}, and "
    rows = tuple(
        (
            language_cell(report, known[language.code]),
            Cell(language.files or "none"),
            Cell("; ".join(language.notes)),
            *(_split_cell(language, split, task.unit) for split in _SPLITS),
        )
        for language in task.languages
        if language.code in known
    )
    caption = (
        f"Labelled data: {things} that are used; beneath, {groups}how many {things} there are, where not all are used."
    )
    caption += f" {count(len(task.labels))} labels: {', '.join(task.labels)}." if task.labels else ""
    caption += f" {_RULES[task.rules]}" if task.rules else ""
    return Table(caption, ("Language", "Files", "Notes", *_SPLITS), rows, numeric_from=3)


def _split_cell(language: TaskLanguage, split: str, unit: str) -> Cell:
    items, sentences = language.items.get(split), language.sentences.get(split)
    available = language.available.get(split)
    if not items:
        return Cell(count(None), values={"": 0})
    notes = [] if unit in ("sentence", "pair") else [f"{count(sentences)} {GROUPS[unit]}"]
    notes += [f"of {count(available)}"] if available is not None and available > items else []
    return Cell(count(items), "\n".join(notes), values={"": items, "sentences": sentences, "available": available})
