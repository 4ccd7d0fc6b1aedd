"""Linear models of scores: closed forms, scipy, a sandwich written by hand, and what is refused."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, linregress
from scipy.stats import t as student
from statsmodels.regression.linear_model import OLS

from equiglot.evaluation.regression import (
    PRETRAINING_TEXT,
    TRAINING_DATA,
    Factor,
    Fit,
    NotEstimable,
    Observation,
    analyse,
    fit,
    likelihood_ratio,
)

FERTILITY = Factor("tokens a word", "each further token a word")
Floats = npt.NDArray[np.float64]


def observed(languages: int, pairs: Sequence[tuple[str, str]] = (("m", "ner"),), seed: int = 0) -> list[Observation]:
    """Scores that follow text and training data, an error of the language and one of the observation; pairs differ."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(languages):
        text, data = 2.0 ** draw.uniform(3, 14), float(draw.integers(100, 20_000))
        pieces, shared = draw.uniform(1, 3), draw.normal(0, 2)
        for place, (model, task) in enumerate(pairs):
            score = 40 + 10 * place + 1.5 * np.log2(text) + np.log2(data) - pieces + shared + draw.normal(0, 1)
            values = {PRETRAINING_TEXT.name: text, TRAINING_DATA.name: data, FERTILITY.name: pieces}
            found.append(Observation(f"l{number}", model, task, float(score), values, baseline=60.0 + place))
    return found


def logs(rows: Sequence[Observation], factor: Factor) -> Floats:
    return np.log2([each.values[factor.name] for each in rows])


def fitted(one: Fit | NotEstimable) -> Fit:
    assert isinstance(one, Fit), one
    return one


def test_one_factor_is_the_line_of_scipy() -> None:
    rows = observed(30)
    found = fitted(fit(rows, [PRETRAINING_TEXT]))
    line = linregress(logs(rows, PRETRAINING_TEXT), [each.score for each in rows])
    (coefficient,) = found.coefficients
    assert coefficient.value == pytest.approx(line.slope) and coefficient.vif == pytest.approx(1)
    assert found.r_squared == pytest.approx(line.rvalue**2) and (found.rows, found.languages) == (30, 30)


def test_several_factors_models_and_tasks_are_least_squares_with_intercepts() -> None:
    pairs = [("a", "pos"), ("a", "ner"), ("b", "pos")]
    rows = observed(20, pairs)
    found = fitted(fit(rows, [PRETRAINING_TEXT, TRAINING_DATA]))
    design, scores = by_hand(rows, pairs)
    solution, (remaining,), *_ = np.linalg.lstsq(design, scores)
    assert [each.value for each in found.coefficients] == pytest.approx(solution[:2])
    own = np.array([[(each.model, each.task) == pair for pair in pairs] for each in rows], np.float64)
    means = own @ (scores @ own / own.sum(axis=0))
    assert found.r_squared == pytest.approx(1 - remaining / ((scores - means) ** 2).sum())
    n = len(rows)
    assert found.log_likelihood == pytest.approx(-n / 2 * (np.log(2 * np.pi * remaining / n) + 1))


def test_errors_are_clustered_by_language() -> None:
    pairs = [("a", "pos"), ("a", "ner")]
    rows = observed(15, pairs)
    found = fitted(fit(rows, [PRETRAINING_TEXT, TRAINING_DATA]))
    design, scores = by_hand(rows, pairs)
    errors = scores - design @ np.linalg.lstsq(design, scores)[0]
    bread = np.linalg.inv(design.T @ design)
    meat = np.zeros_like(bread)
    languages = sorted({each.language for each in rows})
    for code in languages:
        mine = np.array([each.language == code for each in rows])
        leverage = design[mine] @ bread @ design[mine].T
        moment = design[mine].T @ np.linalg.solve(np.eye(mine.sum()) - leverage, errors[mine])
        meat += np.outer(moment, moment)
    groups = len(languages)
    sandwich = bread @ meat @ bread * (groups - 1) / groups
    for at, each in enumerate(found.coefficients):
        error = np.sqrt(sandwich[at, at])
        reach = student.ppf(0.975, groups - 1) * error
        assert (each.low, each.high) == pytest.approx((each.value - reach, each.value + reach))
        assert each.p == pytest.approx(2 * student.sf(abs(each.value / error), groups - 1))


def test_statsmodels_fits_the_same() -> None:
    pairs = [("a", "pos"), ("b", "pos")]
    rows = observed(25, pairs)
    found = fitted(fit(rows, [PRETRAINING_TEXT, TRAINING_DATA]))
    design, scores = by_hand(rows, pairs)
    reference = OLS(scores, design).fit()
    assert [each.value for each in found.coefficients] == pytest.approx(reference.params[:2])
    assert found.log_likelihood == pytest.approx(reference.llf)
    (alone,) = fitted(fit(rows[::2], [TRAINING_DATA])).coefficients  # one score of each language: HC3
    by_itself, _ = by_hand(rows[::2], pairs[:1])
    robust = OLS(scores[::2], by_itself[:, 1:]).fit(cov_type="HC3")
    error = float(robust.bse[0]) * np.sqrt(24 / 25)
    assert alone.high - alone.value == pytest.approx(student.ppf(0.975, 24) * error)


def test_a_language_that_carries_all_makes_no_finding() -> None:
    rows = observed(12)
    one = [replace(each, values={FERTILITY.name: 3.0 if at == 0 else 1.0}) for at, each in enumerate(rows)]
    one[0] = replace(one[0], score=10.0)
    (coefficient,) = fitted(fit(one, [FERTILITY])).coefficients
    assert coefficient.low < 0 < coefficient.high


def by_hand(rows: Sequence[Observation], pairs: Sequence[tuple[str, str]]) -> tuple[Floats, Floats]:
    own = np.array([[(each.model, each.task) == pair for pair in pairs] for each in rows], np.float64)
    design = np.column_stack([logs(rows, PRETRAINING_TEXT), logs(rows, TRAINING_DATA), own])
    return design, np.array([each.score for each in rows])


def test_the_likelihood_ratio_is_of_the_remaining_squares() -> None:
    rows = observed(25)
    small, large = fitted(fit(rows, [TRAINING_DATA])), fitted(fit(rows, [TRAINING_DATA, FERTILITY]))
    test = likelihood_ratio(small, large)
    assert test.statistic == pytest.approx(25 * np.log((1 - small.r_squared) / (1 - large.r_squared)))
    assert test.degrees == 1 and test.p == pytest.approx(chi2.sf(test.statistic, 1))
    assert likelihood_ratio(fitted(fit(rows, [FERTILITY])), large).degrees == 1


def test_models_that_are_not_nested_are_not_compared() -> None:
    rows = observed(25)
    small, other = fitted(fit(rows, [TRAINING_DATA])), fitted(fit(rows, [FERTILITY, PRETRAINING_TEXT]))
    with pytest.raises(ValueError, match="not nested"):
        likelihood_ratio(small, other)
    with pytest.raises(ValueError, match="not of the same observations"):
        likelihood_ratio(fitted(fit(rows[1:], [FERTILITY])), other)


def test_inflation_is_what_the_other_factors_explain() -> None:
    rows = observed(30)
    found = fitted(fit(rows, [PRETRAINING_TEXT, TRAINING_DATA]))
    r = np.corrcoef(logs(rows, PRETRAINING_TEXT), logs(rows, TRAINING_DATA))[0, 1]
    assert [each.vif for each in found.coefficients] == pytest.approx([1 / (1 - r**2)] * 2)


def test_ratios_are_in_percent_of_the_baseline() -> None:
    rows = observed(20)
    found = fitted(fit(rows, [PRETRAINING_TEXT], "ratio"))
    plain = fitted(fit(rows, [PRETRAINING_TEXT]))
    assert found.coefficients[0].value == pytest.approx(plain.coefficients[0].value / 0.6)  # all baselines are 60
    without = [*rows[:-2], replace(rows[-2], baseline=None), replace(rows[-1], baseline=0.0)]
    assert fitted(fit(without, [PRETRAINING_TEXT], "ratio")).languages == 18


def test_an_analysis_asks_of_each_factor_whether_it_adds() -> None:
    rows = observed(40, [("a", "pos"), ("b", "pos")])
    unknown = replace(rows[0], values={TRAINING_DATA.name: 500.0})
    found = analyse([*rows, replace(unknown, language="new")], [PRETRAINING_TEXT, TRAINING_DATA, FERTILITY])
    assert fitted(found.alone[TRAINING_DATA.name]).rows == 81 and fitted(found.together).rows == 80
    assert found.added.keys() == {PRETRAINING_TEXT.name, TRAINING_DATA.name, FERTILITY.name}
    assert found.added[PRETRAINING_TEXT.name].p < 0.001
    both = fitted(fit(rows, [TRAINING_DATA, FERTILITY]))
    assert found.added[PRETRAINING_TEXT.name] == likelihood_ratio(both, fitted(found.together))


def changed(rows: Sequence[Observation], factor: Factor, value: float) -> list[Observation]:
    return [replace(each, values={**each.values, factor.name: value}) for each in rows]


@pytest.mark.parametrize(
    ("rows", "factors", "reason"),
    [
        (observed(4), [FERTILITY], "scores in 4 languages, and at least 5"),
        (observed(9), [FERTILITY, TRAINING_DATA], "scores in 9 languages, and at least 10"),
        ([], [FERTILITY], "scores in 0 languages"),
        (changed(observed(9), FERTILITY, 1.1), [FERTILITY], "tokens a word is the same in all languages"),
        (changed(observed(9), TRAINING_DATA, 0), [TRAINING_DATA], "a size is 0"),
        ([replace(each, score=50.1) for each in observed(9)], [FERTILITY], "all scores of a model in a task are equal"),
        (
            [replace(each, score=7 * each.values[FERTILITY.name]) for each in observed(9)],
            [FERTILITY],
            "leave no error to be estimated",
        ),
    ],
)
def test_what_cannot_be_estimated_says_why(rows: list[Observation], factors: list[Factor], reason: str) -> None:
    found = fit(rows, factors)
    assert isinstance(found, NotEstimable) and reason in found.reason


def test_factors_that_are_one_are_not_told_apart() -> None:
    rows = observed(20)
    twin = Factor("twin", "each unit of it")
    doubled = [replace(each, values={**each.values, "twin": 3 - 2 * each.values[FERTILITY.name]}) for each in rows]
    found = analyse(doubled, [FERTILITY, twin])
    assert isinstance(found.together, NotEstimable) and "cannot be told apart" in found.together.reason
    assert found.added == {} and isinstance(found.alone["twin"], Fit)


def test_what_differs_between_models_alone_explains_no_language() -> None:
    rows = observed(10, [("a", "pos"), ("b", "pos")])
    by_model = [replace(each, values={FERTILITY.name: 1.1 if each.model == "a" else 2.3}) for each in rows]
    assert isinstance(fit(by_model, [FERTILITY]), NotEstimable)


@settings(max_examples=25, deadline=None)
@given(st.floats(-50, 50), st.floats(0.1, 10), st.integers(0, 1000))
def test_scores_may_be_shifted_and_scaled(shift: float, scale: float, seed: int) -> None:
    rows = observed(12, [("a", "pos"), ("b", "pos")], seed)
    (plain,) = fitted(fit(rows, [PRETRAINING_TEXT])).coefficients
    other = [replace(each, score=scale * each.score + (shift if each.model == "a" else 0)) for each in rows]
    (moved,) = fitted(fit(other, [PRETRAINING_TEXT])).coefficients
    assert (moved.value, moved.low, moved.high) == pytest.approx(
        (scale * plain.value, scale * plain.low, scale * plain.high), abs=1e-9
    )
    assert moved.p == pytest.approx(plain.p, rel=1e-5)
