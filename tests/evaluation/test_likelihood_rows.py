"""Rows of likelihood: signs, pairs, groups, languages with several teachers and with none."""

import numpy as np
import pytest

from equiglot.evaluation import ALL, LIKELIHOOD, Bootstrap, Score, WordBits, group_language, likelihood_rows

GROUPS = {"high": ("en", "es"), "low": ("hi", "gl"), "all": ("en", "es", "hi", "gl")}
READ = {"bert": ("en",), "beto": ("es",), "indic": ("hi", "en"), "student": GROUPS["all"], "gold": GROUPS["all"]}
HARD = {"bert": 2.0, "beto": 2.5, "indic": 3.0, "student": 2.2, "gold": 2.9}
TEACHERS = {"en": "bert", "es": "beto", "hi": "indic"}
"""Galician has none, English another one."""


def _words(model: str, language: str) -> WordBits:
    """Words as hard for every model, but for a factor: differences between models hardly have noise."""
    text = np.random.default_rng(GROUPS["all"].index(language))
    characters, sentences = text.integers(1, 12, 300), np.sort(text.integers(0, 50, 300))
    bits = HARD[model] * characters * text.gamma(4.0, 0.25, 300)
    return WordBits(bits, characters, sentences, np.zeros(300, np.bool_), 50)


@pytest.fixture(scope="module")
def rows() -> list[Score]:
    words = {model: {code: _words(model, code) for code in codes} for model, codes in READ.items()}
    found = likelihood_rows(words, TEACHERS, reference="teachers", groups=GROUPS, bootstrap=Bootstrap(200, 0), seed=4)
    return list(found)


def _one(rows: list[Score], **fields: object) -> Score:
    (row,) = [row for row in rows if all(getattr(row, name) == value for name, value in fields.items())]
    return row


def test_every_row_is_of_likelihood_and_of_what_a_model_reads(rows: list[Score]) -> None:
    assert {(row.task, row.seed, row.source) for row in rows} == {(LIKELIHOOD, 4, None)}
    alone = {(row.model, row.language) for row in rows if row.metric == "bits" and row.group is None}
    assert alone == {(model, code) for model, codes in READ.items() for code in codes}
    assert len({(row.model, row.metric, row.language, row.reference) for row in rows}) == len(rows)


def test_positive_is_better(rows: list[Score]) -> None:
    """The student saves bits against the gold model, and costs some against BERT."""
    bits = {name: _one(rows, model=name, metric="bits", language="en").value for name in ("bert", "student", "gold")}
    saved = _one(rows, model="student", metric="difference", language="en", reference="gold")
    assert saved.value == pytest.approx(bits["gold"] - bits["student"]) and saved.value > 0
    distance = _one(rows, model="student", metric="d", language="en")
    assert distance.reference == "teachers"
    assert distance.value == pytest.approx(bits["bert"] - bits["student"]) and distance.value < 0


def test_differences_are_paired(rows: list[Score]) -> None:
    def width(row: Score) -> float:
        assert row.low is not None and row.high is not None
        return row.high - row.low

    saved = _one(rows, model="student", metric="difference", language="es", reference="gold")
    assert width(saved) < 0.5 * width(_one(rows, model="gold", metric="bits", language="es"))


def test_a_language_without_teacher_counts_in_means_of_bits_alone(rows: list[Score]) -> None:
    distances = {row.language: row.value for row in rows if row.model == "student" and row.metric == "d"}
    assert distances["group:low"] == pytest.approx(distances["hi"]) and "gl" not in distances
    assert distances[ALL] == pytest.approx((distances["en"] + distances["es"] + distances["hi"]) / 3)
    bits = {row.language: row.value for row in rows if row.model == "student" and row.metric == "bits"}
    assert bits["group:low"] == pytest.approx((bits["hi"] + bits["gl"]) / 2)
    together = [row.language for row in rows if row.model == "teachers" and row.metric == "bits"]
    assert together == [group_language("high")], "of the other groups a language has no teacher"


def test_a_second_teacher_is_compared_as_well(rows: list[Score]) -> None:
    distances = {row.language for row in rows if row.model == "indic" and row.metric == "d"}
    assert distances == {"en"}, "Hindi's distance is measured from it"
    against = {
        row.language for row in rows if row.metric == "difference" and {row.model, row.reference} == {"indic", "gold"}
    }
    assert {code for code in against if ":" not in code} == {"hi", "en"}
    assert group_language("low") in against, "over the languages that have a teacher, as D is"


def test_a_teacher_that_lacks_the_text_leaves_no_distance() -> None:
    words = {"student": {"en": _words("student", "en")}}
    found = likelihood_rows(
        words, TEACHERS, reference="teachers", groups={"all": ("en",)}, bootstrap=Bootstrap(50, 0), seed=0
    )
    assert {row.metric for row in found} == {"bits"}
