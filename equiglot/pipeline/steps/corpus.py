"""Text of a language, cleaned and split; and what of it stands in the held-out text of another."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equiglot.corpus import HubSource, build_corpus, find_leaks, identifier_version
from equiglot.files import atomic_folder
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import TEXT, Cost, Meter
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory

_SPEED = 4_000_000  # characters a second on one core; see docs/scale.md
_COMPARED = 20_000_000  # the same, where held-out sentences are looked for
_COPIES = 8  # bytes on the disk for a character of text: cleaned, as tokens, and on the way there


@dataclass(frozen=True)
class Corpus(Step):
    """Text of a language, cleaned and split."""

    kind = "corpus"
    group = TEXT
    folder = staticmethod(RunDirectory.corpus)
    version = 3
    tools = ("sentencex", "markdown-it-py")
    source_name = "the text"
    source_change = "the text itself"
    language: str

    @property
    def subject(self) -> str:
        """The language."""
        return self.language

    @property
    def inputs(self) -> dict[str, Any]:
        """How text is cleaned and split, and how much of it is taken."""
        settings = self.recipe.languages[self.language]
        inputs = {
            "language": self.language,
            "text": settings.splitting(self.recipe.text).model_dump(mode="json", exclude={"drop_leaks"}),
            "characters": settings.characters,
            "start": settings.start,
            "seed": self.recipe.seed,
        }
        if self.recipe.text.identify_language is not None:
            inputs["identifier"] = identifier_version()
        return inputs

    @classmethod
    def tool_versions(cls) -> dict[str, str]:
        """With the version of Unicode by which Python composes characters and folds letters."""
        return {**super().tool_versions(), "unicode": unicodedata.unidata_version}

    def cost(self, meter: Meter) -> Cost:
        """Of the text as it is read."""
        characters = meter.characters(self.language)
        return Cost(characters, characters / _SPEED, _COPIES * characters)

    def source(self) -> Any:
        """What the text is."""
        return self.recipe.sources[self.language].identity(self.language)

    def pinned(self, recipe: Recipe, source: Any) -> Recipe:
        """With the commit of a dataset of the Hub."""
        settings = self.recipe.languages[self.language]
        if not isinstance(settings.text, HubSource):
            return recipe
        fixed = settings.model_copy(update={"text": settings.text.at(source)})
        return recipe.model_copy(update={"languages": {**recipe.languages, self.language: fixed}})

    def run(self, context: Context) -> None:
        """Cleans and splits the text; says what there is to say about it."""
        settings, tell = self.recipe.languages[self.language], context.counter()
        with atomic_folder(context.output) as folder:
            statistics = build_corpus(self.language, settings, self.recipe.text, self.recipe.seed, folder, tell)
        for warning in statistics.warnings:
            context.remark(warning)


ALL_TEXT = "all"
"""The subject of the step that looks for leaks between all languages."""


@dataclass(frozen=True)
class LeakSearch(Step):
    """What the languages hold out and have in their training text, all with all."""

    kind = "leaks"
    group = TEXT
    folder = staticmethod(lambda run, subject: run.leaks)

    @property
    def subject(self) -> str:
        """All languages."""
        return ALL_TEXT

    @property
    def inputs(self) -> dict[str, Any]:
        """The languages, and whether leaks are dropped."""
        return {"languages": list(self.recipe.text_languages), "drop": self.recipe.text.drop_leaks}

    @property
    def needs(self) -> tuple[str, ...]:
        """Every language's text."""
        return tuple(f"corpus/{language}" for language in self.recipe.text_languages)

    def cost(self, meter: Meter) -> Cost:
        """Of the time alone: the text is counted before."""
        return Cost(seconds=sum(map(meter.characters, self.recipe.text_languages)) / _COMPARED)

    def run(self, context: Context) -> None:
        """Compares all languages; says what there is to say about them."""
        run, tell = context.run, context.counter()
        corpora, drop = {code: run.corpus(code) for code in self.recipe.text_languages}, self.recipe.text.drop_leaks
        with atomic_folder(context.output) as folder:
            leaks = find_leaks(corpora, folder, drop=drop, progress=lambda n: tell("comparing", n))
        for warning in leaks.warnings:
            context.remark(warning)


def without_leaks(recipe: Recipe, language: str) -> bool:
    """Whether a language's training text is read without what other languages hold out."""
    languages = recipe.text_languages
    return recipe.text.drop_leaks and language in languages and len(languages) > 1


def training_text(run: RunDirectory, recipe: Recipe, language: str) -> Path:
    """The training text of a language, an Arrow file."""
    folder = run.leaks / language if without_leaks(recipe, language) else run.corpus(language)
    return folder / "train.arrow"


def text_needs(recipe: Recipe, language: str) -> tuple[str, ...]:
    """The steps that make the text of a language as models read it."""
    corpus = (f"corpus/{language}",)
    return (*corpus, f"leaks/{ALL_TEXT}") if without_leaks(recipe, language) else corpus
