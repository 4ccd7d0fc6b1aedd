"""A tokenizer: that of the run, learnt or united, or one that is learnt for a single model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equiglot import models, vocabulary
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.corpus import text_needs, training_text
from equiglot.pipeline.steps.cost import TEXT, Cost, Meter
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import SHARED, Recipe
from equiglot.run import RunDirectory
from equiglot.settings import MOST
from equiglot.vocabulary import UnionVocabulary, VocabularySettings

# Characters a second that it is learnt from, on one core; see docs/vocabulary.md.
_SPEEDS = {"wordpiece": 900_000, "bpe": 500_000, "byte-bpe": 500_000, "unigram": 100_000}


@dataclass(frozen=True)
class Vocabulary(Step):
    """A tokenizer; `owner` is the model that it is learnt for, "" for the run's."""

    kind = "vocabulary"
    group = TEXT
    folder = staticmethod(lambda run, subject: run.vocabulary if subject == SHARED else run.own_vocabulary(subject))
    version = 2
    tools = ("tokenizers", "sentencepiece")
    owner: str

    @property
    def subject(self) -> str:
        """The model, or "shared"."""
        return self.owner or SHARED

    @property
    def inputs(self) -> dict[str, Any]:
        """The settings, and whose text or which tokenizers it is made of."""
        settings = self._settings
        if isinstance(settings, UnionVocabulary):
            return {"models": list(self.recipe.united), "rules": settings.rules}
        described = settings.model_dump(mode="json", exclude={"languages"})
        return {"vocabulary": described, "languages": sorted(self._languages)}

    @property
    def needs(self) -> tuple[str, ...]:
        """The text, or the models."""
        if isinstance(self._settings, UnionVocabulary):
            return tuple(tokenizer_need(self.recipe, name) for name in self.recipe.united)
        return tuple(dict.fromkeys(job for code in sorted(self._languages) for job in text_needs(self.recipe, code)))

    def cost(self, meter: Meter) -> Cost:
        """Of the time alone: the text is counted before. Uniting takes little."""
        settings = self._settings
        if isinstance(settings, UnionVocabulary):
            return Cost()
        read = [min(meter.characters(code), settings.characters or MOST) for code in self._languages]
        return Cost(seconds=sum(read) / _SPEEDS[settings.algorithm])

    def run(self, context: Context) -> None:
        """Learns or unites the tokenizer."""
        recipe, settings, into = self.recipe, self._settings, context.output
        if isinstance(settings, UnionVocabulary):
            folders = {name: tokenizer_folder(context.run, recipe, name) for name in recipe.united}
            vocabulary.make_union(folders, settings, into)
        else:
            corpora = {language: training_text(context.run, recipe, language) for language in sorted(self._languages)}
            vocabulary.train_vocabulary(corpora, settings, into)
        size = len(vocabulary.load_tokenizer(into))
        for plan in recipe.plans().values():  # what cannot be built is refused before text is read and labelled
            if plan.owner == self.owner and plan.start is None and plan.encoder is not None:
                models.resolve_encoder(plan.encoder, size)

    @property
    def _settings(self) -> VocabularySettings | UnionVocabulary:
        settings = self.recipe.plans()[self.owner].own_vocabulary if self.owner else self.recipe.vocabulary
        assert settings is not None
        return settings

    @property
    def _languages(self) -> Iterable[str]:
        """Whose text it is learnt from."""
        if not self.owner:
            return self.recipe.vocabulary_languages
        plan = self.recipe.plans()[self.owner]
        assert plan.own_vocabulary is not None
        return plan.own_vocabulary.languages or plan.languages


def tokenizer_need(recipe: Recipe, owner: str) -> str:
    """The step that makes the tokenizer of a model, or the run's."""
    with_model = any(plan.name == owner and not plan.is_trained for plan in recipe.expanded())
    return f"model/{owner}" if with_model else f"vocabulary/{owner or SHARED}"


def tokenizer_folder(run: RunDirectory, recipe: Recipe, owner: str) -> Path:
    """The folder of a model's own tokenizer, or of the run's."""
    if not owner:
        return run.vocabulary
    return run.own_vocabulary(owner) if recipe.plans()[owner].is_trained else run.model(owner)
