"""From pairs of languages to rows: by hand, and as the tables of paper 1 belong together."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pytest

from equiglot.evaluation import (
    ALL,
    IN_LANGUAGE,
    ZERO_SHOT,
    Estimate,
    PairEstimates,
    PairKey,
    Score,
    group_language,
    group_members,
    monolingual,
    pair_rows,
    smallest_p,
    transfer_rows,
)
from equiglot.evaluation.transfer import GroupMembers

_RESAMPLES = 40


def _estimate(value: float, *key: object) -> Estimate:
    """Replicates that are the language's own, as a paired bootstrap's are."""
    noise = np.random.default_rng(sum(map(ord, str(key)))).normal(0, 1, _RESAMPLES)
    return Estimate(value, value + noise, 100)


def _pairs(values: Mapping[tuple[str, str], float | list[float]], metric: str = "accuracy") -> PairEstimates:
    """(source, target) -> a value, or one for each seed of the probe."""
    return {
        PairKey(metric, source, target, seed): _estimate(one, target)
        for (source, target), each in values.items()
        for seed, one in enumerate(each if isinstance(each, list) else [each])
    }


def _from_averages(in_language: Mapping[str, float], zero_shot: Mapping[str, float]) -> PairEstimates:
    """Pairs whose averages are these: all probes of other languages score their mean."""
    return _pairs(
        {
            (source, target): in_language[target] if source == target else zero_shot[target]
            for source, target in product(in_language, in_language)
        }
    )


def _members(*languages: str) -> GroupMembers:
    return group_members({"all": languages}, languages, languages)


def _rows(
    models: Mapping[str, PairEstimates], members: GroupMembers, teachers: PairEstimates | None = None, task: str = "pos"
) -> list[Score]:
    return list(transfer_rows(task, models, teachers or {}, reference="experts", members=members, seed=5))


def _one(rows: Sequence[Score], **fields: object) -> Score:
    (row,) = [row for row in rows if all(getattr(row, name) == value for name, value in fields.items())]
    return row


# Paper 1, Table 6: accuracy of POS probing, in-language and zero-shot, for HL, HL balanced and Ours.
_TABLE_6 = {
    "shared": """de 87.1 32.3 84.1 32.2 86.8 33.0
                 en 79.5 34.2 77.4 32.1 81.1 34.1
                 es 83.1 34.6 82.0 32.8 84.8 34.2
                 eu 56.3 34.1 58.1 35.0 58.2 33.1
                 hu 18.5 37.4 16.6 37.9 18.5 39.5
                 tr 40.5 33.3 40.6 34.5 42.1 34.1
                 vi 25.5 28.7 26.9 29.9 27.7 31.3""",
    "diverse": """de 87.7 36.8 83.3 35.3 87.4 38.1
                  ru 79.0 36.9 74.0 36.9 78.6 38.8
                  ko 63.7 34.8 62.8 31.9 65.8 33.5
                  el 66.6 29.9 66.7 27.0 69.0 30.8
                  hi 70.7 34.9 69.6 34.7 70.8 36.0
                  te 25.1 42.1 30.0 43.0 28.4 42.6
                  ur 50.0 36.3 52.2 34.7 54.4 34.1""",
}
# Table 3a, in the same order.
_TABLE_3A = {
    "shared": """low  35.2 33.4 35.5 34.3 36.6 34.5
                 high 83.3 33.7 81.2 32.4 84.3 33.8
                 de   87.1 32.3 84.1 32.2 86.8 33.0
                 all  55.8 33.5 55.1 33.5 57.0 34.2""",
    "diverse": """low  53.1 35.8 54.6 34.9 55.7 35.9
                  high 76.8 36.2 73.4 34.7 77.3 36.8
                  de   87.7 36.8 83.3 35.3 87.4 38.1
                  all  63.3 36.0 62.7 34.8 64.9 36.3""",
}


def _table(text: str) -> dict[str, list[float]]:
    return {words[0]: [float(word) for word in words[1:]] for words in map(str.split, text.splitlines())}


@pytest.mark.parametrize("script", ["shared", "diverse"])
def test_groups_are_those_of_paper_1(script: str) -> None:
    by_language, expected = _table(_TABLE_6[script]), _table(_TABLE_3A[script])
    codes = list(by_language)
    groups = {"all": codes, "high": codes[:3], "low": codes[3:], "de": ["de"]}
    names = ("hl", "hl-balanced", "student")
    models = {
        name: _from_averages(
            *({code: values[2 * place + offset] for code, values in by_language.items()} for offset in (0, 1))
        )
        for place, name in enumerate(names)
    }
    rows = _rows(models, group_members(groups, codes, codes))
    for group, values in expected.items():
        for (name, source), value in zip(product(names, (IN_LANGUAGE, ZERO_SHOT)), values, strict=True):
            row = _one(rows, model=name, source=source, language=group_language(group), metric="accuracy")
            assert row.value == pytest.approx(value, abs=0.11)  # rounded twice


def test_zero_shot_is_the_mean_over_all_other_sources() -> None:
    estimates = _pairs(
        {("en", "en"): 90, ("en", "hi"): 30, ("te", "en"): 20, ("te", "te"): 70, ("te", "hi"): 50, ("en", "te"): 10}
    )
    rows = list(pair_rows("student", "pos", estimates, seed=7))
    values = {(row.source, row.language): row.value for row in rows}
    assert values == {
        **{("en", "hi"): 30, ("te", "en"): 20, ("te", "hi"): 50, ("en", "te"): 10},
        **{(IN_LANGUAGE, "en"): 90, (IN_LANGUAGE, "te"): 70},
        **{(ZERO_SHOT, "en"): 20, (ZERO_SHOT, "te"): 10, (ZERO_SHOT, "hi"): 40},
    }
    for row in rows:
        assert (row.model, row.task, row.metric, row.n, row.seed) == ("student", "pos", "accuracy", 100, 7)
        assert (row.deviation, row.repeats, row.reference) == (None, 1, None)
        assert row.low is not None and row.high is not None and row.low < row.value < row.high


def test_repeats_of_a_probe() -> None:
    estimates = _pairs({("en", "en"): [80, 82, 87], ("te", "en"): [20, 22, 30], ("hi", "en"): [40, 44, 42]})
    rows = list(pair_rows("student", "pos", estimates, seed=7))
    values = {row.source: (row.value, row.deviation) for row in rows}
    zero_shot = [30, 33, 36]
    assert values[IN_LANGUAGE] == pytest.approx((83, np.std([80, 82, 87], ddof=1)))
    assert values["te"] == pytest.approx((24, np.std([20, 22, 30], ddof=1)))
    assert values[ZERO_SHOT] == pytest.approx((33, np.std(zero_shot, ddof=1)))
    assert {row.repeats for row in rows} == {3}
    assert {row.n for row in rows} == {100}
    low, high = Estimate(0, 83 + _estimate(0, "en").replicates, 1).interval
    row = _one(rows, source=IN_LANGUAGE)
    assert (row.low, row.high) == pytest.approx((low, high))


def test_repeats_of_a_group_are_averaged_seed_by_seed() -> None:
    """One language goes up by as much as the other goes down: the mean of the group does not move at all."""
    english, telugu = _pairs({("en", "en"): [80, 84]}), _pairs({("te", "te"): [60, 56]})
    rows = _rows({"student": {**english, **dict(reversed(telugu.items()))}}, _members("en", "te"))
    row = _one(rows, language=ALL, source=IN_LANGUAGE)
    assert (row.value, row.deviation, row.repeats, row.n) == (70, 0, 2, 200)


def test_differences_are_taken_seed_by_seed() -> None:
    one = _pairs({("en", "en"): [80, 84, 79], ("te", "te"): [60, 50, 61]})
    two = _pairs({("en", "en"): [78, 82, 77], ("te", "te"): [61, 51, 62]})
    rows = _rows({"student": one, "hl": two}, _members("en", "te"))
    differences = {row.language: row for row in rows if row.metric == "difference"}
    assert {code: (row.value, row.deviation) for code, row in differences.items()} == {
        "en": (2, 0),
        "te": (-1, 0),
        ALL: (0.5, 0),
    }
    assert {row.repeats for row in differences.values()} == {3}


def test_groups_of_which_not_all_have_data() -> None:
    groups = {"all": ["en", "hi", "te"], "high": ["en"], "low": ["te", "hi"], "none": ["ur"]}
    members = group_members(groups, trained=["en", "te"], tested=["hi", "te", "en"])
    assert members == {
        IN_LANGUAGE: {"all": ("en", "te"), "high": ("en",), "low": ("te",)},
        ZERO_SHOT: {"all": ("en", "hi", "te"), "high": ("en",), "low": ("te", "hi")},
    }
    assert group_members(groups, trained=["en"], tested=["en", "te"])[ZERO_SHOT] == {"all": ("te",), "low": ("te",)}
    whole = _pairs({(source, target): 10.0 for source in ("en", "te") for target in ("en", "hi", "te")})
    part = {key: each for key, each in whole.items() if "te" not in (key.source, key.target)}
    places = {(row.model, row.source, row.language) for row in _rows({"whole": whole, "part": part}, members)}
    assert {place for place in places if place[0] == "whole" and place[2].startswith("group:")} == {
        ("whole", kind, group_language(name)) for kind, each in members.items() for name in each
    }
    # A model without Telugu has no number for groups with it.
    assert {place for place in places if place[0] == "part"} == {
        ("part", IN_LANGUAGE, group_language("high")),
    }


def test_teachers_are_taken_together() -> None:
    single = {code: _pairs({(code, code): value}) for code, value in {"en": 90.0, "te": 70.0}.items()}
    members = group_members({"all": ["en", "te"], "low": ["te"]}, ["en", "te"], ["en", "te"])
    rows = _rows({}, members, monolingual(single))
    assert {(row.model, row.source, row.metric) for row in rows} == {("experts", IN_LANGUAGE, "accuracy")}
    assert {row.language: row.value for row in rows} == {"en": 90, "te": 70, ALL: 80, group_language("low"): 70}


def _random_model(seed: int, *languages: str, metric: str = "accuracy") -> PairEstimates:
    generator = np.random.default_rng(seed)
    return _pairs({pair: float(generator.uniform(10, 90)) for pair in product(languages, languages)}, metric)


def test_differences_by_hand() -> None:
    languages = ("en", "hi", "te")
    one, two = _random_model(1, *languages), _random_model(2, *languages)
    members = group_members({"all": languages, "low": languages[1:]}, languages, languages)
    rows = [row for row in _rows({"student": one, "hl": two}, members) if row.metric == "difference"]
    assert {(row.model, row.reference, row.task, row.seed) for row in rows} == {("student", "hl", "pos", 5)}

    def mean(of: PairEstimates, target: str) -> float:
        return float(np.mean([each.value for key, each in of.items() if key.target == target != key.source]))

    zero_shot = {code: mean(one, code) - mean(two, code) for code in languages}
    key = PairKey("accuracy", "hi", "hi", 0)
    assert _one(rows, source=IN_LANGUAGE, language="hi").value == pytest.approx(one[key].value - two[key].value)
    assert _one(rows, source=ZERO_SHOT, language="te").value == pytest.approx(zero_shot["te"])
    low = _one(rows, source=ZERO_SHOT, language=group_language("low"))
    assert low.value == pytest.approx((zero_shot["hi"] + zero_shot["te"]) / 2)
    # All estimates of a target have the same noise: paired, nothing of it is left.
    assert (low.low, low.high) == pytest.approx((low.value, low.value))
    assert len(rows) == 2 * (3 + 2)


def test_differences_are_of_the_first_metric_only() -> None:
    estimates = {**_random_model(0, "en", "te"), **_random_model(1, "en", "te", metric="macro_f1")}
    other = {**_random_model(2, "en", "te"), **_random_model(1, "en", "te", metric="macro_f1")}
    pos, ner = (_rows({"a": estimates, "b": other}, _members("en", "te"), task=task) for task in ("pos", "ner"))
    assert _one(pos, metric="difference", language=ALL, source=IN_LANGUAGE).value != 0
    assert _one(ner, metric="difference", language=ALL, source=IN_LANGUAGE).value == 0


def test_a_model_against_itself() -> None:
    same = _random_model(0, "en", "hi", "te")
    rows = _rows({"a": same, "b": dict(same)}, _members("en", "hi", "te"))
    for row in rows:
        if row.metric == "difference":
            assert (row.value, row.low, row.high) == (0, 0, 0)
    assert [row.value for row in rows if row.metric == "p"] == [1, 1]


def test_the_order_of_models_changes_but_the_sign() -> None:
    one, two = _random_model(1, "en", "hi", "te"), _random_model(2, "te", "en", "hi")
    forth, back = (_rows(models, _members("en", "hi", "te")) for models in ({"a": one, "b": two}, {"b": two, "a": one}))
    for row in forth:
        if row.metric in ("difference", "p"):
            other = _one(back, metric=row.metric, source=row.source, language=row.language)
            sign = -1 if row.metric == "difference" else 1
            assert (other.model, other.reference) == (row.reference, row.model)
            assert other.value == pytest.approx(sign * row.value)
    alone = [row for row in forth if row.reference is None]
    assert sorted(map(repr, alone)) == sorted(repr(row) for row in back if row.reference is None)


def test_models_are_compared_on_the_pairs_that_both_have() -> None:
    """A model that was never probed from Telugu is not compared by a mean with fewer sources in it."""
    one = _pairs({("en", "hi"): 30, ("te", "hi"): 80})
    two = _pairs({("en", "hi"): 25})
    rows = _rows({"one": one, "two": two}, _members("en", "hi", "te"))
    assert _one(rows, metric="difference").value == 5


@pytest.mark.parametrize("count", [2, 4, 7])
def test_p_when_all_languages_agree(count: int) -> None:
    languages = ("en", "de", "es", "hu", "vi", "tr", "eu")[:count]
    worse = _random_model(0, *languages)
    better = {
        key: Estimate(each.value + 1 + place / 10, each.replicates, each.n)
        for place, (key, each) in enumerate(worse.items())
    }
    rows = [row for row in _rows({"student": better, "hl": worse}, _members(*languages)) if row.metric == "p"]
    assert {row.source for row in rows} == {IN_LANGUAGE, ZERO_SHOT}
    for row in rows:
        assert row.value == pytest.approx(smallest_p(count))
        assert (row.model, row.reference, row.language, row.n, row.low) == ("student", "hl", ALL, count, None)


def test_one_language_is_no_test() -> None:
    one, two = _random_model(0, "en"), _random_model(1, "en")
    assert all(row.metric != "p" for row in _rows({"a": one, "b": two}, _members("en")))


def test_nothing_known_is_no_rows() -> None:
    assert _rows({"a": {}, "b": {}}, _members("en", "te")) == []
    assert list(pair_rows("a", "pos", {}, seed=0)) == []
