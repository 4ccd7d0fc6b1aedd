"""Which languages a model serves badly: its scores against models without pretraining, and against other languages.

Paper 3 asks it of mBERT (sections 4 and 5.1): "worse than no pretraining at all" is its headline. Here the answer is a
verdict by a rule that is written down, with intervals that hold the noise of test sentences and that of fine-tuning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot, inf, sqrt
from typing import Literal

import numpy as np

from equiglot.evaluation.statistics import Estimate
from equiglot.tasks import task_of

Standing = Literal["worse than no pretraining", "behind", "served", "unknown"]
"""What is said of a language, the worst first."""
STANDINGS: tuple[Standing, ...] = ("worse than no pretraining", "behind", "served", "unknown")

MARGIN = 10.0
"""Points of removed errors, or of a score, by which a language must lag to be called behind."""
_FEWEST = 3  # languages, without which none is behind the others
_LEVEL = 0.05


@dataclass(frozen=True)
class Measured:
    """A number with a 95 % interval that holds the noise of test sentences and of fine-tuning.

    Attributes:
        value: the number.
        error: its standard error from test sentences, of a bootstrap.
        seeds: its standard error from fine-tuning, of the spread over trainings.
        freedom: degrees of freedom that `seeds` is known with.
    """

    value: float
    error: float
    seeds: float = 0.0
    freedom: float = inf

    def interval(self, comparisons: int = 1) -> tuple[float, float]:
        """Its interval, which holds for so many numbers together (Bonferroni).

        The noise of sentences is known from many of them, and reaches as far as a normal distribution says; that of
        fine-tuning from a few trainings, and reaches as far as Student's t says. Both reaches are added as the errors
        of independent numbers are (Zou and Donner, 2008). That covers 95 % where one of them is all the noise, and 95
        to 99 % in between; Welch's and Satterthwaite's degrees of freedom for the sum of both variances cover 87 to 95
        % with two trainings of one model.
        """
        from scipy.stats import norm
        from scipy.stats import t as student

        tail = _LEVEL / 2 / comparisons
        reach = hypot(norm.isf(tail) * self.error, student.isf(tail, self.freedom) * self.seeds)
        return self.value - reach, self.value + reach

    def scaled(self, factor: float) -> "Measured":
        """The number times a constant."""
        return Measured(self.value * factor, self.error * abs(factor), self.seeds * abs(factor), self.freedom)

    def minus(self, other: "Measured") -> "Measured":
        """The difference from a number whose noise is independent."""
        return mean_of((self.scaled(2), other.scaled(-2)))


def measured(estimate: Estimate) -> Measured:
    """The number that an estimate is of, which is a mean over trainings or was trained but once."""
    return _measured(estimate, (estimate,))


def lead_of(first: Estimate, second: Estimate) -> Measured:
    """How many points the first is better, paired on test sentences; with the noise of all trainings of both."""
    return _measured(first.minus(second), (first, second))


def mean_of(numbers: Sequence[Measured]) -> Measured:
    """The mean of numbers whose noise is independent."""
    sentences = sqrt(sum(each.error**2 for each in numbers)) / len(numbers)
    seeds, freedom = _together([(each.seeds / len(numbers), each.freedom) for each in numbers])
    return Measured(float(np.mean([each.value for each in numbers])), sentences, seeds, freedom)


def _measured(estimate: Estimate, trained: Sequence[Estimate]) -> Measured:
    """An estimate, with the noise of its sentences and that of the trainings of others, which are independent."""
    error = float(np.std(estimate.replicates, ddof=1)) if len(estimate.replicates) > 1 else 0.0
    several = [each.repeats for each in trained if len(each.repeats) > 1]
    errors = [(float(np.std(each, ddof=1)) / sqrt(len(each)), len(each) - 1.0) for each in several]
    return Measured(estimate.value, error, *_together(errors))


def _together(errors: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The standard error of a sum of independent numbers, and its degrees of freedom (Satterthwaite, 1946).

    Args:
        errors: the standard error of each, and the degrees of freedom that it is known with.
    """
    variance = sum(error**2 for error, _ in errors)
    spread = sum(error**4 / freedom for error, freedom in errors)
    return sqrt(variance), variance**2 / spread if spread else inf


@dataclass(frozen=True)
class Gain:
    """What pretraining brings in one task and language.

    Attributes:
        task: as in `Score`.
        score: of the model.
        baseline: of the best model without pretraining.
        baseline_model: its name.
        points: score minus baseline, paired on test sentences.
        others: the other models without pretraining -> their scores.
    """

    task: str
    score: Measured
    baseline: Measured
    baseline_model: str
    points: Measured
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def removed(self) -> Measured | None:
        """The points in percent of the errors that the baseline makes; a loss in percent of what it scores, so that it
        is never below -100. None where there is nothing to gain, or to lose."""
        whole = 100 - self.baseline.value if self.points.value >= 0 else self.baseline.value
        return self.points.scaled(100 / whole) if whole > 0 else None


def gain_of(task: str, score: Estimate, baselines: Mapping[str, Estimate]) -> Gain | None:
    """What pretraining brings; None without a model to compare with, or after a single training.

    Args:
        task: as in `Score`.
        score: the model's, in percent.
        baselines: models without pretraining -> theirs, on the same items.
    """
    if not baselines or len(score.repeats) < 2:  # one training tells nothing of the noise of another
        return None
    name = max(baselines, key=lambda each: baselines[each].value)
    others = {other: each.value for other, each in baselines.items() if other != name}
    return Gain(task, measured(score), measured(baselines[name]), name, lead_of(score, baselines[name]), others)


@dataclass(frozen=True)
class Verdict:
    """What is said of one language of one model.

    Attributes:
        standing: in a word.
        reason: why, a clause; for "unknown", what is missing.
        gains: task -> what pretraining brings.
        removed: percent of errors that pretraining removes, the mean over tasks.
        lag: how many points fewer than in the other languages of the model, in the same tasks; None if not comparable.
        best: task -> the model of the audit that is clearly better, and by how many points.
    """

    standing: Standing
    reason: str
    gains: Mapping[str, Gain] = field(default_factory=dict)
    removed: Measured | None = None
    lag: Measured | None = None
    best: Mapping[str, tuple[str, Measured]] = field(default_factory=dict)


Gains = Mapping[str, Mapping[str, Gain]]
"""Language -> task -> what pretraining brings."""


def judge(
    languages: Sequence[str],
    gains: Gains,
    others: Mapping[str, Mapping[str, tuple[str, Measured]]] | None = None,
    *,
    margin: float = MARGIN,
) -> dict[str, Verdict]:
    """The verdict on each language of one model. The first rule that holds decides:

    1. unknown: no task has a score of several trainings and a model without pretraining beside it;
    2. worse than no pretraining: in some task the whole interval of the gain is below 0, with intervals that hold for
       all tasks of the language together;
    3. behind: pretraining removes at least `margin` points fewer of the errors than in the other languages on average,
       and the interval of that lag excludes 0; or the mean gain over tasks is not above 0 by more than chance; or
       another model of the audit is better by at least `margin` points in the mean over tasks, and its interval
       excludes 0;
    4. served.

    Args:
        languages: all that were asked for.
        gains: what pretraining brings; languages and tasks may be missing.
        others: language -> task -> the best other model, and how many points it is better, paired.
        margin: in points.
    """
    shares = {
        code: {task: each.removed for task, each in tasks.items() if each.removed} for code, tasks in gains.items()
    }
    return {
        code: _judge(gains.get(code, {}), _lag(code, shares), dict((others or {}).get(code, {})), margin)
        for code in languages
    }


def _judge(
    gains: Mapping[str, Gain], lag: Measured | None, others: Mapping[str, tuple[str, Measured]], margin: float
) -> Verdict:
    if not gains:
        return Verdict("unknown", "no task has several trainings and a model without pretraining to compare with")
    shares = [each.removed for each in gains.values() if each.removed]
    removed = mean_of(shares) if shares else None
    better = {task: each for task, each in others.items() if each[1].interval()[0] > 0}
    known = {"gains": gains, "removed": removed, "lag": lag, "best": better}
    worse = [task for task, each in gains.items() if each.points.interval(len(gains))[1] < 0]
    if worse:
        task = min(worse, key=lambda each: gains[each].points.value)
        points = -gains[task].points.value
        reason = f"{points:.1f} points below {gains[task].baseline_model}, which has no pretraining"
        if len(gains) > 1:
            reason += f", in {task_of(task)}; worse in {len(worse)} of {len(gains)} tasks"
        return Verdict("worse than no pretraining", reason, **known)  # type: ignore[arg-type]
    if lag is not None and lag.value <= -margin and lag.interval()[1] < 0:
        reason = f"pretraining removes {-lag.value:.0f} points fewer of the errors than in the other languages"
        return Verdict("behind", reason, **known)  # type: ignore[arg-type]
    gained = mean_of([each.points for each in gains.values()])
    if gained.interval()[0] <= 0:
        reason = f"no better than without pretraining by more than chance ({gained.value:+.1f} points)"
        return Verdict("behind", reason, **known)  # type: ignore[arg-type]
    if others:
        lead = mean_of([each for _, each in others.values()])
        if lead.value >= margin and lead.interval()[0] > 0:
            names = " and ".join(dict.fromkeys(name for name, _ in others.values()))
            return Verdict("behind", f"{names}: {lead.value:.1f} points better on average", **known)  # type: ignore[arg-type]
    said = "it makes no errors without pretraining" if removed is None else f"{removed.value:.0f} % of the errors"
    return Verdict("served", f"pretraining removes {said} that are left without it", **known)  # type: ignore[arg-type]


def _lag(language: str, shares: Mapping[str, Mapping[str, Measured]]) -> Measured | None:
    """How many more points of errors are removed than in the other languages, the mean over tasks that are shared."""
    found = []
    for task, own in shares.get(language, {}).items():
        rest = [tasks[task] for code, tasks in shares.items() if code != language and task in tasks]
        if len(rest) >= _FEWEST - 1:
            found.append(own.minus(mean_of(rest)))
    return mean_of(found) if found else None


@dataclass(frozen=True)
class Indicator:
    """Something that may be why languages differ, as a number of each.

    Attributes:
        name: a short name.
        phrase: what the number is, with its unit.
        values: language -> the number.
        more_is_worse: whether high numbers are the harmful ones.
        remedy: what helps, a phrase.
    """

    name: str
    phrase: str
    values: Mapping[str, float]
    more_is_worse: bool
    remedy: str


@dataclass(frozen=True)
class Cause:
    """A indicator in which a language is worse off than the others.

    Attributes:
        indicator: which.
        value: the language's.
        usual: the median of the other languages.
        distance: how far it is from that on the harmful side, in units of the others' spread (their median absolute
            deviation times 1.4826, a standard deviation where numbers are normal).
    """

    indicator: Indicator
    value: float
    usual: float
    distance: float


def rank_causes(language: str, indicators: Sequence[Indicator], *, fewest: int = 5, least: float = 1.0) -> list[Cause]:
    """The indicators in which a language is at least `least` spreads worse off than the others, the worst first.

    It tells in what a language differs, not that this is why: whether scores follow a indicator at all is what a
    regression over languages tells (paper 3, section 5.1). With fewer than `fewest` languages nothing is ranked.
    """
    found = []
    for indicator in indicators:
        rest = np.array([value for code, value in indicator.values.items() if code != language])
        if language not in indicator.values or len(rest) < fewest - 1:
            continue
        usual = float(np.median(rest))
        spread = 1.4826 * float(np.median(np.abs(rest - usual))) or float(np.std(rest))
        distance = (indicator.values[language] - usual) * (1 if indicator.more_is_worse else -1)
        if spread > 0 and distance / spread >= least:
            found.append(Cause(indicator, indicator.values[language], usual, distance / spread))
    return sorted(found, key=lambda each: -each.distance)


@dataclass(frozen=True)
class AuditedModel:
    """What an audit says of one model.

    Attributes:
        model: its name.
        verdicts: language -> verdict, of all that were asked for.
        causes: language -> in what it is worse off than the other languages.
        doublings: language -> task -> how many points all labels bring over half of them: about what as many more would
            bring at most, as learning curves flatten.
    """

    model: str
    verdicts: Mapping[str, Verdict]
    causes: Mapping[str, Sequence[Cause]] = field(default_factory=dict)
    doublings: Mapping[str, Mapping[str, Measured]] = field(default_factory=dict)

    def of(self, standing: Standing) -> list[str]:
        """The languages of which that is said."""
        return [code for code, each in self.verdicts.items() if each.standing == standing]
