"""This run's numbers beside those that others have published of the same experiment."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from itertools import combinations
from statistics import fmean
from typing import NamedTuple

from equiglot.evaluation import IN_LANGUAGE, MASKED_LM, METRICS, ZERO_SHOT
from equiglot.report.data import Report
from equiglot.report.format import NONE, capital, count, decimal, group_label, listed, short_count, signed, task_title
from equiglot.report.published import TEACHERS, Published, PublishedNumber
from equiglot.report.score_index import Number, ScoreIndex, teachers_of
from equiglot.report.sections import Facts, Fold, Notes, Paragraph, Section, named_tables
from equiglot.report.tables import Cell, Table, number_cell

_GROUP = "group:"


@dataclass(frozen=True)
class Agreement:
    """In how many of `rows` the models stand in the published order, or at least the best one is the same, and how many
    of `numbers` have the published sign.

    Only distances from the teachers have signs.
    """

    rows: int = 0
    same_order: int = 0
    same_best: int = 0
    numbers: int = 0
    same_sign: int = 0

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def words(self) -> str:
        """As a sentence; nothing where nothing was counted."""
        rows, numbers = (
            f"{size} {what}{'' if size == 1 else 's'}" for size, what in ((self.rows, "row"), (self.numbers, "number"))
        )
        order = (
            f"same order of the models in {self.same_order} of {rows}, the same one best in {self.same_best}"
            if self.rows
            else ""
        )
        signs = f"same sign of D in {self.same_sign} of {numbers}" if self.numbers else ""
        said = capital("; ".join(filter(None, (order, signs))))
        return f"{said}." if said else ""


@dataclass(frozen=True)
class Row:
    """A language or group of a published table that this run has numbers for.

    Attributes:
        language: as in `Score`.
        theirs, ours: model -> number; of ours not all need be there.
        languages: what our number is the mean of.
        published: what theirs is the mean of.
    """

    language: str
    theirs: Mapping[str, Number]
    ours: Mapping[str, Number]
    languages: tuple[str, ...]
    published: tuple[str, ...]

    @property
    def alike(self) -> bool:
        """Whether both are means of the same languages."""
        return set(self.languages) == set(self.published)

    @property
    def order(self) -> list[str]:
        """Our models by their numbers, the highest first; none where fewer than two can be compared."""
        ordered = sorted(self.ours, key=lambda model: -self.ours[model].value)
        return ordered if len(ordered) > 1 else []

    @property
    def same_order(self) -> bool:
        """Whether no two of our models stand the other way round than in the publication."""
        theirs = [self.theirs[model].value for model in self.order]
        return all(higher >= lower for higher, lower in combinations(theirs, 2))

    @property
    def same_best(self) -> bool:
        """Whether no model is better in the publication than the one that is the best here."""
        return self.theirs[self.order[0]].value == max(self.theirs[model].value for model in self.order)


class Place(NamedTuple):
    """What numbers of a publication share that stand in one table here."""

    table: str
    task: str
    metric: str
    source: str | None
    reference: str | None

    @classmethod
    def of(cls, number: PublishedNumber) -> "Place":
        """Where a number stands."""
        return cls(number.table, number.task, number.metric, number.source, number.reference)


@dataclass(frozen=True)
class PublishedTable:
    """The numbers of one published table, of its probes those of one task, metric and `source`."""

    report: Report
    published: Published
    place: Place

    @cached_property
    def numbers(self) -> tuple[PublishedNumber, ...]:
        """Those of models that this run has."""
        there = (each for each in self.published.numbers if Place.of(each) == self.place)
        return tuple(number for number in there if number.model in self._labels)

    @cached_property
    def _theirs(self) -> ScoreIndex:
        """The numbers, looked up as a run's are; only those that are printed, so without groups."""
        report = Report(name=self.published.source, scores=self.numbers, reference=TEACHERS)
        return ScoreIndex(report, self.place.task, self.place.source)

    @cached_property
    def _ours(self) -> ScoreIndex:
        return ScoreIndex(self.report, self.place.task, self.place.source)

    @cached_property
    def _labels(self) -> dict[str, str]:
        """Name of a model -> its label; the teachers together are one, where there are teachers."""
        together = {TEACHERS: capital(teachers_of(self.report))} if self.report.of_role("teacher") else {}
        return {**together, **{model.name: model.label for model in self.report.models}}

    @cached_property
    def title(self) -> str:
        """The table's name, with what tells it from the table's other numbers."""
        alike = {Place.of(each) for each in self.published.numbers if each.table == self.place.table}
        task = task_title(self.place.task) if len({each.task for each in alike}) > 1 else ""
        from_ = f"RDT from {self._labels.get(self.place.reference or '', self.place.reference)}"
        trained = self.place.source in (None, IN_LANGUAGE, ZERO_SHOT)
        source = self.place.source if trained else f"trained on {self.report.language_name(self.place.source or '')}"
        return ", ".join(filter(None, (self.place.table, task, from_ if self.place.metric == "rdt" else "", source)))

    @cached_property
    def models(self) -> dict[str, str]:
        """Name -> label of those that have numbers."""
        return {name: self._labels[name] for name in dict.fromkeys(number.model for number in self.numbers)}

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Those that this run has a number for, in the order of the publication."""
        found = (self._row(language) for language in dict.fromkeys(number.language for number in self.numbers))
        return tuple(row for row in found if row.ours and set(row.languages) & set(row.published))

    def _row(self, language: str) -> Row:
        theirs = {model: number for model in self.models if (number := self._look_up(self._theirs, model, language))}
        found = {model: self._own(model, language) for model in theirs}
        return Row(
            language,
            theirs,
            {model: number for model, (number, _) in found.items() if number},
            next((codes for number, codes in found.values() if number), ()),
            self.published.groups.get(language.removeprefix(_GROUP), ())
            if language.startswith(_GROUP)
            else (language,),
        )

    def _own(self, model: str, language: str) -> tuple[Number | None, tuple[str, ...]]:
        """Our number, and the languages that it is the mean of: of a group those that have one."""
        codes = self._ours.languages_of(language)
        found = {code: self._look_up(self._ours, model, code) for code in codes}
        known = {code: each.value for code, each in found.items() if each}
        mean = Number(fmean(known.values())) if known else None
        return self._look_up(self._ours, model, language) or mean, tuple(known) or codes

    def _look_up(self, numbers: ScoreIndex, model: str, language: str) -> Number | None:
        metric, reference = self.place.metric, self.place.reference
        if metric == "rdt":
            own = numbers.report.references.get(language, numbers.report.reference)
            return numbers.rdt(model, own if reference == TEACHERS else reference or "", language)
        return numbers.of_teachers(metric, language) if model == TEACHERS else numbers.of(model, metric, language)

    @property
    def agreement(self) -> Agreement:
        """Rows of other languages than the publication's are left out."""
        alike = [row for row in self.rows if row.alike]
        ordered = [row for row in alike if row.order]
        same, best = [row.same_order for row in ordered], [row.same_best for row in ordered]
        signs = [
            (row.ours[model].value > 0) == (number.value > 0)
            for row in alike
            for model, number in row.theirs.items()
            if self.place.metric == "d" and model in row.ours and number.value
        ]
        return Agreement(len(ordered), sum(same), sum(best), len(signs), sum(signs))

    @property
    def table(self) -> Table:
        """One row a language or group, one column a model, ours with the published number beneath."""
        columns = ("", *self.models.values(), "Order")
        return Table(self._caption(), columns, tuple(self._cells(row) for row in self.rows))

    def _caption(self) -> str:
        how = " of probes" if any(each.task == self.place.task for each in self.report.tasks) else ""
        what = f"{task_title(self.place.task)}, {METRICS[self.place.metric].phrase}{how} in percent"
        if self.place.task == MASKED_LM:
            what = f"D, points of MRR from the {teachers_of(self.report)}"
        if self.place.metric == "rdt":
            what = f"relative deviation in percent{how and f',{how} here'}"
        beneath = "Beneath each number its interval or standard deviation, then the published one."
        return " ".join(filter(None, (f"{self.title}: {what}.", self.agreement.words, self._trained_on(), beneath)))

    def _trained_on(self) -> str:
        """Zero-shot numbers are means over the languages that probes were trained on: says where those are others."""
        if self.place.source != ZERO_SHOT:
            return ""
        scores = [score for score in self.report.scores if score.task == self.place.task]
        ours = {score.language if score.source == IN_LANGUAGE else score.source for score in scores}
        codes = [code for code in self.published.groups.get("all", ()) if code not in ours]
        names = listed([self.report.language_name(code) for code in codes])
        return f"No probe is trained on {names} here, so these are means over fewer." if names else ""

    def _cells(self, row: Row) -> tuple[Cell, ...]:
        name = row.language.removeprefix(_GROUP)
        group = name != row.language
        label = group_label(name) if group else self.report.language_name(name)
        values = {"": label, "code": row.language, "languages": " ".join(row.languages)}
        head = Cell(label, self._otherwise(row), "total" if group else "", values)
        return (head, *(self._beside(row, model) for model in self.models), self._order(row))

    def _beside(self, row: Row, model: str) -> Cell:
        """Our number, with theirs and what is doubtful about it in the note."""
        theirs, signs = row.theirs.get(model), METRICS[self.place.metric].signed
        cell = number_cell(row.ours.get(model), "", signs=signs and theirs is not None, digits=1)
        if theirs is None:
            return cell
        value = signed(theirs.value) if signs else decimal(theirs.value)
        deviation = "" if theirs.deviation is None else f" \N{PLUS-MINUS SIGN} {decimal(theirs.deviation)}"
        doubt = next((each.doubt for each in self.numbers if (each.model, each.language) == (model, row.language)), "")
        note = "\n".join(filter(None, (cell.note, f"published {value}{deviation}", doubt)))
        more = {"published": theirs.value, "published deviation": theirs.deviation, "doubt": doubt or None}
        return Cell(cell.text, note, cell.mark, {**cell.values, **more})

    def _otherwise(self, row: Row) -> str:
        """How the languages of a group differ from those of the publication's."""
        missing = [self.report.language_name(code) for code in row.published if code not in row.languages]
        more = [self.report.language_name(code) for code in row.languages if code not in row.published]
        parts = {"without": listed(missing), "with": listed(more)}
        return "\n".join(f"{word} {names} here" for word, names in parts.items() if names)

    def _order(self, row: Row) -> Cell:
        if not row.order:
            return Cell(NONE, values={"": None})
        same = "same" if row.same_order else "another"
        here = " > ".join(self.models[name] for name in row.order)
        return Cell(same, "" if row.same_order else here, values={"": same, "here": here})


@dataclass(frozen=True)
class PaperComparison:
    """The section of the page: what is compared with what, and one table for each published one.

    A table of probes becomes two, for in-language and zero-shot numbers.

    Attributes:
        source, theirs, ours: the publication, its scale, and this run's.
        agreement: over all tables, in words.
        findings: title of a table -> how far it agrees, in words.
        tables: name -> table; first those of masked language modelling, then the `probed`.
        probed: the names of the tables of probes.
    """

    source: str
    theirs: str
    ours: str
    agreement: str
    findings: dict[str, str]
    tables: dict[str, Table]
    probed: tuple[str, ...]


def compare_with_paper(report: Report) -> PaperComparison | None:
    """This run beside what is published; None where there is nothing to compare."""
    published = report.published
    if published is None:
        return None
    places = dict.fromkeys(Place.of(number) for number in published.numbers)
    found = [PublishedTable(report, published, place) for place in places]
    shown = sorted((each for each in found if each.rows), key=lambda each: each.place.task != MASKED_LM)
    if not shown:
        return None
    files = _files(shown)
    return PaperComparison(
        source=published.source,
        theirs=published.scale,
        ours=_scale(report),
        agreement=sum((each.agreement for each in shown), Agreement()).words,
        findings={each.title: words for each in shown if (words := each.agreement.words)},
        tables={file: each.table for file, each in files.items()},
        probed=tuple(file for file, each in files.items() if each.place.task != MASKED_LM),
    )


def _files(shown: Iterable[PublishedTable]) -> dict[str, PublishedTable]:
    """Name of a file -> table; no two names are equal, whatever the tables are called."""
    files: dict[str, PublishedTable] = {}
    for each in shown:
        name = f"beside-{re.sub('[^a-z0-9]+', '-', each.title.lower())}"
        while name in files:
            name += "-"
        files[name] = each
    return files


def _scale(report: Report) -> str:
    """How much text and how large models this run has."""
    models = [model for model in report.models if model.compared]
    texts = sorted(language.train.characters for language in report.languages if language.train)
    sizes = sorted(model.parameters for model in models if model.parameters is not None)
    updates = sorted(model.updates for model in models if model.updates is not None)
    found = {
        "characters of training text a language": [short_count(size) for size in texts],
        "parameters a model": [count(size) for size in sizes],
        "updates a model": [count(number) for number in updates],
    }
    spans = {what: " to ".join(dict.fromkeys((words[0], words[-1]))) for what, words in found.items() if words}
    return ", ".join(f"{span} {what}" for what, span in spans.items())


def paper_sections(report: Report) -> Iterator[Section]:
    """Beside a publication, where there is anything to compare."""
    found = compare_with_paper(report)
    if found is None:
        return
    agreement = (
        (Paragraph(" The numbers alone decide, also where two of them are within the noise.", strong=found.agreement),)
        if found.agreement
        else ()
    )
    what = (
        "MRR and D depend on the vocabulary and on the test text, what a probe scores on its labelled data: no number "
        "here is a measurement of the same thing as the one published. What can be compared is the order of the "
        "models, and the signs."
    )
    shown = {name: table for name, table in found.tables.items() if name not in found.probed}
    parts = (
        *agreement,
        Paragraph(what),
        Facts({"Published": found.source, "Scale there": found.theirs, "Scale here": found.ours}),
        Notes.of(found.findings),
        *named_tables(shown),
        Fold("The tables of the probes", named_tables({name: found.tables[name] for name in found.probed})),
    )
    yield Section("beside", "Beside the paper", "Beside the paper's numbers", parts)
