import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencex import segment

from equiglot.corpus import TextSettings
from equiglot.corpus.characters import compose, tidy
from equiglot.corpus.cleaning import Cleaner, Sentences
from equiglot.corpus.statistics import CONTROL, LENGTH, LETTERS, SPLITTING, UNICODE

lines = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def clean(*texts: str, language: str = "en", **settings: object) -> tuple[list[str], Cleaner]:
    chosen = TextSettings.model_validate({"min_characters": 1} | settings)
    cleaner = Cleaner(language, chosen)
    return cleaner.clean(texts, range(len(texts))).texts, cleaner


def normal(text: str) -> str:
    return tidy(compose(text))


@given(st.lists(lines, max_size=6))
def test_cleaning_is_idempotent_without_splitting(texts: list[str]) -> None:
    once, _ = clean(*texts, split_sentences=False)
    assert clean(*once, split_sentences=False)[0] == once


def test_joiners_stay() -> None:
    assert clean("می‌آیند و می\u200dروند")[0] == ["می‌آیند و می\u200dروند"]
    assert clean("क्\u200dष \u200eabc\u202c")[0] == ["क्\u200dष abc"]


def test_a_sentence_is_left_as_it_is(article: tuple[str, str]) -> None:
    language, sentence = article
    found, cleaner = clean(sentence, language=language)
    assert found == [sentence]
    assert all(step.dropped == step.changed == 0 for step in cleaner.steps)


def test_decomposed_text_is_composed(article: tuple[str, str]) -> None:
    language, sentence = article
    decomposed = unicodedata.normalize("NFD", sentence)
    found, cleaner = clean(decomposed, language=language)
    assert found == [unicodedata.normalize("NFC", sentence)]
    assert cleaner.steps[0].changed == (decomposed != found[0])


def test_sentences_are_split(two_sentences: tuple[str, str, str]) -> None:
    language, first, second = two_sentences
    gap = "" if language in ("zh", "ja") else " "
    found, cleaner = clean(first + gap + second, language=language)
    assert found == [first, second]
    step = next(step for step in cleaner.steps if step.name == SPLITTING)
    assert (step.entered, step.left, step.changed) == (1, 2, 1)
    assert clean(first + gap + second, language=language, split_sentences=False)[0] == [first + gap + second]


def test_a_region_uses_its_language() -> None:
    line = "Das ist z.B. Dr. Meier bzw. Hr. Mustermann."
    assert clean(line, language="de-AT")[0] == clean(line, language="de")[0] == [line]


@pytest.mark.parametrize("language", ["en", "de", "hi", "ja", "ar"])
@given(lines)
def test_splitting_loses_nothing(language: str, line: str) -> None:
    line = normal(line)
    assert "".join(segment(language, line)) == line


def test_limits_count_characters() -> None:
    texts = ["123456789", "abcdefghij", "x" * 30, "x" * 31, "한국어로 쓴 글은 짧다"]
    found, cleaner = clean(*texts, min_characters=10, max_characters=30)
    assert found == [texts[1], texts[2], texts[4]]
    assert next(s for s in cleaner.steps if s.name == LENGTH).dropped == 2


def test_documents_and_counts_follow() -> None:
    cleaner = Cleaner("en", TextSettings(min_characters=5))
    found = cleaner.clean(["One here.  Two here.", "\u200b\t", "12 345 678", "Three\there."], [3, 4, 4, 7])
    assert isinstance(found, Sentences)
    assert found.texts == ["One here.", "Two here.", "Three here."]
    assert found.documents.tolist() == [3, 3, 7]
    assert found.characters.tolist() == [9, 9, 11]
    steps = {s.name: (s.entered, s.left, s.dropped, s.changed) for s in cleaner.steps}
    assert steps == {
        UNICODE: (4, 4, 0, 0), CONTROL: (4, 3, 1, 2), SPLITTING: (3, 4, 0, 1), LENGTH: (4, 4, 0, 0),
        LETTERS: (4, 3, 1, 0),
    }  # fmt: skip
    cleaner.clean(["Another one."], [8])
    assert [s.entered for s in cleaner.steps] == [5, 5, 4, 5, 5]


def test_nothing_to_clean() -> None:
    assert clean()[0] == []
    found, cleaner = clean("", " ", "a b c")
    assert found == ["a b c"]
    assert next((s.dropped, s.changed) for s in cleaner.steps if s.name == CONTROL) == (2, 0)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("今天天气很好", True),
        ("今天天气", False),
        ("映画を見ました", True),
        ("비가 온다면", True),
        ("비가 와", False),
        ("ดีมากครับ", False),  # Thai is written with an alphabet
        ("Доброе у", False),
        ("Good mor", False),
    ],
)
def test_letters_of_dense_scripts_count_twice(text: str, kept: bool) -> None:
    assert bool(clean(text, min_characters=10)[0]) is kept


def test_the_upper_limit_counts_likewise() -> None:
    assert clean("天" * 15, "天" * 16, "x" * 30, min_characters=1, max_characters=30)[0] == ["天" * 15, "x" * 30]
