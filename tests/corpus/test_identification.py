"""Sentences in other languages: which are found, which stay, and what is refused."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from equiglot.corpus import LanguageText, TextSettings, check_text, identifier_version
from equiglot.corpus import languages as languages_module
from equiglot.corpus.cleaning import Cleaner
from equiglot.corpus.languages import Identifier, name_of
from equiglot.corpus.statistics import FOREIGN
from equiglot.errors import InputError

ENGLISH = ["Click the icon to insert a new row below the table.", "Choose View - Styles to open the list of styles."]


def test_own_sentences_stay(article: tuple[str, str]) -> None:
    language, sentence = article
    assert not Identifier(language, 10).is_foreign(sentence)


def test_following_sentences_stay(two_sentences: tuple[str, str, str]) -> None:
    language, first, second = two_sentences
    identifier = Identifier(language, 10)
    assert not identifier.is_foreign(first) and not identifier.is_foreign(second)


def test_english_in_other_text_is_found(article: tuple[str, str]) -> None:
    language, _ = article
    found = [Identifier(language, 10).is_foreign(sentence) for sentence in ENGLISH]
    assert found == [language != "en"] * 2


@pytest.mark.parametrize("sentence", ["…", "", "Dat is het doel."])
def test_what_says_little_stays(sentence: str) -> None:
    assert not Identifier("nl", 10).is_foreign(sentence)


def test_more_times_drop_less() -> None:
    sentence = "Conecte 1.."  # Portuguese, though Catalan is likelier
    assert Identifier("pt", 1.5).is_foreign(sentence) and not Identifier("pt", 1000).is_foreign(sentence)


@pytest.mark.parametrize(
    ("code", "name"), [("nb", "no"), ("zh-TW", "zh"), ("sr-Latn", "sr"), ("fil", "tl"), ("te", "te")]
)
def test_names_of_languages(code: str, name: str) -> None:
    assert name_of(code) == name


def test_the_step_is_counted() -> None:
    settings = TextSettings(identify_language=10)
    cleaner = Cleaner("el", settings)
    greek = "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι."
    assert cleaner.clean([ENGLISH[0], greek, "12 345 678 90"], [0, 1, 2]).documents.tolist() == [1]
    step = next(step for step in cleaner.steps if step.name == FOREIGN)
    assert (step.entered, step.left, step.dropped) == (2, 1, 1)
    assert all(step.name != FOREIGN for step in Cleaner("el", TextSettings()).steps)


def languages(*codes: str, folder: Path) -> dict[str, LanguageText]:
    for code in codes:
        (folder / f"{code}.txt").write_text("Guten Tag, wie geht es Ihnen?\n")
    return {code: LanguageText(text=str(folder / f"{code}.txt")) for code in codes}


def test_a_language_that_it_does_not_know_is_refused(tmp_path: Path) -> None:
    text = languages("de", "gsw", folder=tmp_path)
    check_text(TextSettings(), text)
    with pytest.raises(InputError, match="does not know gsw") as caught:
        check_text(TextSettings(identify_language=10), text)
    assert caught.value.where == "languages.gsw" and "text.identify_language" in str(caught.value.fix)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert identifier_version() == version("py3langid")
    monkeypatch.setattr(languages_module, "PACKAGE", "no-such-package")
    languages_module._model.cache_clear()
    with pytest.raises(InputError, match="not installed") as caught:
        check_text(TextSettings(identify_language=10), languages("de", folder=tmp_path))
    assert caught.value.where == "text.identify_language" and "equiglot[language-id]" in str(caught.value.fix)


def test_it_must_be_likelier() -> None:
    with pytest.raises(ValueError, match="greater than 1"):
        TextSettings(identify_language=1)


def test_real_text(data: Path, build: Any) -> None:
    """A Hindi manual, of which more than half was never translated; what people say every day."""
    statistics, splits = build([str(data / "hi" / "libreoffice.txt")], "hi", identify_language=10, valid=5, test=5)
    dropped = next(step.dropped for step in statistics.steps if step.name == FOREIGN)
    assert 140 < dropped < 220
    assert not [text for text in splits["train"] if text.isascii()]
    for language in ("hi", "vi", "sl"):
        statistics, _ = build([str(data / language / "commonvoice.txt")], language, identify_language=10)
        step = next(step for step in statistics.steps if step.name == FOREIGN)
        assert step.dropped < 0.005 * step.entered
