"""Looking numbers up among a report's scores, and by which of them models are compared with their teachers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from equiglot.evaluation import ALL, LIKELIHOOD, MASKED_LM, METRICS, Metric, Score, group_language, primary_of
from equiglot.report.data import Model, Report

_Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Number:
    """A value with its 95 % interval, or its standard deviation over repeats, where there is one.

    `n` is how many items, or for a `p` languages, it was measured on; 0 where that is not known.
    """

    value: float
    low: float | None = None
    high: float | None = None
    deviation: float | None = None
    n: int = 0

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
        return Number(-self.value, low, high, self.deviation, self.n)


@dataclass(frozen=True)
class ScoreIndex:
    """The numbers of a report, by what is compared, metric and language (a code or a group).

    `task` and `source` are those of `Score`: numbers of other tasks, or of probes trained on something else, are left
    alone.
    """

    report: Report
    task: str = MASKED_LM
    source: str | None = None

    @cached_property
    def _scores(self) -> tuple[Score, ...]:
        return tuple(score for score in self.report.scores if (score.task, score.source) == (self.task, self.source))

    @cached_property
    def _rows(self) -> Mapping[_Key, Number]:
        rows: dict[_Key, list[Score]] = {}
        for score in self._scores:
            against = (score.reference or "") if METRICS[score.metric].relative_to == "any" else ""
            rows.setdefault((score.model, score.metric, score.language, against), []).append(score)
        return {key: _merged(scores) for key, scores in rows.items()}

    @property
    def seeds(self) -> int:
        """How many seeds there are of the number that has the most."""
        seeds: dict[tuple[str, ...], set[int]] = {}
        for score in self._scores:
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

    def of(self, model: str, metric: str, language: str) -> Number | None:
        """A model's number; over a group without a row of its own, the mean over its languages, without interval."""
        row = self._rows.get((model, metric, language, ""))
        codes = self.languages_of(language)
        if row or codes == (language,):
            return row
        return _mean(self.of(model, metric, code) for code in codes)

    def of_teachers(self, metric: str, language: str) -> Number | None:
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
        """How much better `model` is than `other` by the task's first metric, paired; None where unknown."""
        if row := self._rows.get((model, "difference", language, other)):
            return row
        mirrored = self._rows.get((other, "difference", language, model))
        return -mirrored if mirrored else None

    def rdt(self, model: str, teacher: str, language: str) -> Number | None:
        """Relative deviation of a model from a teacher, or from the reference, in percent; None where unknown."""
        return self._rows.get((model, "rdt", language, teacher))

    def p(self, model: str, other: str) -> Number | None:
        """p of a Wilcoxon signed-rank test on the differences of two models, one a language; None where unknown."""
        return self._rows.get((model, "p", ALL, other)) or self._rows.get((other, "p", ALL, model))

    def ranking(self, metric: str, language: str) -> list[tuple[Model, Number]]:
        """The multilingual models that have a number, best first."""
        models = self.report.of_role("student", "baseline")
        found = [(model, number) for model in models if (number := self.of(model.name, metric, language))]
        direction = 1 if METRICS[metric].lower_is_better else -1
        return sorted(found, key=lambda entry: direction * entry[1].value)

    def level_with_best(self, metric: str, language: str) -> tuple[Model, ...]:
        """The models whose paired difference from the best of the ranking does not exclude zero."""
        ranking = self.ranking(metric, language)
        if not ranking:
            return ()
        best = ranking[0][0]
        leads = ((model, self.difference(best.name, model.name, language)) for model, _ in ranking[1:])
        return tuple(model for model, lead in leads if lead and lead.low is not None and lead.low <= 0)


def _merged(scores: list[Score]) -> Number:
    """One number of several seeds: their mean, the interval that spans all of theirs, their largest deviation."""
    lows = [score.low for score in scores if score.low is not None]
    highs = [score.high for score in scores if score.high is not None]
    low, high = (min(lows), max(highs)) if len(lows) == len(scores) else (None, None)
    deviation = max((score.deviation for score in scores if score.deviation is not None), default=None)
    return Number(fmean(score.value for score in scores), low, high, deviation, min(score.n for score in scores))


def _mean(numbers: Iterable[Number | None]) -> Number | None:
    values = [None if number is None else number.value for number in numbers]
    known = [value for value in values if value is not None]
    return Number(fmean(known)) if known and len(known) == len(values) else None


MASKED, BITS = primary_of(MASKED_LM), primary_of(LIKELIHOOD)
"""Of bits fewer are better; D and differences are bits saved."""


def measure_of(report: Report) -> Metric:
    """Masked words, or likelihood where teachers have vocabularies of their own: MRR compares within one only.

    Likelihood also where it is measured and masked words are not.
    """
    apart = any(teacher.vocabulary for teacher in report.of_role("teacher"))
    return BITS if apart or (MASKED_LM not in report.evaluated and LIKELIHOOD in report.evaluated) else MASKED


def measures_distance(report: Report) -> bool:
    """Whether there are models that distances are measured from, and anything that is measured so."""
    taught = any(report.teacher_of(language.code) for language in report.languages)
    return taught and not {MASKED_LM, LIKELIHOOD}.isdisjoint(report.evaluated)


def is_measured(report: Report, measure: Metric) -> bool:
    """Whether there are any numbers of it."""
    return any(score.task == measure.task for score in report.scores)


def teachers_of(report: Report) -> str:
    """What the teachers taken together are called within a sentence, without an article."""
    alone = all(len(teacher.languages) <= 1 for teacher in report.of_role("teacher"))
    return "monolingual teachers" if alone else "teachers"


def numbers_of(report: Report) -> ScoreIndex:
    """The numbers that models are compared with their teachers by."""
    return ScoreIndex(report, measure_of(report).task)
