"""RDT against the tables of paper 2, and where there is none."""

from collections.abc import Mapping

import numpy as np
import pytest

from equiglot.evaluation import IN_LANGUAGE, Estimate, PairEstimates, PairKey, Score, group_members, rdt_rows
from equiglot.report import read_published
from equiglot.report.published import TEACHERS

_NOISE = np.random.default_rng(0).normal(0, 0.5, 100)


def _probes(values: Mapping[str, float | list[float]]) -> PairEstimates:
    """Language -> accuracy in the language, or one for each seed; all with the same noise of the text."""
    return {
        PairKey("accuracy", code, code, seed): Estimate(one, one + _NOISE, 50)
        for code, each in values.items()
        for seed, one in enumerate(each if isinstance(each, list) else [each])
    }


def _rows(
    student: Mapping[str, float | list[float]],
    teachers: Mapping[str, Mapping[str, float]],
    references: Mapping[str, str],
    groups: Mapping[str, tuple[str, ...]],
) -> dict[tuple[str, str | None], Score]:
    codes = list(student)
    found = rdt_rows(
        "pos",
        {"student": _probes(student)},
        {name: _probes(each) for name, each in teachers.items()},
        references,
        reference="teachers",
        members=group_members(groups, codes, codes),
        seed=3,
    )
    rows = {(row.language, row.reference): row for row in found}
    assert {(row.model, row.metric, row.source, row.seed) for row in rows.values()} <= {
        ("student", "rdt", IN_LANGUAGE, 3)
    }
    return rows


@pytest.mark.parametrize("name", ["paper2-similar", "paper2-dissimilar"])
@pytest.mark.parametrize("task", ["ner", "pos", "qa"])
def test_table_2_of_paper_2(name: str, task: str) -> None:
    """From the scores that the paper prints to the RDT that it prints, sign and all."""
    printed = [each for each in read_published(name).numbers if (each.table, each.task) == ("Table 2", task)]
    for metric, relative in (("f1", "rdt"), ("exact_match", "rdt_exact_match")) if task == "qa" else (("", "rdt"),):
        ours, theirs = (
            {
                each.language: each.value
                for each in printed
                if each.model == model and each.metric == (metric or "seqeval_f1")
            }
            for model in ("student", TEACHERS)
        )
        teachers = {f"teacher-{code}": {code: value} for code, value in theirs.items()}
        references = {code: f"teacher-{code}" for code in theirs}
        rows = _rows(ours, teachers, references, {"all": tuple(ours)})
        (expected,) = (each.value for each in printed if each.metric == relative)
        assert round(rows["group:all", "teachers"].value, 1) == expected
        assert len(rows) == len(ours) + 1


def test_a_teacher_of_several_languages() -> None:
    """As MuRIL and mBERT in Table 4: groups against each teacher that has them whole."""
    teachers = {"muril": {"hi": 80.0, "te": 60.0}, "mbert": {"hi": 64.0, "te": 48.0, "de": 90.0}}
    references = {"hi": "muril", "te": "muril", "de": "mbert"}
    groups = {"muril": ("hi", "te"), "other": ("de", "gl"), "all": ("hi", "te", "de", "gl")}
    rows = _rows({"hi": 72.0, "te": 66.0, "de": 81.0, "gl": 50.0}, teachers, references, groups)
    assert rows["group:muril", "muril"].value == pytest.approx((-10 + 10) / 2)
    assert rows["group:muril", "mbert"].value == pytest.approx((12.5 + 37.5) / 2)
    assert rows["group:other", "teachers"].value == pytest.approx(-10), "Galician has no teacher"
    assert rows["group:all", "teachers"].value == pytest.approx((-10 + 10 - 10) / 3)
    assert ("group:all", "mbert") not in rows and ("gl", "mbert") not in rows
    low, high = rows["hi", "muril"].low, rows["hi", "muril"].high
    assert low is not None and high is not None and low < -10 < high and high - low < 0.5, "noise of the text is shared"


def test_seeds_are_averaged_first() -> None:
    rows = _rows({"hi": [70.0, 90.0]}, {"muril": {"hi": 80.0}}, {"hi": "muril"}, {})
    assert rows["hi", "muril"].value == pytest.approx(0, abs=1e-9)


def test_of_a_teacher_that_scores_nothing_there_is_no_share() -> None:
    assert _rows({"hi": 70.0}, {"muril": {"hi": 0.0}}, {"hi": "muril"}, {"all": ("hi",)}) == {}
