"""What the text of a run is and how it is cleaned and split, and the checks on it before anything is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from equiglot.corpus.languages import check_language, name_of
from equiglot.corpus.sources import AnySource, TextSource, check_sources, spelt_out
from equiglot.errors import InputError
from equiglot.settings import MOST, Settings

LARGEST_HELD_OUT = 0.5  # valid and test together, of all text


def _number_or_share(value: Any) -> Any:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    share = isinstance(value, float) and 0 < value < 1
    if not (number or share):
        raise ValueError("give a whole number of sentences (1 or more) or a share of the documents between 0 and 1")
    return value


_Size = Annotated[int, Field(ge=1, le=MOST)] | Annotated[float, Field(gt=0, lt=1)]
_NumberOrShare = Annotated[_Size, BeforeValidator(_number_or_share, json_schema_input_type=_Size)]


class TextSettings(Settings):
    """How text is cleaned and split: one setting for all languages."""

    split_sentences: bool = Field(
        True, description="split each line into sentences (sentencex; in some scripts also at their marks and spaces)"
    )
    min_characters: int = Field(
        10,
        ge=1,
        le=MOST,
        description="shorter sentences are dropped; Han, kana, Hangul and other syllabaries count twice",
    )
    max_characters: int = Field(1000, ge=1, le=MOST, description="longer sentences are dropped; counted likewise")
    identify_language: float | None = Field(
        None,
        gt=1,
        le=MOST,
        description="drop sentences that are so many times as likely in another language, say 10; null: off",
    )
    near_duplicates: bool = Field(True, description="drop sentences that repeat another's letters")
    overlap: float | None = Field(
        0.5, gt=0, le=1, description="drop training sentences with this share of a held-out one's n-grams; null: off"
    )
    drop_leaks: bool = Field(False, description="drop training sentences that another language holds out")
    valid: _NumberOrShare = Field(10_000, description="sentences (whole number) or share of documents (below 1)")
    test: _NumberOrShare = Field(10_000, description="sentences (whole number) or share of documents (below 1)")

    @model_validator(mode="after")
    def _agree(self) -> "TextSettings":
        if self.max_characters < self.min_characters:
            raise ValueError(f"max_characters ({self.max_characters}) is below min_characters ({self.min_characters})")
        shares = sum(size for size in (self.valid, self.test) if isinstance(size, float))
        if shares > LARGEST_HELD_OUT:
            raise ValueError(f"valid and test take {shares:.0%} of the text: let them take at most half together")
        return self


class LanguageText(Settings):
    """Where one language's text comes from, and how much of it is used."""

    text: TextSource | None = Field(
        None,
        description="a source; a string or a list of strings means files, their kind by name; null where only models "
        "that are there already are scored, on labelled data",
    )
    characters: int | None = Field(None, ge=1, le=MOST, description="at most so many characters of training text")
    start: float = Field(0.0, ge=0, lt=1, description="where on the ring of documents drawing starts")
    held_out: _NumberOrShare | None = Field(
        None,
        description="sentences (whole number), or share of documents, for validation, and as much for test: in place "
        "of `text.valid` and `text.test`, where a language has too little text for them",
    )

    @field_validator("text", mode="before", json_schema_input_type=AnySource | str | tuple[str, ...] | None)
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return spelt_out(value)

    @model_validator(mode="after")
    def _of_text(self) -> "LanguageText":
        idle = sorted({"characters", "start", "held_out"} & self.model_fields_set)
        if self.text is None and idle:
            raise ValueError(f"{' and '.join(idle)} say how much is read of a text, and there is none: add `text`")
        if isinstance(self.held_out, float) and 2 * self.held_out > LARGEST_HELD_OUT:
            raise ValueError(
                f"held_out takes {2 * self.held_out:.0%} of the text, for validation and test: at most half"
            )
        return self

    @property
    def source(self) -> AnySource:
        """Its text.

        Raises:
            InputError: it has none.
        """
        if self.text is None:
            raise InputError("there is no text", where="languages", fix="say where it is, as `text`")
        return self.text

    def splitting(self, settings: TextSettings) -> TextSettings:
        """How this text is cleaned and split where `settings` hold for all: what it holds out may be its own."""
        if self.held_out is None:
            return settings
        return settings.model_copy(update={"valid": self.held_out, "test": self.held_out})

    def resolve(self, base: Path) -> "LanguageText":
        """The same with absolute paths; relative ones start at the folder `base`."""
        return self.model_copy(update={"text": self.text and self.text.resolve(base)})


def check_text(settings: TextSettings, languages: Mapping[str, LanguageText]) -> None:
    """Refuses text that cannot work, before anything is computed. Paths must be resolved.

    Raises:
        InputError: an unknown language code, a language that cannot be identified where that is asked for, a parallel
            source split by numbers of sentences, or as `check_sources`.
    """
    for language in languages:
        check_language(language)
        if settings.identify_language is not None:
            name_of(language)
    sources = {language: setting.text for language, setting in languages.items() if setting.text is not None}
    check_sources(sources)
    for language, source in sources.items():
        if source.is_parallel:
            _check_shares(language, settings)
            if languages[language].held_out is not None:
                what = f"The text of {language} is parallel, so it cannot hold out more or less than the others."
                raise InputError(
                    what, where=f"languages.{language}.held_out", fix="leave it out; set text.valid, text.test"
                )


def _check_shares(language: str, settings: TextSettings) -> None:
    for name in ("valid", "test"):
        if isinstance(getattr(settings, name), int):
            what = f"The text of {language} is parallel, so text.{name} cannot be a number of sentences: a document "
            what += "could stand in training in one language and in test in another."
            raise InputError(what, where=f"text.{name}", fix="give a share of the documents, such as 0.06")
