"""Text of a language, cleaned and split."""

from dataclasses import dataclass
from typing import Any

from equiglot.corpus import HubSource, build_corpus, identifier_version
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import TEXT, Cost, Meter
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory, atomic_folder

_SPEED = 4_000_000  # characters a second on one core; see docs/scale.md
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
            "text": self.recipe.text.model_dump(mode="json", exclude={"drop_leaks"}),
            "characters": settings.characters,
            "start": settings.start,
            "seed": self.recipe.seed,
        }
        if self.recipe.text.identify_language is not None:
            inputs["identifier"] = identifier_version()
        return inputs

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
        with atomic_folder(context.run.corpus(self.language)) as folder:
            statistics = build_corpus(self.language, settings, self.recipe.text, self.recipe.seed, folder, tell)
        for warning in statistics.warnings:
            context.remark(warning)
