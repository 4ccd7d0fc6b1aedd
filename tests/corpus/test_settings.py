from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from equiglot.corpus import FilesSource, LanguageText, SampleSource, TextSettings, check_text
from equiglot.errors import InputError


def test_defaults_are_the_papers() -> None:
    settings = TextSettings()
    assert (settings.valid, settings.test) == (10_000, 10_000)
    assert isinstance(settings.valid, int)
    assert isinstance(TextSettings(valid=0.1).valid, float)


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid": 0}, {"valid": -3}, {"test": 0.0}, {"test": 1.0}, {"test": 1000.0}, {"valid": True}, {"valid": "a"},
        {"valid": 0.3, "test": 0.3}, {"min_characters": 20, "max_characters": 10}, {"min_characters": 0},
        {"overlap": 0}, {"overlap": 1.5}, {"unknown": 1},
    ],
)  # fmt: skip
def test_wrong_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TextSettings(**wrong)


def test_shorthand_means_files() -> None:
    assert LanguageText(text="a.txt").text == FilesSource(paths=("a.txt",))
    assert LanguageText(text=["a", "b"]).text == FilesSource(paths=("a", "b"))
    assert LanguageText(text={"kind": "sample"}).text == SampleSource(kind="sample")


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": []}, {"text": {"kind": "web"}}, {"text": "a", "start": 1.0}, {"text": 3}, {"held_out": 5},
        {"text": "a", "held_out": 0}, {"text": "a", "held_out": 0.3}, {"text": "a", "held_out": True},
    ],
)  # fmt: skip
def test_wrong_text(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LanguageText(**wrong)


def test_settings_round_trip() -> None:
    for text in (
        LanguageText(text=["a"], characters=10),
        LanguageText(text={"kind": "sample"}, start=0.5),
        LanguageText(text="a", held_out=0.2),
    ):
        assert LanguageText.model_validate_json(text.model_dump_json()) == text
        assert LanguageText.model_validate(text.model_dump()) == text


def test_a_language_may_hold_out_less_than_the_others() -> None:
    settings = TextSettings(valid=500, test=0.1, overlap=None)
    assert LanguageText(text="a").splitting(settings) == settings
    own = LanguageText(text="a", held_out=28).splitting(settings)
    assert (own.valid, own.test, own.overlap) == (28, 28, None)


def test_resolve(tmp_path: Path) -> None:
    text = LanguageText(text="a.txt").resolve(tmp_path)
    assert text == LanguageText(text=[str(tmp_path / "a.txt")])


def test_two_languages_with_the_same_file(written: Callable[..., str], tmp_path: Path) -> None:
    path = written("text")
    (tmp_path / "link.txt").symlink_to(path)
    languages = {"en": LanguageText(text=path), "de": LanguageText(text=str(tmp_path / "link.txt"))}
    with pytest.raises(InputError, match="en and de have the same file"):
        check_text(TextSettings(), languages)
    check_text(TextSettings(), {"en": languages["en"]})


def test_unknown_language(written: Callable[..., str]) -> None:
    with pytest.raises(InputError, match="'gr' is not a language code"):
        check_text(TextSettings(), {"gr": LanguageText(text=written("text"))})


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        check_text(TextSettings(), {"en": LanguageText(text=str(tmp_path / "none.txt"))})


def test_parallel_text_is_split_by_share() -> None:
    pytest.importorskip("comfyui_embedded_docs", reason="needs the extra `sample`")
    sample = LanguageText(text={"kind": "sample"})
    check_text(TextSettings(valid=0.06, test=0.06), {"en": sample, "pt-BR": sample})
    with pytest.raises(InputError, match=r"text\.test cannot be a number"):
        check_text(TextSettings(valid=0.06, test=100), {"en": sample})
    with pytest.raises(InputError, match="no text in 'pt'") as caught:
        check_text(TextSettings(valid=0.06, test=0.06), {"pt": sample})
    assert "nearest: pt-BR" in str(caught.value.fix)
    with pytest.raises(InputError, match="cannot hold out more or less"):
        check_text(TextSettings(valid=0.06, test=0.06), {"en": sample.model_copy(update={"held_out": 0.1})})
