"""A model against its teacher: paper 4's own numbers, hand values, scipy, and what must hold of any."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon

from equiglot.evaluation import (
    ALL,
    IN_LANGUAGE,
    ZERO_SHOT,
    Estimate,
    PairEstimates,
    PairKey,
    left_tailed,
    ratios_of,
    reference_rows,
)

# Paper 4, Table 4: mBERT, and Eliquare-mBERT; French, Hebrew, Slovene, Dutch, Hindi, Swahili, each in two tasks.
TEACHER = [0.8923, 0.9795, 0.8512, 0.9681, 0.9326, 0.9791, 0.9033, 0.9623, 0.4744, 0.9666, 0.8689, 0.8490]
STUDENT = [0.8952, 0.9792, 0.8567, 0.9705, 0.9365, 0.9822, 0.8970, 0.9625, 0.5066, 0.9683, 0.8701, 0.8632]
scores = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=6)


def test_paper_4_is_reproduced() -> None:
    test, ratios = left_tailed(STUDENT, TEACHER), ratios_of(STUDENT, TEACHER)
    assert f"{test.p:.3f}" == "0.017" and (test.pairs, test.zeros, test.ties) == (12, 0, 0)
    assert f"{ratios.lowest:.3f} {ratios.highest:.3f}" == "0.993 1.068" and ratios.count == 12
    assert left_tailed(TEACHER, STUDENT).p > 0.98


def test_by_hand() -> None:
    # Three pairs, all in the model's favour: one of the eight signs is as extreme.
    test = left_tailed([2.0, 4.0, 7.0], [1.0, 2.0, 4.0])
    assert (test.p, test.smallest, test.pairs) == (1 / 8, 1 / 8, 3)
    # The smallest difference against it: of the sums of ranks of the others, 0 and 1 are as extreme.
    assert left_tailed([1.0, 4.0, 7.0], [2.0, 2.0, 4.0]).p == 2 / 8
    assert ratios_of([1.0, 3.0, 5.0], [2.0, 2.0, 0.0]).mean == 1.0
    assert ratios_of([1.0], [0.0]).count == 0 and ratios_of([1.0], [0.0]).mean is None


def test_pairs_without_a_difference_are_left_out_and_equal_ones_counted() -> None:
    test = left_tailed([1.0, 2.0, 3.0, 4.0, 6.0], [1.0, 1.0, 2.0, 3.0, 4.0])
    assert (test.pairs, test.zeros, test.ties, test.smallest) == (4, 1, 3, 1 / 16)
    assert left_tailed([0.1 + 0.2], [0.3]).zeros == 1  # equal but for rounding
    nothing = left_tailed([5.0, 5.0], [5.0, 5.0])
    assert (nothing.p, nothing.pairs, nothing.zeros, nothing.smallest) == (1.0, 0, 2, 1.0)


def test_scores_without_a_partner_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 scores of the model, 1 of its teacher"):
        left_tailed([1.0, 2.0], [1.0])


def _exact(differences: list[int]) -> float:
    """The share of all signs whose sum of positive ranks is as small: the test's definition."""
    left = np.array([each for each in differences if each])
    ranks = rankdata(np.abs(left))
    sums = [np.dot(ranks, signs) for signs in product((0, 1), repeat=len(left))]
    return float(np.mean(np.array(sums) <= ranks[left > 0].sum() + 1e-9))


@settings(max_examples=20)
@given(scores)
def test_it_is_what_the_definition_says(pairs: list[tuple[int, int]]) -> None:
    ours, theirs = ([float(each) for each in side] for side in zip(*pairs, strict=True))
    test, differences = left_tailed(ours, theirs), [two - one for one, two in pairs]
    assert test.pairs + test.zeros == len(pairs)
    assert test.smallest <= test.p + 1e-12 <= 1 + 2e-12
    if test.pairs:
        assert test.p == pytest.approx(_exact(differences))
        left = [each for each in differences if each]
        assert test.p == pytest.approx(float(wilcoxon(left, alternative="less").pvalue))
    if all(each < 0 for each in differences):
        assert test.p == pytest.approx(test.smallest)


@settings(max_examples=20)
@given(scores, st.integers(0, 100))
def test_a_model_that_gets_better_never_has_a_higher_p(pairs: list[tuple[int, int]], gain: int) -> None:
    ours, theirs = ([float(each) for each in side] for side in zip(*pairs, strict=True))
    better = [each + gain for each in ours]
    kept = [one - two != 0 and one + gain - two != 0 for one, two in zip(ours, theirs, strict=True)]
    before, after = left_tailed(ours, theirs), left_tailed(better, theirs)
    if all(kept):
        assert after.p <= before.p + 1e-12
    one, two = ratios_of(ours, theirs), ratios_of(better, theirs)
    if one.mean is not None and two.mean is not None and two.lowest is not None and one.lowest is not None:
        slack = 1e-9  # of a mean's rounding
        assert two.mean + slack >= one.mean and two.lowest >= one.lowest <= one.mean + slack


def _of(**values: float) -> PairEstimates:
    """Of what was trained on English alone: en in-language, others zero-shot."""
    found = {}
    for code, value in values.items():
        estimate = Estimate(value, np.array([value - 1, value, value + 1]), 10)
        found[PairKey("accuracy", "en", code, 0)] = estimate
    return found


def test_distances_are_from_the_reference_of_each_language() -> None:
    models = {"student": _of(en=70.0, ru=50.0, ko=30.0), "teacher": _of(en=60.0, ru=55.0)}
    members = {IN_LANGUAGE: {"all": ("en",)}, ZERO_SHOT: {"all": ("ru", "ko")}}
    rows = list(
        reference_rows(
            "pos-finetune",
            models,
            {"en": "teacher", "ru": "teacher", "ko": "nobody"},
            reference="teachers",
            members=members,
            seed=0,
        )
    )
    found = {(row.model, row.language, row.source): row for row in rows}
    assert {key: row.value for key, row in found.items()} == {
        ("student", "en", IN_LANGUAGE): 10.0,
        ("student", ALL, IN_LANGUAGE): 10.0,
        ("student", "ru", ZERO_SHOT): -5.0,
        ("student", ALL, ZERO_SHOT): -5.0,  # over those that have a reference
    }
    assert all(row.metric == "d" and row.reference == "teachers" for row in rows)
    row = found["student", "en", IN_LANGUAGE]
    assert row.low == row.high == 10.0  # paired: both go up and down alike
