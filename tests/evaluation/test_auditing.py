"""Verdicts on languages: noise, rules in their order, and what languages differ in."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.evaluation import (
    Estimate,
    Gain,
    Indicator,
    Measured,
    Verdict,
    gain_of,
    judge,
    lead_of,
    measured,
    rank_causes,
)
from equiglot.evaluation.auditing import mean_of


def _estimate(value: float, spread: float = 1.0, repeats: tuple[float, ...] = (-0.1, 0.1), seed: int = 0) -> Estimate:
    replicates = value + spread * np.random.default_rng(seed).standard_normal(4000)
    return Estimate(value, replicates, 100, tuple(value + each for each in repeats))


def _gain(points: float, error: float = 0.5, baseline: float = 50.0, task: str = "pos-finetune") -> Gain:
    score = Measured(baseline + points, error)
    return Gain(task, score, Measured(baseline, error), "fresh-m", Measured(points, error))


def test_noise_of_sentences_and_of_trainings_add_up() -> None:
    found = measured(_estimate(60.0, spread=2.0, repeats=(-3.0, 0.0, 3.0)))
    assert found.value == 60 and found.error == pytest.approx(2.0, rel=0.05)
    assert found.seeds == pytest.approx(3 / 3**0.5) and found.freedom == pytest.approx(2)
    low, high = found.interval()
    assert (high - low) / 2 == pytest.approx(np.hypot(1.96 * found.error, 4.303 * found.seeds), rel=1e-3)
    bonferroni = found.interval(comparisons=4)[1] - 60  # z and t of 0.05 / 8
    assert bonferroni == pytest.approx(np.hypot(2.4977 * found.error, 8.860 * found.seeds), rel=1e-3)
    once = measured(_estimate(60.0, spread=2.0, repeats=()))
    assert once.interval()[1] - 60 == pytest.approx(1.96 * once.error, rel=1e-3)


def test_the_noise_of_several_numbers() -> None:
    alike = mean_of([Measured(10.0, 3.0, 1.0, 2.0), Measured(20.0, 4.0, 1.0, 2.0)])
    assert alike.value == 15 and alike.error == pytest.approx(2.5)
    assert alike.seeds == pytest.approx(0.5**0.5) and alike.freedom == pytest.approx(4)  # twice as many trainings
    uneven = Measured(10.0, 0.0, 3.0, 2.0).minus(Measured(4.0, 0.0, 0.1, 2.0))
    assert uneven.value == 6 and uneven.seeds == pytest.approx(9.01**0.5)
    assert uneven.freedom == pytest.approx(9.01**2 / (81 / 2 + 0.0001 / 2))  # the noisier one decides
    assert Measured(5.0, 2.0).minus(Measured(1.0, 0.0)) == Measured(4.0, 2.0)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("trainings", [2, 3, 5])
def test_intervals_cover_what_is_true(trainings: int, share: float) -> None:
    """Of a score, and of a lead over a model that was trained as often; a share of the noise is that of training."""
    random, spread = np.random.default_rng([trainings, int(10 * share)]), np.sqrt(1 - share)
    replicates = np.linspace(-1, 1, 50)
    replicates *= spread / replicates.std(ddof=1)

    def score(true: float) -> Estimate:
        each = true + spread * random.standard_normal() + np.sqrt(share * trainings) * random.standard_normal(trainings)
        return Estimate(float(each.mean()), each.mean() + replicates, 100, tuple(each.tolist()))

    scores = [measured(score(60.0)) for _ in range(1500)]
    leads = [each.minus(measured(score(50.0))) for each in scores]
    assert 0.94 < _covered(scores, 60.0) < 0.995 and 0.94 < _covered(leads, 10.0) < 0.995
    normal = np.mean([abs(each.value - 60) < 1.96 * np.hypot(each.error, each.seeds) for each in scores])
    assert normal < 0.9 if trainings < 5 and share == 1 else normal < 0.97  # 1.96 is not enough


def _covered(numbers: Sequence[Measured], true: float) -> float:
    return float(np.mean([low <= true <= high for low, high in (each.interval() for each in numbers)]))


def test_a_lead_is_paired_on_sentences() -> None:
    first, second = _estimate(62.0, spread=5.0), _estimate(60.0, spread=5.0)  # the same resamples: noise is shared
    assert lead_of(first, second).error < 0.3 < measured(first).error
    unpaired = lead_of(first, _estimate(60.0, spread=5.0, seed=1))
    assert unpaired.value == 2 and unpaired.error == pytest.approx(5 * 2**0.5, rel=0.1)


def test_the_best_model_without_pretraining_is_the_baseline() -> None:
    baselines = {"fresh-m": _estimate(40.0), "n-grams": _estimate(55.0, repeats=())}
    gain = gain_of("pos-finetune", _estimate(70.0), baselines)
    assert gain is not None and gain.baseline_model == "n-grams" and gain.others == {"fresh-m": 40.0}
    assert gain.points.value == 15 and gain.removed is not None and gain.removed.value == pytest.approx(100 * 15 / 45)
    assert gain_of("pos-finetune", _estimate(70.0), {}) is None
    assert gain_of("pos-finetune", _estimate(70.0, repeats=()), baselines) is None  # one training tells nothing
    perfect = gain_of("topic-finetune", _estimate(100.0), {"n-grams": _estimate(100.0, repeats=())})
    assert perfect is not None and perfect.removed is None


def _standings(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {code: each.standing for code, each in verdicts.items()}


def test_rules_in_their_order() -> None:
    gains = {
        "sl": {"pos-finetune": _gain(30), "ner-finetune": _gain(-4)},  # one task is enough
        "lv": {"pos-finetune": _gain(8)},  # 16 % of the errors, where others have 60
        "tr": {"pos-finetune": _gain(30)},
        "hi": {"pos-finetune": _gain(30)},
        "ko": {"pos-finetune": _gain(0.2)},
    }
    verdicts = judge([*gains, "te"], gains)
    assert _standings(verdicts) == {
        "sl": "worse than no pretraining",
        "lv": "behind",
        "tr": "served",
        "hi": "served",
        "ko": "behind",
        "te": "unknown",
    }
    assert verdicts["sl"].reason.startswith("4.0 points below fresh-m, which has no pretraining")
    two = judge(["sl"], {"sl": {"pos-finetune": _gain(-4), "parse-finetune": _gain(20)}})["sl"]
    assert two.reason == "4.0 points below fresh-m, which has no pretraining, in pos; worse in 1 of 2 tasks"
    assert verdicts["lv"].lag is not None and verdicts["lv"].lag.value == pytest.approx(16 - (60 + 60 + 60 + 0.4) / 4)
    assert "removes 60 % of the errors" in verdicts["tr"].reason


def test_an_interval_across_zero_is_no_evidence() -> None:
    four = {f"{name}-finetune": _gain(0.0 if name != "ner" else -1.1, 0.5) for name in ("pos", "ner", "topic", "parse")}
    assert judge(["sl"], {"sl": four})["sl"].standing == "behind"  # with four tasks, -1.1 +- 1.25
    assert judge(["sl"], {"sl": {"ner-finetune": four["ner-finetune"]}})["sl"].standing == "worse than no pretraining"


def test_another_model_of_the_audit() -> None:
    gains = {"sl": {"pos-finetune": _gain(20)}}
    better = {"sl": {"pos-finetune": ("other", Measured(12.0, 1.0))}}
    verdict = judge(["sl"], gains, better)["sl"]
    assert verdict.standing == "behind" and "other: 12.0 points better" in verdict.reason
    assert judge(["sl"], gains, better, margin=15)["sl"].standing == "served"
    noisy = {"sl": {"pos-finetune": ("other", Measured(12.0, 8.0))}}
    assert judge(["sl"], gains, noisy)["sl"].standing == "served"


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-50, 50), min_size=3), st.floats(0.1, 20))
def test_more_gain_is_never_a_worse_verdict(points: dict[str, float], more: float) -> None:
    order = ("worse than no pretraining", "behind", "served")
    gains = {code: {"pos-finetune": _gain(each)} for code, each in points.items()}
    code = min(points)
    raised = {**gains, code: {"pos-finetune": _gain(min(50.0, points[code] + more))}}
    before, after = judge([code], gains)[code], judge([code], raised)[code]
    assert order.index(after.standing) >= order.index(before.standing)


def test_in_what_a_language_differs() -> None:
    sizes = {"a": 8.0, "b": 9.0, "c": 10.0, "d": 9.5, "e": 2.0}
    text = Indicator("little text", "size", sizes, more_is_worse=False, remedy="more text")
    cuts = Indicator(
        "cut small", "tokens a word", {**dict.fromkeys("abcd", 1.5), "e": 1.5}, more_is_worse=True, remedy=""
    )
    (cause,) = rank_causes("e", [cuts, text])
    assert cause.indicator is text and cause.value == 2 and cause.usual == 9.25
    assert cause.distance == pytest.approx((9.25 - 2.0) / (1.4826 * 0.5))
    assert rank_causes("c", [cuts, text]) == []  # more text than others is no harm
    assert rank_causes("e", [Indicator("", "", {"a": 1, "e": 9}, True, "")]) == []  # two languages tell nothing
