"""What steps ask to tell what they will take: sizes of text, counted or guessed, and speeds, measured once a size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from equiglot import labels, models, vocabulary
from equiglot.corpus import sentence_length
from equiglot.labels import SoftLabels
from equiglot.masking import Source, SpecialTokens
from equiglot.pipeline.execution.machine import Machine
from equiglot.pipeline.execution.states import State
from equiglot.pipeline.planning.speed import measure_labelling, measure_speed, model_like, size_of
from equiglot.pipeline.steps.cost import FLOAT_BYTES, Reader, read_tokens
from equiglot.pipeline.steps.model import start_folder
from equiglot.pipeline.steps.vocabulary import tokenizer_folder
from equiglot.recipe import ModelPlan, Recipe, TextSize
from equiglot.report import listed
from equiglot.run import RunDirectory, tokens_of
from equiglot.settings import MOST
from equiglot.training import plan_data
from equiglot.vocabulary import TokenizedText, VocabularySettings, open_tokens

# Where nothing is tokenised yet: what large vocabularies of many languages have, and small ones that were learnt from
# the text itself, of so many entries; each ten times as many entries bring _MORE_CHARACTERS. Dense scripts have theirs.
_CHARACTERS_A_TOKEN, _FEW_CHARACTERS, _FEW_ENTRIES, _MORE_CHARACTERS = 4.0, 3.2, 4_000, 0.9
_DENSE_CHARACTERS_A_TOKEN = 2.0
_CHARACTERS_A_SENTENCE = 80  # where the beginning of a text does not tell
_TOGETHER = 1.2  # what all ranks of a training take, of the time of one process alone; see docs/scale.md


@dataclass(frozen=True)
class ModelCost:
    """What a model will take.

    Attributes:
        name: the model's.
        state: whether it is done.
        parameters: how many.
        updates: of its training.
        tokens: read in its training, special tokens included.
        seconds: of training on this machine, one job at a time.
        counted: whether tokens and updates are exact; otherwise they come from sizes of files.
        note: what a size decides of its layers, a sentence; empty where the recipe says them.
        cores, gpus: that its training takes.
        memory: bytes of each process of it, about.
    """

    name: str
    state: State
    parameters: int
    updates: int
    tokens: int
    seconds: float
    counted: bool
    note: str = ""
    cores: int = 1
    gpus: int = 0
    memory: int = 0


def _has_size(plan: ModelPlan) -> bool:
    """Whether a size decides its layers."""
    return plan.start is not None and plan.start.fit is not None


class RunMeter:
    """Of the steps of a recipe, as far as its run is made."""

    def __init__(self, recipe: Recipe, run: RunDirectory, states: dict[str, State], machine: Machine) -> None:
        self.run = run
        self._recipe, self._states, self._machine = recipe, states, machine
        self._fitted = {plan.name: self._fit(plan) for plan in recipe.plans().values() if _has_size(plan)}
        self._plans = {name: self._with_layers(plan) for name, plan in recipe.plans().items()}
        self._characters: dict[str, int] = {}
        self._lengths: dict[str, tuple[float, float]] = {}
        self._readers: dict[str, Reader] = {}
        self._speeds: dict[str, float] = {}
        self._sizes: dict[str, int] = {}
        self._texts: dict[tuple[str, str, str], TokenizedText] = {}
        self._trainings: dict[str, ModelCost] = {}
        self._special_tokens = SpecialTokens(2, 3, 0, 4, np.arange(5, 64))

    def done(self, step: str) -> bool:
        """Whether a step is done."""
        return self._states.get(step) == "done"

    def characters(self, language: str) -> int:
        """Of all text of a language: as many as its source seems to have, or as the recipe takes."""
        return min(self._source_characters(language), self._recipe.languages[language].characters or MOST)

    def text_size(self, language: str) -> TextSize:
        """The text of a language, as the first of its models cuts it."""
        owner = next((plan.owner for plan in self._plans.values() if language in plan.languages), "")
        sentences, tested = (len(self.text(language, owner, split)) for split in ("train", "test"))
        return TextSize(self.characters(language), sentences, tested)

    def text(self, language: str, owner: str, split: str = "train") -> TokenizedText:
        """A split as it is cut, or lengths without tokens of about its size: for training, of all the text."""
        key = language, owner, split
        if key not in self._texts:
            done = self.done(f"tokens/{tokens_of(language, owner)}")
            self._texts[key] = (
                open_tokens(self.run.tokens(language, owner) / split) if done else self._guess(language, owner, split)
            )
        return self._texts[key]

    def reader(self, model: str) -> Reader:
        """A model of the size that this one has or will have."""
        about = (self._plans[model], self._plans, self._vocabulary_size)
        key = size_of(*about)
        if key not in self._readers:
            made = labels.freeze(model_like(*about), models.device())
            speed, config = self._measured(lambda: measure_labelling(made)), made.config
            self._sizes[key] = made.num_parameters()
            self._readers[key] = Reader(speed, config.num_hidden_layers, config.hidden_size, config.vocab_size)
        return self._readers[key]

    def parameters(self, model: str) -> int:
        """How many a model has or will have; looked up once of each size."""
        plan = self._plans[model]
        key = size_of(plan, self._plans, self._vocabulary_size)
        if key not in self._sizes:
            self._sizes[key] = self._built_parameters(plan)
        start = self._recipe.plans()[model].start
        if start is None or start.fit is None:
            return self._sizes[key]
        return min(self._sizes[key], start.fit // (1 if start.precision == "int8" else FLOAT_BYTES))

    def training_seconds(self, model: str) -> float:
        """What a training takes, its validations too."""
        return self.training(self._plans[model]).seconds

    def training(self, plan: ModelPlan) -> ModelCost:
        """What the training of a model takes."""
        if plan.name not in self._trainings:
            self._trainings[plan.name] = self._training(self._plans[plan.name])
        return self._trainings[plan.name]

    def _training(self, plan: ModelPlan) -> ModelCost:
        sources = [
            Source(language, self.text(language, plan.owner), self._special_tokens, self._recipe.masking, 0)
            for language in plan.languages
        ]
        data = plan_data(sources, plan.balance, plan.training, special=self._special_tokens, seed=0)
        a_batch = data.stream.epoch_tokens() / data.stream.epoch_batches
        tokens, ranks = round(a_batch * data.updates * plan.training.accumulation), plan.training.devices
        alone = tokens / self._speed(plan, tokens / data.updates / plan.training.accumulation)
        alone += self._validated_tokens(plan) / self.reader(plan.name).speed
        return ModelCost(
            name=plan.name,
            state=self._states[f"model/{plan.name}"],
            parameters=self.parameters(plan.name),
            updates=data.updates,
            tokens=tokens,
            seconds=alone * _TOGETHER / ranks if ranks > 1 else alone,
            counted=all(self.done(f"tokens/{tokens_of(language, plan.owner)}") for language in plan.languages),
            note=self._note(plan.name),
        )

    def _fit(self, plan: ModelPlan) -> models.FittedPart | None:
        """The layers that a size decides, as soon as it is known of what model; None before."""
        start = plan.start
        assert start is not None
        source = self._recipe.plans().get(start.model or "")
        if start.folder is not None or self.done(f"model/{start.model}"):
            folder = start_folder(self.run, start)
        elif source is not None and source.existing is not None:
            folder = models.locate_model(source.existing)
        else:
            return None
        beside = vocabulary.tokenizer_bytes(vocabulary.load_tokenizer(folder))
        return models.fit_layers(folder, start, beside=beside, where=f"models.{plan.name}.from.fit")

    def _with_layers(self, plan: ModelPlan) -> ModelPlan:
        """A model with the layers that a size decides; all of them, where that is not known."""
        if plan.name not in self._fitted:
            return plan
        assert plan.start is not None
        fitted = self._fitted[plan.name]
        layers = "all" if fitted is None else fitted.part.layers
        return plan.model_copy(update={"start": plan.start.with_layers(layers)})

    def _note(self, name: str) -> str:
        start = self._recipe.plans()[name].start
        if start is None or start.fit is None:
            return ""
        fitted, exported = self._fitted[name], start.precision == "int8"
        counted, most = (" in int8", "at most ") if exported else ("", "")
        if fitted is None:
            return f"which layers fit into {start.fit:,} bytes{counted} is known when {start.model} is made"
        layers = f"layers {listed(list(map(str, fitted.layers)))} of {fitted.of}"
        return f"{layers}: {most}{fitted.needed:,} of {fitted.budget:,} bytes{counted}, with {fitted.entries:,} entries"

    def _validated_tokens(self, plan: ModelPlan) -> int:
        """Read in all validations together."""
        texts = [self.text(language, plan.owner, "valid") for language in plan.languages]
        shares = [min(1.0, plan.training.validation_sequences / max(1, len(text))) for text in texts]
        once = sum(read_tokens(text) * share for text, share in zip(texts, shares, strict=True))
        return round(plan.training.validations * once)

    def _built_parameters(self, plan: ModelPlan) -> int:
        if plan.start is None and plan.encoder is not None:  # nothing is built
            return models.count_parameters(plan.encoder, self._vocabulary_size(plan.owner))
        return model_like(plan, self._plans, self._vocabulary_size).num_parameters()

    def _vocabulary_size(self, owner: str) -> int:
        """Entries of a vocabulary: as it is, if it is made, or as large as it can be."""
        folder = tokenizer_folder(self.run, self._recipe, owner)
        if (folder / "tokenizer.json").is_file():
            return len(vocabulary.load_tokenizer(folder))
        plan = self._plans.get(owner)
        if plan is not None and plan.existing is not None:
            return len(vocabulary.load_tokenizer(models.locate_model(plan.existing)))
        if plan is not None and plan.trim is not None:
            before = self._vocabulary_size(self._plans[plan.trim.model].owner)
            return min(before, plan.trim.size or before)
        if plan is not None and plan.extend is not None:
            return self._vocabulary_size(self._plans[plan.extend.model].owner) + plan.extend.entries
        if plan is not None and plan.fresh is not None:
            return self._vocabulary_size(self._plans[plan.fresh.model].owner)
        settings = plan.own_vocabulary if plan is not None else self._recipe.vocabulary
        if isinstance(settings, VocabularySettings):
            return settings.size
        return sum(self._vocabulary_size(name) for name in self._recipe.united)

    def _source_characters(self, language: str) -> int:
        if language not in self._characters:
            characters = self._recipe.languages[language].source.estimate_characters(language)
            self._characters[language] = max(_CHARACTERS_A_SENTENCE, characters)
        return self._characters[language]

    def _guess(self, language: str, owner: str, split: str) -> TokenizedText:
        characters, dense = self._sentence_size(language)
        plain = (characters - dense) / self._characters_a_token(owner)
        length, tokens = max(1, round(characters)), max(1, round(plain + dense / _DENSE_CHARACTERS_A_TOKEN))
        sentences = self.characters(language) // length
        if split != "train":  # which is what the recipe lets be read, and these are shares of all that there is
            text = self._recipe.languages[language].splitting(self._recipe.text)
            size = text.valid if split == "valid" else text.test
            whole = self._source_characters(language) // length
            sentences = min(whole, size if isinstance(size, int) else round(size * whole))
        sentences = max(1, sentences)
        ids = np.broadcast_to(np.uint16(5), (sentences * tokens,))
        edges = np.arange(sentences + 1)
        return TokenizedText(ids, edges * tokens, edges * length)

    def _characters_a_token(self, owner: str) -> float:
        """About: a vocabulary that is learnt for the run may be small."""
        settings = self._plans[owner].own_vocabulary if owner else self._recipe.vocabulary
        if not isinstance(settings, VocabularySettings):
            return _CHARACTERS_A_TOKEN
        more = _MORE_CHARACTERS * math.log10(settings.size / _FEW_ENTRIES)
        return min(_CHARACTERS_A_TOKEN, max(1.0, _FEW_CHARACTERS + more))

    def _sentence_size(self, language: str) -> tuple[float, float]:
        """Characters of a sentence, about, and those of a dense script among them: as at the beginning of the text."""
        if language not in self._lengths:
            settings = self._recipe.text.model_copy(update={"identify_language": None})  # which takes time
            found = sentence_length(language, self._recipe.languages[language], settings)
            characters, weighted = found or (_CHARACTERS_A_SENTENCE, _CHARACTERS_A_SENTENCE)
            self._lengths[language] = characters, weighted - characters
        return self._lengths[language]

    def _speed(self, plan: ModelPlan, batch_tokens: float) -> float:
        """Tokens a second of this kind of training; of one with several teachers the mean over its languages."""
        if not isinstance(plan.labels, SoftLabels):
            return self._speed_beside(plan, batch_tokens, None)
        teachers = plan.teachers()
        beside = [self._plans[teachers[code][0]] if code in teachers else None for code in plan.languages]
        return len(beside) / sum(1 / self._speed_beside(plan, batch_tokens, each) for each in beside)

    def _speed_beside(self, plan: ModelPlan, batch_tokens: float, teacher: ModelPlan | None) -> float:
        """The same with one teacher for everything, or none."""
        about = self._plans, self._vocabulary_size
        key = f"{size_of(plan, *about)} {round(batch_tokens, -2)} {plan.training.precision}"
        key += "" if teacher is None else f" {size_of(teacher, *about)}"
        if key not in self._speeds:
            make = None if teacher is None else partial(model_like, teacher, *about)
            self._speeds[key] = self._measured(
                lambda: measure_speed(lambda: model_like(plan, *about), plan.training, round(batch_tokens), make)
            )
        return self._speeds[key]

    def _measured(self, measure: Callable[[], float]) -> float:
        """With as many threads as a job will have."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(self._machine.threads)
        try:
            return measure()
        finally:
            torch.set_num_threads(threads)
