"""The splits of a language as token ids of the run's tokenizer, or of a model's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from equiglot import labels, models, vocabulary
from equiglot.errors import InputError
from equiglot.files import atomic_folder, write_json
from equiglot.labels import StoreSettings, open_store
from equiglot.masking import Source
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.corpus import text_needs, training_text
from equiglot.pipeline.steps.cost import TEXT, Cost, Meter
from equiglot.pipeline.steps.material import label_masks_seed
from equiglot.pipeline.steps.step import Step
from equiglot.pipeline.steps.stores import all_stores
from equiglot.pipeline.steps.vocabulary import tokenizer_folder, tokenizer_need
from equiglot.report import StoredText, doubtful
from equiglot.run import tokens_of
from equiglot.vocabulary import TokenizedText, open_tokens

SPLITS = ("train", "valid", "test")
_LOOKED_AT = 200  # sequences of a text, from all over it, before it is labelled
_COUNTED = 2_000_000  # tokens
_SPEED = 800_000  # characters a second on one core; less of Chinese, more of English


@dataclass(frozen=True)
class Tokens(Step):
    """A language's text as token ids; `owner` is the model whose tokenizer cuts it, "" for the run's."""

    kind = "tokens"
    group = TEXT
    folder = staticmethod(lambda run, subject: run.tokens(subject))
    tools = ("tokenizers",)
    language: str
    owner: str

    @property
    def subject(self) -> str:
        """language, or language.model."""
        return tokens_of(self.language, self.owner)

    @property
    def inputs(self) -> dict[str, Any]:
        """How long sequences may be."""
        return {"max_length": self.recipe.encoder.max_length}

    @property
    def needs(self) -> tuple[str, ...]:
        """The text and the tokenizer."""
        return (*text_needs(self.recipe, self.language), tokenizer_need(self.recipe, self.owner))

    def cost(self, meter: Meter) -> Cost:
        """Of the time alone: the text is counted before."""
        return Cost(seconds=meter.characters(self.language) / _SPEED)

    def run(self, context: Context) -> None:
        """Cuts the splits; looks at once whether a model that is taken knows the language."""
        run, recipe, language, owner = context.run, self.recipe, self.language, self.owner
        tokenizer = vocabulary.load_tokenizer(tokenizer_folder(run, recipe, owner))
        longest = recipe.encoder.max_length - 2
        taken = bool(owner) and not recipe.plans()[owner].is_trained
        if taken:
            longest = min(longest, models.open_model(owner, str(run.model(owner))).max_tokens)
        statistics = {}
        with atomic_folder(context.output) as folder:
            for split in SPLITS:
                source = run.corpus(language) / f"{split}.arrow"
                source = training_text(run, recipe, language) if split == "train" else source
                counts = vocabulary.tokenise_split(source, tokenizer, longest, folder / split)
                statistics[split] = counts.model_dump(mode="json")
            self._check_enough(statistics["train"]["sequences"])
            write_json(folder / "tokens.json", statistics)
        if taken:
            self._look_first(context, vocabulary.TokenStatistics.model_validate(statistics["train"]).unknown_rate)

    def _check_enough(self, sequences: int) -> None:
        """Refuses too little text before anything is trained."""
        batches = {
            plan.name: (plan.training.batch.sentences or 1) * plan.training.accumulation
            for plan in self.recipe.plans().values()
            if self.language in plan.languages and plan.is_trained
        }
        if not batches:
            return
        name = max(batches, key=lambda each: batches[each])
        if sequences < batches[name]:
            raise InputError(
                f"{self.language} has {sequences:,} training sentences, less than one batch of {batches[name]:,}",
                where=f"models.{name}.training.batch",
                fix="add text, make the batch smaller, or leave the language out",
            )

    def _look_first(self, context: Context, unknown: float) -> None:
        """Says where a teacher does not know the language of its text, as soon as that is cut: labels may take hours.

        Args:
            context: told what there is to say.
            unknown: share of the text's tokens that are unknown to the teacher.
        """
        run, recipe, language, teacher = context.run, self.recipe, self.language, self.owner
        stores = [each for each in all_stores(recipe) if (each.teacher, each.language) == (teacher, language)]
        if all(store.labels.unused for store in stores):
            return
        opened, text = (
            models.open_model(teacher, str(run.model(teacher))),
            open_tokens(context.output / "train"),
        )
        some = np.unique(np.linspace(0, len(text) - 1, min(_LOOKED_AT, len(text))).astype(np.int64))
        masks = recipe.masking, label_masks_seed(recipe)
        source = Source(language, text, opened.special, *masks, sequences=some)
        one_shard = len(text.ids) + 1
        with TemporaryDirectory() as folder:
            into = Path(folder) / "labels"
            labels.label_text(
                opened.model, source, opened.special, StoreSettings(k=1), {}, into, shard_tokens=one_shard
            )
            about = open_store(into).statistics
        seen = StoredText(
            teacher=teacher,
            language=language,
            k=1,
            positions=about.positions,
            size=0,
            unknown=unknown,
            loss=about.loss / about.positions if about.positions else None,
            counting=counting_loss(text),
        )
        for doubt in doubtful([seen]):
            context.remark(doubt)


def counting_loss(text: TokenizedText) -> float:
    """What guessing the tokens of a text by their frequency costs, in nats a token; from its first tokens."""
    counts = np.bincount(text.ids[:_COUNTED])
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
