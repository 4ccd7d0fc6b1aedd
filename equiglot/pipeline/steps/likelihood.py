"""Bits of each test sentence under a model, in each of its languages."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

from equiglot.corpus import read_sentences
from equiglot.evaluation import measure_words, spread, write_bits
from equiglot.models import open_model
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import SCORES, Cost, Meter, read_tokens
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import Likelihood, ModelPlan
from equiglot.run import RunDirectory, atomic_folder

BITS = "bits.safetensors"
"""In the folder of a model's likelihood."""


@dataclass(frozen=True)
class LikelihoodBits(Step):
    """Bits of each test sentence under the model of `plan`, in each of its languages."""

    kind = "likelihood"
    group = SCORES
    folder = staticmethod(RunDirectory.likelihood)
    plan: ModelPlan

    @property
    def subject(self) -> str:
        """The model."""
        return self.plan.name

    @property
    def inputs(self) -> dict[str, Any]:
        """How many sentences are measured."""
        return {"sentences": self._settings.sentences}

    @property
    def needs(self) -> tuple[str, ...]:
        """The model and the text of its languages."""
        return (f"model/{self.plan.name}", *(f"corpus/{language}" for language in self.plan.languages))

    def cost(self, meter: Meter) -> Cost:
        """Each token is a row of its own, as long as its sentence."""
        tokens = 0
        for language in self.plan.languages:
            text = meter.text(language, self.plan.owner, "test")
            length = read_tokens(text) / max(1, len(text))
            tokens += round(min(self._settings.sentences, len(text)) * length * (length - 2))
        return Cost(tokens, tokens / meter.reader(self.plan.name).speed)

    def run(self, context: Context) -> None:
        """Measures the sentences, language by language."""
        run, name, tell = context.run, self.plan.name, context.counter()
        opened, measured = open_model(name, str(run.model(name))), {}
        for language in self.plan.languages:
            sentences = list(chain.from_iterable(read_sentences(run.corpus(language) / "test.arrow")))
            measured[language] = measure_words(opened, spread(sentences, self._settings.sentences))
            tell("scoring", measured[language].count)
        with atomic_folder(run.likelihood(name)) as folder:
            write_bits(folder / BITS, measured)

    @property
    def _settings(self) -> Likelihood:
        assert self.recipe.likelihood is not None
        return self.recipe.likelihood
