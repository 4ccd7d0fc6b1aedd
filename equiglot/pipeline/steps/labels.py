"""What a teacher says about a language's training text, stored; and its loss on each sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from equiglot import evaluation, labels, models
from equiglot.files import atomic_folder, link_files
from equiglot.hashing import hash_name, hash_u64
from equiglot.labels import StoreSettings
from equiglot.labels.packing import RowFormat
from equiglot.masking import Source
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.corpus import text_needs, training_text
from equiglot.pipeline.steps.cost import LABELS, Cost, Meter, Resources, read_tokens
from equiglot.pipeline.steps.material import LOSSES, check_mixtures, label_facts, label_masks_seed
from equiglot.pipeline.steps.memory import reading_memory
from equiglot.pipeline.steps.step import Step
from equiglot.pipeline.steps.stores import Store, all_stores, texts_of
from equiglot.pipeline.steps.vocabulary import tokenizer_need
from equiglot.run import RunDirectory, tokens_of
from equiglot.training import Stopped
from equiglot.vocabulary import open_tokens

_STORED = {"k", "samples", "draws", "temperature", "precision"}


@dataclass(frozen=True)
class _OfStore(Step):
    """What is made of a store."""

    store: Store

    @property
    def inputs(self) -> dict[str, Any]:
        """How much is stored, and the masks."""
        return {
            "store": self.store.labels.model_dump(mode="json", include=_STORED),
            "masking": self.recipe.masking.model_dump(mode="json"),
            "seed": self.recipe.seed,
        }

    @property
    def needs(self) -> tuple[str, ...]:
        """The teacher, and the text as it cuts it."""
        texts = texts_of(self.recipe, self.store)
        return (f"model/{self.store.teacher}", *(f"tokens/{tokens_of(self.store.language, each)}" for each in texts))

    def _cost(self, meter: Meter, share: float) -> Cost:
        """Of the text that the teacher reads, and the rows that are kept of it."""
        reader, kept = meter.reader(self.store.teacher), self.store.labels
        text = meter.text(self.store.language, self.store.owner)
        tokens = round(read_tokens(text) * kept.draws * share)
        width = RowFormat(reader.vocabulary, min(kept.k, reader.vocabulary), kept.samples, kept.precision).width
        rows = round(tokens * self.recipe.masking.rate * width)
        disk = rows + round(len(text) * kept.draws * share)
        memory = reading_memory(reader, meter.parameters(self.store.teacher))
        return Cost(tokens, tokens / reader.speed, disk, memory)

    def _label(self, context: Context, part: tuple[int, int]) -> None:
        """Asks the teacher; continues at the shard, and keeps the shards until all is recorded."""
        run, recipe, store = context.run, self.recipe, self.store
        check_mixtures(run, recipe, store)
        opened = models.open_model(store.teacher, str(run.model(store.teacher)))
        source = Source(
            store.language,
            open_tokens(run.tokens(store.language, store.owner) / "train"),
            opened.special,
            recipe.masking,
            label_masks_seed(recipe),
            draws=store.labels.draws,
        )
        finished = labels.label_text(
            opened.model,
            source,
            opened.special,
            StoreSettings(**store.labels.model_dump(include=set(StoreSettings.model_fields))),
            label_facts(run, recipe, store),
            context.checkpoints,
            tell=context.counter(),
            stop=context.stop,
            part=part,
        )
        if not finished:
            raise Stopped
        with atomic_folder(context.output) as folder:
            link_files(context.checkpoints, folder)


@dataclass(frozen=True)
class LabelsPart(_OfStore):
    """A part of the labels of a store, made beside the other parts."""

    kind = "labels-part"
    uses_device = True
    group = LABELS
    folder = staticmethod(RunDirectory.labels_part)
    continues = True
    internal = True
    number: int
    parts: int

    @property
    def subject(self) -> str:
        """teacher.language.k8, and which part of how many."""
        return f"{self.store.subject}.{self.number + 1}-of-{self.parts}"

    def cost(self, meter: Meter) -> Cost:
        """Its share of the text."""
        return self._cost(meter, 1 / self.parts)

    def run(self, context: Context) -> None:
        """Asks the teacher; continues at the shard."""
        self._label(context, (self.number, self.parts))


@dataclass(frozen=True)
class Labels(_OfStore):
    """The labels of a store."""

    kind = "labels"
    group = LABELS
    folder = staticmethod(RunDirectory.labels)
    continues = True

    @property
    def subject(self) -> str:
        """teacher.language.k8, and what else is not as usual."""
        return self.store.subject

    @property
    def needs(self) -> tuple[str, ...]:
        """The teacher, and the text as it cuts it; or the parts."""
        return (*super().needs, *(part.name for part in self.parts))

    @property
    def parts(self) -> tuple[LabelsPart, ...]:
        """What they are put together from; nothing where they are made at once."""
        same = [each for each in all_stores(self.recipe) if each.subject == self.store.subject]
        parts = max(each.labels.parts for each in same)
        return tuple(LabelsPart(self.recipe, self.store, number, parts) for number in range(parts) if parts > 1)

    def cost(self, meter: Meter) -> Cost:
        """Of all the text, if it is not labelled in parts."""
        return Cost() if self.parts else self._cost(meter, 1)

    @property
    def resources(self) -> Resources:
        """A GPU where the teacher is asked, not where files are put together."""
        return Resources(gpu=not self.parts)

    def run(self, context: Context) -> None:
        """Asks the teacher, or puts the parts together."""
        if not self.parts:
            self._label(context, (0, 1))
            return
        with atomic_folder(context.output) as folder:
            for part in self.parts:
                link_files(context.run.labels_part(part.subject), folder)


@dataclass(frozen=True)
class Losses(Step):
    """A teacher's loss on each sentence of a language's training text; `store` says of which."""

    kind = "losses"
    uses_device = True
    group = LABELS
    folder = staticmethod(RunDirectory.losses)
    store: Store

    @property
    def subject(self) -> str:
        """teacher.language.words or .tokens."""
        return self.store.losses or ""

    @property
    def inputs(self) -> dict[str, Any]:
        """What is masked, and how losses are added up."""
        return {"seed": self.recipe.seed, "copies": self.store.labels.copies}

    @property
    def needs(self) -> tuple[str, ...]:
        """The text and the teacher."""
        text = text_needs(self.recipe, self.store.language)
        return (*text, tokenizer_need(self.recipe, self.store.owner), f"model/{self.store.teacher}")

    def cost(self, meter: Meter) -> Cost:
        """Of the text that the teacher reads."""
        tokens, teacher = read_tokens(meter.text(self.store.language, self.store.owner)), self.store.teacher
        memory = reading_memory(reader := meter.reader(teacher), meter.parameters(teacher))
        return Cost(tokens, tokens / reader.speed, memory=memory)

    def run(self, context: Context) -> None:
        """Lets the teacher score the sentences."""
        store, tell = self.store, context.counter()
        opened = models.open_model(store.teacher, str(context.run.model(store.teacher)))
        losses = evaluation.sentence_losses(
            opened,
            training_text(context.run, self.recipe, store.language),
            how="words" if store.labels.copies == "best" else "tokens",
            seed=int(hash_u64(self.recipe.seed, hash_name(f"losses/{store.language}"))[0]) >> 1,
            tell=lambda sentences: tell("scoring", sentences),
        )
        with atomic_folder(context.output) as folder:
            np.save(folder / LOSSES, losses, allow_pickle=False)
