"""Sentences in scripts that have marks of their own, or none, and lines as long as books."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.corpus import cleaning
from equiglot.corpus.characters import compose, tidy
from equiglot.corpus.cleaning import Segmenter, lengths_of

KHMER = "មនុស្សទាំងអស់កើតមកមានសេរីភាព"
TIBETAN = "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས་དང་།"
THAI = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกัน"


def cut(line: str, language: str = "en", shortest: int = 10, longest: int = 1000) -> list[str]:
    return Segmenter(language, shortest, longest).sentences(line)


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("km", [f"{KHMER}។", f"{KHMER}។ល។", f"{KHMER}៕", f"{KHMER}៚"]),
        ("bo", [TIBETAN, f"{TIBETAN} །", f"{TIBETAN}།", f"{TIBETAN[:-1]}༔"]),
        ("dz", [TIBETAN, TIBETAN[:-1] + "༎"]),
        ("th", [f"{THAI} ๚", f"{THAI}๛", f"{THAI}๚๛", THAI]),
        ("my", ["လူတိုင်းသည် တူညီလွတ်လပ်သော။", "ဂုဏ်သိက္ခာဖြင့် လည်းကောင်း။"]),
        ("lo", ["ມະນຸດເກີດມາມີສິດເສລີພາບ.", "ແລະສະເໝີໜ້າກັນ"]),
        ("zh", ["人人生而自由，在尊严上一律平等︒", "他们赋有理性和良心。"]),
    ],
)
def test_marks_of_scripts(language: str, sentences: list[str]) -> None:
    assert cut(" ".join(sentences), language) == sentences


def test_what_is_short_stays_with_what_follows() -> None:
    assert cut(f"ཀ། ཁ། {TIBETAN} ག།", "bo") == [f"ཀ། ཁ། {TIBETAN} ག།"]


@pytest.mark.parametrize("phrase", [THAI, KHMER, TIBETAN, "ມະນຸດເກີດມາມີສິດເສລີພາບ", "လူတိုင်းသည်တူညီလွတ်လပ်သော"])
def test_long_pieces_are_cut_where_phrases_end(phrase: str) -> None:
    line = " ".join([phrase] * 100)
    parts = cut(line, "th", longest=500)
    assert " ".join(parts) == line
    assert all(len(part) <= 500 for part in parts)
    if phrase != TIBETAN:  # whose marks have cut it already
        assert min(map(len, parts)) >= 500 / 2 - len(phrase) - 1
        assert cut(parts[0], "th", longest=500) == [parts[0]]


def test_a_space_between_words_ends_no_sentence() -> None:
    line = "words and words " * 20
    assert cut(line.strip(), longest=100) == [line.strip()]


def test_what_cannot_be_cut_stays_whole() -> None:
    assert cut("ก" * 700, "th", longest=500) == ["ก" * 700]


@given(
    st.text(st.sampled_from("กข ຂཀ།༎ក។៕က။ab.!?「」()“中。 é"), max_size=200),
    st.integers(1, 20),
    st.integers(20, 60),
    st.sampled_from(["th", "km", "bo", "en", "ja"]),
)
def test_nothing_but_spaces_between_sentences_is_lost(line: str, shortest: int, longest: int, language: str) -> None:
    line = tidy(compose(line))
    with pytest.MonkeyPatch.context() as patch:
        for window in (10, 10_000):
            patch.setattr(cleaning, "WINDOW", window)
            parts = cut(line, language, shortest, longest) if line else []
            assert "".join(parts).replace(" ", "") == line.replace(" ", "")
            assert all(part and part == part.strip() for part in parts)


def test_a_line_as_long_as_a_book_is_cut_as_if_seen_whole(sentences: Callable[..., list[str]]) -> None:
    line = " ".join(sentences(3000))
    assert len(line) > 10 * cleaning.WINDOW
    assert cut(line) == [sentence.strip() for sentence in cleaning.segment("en", line)]


def test_brackets_without_end_are_seen_through_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """With them sentencex takes the square of a line's length."""
    seen = list[int]()
    segment = cleaning.segment
    monkeypatch.setattr(cleaning, "segment", lambda code, text: (seen.append(len(text)), segment(code, text))[1])
    line = "「あ。" * 30_000
    assert "".join(cut(line, "ja")) == line
    assert max(seen) <= cleaning.WINDOW and sum(seen) <= 2 * len(line)


def test_lengths() -> None:
    assert lengths_of(["abc", "中国", "", "ไทย"]).tolist() == [3, 4, 0, 3]


Build = Callable[..., Any]


def paragraphs(count: int) -> list[str]:
    """Thai paragraphs of 1,500 characters, all different."""
    letters = "กขคงจฉชซ"
    numbered = ("".join(letters[int(digit)] for digit in f"{number:05o}") for number in range(count * 40))
    return [" ".join(f"{next(numbered)}{THAI[:31]}" for _ in range(40)) for _ in range(count)]


def test_long_thai_paragraphs_are_kept(build: Build, written: Callable[..., str]) -> None:
    texts = paragraphs(60)
    statistics, splits = build(written("\n".join(texts)), "th", valid=0.1, test=0.1)
    kept = "".join(text for found in splits.values() for text in found).replace(" ", "")
    assert len(kept) == sum(len(text.replace(" ", "")) for text in texts)
    assert not statistics.warnings


def test_a_step_that_takes_much_is_told(build: Build, written: Callable[..., str]) -> None:
    texts = paragraphs(60)
    short = [text[:300] for text in paragraphs(100)[60:]]
    statistics, _ = build(written("\n".join([*texts, *short])), "th", split_sentences=False)
    limits = next(step for step in statistics.steps if step.name == "length limits")
    assert limits.characters == sum(map(len, texts)) and limits.dropped == len(texts)
    assert statistics.warnings == (
        "th: the step `length limits` of cleaning takes 88% of the characters (text: min_characters, max_characters)",
    )
