"""One model, or the frequency ranking, scored on the test text of its languages: masked words, and likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

from equiglot import evaluation, models, vocabulary
from equiglot.corpus import read_sentences
from equiglot.evaluation import (
    ESTIMATES,
    MASKED_LM,
    Bootstrap,
    PairEstimates,
    pair_rows,
    position_estimates,
    write_bits,
    write_estimates,
    write_scores,
)
from equiglot.files import atomic_folder
from equiglot.masking import special_tokens_of
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import SCORES, Cost, Meter, Resources, read_tokens
from equiglot.pipeline.steps.memory import reading_memory
from equiglot.pipeline.steps.step import Step
from equiglot.pipeline.steps.vocabulary import tokenizer_need
from equiglot.recipe import FREQUENCY, Likelihood, MaskedLanguageModelling, ModelPlan
from equiglot.run import RunDirectory
from equiglot.vocabulary import open_tokens

_RESAMPLING = 2e-7  # seconds for a sentence in a resample, of all metrics


@dataclass(frozen=True)
class Scores(Step):
    """The model of `plan`, or with None the frequency ranking, scored on the test text of its languages."""

    kind = "scores"
    group = SCORES
    version = 2
    folder = staticmethod(RunDirectory.scores_of)
    scored = True
    plan: ModelPlan | None

    @property
    def subject(self) -> str:
        """The model."""
        return self.plan.name if self.plan else FREQUENCY

    @property
    def inputs(self) -> dict[str, Any]:
        """How models are scored."""
        about = {"seed": self.plan.seed(self.recipe)} if self.plan else {}
        return {"evaluation": self._task.model_dump(mode="json"), **about}

    @property
    def needs(self) -> tuple[str, ...]:
        """The model, or the tokenizer, and the text."""
        model = f"model/{self.plan.name}" if self.plan else tokenizer_need(self.recipe, "")
        return (model, *(f"tokens/{language}" for language in self._languages))

    def cost(self, meter: Meter) -> Cost:
        """Of the test text that the model reads, and of the resamples; frequencies are looked up."""
        texts, task = [meter.text(language, "", "test") for language in self._languages], self._task
        shares = [min(1.0, (task.sequences or len(text)) / max(1, len(text))) for text in texts]
        tokens = sum(round(read_tokens(text) * share) for text, share in zip(texts, shares, strict=True)) * task.draws
        sentences = sum(len(text) * share for text, share in zip(texts, shares, strict=True))
        resampling = sentences * task.resamples * _RESAMPLING
        if self.plan is None:
            return Cost(tokens, resampling)
        memory = reading_memory(reader := meter.reader(self.plan.name), meter.parameters(self.plan.name))
        return Cost(tokens, tokens / reader.speed + resampling, memory=memory)

    @property
    def resources(self) -> Resources:
        """A GPU for a model, not for frequencies."""
        return Resources(gpu=self.plan is not None)

    def run(self, context: Context) -> None:
        """Scores the test text, language by language."""
        run, task, name = context.run, self._task, self.subject
        tokenizer = vocabulary.load_tokenizer(run.vocabulary)
        entries = vocabulary.id_count(tokenizer)
        masks = evaluation.TestMasks(task.rate, task.draws, task.sequences, task.seed, special_tokens_of(tokenizer))
        estimates: PairEstimates = {}
        if self.plan:
            model = models.on_device(models.load_model(run.model(name), vocabulary_size=entries))
        for language in self._languages:
            if self.plan:
                predict = evaluation.model_predictor(model)
            else:
                predict = evaluation.frequency_predictor(open_tokens(run.tokens(language) / "train"), entries)
            positions = evaluation.score_positions(predict, language, open_tokens(run.tokens(language) / "test"), masks)
            estimates |= position_estimates(language, positions, Bootstrap(task.resamples, task.seed))
        seed = self.plan.seed(self.recipe) if self.plan else self.recipe.seed
        with atomic_folder(context.output) as folder:
            write_estimates(folder / ESTIMATES, estimates)
            write_scores(folder / "scores.jsonl", pair_rows(name, MASKED_LM, estimates, seed))

    @property
    def _task(self) -> MaskedLanguageModelling:
        assert self.recipe.masked is not None
        return self.recipe.masked

    @property
    def _languages(self) -> tuple[str, ...]:
        return tuple(self.plan.languages if self.plan else self.recipe.text_languages)


BITS = "bits.safetensors"
"""In the folder of a model's likelihood."""


@dataclass(frozen=True)
class LikelihoodBits(Step):
    """Bits of each test sentence under the model of `plan`, in each of its languages."""

    kind = "likelihood"
    uses_device = True
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
        memory = reading_memory(reader := meter.reader(self.plan.name), meter.parameters(self.plan.name))
        return Cost(tokens, tokens / reader.speed, memory=memory)

    def run(self, context: Context) -> None:
        """Measures the sentences, language by language."""
        run, name, tell = context.run, self.plan.name, context.counter()
        opened, measured = models.open_model(name, str(run.model(name))), {}
        for language in self.plan.languages:
            sentences = list(chain.from_iterable(read_sentences(run.corpus(language) / "test.arrow")))
            measured[language] = evaluation.measure_words(
                opened, evaluation.spread(sentences, self._settings.sentences)
            )
            tell("scoring", measured[language].count)
        with atomic_folder(context.output) as folder:
            write_bits(folder / BITS, measured)

    @property
    def _settings(self) -> Likelihood:
        assert self.recipe.likelihood is not None
        return self.recipe.likelihood
