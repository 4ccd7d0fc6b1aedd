"""A model that is another one with fewer vocabulary entries, with more, or with random weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from typing import Any

from equiglot import models, revising
from equiglot.corpus import read_sentences
from equiglot.errors import InputError
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.corpus import text_needs, training_text
from equiglot.pipeline.steps.cost import ROWS, Cost, Meter, read_tokens
from equiglot.pipeline.steps.material import randomness
from equiglot.pipeline.steps.model import Model, foreign_model
from equiglot.recipe import Recipe, Start
from equiglot.run import RunDirectory
from equiglot.training import CheckpointFolder

_FITTED, _JUDGED = 3, 2  # times that a sentence is read, to fit rows on it and to judge them


@dataclass(frozen=True)
class TrimmedModel(Model):
    """A model with the vocabulary entries that its languages need, and the proof beside it (paper 4, section 5)."""

    place = None
    version = 2
    tools = ("tokenizers",)

    @property
    def inputs(self) -> dict[str, Any]:
        """How many entries stay, for which languages, and what they must leave room for."""
        assert self.plan.trim is not None
        plain = set() if self.plan.trim.precision else {"precision"}
        trim = self.plan.trim.model_dump(mode="json", exclude=plain)
        inputs = {"trim": trim, "languages": list(self.plan.languages)}
        students = [_demand(student) for student in self._students]
        return inputs | ({"students": students} if students else {})

    @property
    def _students(self) -> tuple[Start, ...]:
        """Those that start from it and must fit into a size, unless that is said of itself."""
        assert self.plan.trim is not None
        return () if self.plan.trim.fit is not None else self.recipe.fitted_from(self.plan.name)

    @property
    def needs(self) -> tuple[str, ...]:
        """The model that is trimmed, and text."""
        assert self.plan.trim is not None
        texts = (need for code in (*self.plan.languages, *self._lost) for need in text_needs(self.recipe, code))
        return tuple(dict.fromkeys([f"model/{self.plan.trim.model}", *texts]))

    @property
    def _lost(self) -> tuple[str, ...]:
        """Languages of the model that is trimmed, with text, that are not kept."""
        assert self.plan.trim is not None
        known = {*self.recipe.plans()[self.plan.trim.model].languages} - {*self.plan.languages}
        return tuple(code for code in self.recipe.text_languages if code in known)

    def run(self, context: Context) -> None:
        """Trims it: training text chooses the entries, validation text proves that, and shows what is lost."""
        assert self.plan.trim is not None
        run, texts = context.run, {}
        for code in self.plan.languages:
            choosing = _sentences(run, self.recipe, code)
            texts[code] = revising.TrimText(choosing, _held_out(run, code), f"languages.{code}.text")
        texts |= {code: revising.TrimText((), _held_out(run, code), f"languages.{code}.text") for code in self._lost}
        source = str(run.model(self.plan.trim.model))
        try:
            amount, languages = self.plan.trim, self.plan.languages
            revising.trim_model(source, texts, context.output, amount, languages=languages, students=self._students)
        except InputError as error:
            option = re.match("--([a-z]+)", error.where or "")  # which the command line has for the field
            where = f"models.{self.plan.name}.trim{f'.{option[1]}' if option else ''}"
            raise InputError(error.what, where=where, fix=error.fix) from None


def _demand(student: Start) -> dict[str, Any]:
    """What a student's size asks of the model that it starts from."""
    counted = set() if student.precision == "fp32" else {"precision"}
    return student.model_dump(mode="json", include={"fit", "width", *counted})


@dataclass(frozen=True)
class ExtendedModel(Model):
    """A model with entries that its languages lack, and what they changed beside it (paper 4, section 5: VocabAmp)."""

    place = None
    version = 3
    tools = ("tokenizers",)
    uses_device = True
    continues = True
    group = ROWS

    @property
    def inputs(self) -> dict[str, Any]:
        """How many entries, what their rows are, and for which languages."""
        assert self.plan.extend is not None
        other = set() if self.plan.extend.donor is not None else {"donor", "anchors"}
        settings = self.plan.extend.model_dump(mode="json", exclude=other)
        inputs = {"extend": settings, "languages": list(self.plan.languages)}
        return inputs | ({"seed": self.recipe.seed} if self.plan.extend.start == "fitted" else {})

    @property
    def needs(self) -> tuple[str, ...]:
        """The model that is extended, the donor of rows, and text."""
        texts = (need for code in self.plan.languages for need in text_needs(self.recipe, code))
        return tuple(dict.fromkeys([*(f"model/{name}" for name in self.plan.made_from), *texts]))

    def cost(self, meter: Meter) -> Cost:
        """Of the fitting: sentences are read in the old segmentation, then in the new one, and back to its rows."""
        extend, made = self.plan.extend, super().cost(meter)
        assert extend is not None
        if extend.start != "fitted":
            return made
        owner = self.recipe.plans()[extend.model].owner
        texts = [meter.text(code, owner, split) for code in self.plan.languages for split in ("train", "valid")]
        learnt, held = texts[::2], texts[1::2]
        length = sum(map(read_tokens, learnt)) / sum(map(len, learnt))
        tokens = extend.fitting.updates * extend.fitting.sentences * length
        times = extend.fitting.training().validations + 2  # and before and after
        judged = times * length * sum(min(revising.FITTING_HELD_OUT, len(text)) for text in held)
        seconds = (_FITTED * tokens + _JUDGED * judged) / meter.reader(self.plan.name).speed
        return replace(made, amount=round(tokens), seconds=seconds)

    def run(self, context: Context) -> None:
        """Extends it by training text; validation text shows what was learnt. A fitting continues at its checkpoint."""
        extend = self.plan.extend
        assert extend is not None
        run, texts = context.run, {}
        for code in self.plan.languages:
            learning = partial(_sentences, run, self.recipe, code)
            texts[code] = revising.ExtensionText(learning, _held_out(run, code))
        try:
            revising.extend_model(
                str(run.model(extend.model)),
                texts,
                context.output,
                extend,
                start=extend.start,
                donor=None if extend.donor is None else revising.Donor(run.model(extend.donor), extend.anchors),
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


@dataclass(frozen=True)
class FreshModel(Model):
    """A model with the configuration and the tokenizer of another one, and random weights that nothing is taught."""

    place = None

    @property
    def inputs(self) -> dict[str, Any]:
        """What the weights are drawn from; the rest is the other model's."""
        return {"fresh": True, "seed": randomness(self.recipe, self.plan)}

    @property
    def needs(self) -> tuple[str, ...]:
        """The model that it is like."""
        return (f"model/{self.plan.revises}",)

    def run(self, context: Context) -> None:
        """Draws the weights."""
        assert self.plan.fresh is not None
        source, seed = context.run.model(self.plan.fresh.model), randomness(self.recipe, self.plan)
        with foreign_model(self.plan, "fresh"):
            models.copy_untrained(source, context.output, seed=seed)


def _sentences(run: RunDirectory, recipe: Recipe, language: str) -> Iterator[str]:
    """The training text of a language, sentence by sentence."""
    return chain.from_iterable(read_sentences(training_text(run, recipe, language)))


def _held_out(run: RunDirectory, language: str) -> list[str]:
    """The validation text of a language, which chooses and teaches nothing."""
    return list(
        islice(chain.from_iterable(read_sentences(run.corpus(language) / "valid.arrow")), revising.MOST_HELD_OUT)
    )
