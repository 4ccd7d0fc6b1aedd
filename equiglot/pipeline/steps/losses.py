"""A teacher's loss on each sentence of a language's training text."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from equiglot.evaluation import sentence_losses
from equiglot.hashing import hash_name, hash_u64
from equiglot.models import open_model
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import LABELS, Cost, Meter, read_tokens
from equiglot.pipeline.steps.leaks import text_needs, training_text
from equiglot.pipeline.steps.material import LOSSES
from equiglot.pipeline.steps.step import Step
from equiglot.pipeline.steps.stores import Store
from equiglot.pipeline.steps.vocabulary import tokenizer_need
from equiglot.run import RunDirectory, atomic_folder


@dataclass(frozen=True)
class Losses(Step):
    """A teacher's loss on each sentence of a language's training text; `store` says of which."""

    kind = "losses"
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
        tokens = read_tokens(meter.text(self.store.language, self.store.owner))
        return Cost(tokens, tokens / meter.reader(self.store.teacher).speed)

    def run(self, context: Context) -> None:
        """Lets the teacher score the sentences."""
        store, tell = self.store, context.counter()
        opened = open_model(store.teacher, str(context.run.model(store.teacher)))
        losses = sentence_losses(
            opened,
            training_text(context.run, self.recipe, store.language),
            how="words" if store.labels.copies == "best" else "tokens",
            seed=int(hash_u64(self.recipe.seed, hash_name(f"losses/{store.language}"))[0]) >> 1,
            tell=lambda sentences: tell("scoring", sentences),
        )
        with atomic_folder(context.run.losses(self.subject)) as folder:
            np.save(folder / LOSSES, losses, allow_pickle=False)
