"""A model that is another one with more vocabulary entries."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any

from equiglot.corpus import read_sentences
from equiglot.errors import InputError
from equiglot.evaluation import MOST_HELD_OUT, ExtensionText, extend_model
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.corpus import text_needs, training_text
from equiglot.pipeline.steps.model import Model
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from equiglot.training import CheckpointFolder


@dataclass(frozen=True)
class ExtendedModel(Model):
    """A model with entries that its languages lack, and what they changed beside it (paper 4, section 5: VocabAmp)."""

    place = None
    tools = ("tokenizers",)
    continues = True

    @property
    def inputs(self) -> dict[str, Any]:
        """How many entries, what their rows are, and for which languages."""
        assert self.plan.extend is not None
        inputs = {"extend": self.plan.extend.model_dump(mode="json"), "languages": self.plan.languages}
        return inputs | ({"seed": self.recipe.seed} if self.plan.extend.start == "fitted" else {})

    @property
    def needs(self) -> tuple[str, ...]:
        """The model that is extended, and text."""
        texts = (need for code in self.plan.languages for need in text_needs(self.recipe, code))
        return tuple(dict.fromkeys([f"model/{self.plan.revises}", *texts]))

    def run(self, context: Context) -> None:
        """Extends it by training text; validation text shows what was learnt. A fitting continues at its checkpoint."""
        extend = self.plan.extend
        assert extend is not None
        run, texts = context.run, {}
        for code in self.plan.languages:
            held_out = chain.from_iterable(read_sentences(run.corpus(code) / "valid.arrow"))
            learning = partial(_sentences, run, self.recipe, code)
            texts[code] = ExtensionText(learning, list(islice(held_out, MOST_HELD_OUT)))
        try:
            extend_model(
                str(run.model(extend.model)),
                texts,
                run.model(self.plan.name),
                extend,
                start=extend.start,
                fitting=extend.fitting.model_copy(update={"seed": self.recipe.seed + extend.fitting.seed}),
                checkpoints=CheckpointFolder(context.checkpoints),
                checkpoint_seconds=context.checkpoint_seconds,
                watch=context.progress,
                stop=context.stop,
            )
        except InputError as error:
            where = f"{error.where or ''} (models.{self.plan.name}.extend)".lstrip()
            fix = error.fix and error.fix.replace("training.", "extend.fitting.")
            raise InputError(error.what, where=where, fix=fix) from None


def _sentences(run: RunDirectory, recipe: Recipe, language: str) -> Iterator[str]:
    """The training text of a language, sentence by sentence."""
    return chain.from_iterable(read_sentences(training_text(run, recipe, language)))
