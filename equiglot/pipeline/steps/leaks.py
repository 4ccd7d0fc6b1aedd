"""What the languages hold out and have in their training text, all with all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equiglot.corpus import find_leaks
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory, atomic_folder

ALL_TEXT = "all"
"""The subject of the step that looks for leaks between all languages."""


@dataclass(frozen=True)
class LeakSearch(Step):
    """What the languages hold out and have in their training text, all with all."""

    kind = "leaks"
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

    def run(self, context: Context) -> None:
        """Compares all languages; says what there is to say about them."""
        run, tell = context.run, context.counter()
        corpora, drop = {code: run.corpus(code) for code in self.recipe.text_languages}, self.recipe.text.drop_leaks
        with atomic_folder(run.leaks) as folder:
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
