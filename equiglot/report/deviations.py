"""RDT on the page: how far students deviate from their teachers in what probes score, in percent of the teachers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from equiglot.evaluation import ALL, IN_LANGUAGE
from equiglot.report.data import Model, ProbedTask, Report
from equiglot.report.format import capital, listed, task_title
from equiglot.report.plotting import spoken
from equiglot.report.score_index import Number, ScoreIndex, teachers_of
from equiglot.report.sections import NamedTable, Notes, Paragraph, Section
from equiglot.report.tables import Cell, Table, difference_cell, row_header, row_languages
from equiglot.report.verdict import called


@dataclass(frozen=True)
class Deviations:
    """The numbers of a report that are relative to teachers."""

    report: Report

    @cached_property
    def _numbers(self) -> dict[str, ScoreIndex]:
        return {task.task: ScoreIndex(self.report, task.task, IN_LANGUAGE) for task in self.report.tasks}

    @cached_property
    def columns(self) -> tuple[tuple[Model, ProbedTask], ...]:
        """The models and tasks that have any; model by model."""
        found = {(score.model, score.task) for score in self.report.scores if score.metric == "rdt"}
        models = self.report.of_role("student", "baseline")
        return tuple(
            (model, task) for model in models for task in self.report.tasks if (model.name, task.task) in found
        )

    @cached_property
    def against(self) -> dict[str, str]:
        """What deviations are from -> its label: the teachers together, then each."""
        found = {score.reference for score in self.report.scores if score.metric == "rdt"}
        together = {self.report.reference: capital(teachers_of(self.report))}
        return {
            name: label
            for name, label in (together | {each.name: each.label for each in self.report.of_role("teacher")}).items()
            if name in found
        }

    def number(self, model: Model, task: ProbedTask, teacher: str, language: str) -> Number | None:
        """RDT in percent."""
        return self._numbers[task.task].rdt(model.name, teacher, language)

    def table(self) -> Table:
        """One row a language or group and teacher, one column a model and task (paper 2, Tables 2 and 4)."""
        rows = tuple(self._rows())
        spans = [(label, sum(1 for _ in group)) for label, group in groupby(self.columns, lambda each: each[0].label)]
        caption = (
            "RDT, the relative deviation from teachers in percent, of what probes score in the language that they were "
            "trained on; positive where the model is better. 95 % intervals in brackets; bold where they exclude zero. "
            "Paper 2 calls \N{MINUS SIGN}5 % or more competitive."
        )
        titles = ("", "Teacher", *(task_title(task.task) for _, task in self.columns))
        return Table(caption, titles, rows, 2, (("", 2), *spans) if self.columns else ())

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        for language, label, note in row_languages(self.report):
            for teacher, name in self.against.items():
                numbers = [self.number(model, task, teacher, language) for model, task in self.columns]
                if any(numbers):
                    header = row_header(language, label, note)
                    yield header, Cell(name, values={"": teacher}), *(difference_cell(number) for number in numbers)

    def words(self) -> dict[str, str]:
        """Label of a model -> its deviations from the teachers together over all languages, task by task."""
        said: dict[str, str] = {}
        for _, group in groupby(self.columns, lambda each: each[0].name):
            columns = list(group)
            found = [
                f"{task_title(task.task).lower()} {spoken(number, signs=True)} %"
                for model, task in columns
                if (number := self.number(model, task, self.report.reference, ALL))
            ]
            if found:
                name = capital(called(self.report, columns[0][0]))
                said[name] = f"{capital(listed(found))}, over all languages with a teacher."
        return said


def rdt_sections(report: Report) -> Iterator[Section]:
    """Where probes of students and of their teachers are scored."""
    deviations = Deviations(report)
    table, words = deviations.table(), deviations.words()
    if not table.rows:
        return
    what = (
        "What probes on a model score, minus what they score on its teacher, in percent of the teacher's score "
        "(paper 2, Eq. 3, with the sign of its tables: positive where the model is better). Probes are trained and "
        "tested in the same language."
    )
    notes = (Notes.of(words),) if words else ()
    parts = (Paragraph(what), *notes, NamedTable("rdt", table))
    yield Section("rdt", "Deviation from teachers", "Relative deviation from the teachers", parts)
