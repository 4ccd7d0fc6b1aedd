"""First recipes for languages of very unequal size."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from equiglot.corpus import build_corpus
from equiglot.corpus.balancing import Annealed, Smoothing, Truncate
from equiglot.corpus.settings import LARGEST_HELD_OUT
from equiglot.display import print_found
from equiglot.labels import SoftLabels
from equiglot.recipe import Recipe, initialise, load_recipe
from equiglot.recipe.amounts import (
    DROPOUT_BELOW,
    MOST_PASSES,
    TOO_MANY_PASSES,
    amounts_of,
    annealed_for,
    held_out_of,
    supported_entries,
    uncertainty,
    vocabulary_text,
)
from equiglot.recipe.finding import Found, FoundLanguage, find_languages
from equiglot.vocabulary import VocabularySettings
from tests.recipe.test_initialising import SENTENCE, lines

# fmt: off
LATIN = [
    "de", "es", "fr", "it", "pt", "nl", "sv", "da", "nb", "fi", "et", "lv", "lt", "pl", "cs", "sk", "hu", "ro",
    "sl", "hr", "tr", "eu", "ca", "gl", "cy", "ga", "is", "mt", "sq", "af", "sw", "id", "ms", "tl", "vi", "az",
]
# fmt: on


def made(folder: Path, counts: dict[str, int]) -> tuple[Found, tuple[str, ...], Recipe]:
    """The recipe for so many sentences of each language; Latin ones besides English have English text."""
    place = folder / "text"
    place.mkdir()
    for code, count in counts.items():
        (place / f"{code}.txt").write_text(lines(code if code in SENTENCE else "en", count), encoding="utf-8")
    found, doubts = initialise(place, folder / "made.yaml", gpu=False)
    return found, doubts, load_recipe(folder / "made.yaml")


def vocabulary(recipe: Recipe) -> VocabularySettings:
    assert isinstance(recipe.vocabulary, VocabularySettings)
    return recipe.vocabulary


def test_tiny_languages_cut_no_other_and_are_learnt_from_their_words(tmp_path: Path) -> None:
    """Six languages, of which two have some 10,000 and 5,000 characters."""
    found, _, recipe = made(tmp_path, {"en": 4000, "ru": 3000, "hi": 1500, "de": 2000, "tr": 130, "ko": 120})
    sizes = {each.code: each.characters for each in found.languages}
    assert 9_000 < sizes["tr"] < 11_000 and 5_000 < sizes["ko"] < 6_000
    plans = recipe.plans()
    assert plans.keys() == {"mono-en", "mono-ru", "mono-hi", "mono-de", "hl", "hl-balanced", "student"}
    labels, balance = plans["student"].labels, plans["student"].balance
    assert isinstance(labels, SoftLabels) and labels.without_teacher == "gold"
    assert labels.teachers == {code: f"mono-{code}" for code in sizes if code not in ("tr", "ko")}
    assert balance == Annealed(start=1, end=0, passes=45), "else Korean would be read hundreds of times"
    assert plans["hl-balanced"].balance == balance and set(plans["student"].languages) == sizes.keys()
    assert vocabulary(recipe).sampling == Smoothing(alpha=0.7)
    assert recipe.text.test == 400 and recipe.languages["ko"].held_out == 24, "a fifth of Korean"
    # Each teacher reads its text 90 times with dropout, in 16,000 updates at most; the others have as many together as
    # are useful.
    assert plans["mono-de"].training.updates == 90 * 1600 // 16 and plans["mono-en"].training.updates == 16_000
    dropouts = {name: plan.encoder.dropout for name, plan in plans.items() if plan.encoder is not None}
    assert dropouts == {name: 0.1 if name.startswith("mono-") else 0 for name in plans}
    assert plans["student"].training.updates == plans["hl"].training.updates == 16_000


def test_what_is_too_little_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two large languages and five tiny ones, in the terminal and in the recipe."""
    counts = {"en": 4000, "ru": 3000, "de": 150, "tr": 140, "fi": 130, "hi": 120, "ko": 110}
    found, doubts, recipe = made(tmp_path, counts)
    print_found(Console(width=2000), found, doubts, "made.yaml")
    shown = capsys.readouterr().out
    written = " ".join((tmp_path / "made.yaml").read_text(encoding="utf-8").replace("\n#", " ").split())
    for text in (shown, written):
        assert "too few for a teacher" in text and "ko (5," in text and "50,000 characters" in text
        assert "with the script of de (en)" in text and "near-de: {languages: [en, de]" in text
        assert "ko 22 (±11 points)" in text
    assert {name for name in recipe.plans() if name.startswith("mono-")} == {"mono-en", "mono-ru"}


@pytest.mark.parametrize("code", ["en", "ko"])
def test_one_language_alone_keeps_its_teacher(tmp_path: Path, code: str) -> None:
    _, (alone, few), recipe = made(tmp_path, {code: 300})
    assert list(recipe.plans()) == [f"mono-{code}"] and recipe.text.test == 60
    assert vocabulary(recipe).sampling == "equal" and vocabulary(recipe).size < 10_000
    assert alone.startswith(f"mono-{code}: fewer than 50,000 characters") and alone.endswith("Find more text.")
    assert few.startswith(f"Test sentences are few: {code} 60")


def test_languages_that_are_alike_are_cut_to_the_smallest(tmp_path: Path) -> None:
    _, doubts, recipe = made(tmp_path, {"en": 1000, "ru": 1100})
    assert isinstance(recipe.plans()["student"].balance, Truncate) and recipe.text.test == 100
    assert not doubts and "too little" not in (tmp_path / "made.yaml").read_text(encoding="utf-8")


def test_forty_languages(tmp_path: Path) -> None:
    found, _, recipe = made(tmp_path, {"en": 800, "ru": 800, "hi": 110, "ko": 110, **dict.fromkeys(LATIN, 100)})
    assert len(found.languages) == 4 + len(LATIN) == 40
    assert {"mono-en", "mono-ru", "hl", "hl-balanced", "student"} == recipe.plans().keys()
    assert vocabulary(recipe).size <= 4_000


def test_much_text_is_read_without_dropout_and_less_often() -> None:
    found = Found(
        tuple(
            FoundLanguage(code, code, (f"{code}.txt",), characters, characters // 70, characters // 70)
            for code, characters in (("en", DROPOUT_BELOW), ("hu", DROPOUT_BELOW - 1))
        ),
        {},
        None,
    )
    amounts = amounts_of(found, 16, 100_000)
    assert amounts.small == {"hu"} and amounts.lengths["hu"] == pytest.approx(2 * amounts.lengths["en"], rel=0.02)
    assert amounts.length == pytest.approx(2 * amounts.lengths["en"], rel=0.02)


@given(st.dictionaries(st.sampled_from(["en", "ru", "hu"]), st.integers(100, 30_000), min_size=1))
def test_no_language_holds_out_more_than_a_run_lets_it(sentences: dict[str, int]) -> None:
    for code, count in held_out_of(sentences).items():
        assert 0 < 2 * count <= LARGEST_HELD_OUT * sentences[code]


def test_documents_that_cannot_be_divided_are_not_counted_on(tmp_path: Path) -> None:
    """One document of 1,500 sentences and fourteen of ten: validation and test have theirs whatever its split."""
    (tmp_path / "text").mkdir()
    sentences = lines("en", 1_640).splitlines()
    borders = [0, *range(1_500, 1_641, 10)]
    documents = ["\n".join(sentences[one:two]) for one, two in itertools.pairwise(borders)]
    text = "".join(json.dumps({"text": each}) + "\n" for each in documents)
    (tmp_path / "text" / "en.jsonl").write_text(text, encoding="utf-8")
    found, _ = initialise(tmp_path / "text", tmp_path / "made.yaml", gpu=False)
    (english,) = found.languages
    assert english.bound == 1_499 + 9
    recipe = load_recipe(tmp_path / "made.yaml")
    language = recipe.languages["en"]
    for seed in range(5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        statistics = build_corpus("en", language, language.splitting(recipe.text), seed, folder)
        assert statistics.test.sentences == statistics.valid.sentences == recipe.text.test


def test_text_that_is_in_two_documents_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text(lines("en", 200), encoding="utf-8")
    sentences = lines("en", 645).splitlines()
    borders = [0, 300, 600, *range(605, 646, 5)]
    documents = ["\n".join(sentences[one:two]) for one, two in itertools.pairwise(borders)]
    (tmp_path / "en.jsonl").write_text(
        "".join(json.dumps({"text": each}) + "\n" for each in documents), encoding="utf-8"
    )
    found = find_languages(tmp_path, tmp_path)
    assert [each.code for each in found.languages] == ["de"] and "the two largest" in found.left_out["en.jsonl"]


def test_an_empty_file_is_left_out_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "vi").mkdir()
    (tmp_path / "vi" / "a.txt").write_text(lines("en", 200), encoding="utf-8")
    (tmp_path / "vi" / "empty.txt").touch()
    found = find_languages(tmp_path, tmp_path)
    (vietnamese,) = found.languages
    assert vietnamese.sentences == 200 and found.left_out == {"vi/empty.txt": "It is empty."}


@given(
    st.lists(st.integers(1_000, 10_000_000), min_size=2, max_size=12),
    st.floats(0.1, MOST_PASSES, allow_nan=False),
)
def test_what_is_advised_reads_nothing_over_and_over(sizes: list[int], epochs: float) -> None:
    languages = {f"l{number}": size for number, size in enumerate(sizes)}
    portions = annealed_for(languages, epochs).portions(languages, epochs)
    assert max(portion.passes for portion in portions.values()) < TOO_MANY_PASSES
    read = sum(portion.passes * languages[code] for code, portion in portions.items())
    assert read == pytest.approx(epochs * sum(sizes)), "the training is as long as before"


def test_a_vocabulary_has_room_for_its_characters_and_no_more_than_its_text_supports() -> None:
    assert supported_entries({"en": 5_000}, 0) == 600
    assert supported_entries({"zh": 5_000}, 0) >= 2_500, "most of its entries are single characters"
    assert supported_entries(dict.fromkeys(("en", "ru", "fr", "tr", "ko"), 90_000), 0) >= 4_000, "the demo's"
    assert vocabulary_text({"en": 40_000, "ru": 10_000}, 0) == 20_000
    assert vocabulary_text({"en": 40_000, "ru": 10_000}, 0.5) == 30_000
    assert vocabulary_text({"en": 40_000, "ru": 10_000}, 1) == 50_000


def test_more_sentences_tell_smaller_differences() -> None:
    assert uncertainty(100) == pytest.approx(5.3) and uncertainty(400) == pytest.approx(2.65)
