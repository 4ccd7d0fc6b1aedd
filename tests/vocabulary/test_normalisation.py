"""Golden tests of the normaliser and the pre-tokeniser, with real words of each script."""

import unicodedata
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.vocabulary.normalisation import normaliser, pre_tokeniser
from equiglot.vocabulary.settings import Accents, Algorithm, VocabularySettings

LETTERS = [
    ("German", "Äpfel Straße überall", "apfel straße uberall"),
    ("French", "Élève où çà", "eleve ou ca"),
    ("Turkish", "İstanbul ışık ILIK ğüş", "istanbul ısık ilik gus"),
    ("Vietnamese, stacked marks", "Tiếng Việt Ắt đường", "tieng viet at đuong"),
    ("Latin, decomposed in the input", "Tie\u0302\u0301ng", "tieng"),
    ("Greek, final sigma", "ΟΔΥΣΣΕΥΣ Οδυσσέας. Σ' αὐτὸς", "οδυσσευς οδυσσεας. σ' αυτος"),
    ("Russian", "Мой ЁЖ и ещё Йод", "мои еж и еще иод"),
    ("Hindi", "हिन्दी में कि", "हिन्दी में कि"),
    (
        "Hindi, nukta as one code point",
        "क\u093c\u0932\u092e \u0958\u0932\u092e",
        "क\u093c\u0932\u092e क\u093c\u0932\u092e",
    ),
    ("Telugu", "తెలుగు భాష", "తెలుగు భాష"),
    ("Korean", "한국어를 배우자", "한국어를 배우자"),
    ("Korean, decomposed in the input", unicodedata.normalize("NFD", "한국어"), "한국어"),
    ("Arabic, harakat and madda", "مُحَمَّدٌ آدم", unicodedata.normalize("NFC", "مُحَمَّدٌ آدم")),
    ("Hebrew, niqqud", "שָׁלוֹם", unicodedata.normalize("NFC", "שָׁלוֹם")),
    ("Japanese, voiced kana", "がぎ ガ ぱ", "がぎ ガ ぱ"),
    ("Chinese", "人人生而自由，", "人人生而自由，"),
    ("Persian, zero-width non-joiner", "می\u200cخواهم", "می\u200cخواهم"),
    ("what is not seen", "Sil\u00adben\ufeff a\u0000b ក\u200bខ", "silben a b ក ខ"),
]


@pytest.mark.parametrize(("what", "text", "expected"), LETTERS, ids=[row[0] for row in LETTERS])
def test_letters_strips_accents_of_latin_greek_and_cyrillic_only(what: str, text: str, expected: str) -> None:
    assert normaliser(VocabularySettings()).normalize_str(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Äpfel Tiếng İstanbul Мой", "apfel tieng istanbul мои"),
        ("हिन्दी में", "हिनदी म"),
        ("తెలుగు భాష", "తలుగు భష"),
        ("مُحَمَّدٌ آدم", "محمد ادم"),
        ("שָׁלוֹם", "שלום"),
        ("がぎ ガ", "かき カ"),
        ("한국어를 배우자", "한국어를 배우자"),
    ],
)
def test_all_but_korean_strips_every_nonspacing_mark_and_leaves_hangul_whole(text: str, expected: str) -> None:
    assert normaliser(VocabularySettings(accents="all-but-korean")).normalize_str(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Äpfel Tiếng Мой ЁЖ", "äpfel tiếng мой ёж"),
        ("İstanbul ışık", "istanbul ışık"),
        ("ΟΔΥΣΣΕΥΣ ὀδυσσεύς", "οδυσσευς ὀδυσσεύς"),
        ("हिन्दी में తెలుగు 한국어 がぎ", "हिन्दी में తెలుగు 한국어 がぎ"),
    ],
)
def test_keep_keeps_all_marks(text: str, expected: str) -> None:
    assert normaliser(VocabularySettings(accents="keep")).normalize_str(text) == expected


def test_case_is_kept_where_asked() -> None:
    settings = VocabularySettings(lowercase=False, accents="keep")
    assert normaliser(settings).normalize_str("İstanbul ΟΔΥΣΣΕΥΣ Äpfel") == "İstanbul ΟΔΥΣΣΕΥΣ Äpfel"


def test_words_end_at_space_punctuation_and_around_han() -> None:
    def words(text: str) -> list[str]:
        return [word for word, _ in pre_tokeniser("wordpiece").pre_tokenize_str(text)]

    assert words("don't, ever") == ["don", "'", "t", ",", "ever"]
    assert words("東京タワーは高い。") == ["東", "京", "タワーは", "高", "い", "。"]
    assert words("में है।") == ["में", "है", "।"]
    assert words("한국어를 배우자") == ["한국어를", "배우자"]


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_words_keep_the_space_before_them(algorithm: Algorithm) -> None:
    def words(text: str) -> list[str]:
        return [word for word, _ in pre_tokeniser(algorithm).pre_tokenize_str(text)]

    assert words("don't (ever)") == ["▁don", "'", "t", "▁(", "ever", ")"]
    assert words("東京タワーは高い。") == ["▁東京タワーは高い", "。"]
    assert words("में है।") == ["▁में", "▁है", "।"]


def test_bytes_are_cut_at_the_same_places() -> None:
    cuts = [place for _, place in pre_tokeniser("byte-bpe").pre_tokenize_str(" don't (में)।")]
    assert cuts == [(0, 4), (4, 5), (5, 6), (6, 8), (8, 11), (11, 12), (12, 13)]


@pytest.mark.parametrize("algorithm", ["unigram", "bpe", "byte-bpe"])
def test_space_is_one_space_where_pieces_hold_it(algorithm: Algorithm) -> None:
    normalise = normaliser(VocabularySettings(algorithm=algorithm)).normalize_str
    assert normalise(" \u3000में\u00a0 \t है ▁ x\n") == "में है x"


@given(
    text=st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cn"]), max_size=40),
    accents=st.sampled_from(get_args(Accents)),
)
def test_normalising_any_text_gives_nfc(text: str, accents: Accents) -> None:
    result = normaliser(VocabularySettings(accents=accents)).normalize_str(text)
    assert unicodedata.is_normalized("NFC", result)


@given(text=st.text("aàâäçéñøőžйёщάώςüAÀÉÑŽЙЁΆΏΣ한국어กहिन्दी", max_size=30), accents=st.sampled_from(get_args(Accents)))
def test_normalising_twice_is_normalising_once(text: str, accents: Accents) -> None:
    normalise = normaliser(VocabularySettings(accents=accents)).normalize_str
    assert normalise(normalise(text)) == normalise(text)
