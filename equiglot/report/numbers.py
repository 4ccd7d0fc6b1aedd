"""Looking numbers up among a report's scores, for whatever is compared: a model, or the teachers taken together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from equiglot.evaluation import ALL, Metric, Score, group_language
from equiglot.report.data import Model, Report

TASK = "mlm"
"""The page is about masked language modelling; scores of other tasks are left alone."""

_Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Number:
    """A value with its 95 % interval, where there is one."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def clearly_positive(self) -> bool:
        """The whole interval is above zero."""
        return self.low is not None and self.low > 0

    @property
    def clearly_negative(self) -> bool:
        """The whole interval is below zero."""
        return self.high is not None and self.high < 0

    def __neg__(self) -> "Number":
        low = None if self.high is None else -self.high
        high = None if self.low is None else -self.low
        return Number(-self.value, low, high)


@dataclass(frozen=True)
class Numbers:
    """The numbers of a report, by what is compared, metric and language (a code or a group)."""

    report: Report

    @cached_property
    def _rows(self) -> Mapping[_Key, Number]:
        rows: dict[_Key, list[Score]] = {}
        for score in self.report.scores:
            if score.task == TASK:
                against = (score.reference or "") if score.metric == "difference" else ""
                rows.setdefault((score.model, score.metric, score.language, against), []).append(score)
        return {key: _merged(scores) for key, scores in rows.items()}

    @property
    def seeds(self) -> int:
        """How many seeds there are of the number that has the most."""
        seeds: dict[tuple[str, ...], set[int]] = {}
        for score in self.report.scores:
            if score.task == TASK:
                key = (score.model, score.metric, score.language, score.reference or "")
                seeds.setdefault(key, set()).add(score.seed)
        return max(map(len, seeds.values()), default=0)

    def languages_of(self, language: str) -> tuple[str, ...]:
        """The codes that a `Score.language` stands for."""
        everything = tuple(entry.code for entry in self.report.languages)
        if language == ALL:
            return self.report.groups.get("all", everything)
        groups = {group_language(name): codes for name, codes in self.report.groups.items()}
        return groups.get(language, (language,))

    def of(self, model: str, metric: Metric, language: str) -> Number | None:
        """A model's number; over a group without a row of its own, the mean over its languages, without interval."""
        row = self._rows.get((model, metric, language, ""))
        codes = self.languages_of(language)
        if row or codes == (language,):
            return row
        return _mean(self.of(model, metric, code) for code in codes)

    def of_teachers(self, metric: Metric, language: str) -> Number | None:
        """The number of the monolingual teachers taken together: each in its own language."""
        row = self._rows.get((self.report.reference, metric, language, ""))
        if row:
            return row
        codes = self.languages_of(language)
        if codes != (language,):
            return _mean(self.of_teachers(metric, code) for code in codes)
        teacher = self.report.teacher_of(language)
        return self.of(teacher.name, metric, language) if teacher else None

    def difference(self, model: str, other: str, language: str) -> Number | None:
        """MRR of `model` minus MRR of `other`, with the paired interval; None where it was not computed."""
        if row := self._rows.get((model, "difference", language, other)):
            return row
        mirrored = self._rows.get((other, "difference", language, model))
        return -mirrored if mirrored else None

    def ranking(self, metric: Metric, language: str) -> list[tuple[Model, Number]]:
        """The multilingual models that have a number, best first (for every metric but the loss, the highest)."""
        models = self.report.of_role("student", "baseline")
        found = [(model, number) for model in models if (number := self.of(model.name, metric, language))]
        direction = 1 if metric == "loss" else -1
        return sorted(found, key=lambda entry: direction * entry[1].value)

    def level_with_best(self, metric: Metric, language: str) -> tuple[Model, ...]:
        """The models whose paired difference from the best of the ranking does not exclude zero."""
        ranking = self.ranking(metric, language)
        if not ranking:
            return ()
        best = ranking[0][0]
        leads = ((model, self.difference(best.name, model.name, language)) for model, _ in ranking[1:])
        return tuple(model for model, lead in leads if lead and lead.low is not None and lead.low <= 0)


def _merged(scores: list[Score]) -> Number:
    """One number of several seeds: their mean, and the interval that spans all of theirs."""
    lows = [score.low for score in scores if score.low is not None]
    highs = [score.high for score in scores if score.high is not None]
    value = fmean(score.value for score in scores)
    return Number(value, min(lows), max(highs)) if len(lows) == len(scores) else Number(value)


def _mean(numbers: Iterable[Number | None]) -> Number | None:
    values = [None if number is None else number.value for number in numbers]
    known = [value for value in values if value is not None]
    return Number(fmean(known)) if known and len(known) == len(values) else None
