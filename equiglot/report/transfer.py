"""Probes by the language that they were trained on and the one that they were tested on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, Metric, metrics_of, primary_of
from equiglot.report.data import Model, ProbedTask, Report
from equiglot.report.score_index import Number, ScoreIndex

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
