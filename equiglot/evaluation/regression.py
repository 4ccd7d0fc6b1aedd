"""Why scores differ between languages: linear models of scores on resources and vocabularies (paper 3, section 5.1).

An observation is a model's score in a task in a language. Every model and task has an intercept of its own, so that a
hard task, or a good model, is not taken for a cause; with one model and one task that is paper 3's model. The errors of
a language are not independent of each other whatever the model and the task: standard errors are clustered by language.

A linear model shows what goes together, not what causes what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

LANGUAGES_A_FACTOR = 5
"""With fewer languages for each factor, a fit says more about chance than about languages."""
_ROUNDING = 1e-9  # of a variance, below which a column is constant, or what others add up to

_Floats = npt.NDArray[np.float64]
Response = Literal["score", "ratio"]


@dataclass(frozen=True)
class Factor:
    """Something that may explain scores.

    Attributes:
        name: within a sentence, such as "the pretraining text".
        step: what one unit of it is, as a phrase, such as "each doubling of the pretraining text".
        doublings: whether its values are sizes, of which the binary logarithm is taken (as in paper 3).
    """

    name: str
    step: str
    doublings: bool = False


PRETRAINING_TEXT = Factor("the pretraining text", "each doubling of the pretraining text", doublings=True)
"""In bytes or characters: with the size of a Wikipedia it is paper 3's WikiSize."""
TRAINING_DATA = Factor("the labelled data", "each doubling of the labelled data", doublings=True)
"""In sentences or words that a task is trained on."""


@dataclass(frozen=True)
class Observation:
    """A score, and what may explain it.

    Attributes:
        language, model, task: of what.
        score: in percent.
        values: factor's name -> its value, as it is, without a logarithm; what is not known is left out.
        baseline: the score without pretraining, in percent; None where there is none.
    """

    language: str
    model: str
    task: str
    score: float
    values: Mapping[str, float]
    baseline: float | None = None


@dataclass(frozen=True)
class NotEstimable:
    """No fit, and why: a phrase."""

    reason: str


@dataclass(frozen=True)
class Coefficient:
    """What a factor goes with.

    Attributes:
        factor: which.
        value: points of the response for a unit (or a doubling) of it.
        low, high: the 95 % interval: Student's t with as many degrees of freedom as languages, less one.
        p: two-sided, that it is 0.
        vif: variance inflation factor: how many times the variance that it would have if no other factor went with it.
    """

    factor: Factor
    value: float
    low: float
    high: float
    p: float
    vif: float


@dataclass(frozen=True)
class Fit:
    """A linear model of scores.

    Attributes:
        coefficients: one for each factor.
        r_squared: the share of the variance within models and tasks that the factors explain.
        log_likelihood: with normal, independent errors.
        rows: observations.
        languages: clusters.
    """

    coefficients: tuple[Coefficient, ...]
    r_squared: float
    log_likelihood: float
    rows: int
    languages: int


@dataclass(frozen=True)
class LikelihoodRatio:
    """Whether factors explain more than others do without them.

    Attributes:
        statistic: twice the difference of the log-likelihoods.
        degrees: how many factors were added.
        p: that they add nothing (chi-squared). The errors are taken for independent, which favours the larger model
            where a language has several observations.
    """

    statistic: float
    degrees: int
    p: float


@dataclass(frozen=True)
class Analysis:
    """All fits of some factors.

    Attributes:
        response: what was explained: "score", in percent; or "ratio", in percent of the score without pretraining.
        alone: each factor by itself (paper 3, Table 2, univariate), with all observations that have it.
        together: all of them, with the observations that have all (Table 2, multivariate).
        added: factor's name -> whether it adds to all others; empty for a single factor, or without `together`.
    """

    response: Response
    alone: dict[str, Fit | NotEstimable]
    together: Fit | NotEstimable
    added: dict[str, LikelihoodRatio] = field(default_factory=dict)


class _Columns(NamedTuple):
    """The response float64 [rows], factors float64 [rows, factors]; the language of each row, and its model and task as
    numbers, int64 [rows] each."""

    response: _Floats
    factors: _Floats
    languages: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]


def analyse(observations: Sequence[Observation], factors: Sequence[Factor], response: Response = "score") -> Analysis:
    """Fits each factor alone, all together, and asks of each whether it adds to the others (paper 3, section 5.1).

    Args:
        observations: one for each language, model and task.
        factors: what may explain scores; their names are keys of `Observation.values`.
        response: "score"; or "ratio", for which observations without a baseline above 0 are left out.
    """
    alone = {factor.name: fit(observations, [factor], response) for factor in factors}
    together = fit(observations, factors, response)
    added: dict[str, LikelihoodRatio] = {}
    if isinstance(together, Fit) and len(factors) > 1:
        whole = [each for each in observations if all(factor.name in each.values for factor in factors)]
        for factor in factors:
            without = fit(whole, [other for other in factors if other != factor], response)
            if isinstance(without, Fit):
                added[factor.name] = likelihood_ratio(without, together)
    return Analysis(response, alone, together, added)


def fit(
    observations: Sequence[Observation], factors: Sequence[Factor], response: Response = "score"
) -> Fit | NotEstimable:
    """Ordinary least squares of the response on the factors, with an intercept for each model and task.

    Standard errors are clustered by language: a jackknife that leaves each of them out, (G - 1) / G times the sum of
    squared differences, which is the sandwich with residuals freed of their own leverage (CV3: MacKinnon, Nielsen and
    Webb, Cluster-robust inference: A guide to empirical practice, 2023). It holds with few languages: of simulated
    scores without any effect, 95 % intervals held 0 in 93 to 95 % of cases with 5 to 50 languages (one or three models,
    1,000 cases each), those of the usual sandwich in 85 % with 5 and 89 % with 10.

    Args:
        observations: those that lack a factor, or a baseline where it is needed, are left out.
        factors: at least one.
        response: "score", or "ratio" to the baseline, in percent of it.

    Returns:
        The fit; or why there is none: fewer than `LANGUAGES_A_FACTOR` languages for each factor, a size of 0, scores or
        a factor that do not vary within a model and task, factors that add up to each other, nothing left as error.
    """
    used = [each for each in observations if all(factor.name in each.values for factor in factors)]
    if response == "ratio":
        used = [each for each in used if each.baseline is not None and each.baseline > 0]
    for factor in factors:
        if factor.doublings and any(each.values[factor.name] <= 0 for each in used):
            return NotEstimable(f"{factor.name}: a size is 0, and has no logarithm")
    languages, needed = len({each.language for each in used}), LANGUAGES_A_FACTOR * len(factors)
    if languages < needed:
        names = " and ".join(factor.name for factor in factors)
        return NotEstimable(f"{names}: scores in {languages} languages, and at least {needed} are needed")
    columns = _columns(used, factors, response)
    centred = _within(columns)
    if refused := _refusal(centred, factors):
        return NotEstimable(refused)
    return _least_squares(columns, centred, factors)


def likelihood_ratio(small: Fit, large: Fit) -> LikelihoodRatio:
    """The likelihood-ratio test between a model and one with more factors, of the same observations.

    Raises:
        ValueError: the first is not nested in the second, or they are of different observations.
    """
    from scipy.stats import chi2

    names = [{each.factor.name for each in one.coefficients} for one in (small, large)]
    if not names[0] < names[1] or (small.rows, small.languages) != (large.rows, large.languages):
        raise ValueError(f"not nested, or not of the same observations: {sorted(names[0])} and {sorted(names[1])}")
    statistic = 2 * (large.log_likelihood - small.log_likelihood)
    degrees = len(names[1]) - len(names[0])
    return LikelihoodRatio(statistic, degrees, float(chi2.sf(statistic, degrees)))


def _columns(observations: Sequence[Observation], factors: Sequence[Factor], response: Response) -> _Columns:
    values = np.array([[each.values[factor.name] for factor in factors] for each in observations], np.float64)
    sizes = np.array([factor.doublings for factor in factors])
    values[:, sizes] = np.log2(values[:, sizes])
    scores = np.array([each.score for each in observations], np.float64)
    if response == "ratio":
        scores = 100 * scores / np.array([each.baseline for each in observations], np.float64)
    languages = np.unique([each.language for each in observations], return_inverse=True)[1]
    groups = np.unique([f"{each.model}\n{each.task}" for each in observations], return_inverse=True)[1]
    return _Columns(scores, values, languages, groups)


def _within(columns: _Columns) -> _Floats:
    """Response and factors, less their mean in each model and task: float64 [rows, 1 + factors]."""
    stacked = np.column_stack([columns.response, columns.factors])
    sums = np.zeros((columns.groups.max() + 1, stacked.shape[1]))
    np.add.at(sums, columns.groups, stacked)
    centred: _Floats = stacked - (sums / np.maximum(1, np.bincount(columns.groups))[:, None])[columns.groups]
    # What rounding leaves of a constant is nothing.
    centred[:, np.abs(centred).max(axis=0) <= _ROUNDING * np.abs(stacked).max(axis=0)] = 0
    return centred


def _refusal(centred: _Floats, factors: Sequence[Factor]) -> str | None:
    """Why there is no fit, if there is none; response and factors as `_within` gives them."""
    spread = (centred**2).sum(axis=0)
    if spread[0] == 0:
        return "all scores of a model in a task are equal"
    for factor, variance in zip(factors, spread[1:], strict=True):
        if variance == 0:
            return f"{factor.name} is the same in all languages"
    scaled = centred / np.sqrt(spread)
    if np.linalg.svd(scaled[:, 1:], compute_uv=False).min() ** 2 < _ROUNDING:
        return f"{' and '.join(factor.name for factor in factors)} go together exactly, and cannot be told apart"
    solution = np.linalg.lstsq(scaled[:, 1:], scaled[:, 0])[0]
    if ((scaled[:, 0] - scaled[:, 1:] @ solution) ** 2).sum() < _ROUNDING:
        return "the scores follow exactly, and leave no error to be estimated"
    return None


def _least_squares(columns: _Columns, centred: _Floats, factors: Sequence[Factor]) -> Fit | NotEstimable:
    from scipy.stats import t as student

    rows, languages = len(columns.response), int(columns.languages.max()) + 1
    parameters = len(factors) + int(columns.groups.max()) + 1
    if rows <= parameters:
        return NotEstimable(f"{rows} scores are too few for {parameters} coefficients")
    values, inflation = _slopes(centred), _inflation(centred[:, 1:])
    errors = np.sqrt((languages - 1) / languages * ((_left_out(columns) - values) ** 2).sum(axis=0))
    reach = student.ppf(0.975, languages - 1) * errors
    chances = 2 * student.sf(np.abs(values / errors), languages - 1)
    coefficients = tuple(
        Coefficient(factor, value, value - far, value + far, p, vif)
        for factor, value, far, p, vif in zip(
            factors, values.tolist(), reach.tolist(), chances.tolist(), inflation, strict=True
        )
    )
    remaining = float(((centred[:, 0] - centred[:, 1:] @ values) ** 2).sum())
    likelihood = -rows / 2 * (np.log(2 * np.pi * remaining / rows) + 1)
    explained = 1 - remaining / float((centred[:, 0] ** 2).sum())
    return Fit(coefficients, explained, float(likelihood), rows, languages)


def _slopes(centred: _Floats) -> _Floats:
    """Least squares of the response on the factors, float64 [factors]; both as `_within` gives them."""
    return np.linalg.lstsq(centred[:, 1:], centred[:, 0])[0].astype(np.float64)


def _left_out(columns: _Columns) -> _Floats:
    """The coefficients without each of the languages, float64 [languages, factors]."""
    kept = (columns.languages != code for code in range(columns.languages.max() + 1))
    return np.array([_slopes(_within(_Columns(*(each[rows] for each in columns)))) for rows in kept])


def _inflation(factors: _Floats) -> list[float]:
    """1 / (1 - R²) of each factor on the others, models and tasks apart: the diagonal of the inverse correlations."""
    scaled = factors / np.sqrt((factors**2).sum(axis=0))
    return [float(each) for each in np.diag(np.linalg.inv(scaled.T @ scaled))]
