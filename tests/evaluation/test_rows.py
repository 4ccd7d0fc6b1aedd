"""From positions to rows: metrics by hand, groups, distances, differences."""

import numpy as np
import pytest

from equiglot.evaluation import (
    ALL,
    Bootstrap,
    ByLanguage,
    Estimate,
    MaskedPositions,
    Score,
    averages,
    comparison_rows,
    group_language,
    known,
    pair_rows,
    position_estimates,
    references_of,
)

_BOOTSTRAP = Bootstrap(resamples=50, seed=0)


def _positions(ranks: list[int], sequences: list[int], count: int) -> MaskedPositions:
    return MaskedPositions(
        np.array(ranks, dtype=np.int32), np.log(np.array(ranks, dtype=np.float32)), np.array(sequences, np.int32), count
    )


def _random(seed: int, count: int = 40) -> MaskedPositions:
    generator = np.random.default_rng(seed)
    sequences = np.sort(generator.integers(0, count, 150))
    return _positions(generator.integers(1, 50, 150).tolist(), sequences.tolist(), count)


def _estimates(*languages: str, seed: int = 0) -> ByLanguage:
    return {language: _mrr(language, _random(seed + place)) for place, language in enumerate(languages)}


def _mrr(language: str, positions: MaskedPositions) -> Estimate:
    return averages(position_estimates(language, positions, _BOOTSTRAP))["mrr", None][language]


def test_metrics_by_hand() -> None:
    estimates = position_estimates("eu", _positions([1, 2, 5, 10], [0, 0, 2, 3], 5), _BOOTSTRAP)
    rows = list(pair_rows("m", "mlm", estimates, seed=7))
    values = {row.metric: row.value for row in rows}
    assert values["mrr"] == pytest.approx(100 * (1 + 1 / 2 + 1 / 5 + 1 / 10) / 4)
    assert values["accuracy"] == pytest.approx(25)
    assert values["top5"] == pytest.approx(75)
    assert values["loss"] == pytest.approx(np.log([1, 2, 5, 10]).mean())
    assert len(rows) == 4
    for row in rows:
        assert (row.model, row.task, row.language, row.n, row.seed, row.reference) == ("m", "mlm", "eu", 4, 7, None)
        assert row.low is not None and row.high is not None and row.low <= row.value <= row.high


def test_models_are_paired_by_language() -> None:
    basque, english, same = (_mrr(language, _random(0)) for language in ("eu", "en", "eu"))
    assert np.array_equal(basque.replicates, same.replicates)
    assert not np.array_equal(basque.replicates, english.replicates)


def _rows(groups: dict[str, list[str]] | None = None) -> list[Score]:
    teachers = _estimates("en", "eu", "tr")
    models = {"student": _estimates("en", "eu", "tr", seed=10), "baseline": _estimates("en", "eu", seed=20)}
    chosen = groups or {ALL: ["en", "eu", "tr"], "low": ["eu", "tr"], "high": ["en"]}
    return list(comparison_rows("mlm", models, {"teacher": teachers}, reference="teachers", groups=chosen, seed=3))


def _value(rows: list[Score], **fields: object) -> float:
    (row,) = [row for row in rows if all(getattr(row, name) == value for name, value in fields.items())]
    return row.value


def test_group_means() -> None:
    rows, student = _rows(), _estimates("en", "eu", "tr", seed=10)
    low = _value(rows, model="student", metric="mrr", language=group_language("low"))
    assert low == pytest.approx((student["eu"].value + student["tr"].value) / 2)
    whole = _value(rows, model="teachers", metric="mrr", language=group_language(ALL))
    assert whole == pytest.approx(np.mean([each.value for each in _estimates("en", "eu", "tr").values()]))
    # The baseline knows no Turkish: no number of it for a group with Turkish in it.
    groups = {row.language for row in rows if row.model == "baseline" and row.metric == "mrr"}
    assert groups == {group_language("high")}


def test_distances_from_the_teachers() -> None:
    rows, student, teachers = _rows(), _estimates("en", "eu", "tr", seed=10), _estimates("en", "eu", "tr")
    by_language = {code: student[code].value - teachers[code].value for code in student}
    for code, expected in by_language.items():
        assert _value(rows, model="student", metric="d", language=code) == pytest.approx(expected)
    whole = _value(rows, model="student", metric="d", language=group_language(ALL))
    assert whole == pytest.approx(np.mean(list(by_language.values())))
    assert {row.reference for row in rows if row.metric == "d"} == {"teachers"}
    assert {row.language for row in rows if row.metric == "d" and row.model == "baseline"} == {
        "en",
        "eu",
        group_language("high"),
    }


def test_differences_between_models() -> None:
    rows, student, baseline = _rows(), _estimates("en", "eu", seed=10), _estimates("en", "eu", seed=20)
    differences = [row for row in rows if row.metric == "difference"]
    assert {(row.model, row.reference) for row in differences} == {("student", "baseline")}
    assert {row.language for row in differences} == {"en", "eu", group_language("high")}
    expected = student["eu"].value - baseline["eu"].value
    assert _value(rows, metric="difference", language="eu") == pytest.approx(expected)


def test_a_model_against_itself() -> None:
    same = _estimates("en", "eu")
    rows = comparison_rows(
        "mlm", {"a": same, "b": same}, {"teacher": same}, reference="t", groups={ALL: ["en", "eu"]}, seed=0
    )
    for row in rows:
        if row.metric in ("d", "difference"):
            assert (row.value, row.low, row.high) == (0, 0, 0)


def test_a_model_has_no_distance_where_it_is_the_teacher() -> None:
    numbers = _estimates("en", "eu")
    references = references_of({"a": numbers, "b": numbers}, {"en": "a", "eu": "b", "tr": "missing"})
    assert {name: list(each) for name, each in references.items()} == {"a": ["en"], "b": ["eu"]}
    rows = comparison_rows("mlm", {"a": numbers}, references, reference="t", groups={ALL: ["en", "eu"]}, seed=0)
    assert {row.language for row in rows if row.metric == "d"} == {"eu"}


def test_groups_must_be_known_whole() -> None:
    assert known({"en": 1, "eu": 2}, ["eu"])
    assert not known(["en"], ["en", "eu"])
    assert not known(["en"], [])
