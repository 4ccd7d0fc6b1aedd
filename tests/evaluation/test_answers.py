"""Answers are compared as the scripts of SQuAD 1.1 and MLQA compare them, in seven scripts and on any text."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.evaluation import Bootstrap, GoldAnswers, normaliser, score_labels
from equiglot.tasks.settings import MLQA_LANGUAGES

_PIECES = [*"aAn tThe,.-'’«»¿।、，人民中文ال лось\t\u00a0ßİçθά", "the", " an ", " el ", " là ", "الكتاب"]
_TEXT = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)


def _plain(text: str, language: str = "") -> str:
    """The definition, step by step; without a language, SQuAD's."""
    text = text.lower()
    for letter in set(text):
        if letter in string.punctuation or (language and unicodedata.category(letter)[0] == "P"):
            text = text.replace(letter, "")
    words = {
        "es": "un una unos unas el la los las",
        "de": "ein eine einen einem eines einer der die das den dem des",
        "vi": "của là cái chiếc những",
        "ar": "",
        "hi": "",
        "zh": "",
    }.get(language, "a an the")
    for word in sorted(words.split(), key=len, reverse=True):
        text = re.sub(rf"\b{word}\b", " ", text)
    if language == "ar":
        text = text.replace("ال", " ")
    if language == "zh":
        text = "".join(f" {letter} " if "\u4e00" <= letter <= "\u9fa5" else letter for letter in text)
    return " ".join(text.split())


def _plain_f1(answer: str, right: str) -> float:
    words, others = answer.split(), right.split()
    same = sum((Counter(words) & Counter(others)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(words), same / len(others)
    return 2 * precision * recall / (precision + recall)


@given(_TEXT)
def test_text_is_made_comparable_as_the_rules_say(text: str) -> None:
    assert normaliser("squad", "ru")(text) == _plain(text)
    for language in MLQA_LANGUAGES:
        assert normaliser("mlqa", language)(text) == _plain(text, language)


@pytest.mark.parametrize(
    ("rules", "language", "text", "comparable"),
    [
        ("squad", "en", "The  Denver-Broncos, an AFC team", "denverbroncos afc team"),
        ("squad", "ru", "«Денвер Бронкос», 24–10", "«денвер бронкос» 24–10"),
        ("squad", "el", "Οι Κλόουζ; a", "οι κλόουζ"),
        ("squad", "es", "El Niño ¿no?", "el niño ¿no"),
        ("mlqa", "es", "El Niño ¿no?", "niño no"),
        ("mlqa", "de", "Die „Straße“ des Königs", "straße königs"),
        ("mlqa", "hi", "वह «भारत» गया।", "वह भारत गया"),
        ("mlqa", "ar", "الكتاب، والكتب", "كتاب و كتب"),
        ("mlqa", "zh", "《红楼梦》 was 曹雪芹", "红 楼 梦 was 曹 雪 芹"),
        ("mlqa", "vi", "những chiếc thuyền", "thuyền"),
    ],
)
def test_text_in_seven_scripts(rules: str, language: str, text: str, comparable: str) -> None:
    assert normaliser(rules, language)(text) == comparable  # type: ignore[arg-type]


def test_a_language_without_rules_has_none() -> None:
    with pytest.raises(KeyError):
        normaliser("mlqa", "ru")


def _gold(paragraphs: Sequence[tuple[str, Sequence[Sequence[str]]]]) -> GoldAnswers:
    return GoldAnswers(
        [context for context, _ in paragraphs],
        np.array([len(questions) for _, questions in paragraphs]),
        [answers for _, questions in paragraphs for answers in questions],
        normaliser("squad", "en"),
    )


_QUESTION = st.tuples(st.lists(_TEXT, min_size=1, max_size=3), st.integers(0, 20), st.integers(0, 20), st.booleans())


@given(st.lists(st.tuples(_TEXT, st.lists(_QUESTION, min_size=1, max_size=3)), min_size=1, max_size=4))
def test_scores_are_the_means_that_the_script_prints(paragraphs: list) -> None:
    gold = _gold([(context, [each[0] for each in questions]) for context, questions in paragraphs])
    asked = [(context, *each) for context, questions in paragraphs for each in questions]
    predicted = np.array([[start, start + length, reached] for _, _, start, length, reached in asked], np.int32)
    pairs = [
        (_plain(context[start : start + length]), [_plain(right) for right in rights])
        for context, rights, start, length, _ in asked
    ]
    scores = score_labels("qa", (), gold, [predicted], language="en", bootstrap=Bootstrap(100, 0))[0]
    exact = 100 * np.mean([answer in rights for answer, rights in pairs])
    f1 = 100 * np.mean([max(_plain_f1(answer, right) for right in rights) for answer, rights in pairs])
    assert scores["exact_match"].value == pytest.approx(exact)
    assert scores["f1"].value == pytest.approx(f1, abs=5e-5)
    assert scores["reachable"].value == pytest.approx(100 * predicted[:, 2].mean())
    assert {each.n for each in scores.values()} == {len(asked)}


def test_a_bootstrap_draws_paragraphs() -> None:
    """All questions of a paragraph are right, or none: an interval over questions would be a third as wide."""
    gold = _gold([("right", [["right"]] * 9), ("wrong", [["right"]] * 9)] * 8)
    predicted = np.tile(np.array([0, 5, 1], np.int32), (len(gold), 1))
    scores = score_labels("qa", (), gold, [predicted], language="en", bootstrap=Bootstrap(1000, 0))[0]
    low, high = scores["exact_match"].interval
    assert scores["exact_match"].value == 50 and low == pytest.approx(25, abs=4) and high == pytest.approx(75, abs=4)
