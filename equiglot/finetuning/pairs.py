"""Pairs of texts classified by an encoder, such as whether one follows from the other (XNLI) or says the same (PAWS-X).

The two texts are put together as the model's own tokenizer does it, with its special tokens and, where it has them, the
type ids of the first and of the second (Devlin et al., 2019, section 4.1). What is too long for the model is cut at the
end of the longer text, until both fit: that is the tokenizers' "longest first".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from equiglot.finetuning.epochs import EpochTask, gold_of, score_of_labels, summed
from equiglot.finetuning.two_texts import JoinedTexts, PairFormat, join_texts, pair_format
from equiglot.masking.collate import bucket_rows
from equiglot.models import OpenModel, move_array
from equiglot.objectives import Losses
from equiglot.probing.reading import Integers, ItemReader
from equiglot.tasks import OpenTask

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOKENS = 4096  # of one forward pass of a prediction; the result does not depend on it, beyond rounding


@dataclass(frozen=True)
class _Texts:
    """Texts as tokens, one after the other.

    Attributes:
        ids: int64 [tokens].
        begins, ends: int64 [texts], the tokens that are read of each.
    """

    ids: Integers
    begins: Integers
    ends: Integers

    def of(self, row: int) -> Integers:
        """The tokens of a text that are read."""
        return self.ids[self.begins[row] : self.ends[row]]


@dataclass(frozen=True)
class Pairs:
    """Pairs as tokens, cut to what the model reads at once.

    Attributes:
        first, second: the texts of each.
        gold: int64 [pairs], labels.
        languages: int64 [pairs], places in the list of languages that they were read in.
        form: the special tokens.
    """

    first: _Texts
    second: _Texts
    gold: Integers
    languages: Integers
    form: PairFormat

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def lengths(self) -> Integers:
        """Tokens of each pair, special ones included, int64 [pairs]."""
        sizes: Integers = sum((each.ends - each.begins for each in (self.first, self.second)), self.gold * 0)
        return sizes + self.form.size


def longest_first(first: Integers, second: Integers, room: int) -> tuple[Integers, Integers]:
    """How many tokens are left of texts of so many, int64 [pairs] each, of which `room` can be read together.

    The longer text is cut to the length of the other, then both; of an odd token the longer has more, or the second.
    """
    shorter = np.minimum(np.minimum(first, second), room // 2)
    longer = np.minimum(np.maximum(first, second), room - shorter)
    swapped = first > second
    return np.where(swapped, longer, shorter), np.where(swapped, shorter, longer)


def read_pairs(opened: OpenModel, task: OpenTask, split: str, languages: Sequence[str]) -> Pairs:
    """A split of several languages, one after the other; those without it have no pairs.

    Args:
        opened: the model.
        task: the labelled pairs.
        split: "train", "dev" or "test".
        languages: in this order.
    """
    found = [(place, task.split(language, split)) for place, language in enumerate(languages)]
    there = [(place, each) for place, each in found if each is not None]
    form, reader = pair_format(opened), ItemReader(opened, "sentence")
    sides = [reader.read([[pair[side]] for _, each in there for pair in each.words]) for side in (0, 1)]
    room = opened.max_tokens + 2 - form.size
    sizes = longest_first(np.diff(sides[0].offsets), np.diff(sides[1].offsets), room)
    texts = [
        _Texts(read.ids, read.offsets[:-1], read.offsets[:-1] + size) for read, size in zip(sides, sizes, strict=True)
    ]
    return Pairs(
        first=texts[0],
        second=texts[1],
        gold=np.concatenate([np.empty(0, np.int64), *(each.labels.astype(np.int64) for _, each in there)]),
        languages=np.repeat([place for place, _ in there], [len(each.words) for _, each in there]).astype(np.int64),
        form=form,
    )


@dataclass(frozen=True)
class PairBatch:
    """Some pairs, on the model's device.

    Attributes:
        texts: both texts of each.
        gold: int64 [rows].
        languages: int64 [rows].
        identity: where the batch comes from.
    """

    texts: JoinedTexts
    gold: Tensor
    languages: Integers
    identity: str

    @property
    def lengths(self) -> Integers:
        """Tokens of each pair, special ones included, int64 [rows]."""
        return self.texts.lengths

    @property
    def count(self) -> int:
        """Rows: the loss is summed over them."""
        return len(self.languages)


def lay_out_pairs(pairs: Pairs, rows: Integers, opened: OpenModel, identity: str = "") -> PairBatch:
    """The pairs at `rows` int64 [rows] as a batch on the model's device."""
    texts = join_texts([(pairs.first.of(row), pairs.second.of(row)) for row in rows], pairs.form, opened)
    gold = move_array(pairs.gold[rows], opened.model.device)
    return PairBatch(texts, gold, pairs.languages[rows], identity)


def pair_logits(model: PreTrainedModel, batch: PairBatch) -> Tensor:
    """Logits float32 [rows, labels]."""
    logits: Tensor = model(**batch.texts.arguments).logits
    return logits.float()


@torch.no_grad()
def predict_pairs(opened: OpenModel, pairs: Pairs) -> tuple[npt.NDArray[np.int16], float]:
    """The likeliest label of every pair, int16 [pairs], and the mean cross-entropy of the right ones, in nats."""
    predicted, total = np.zeros(len(pairs), np.int16), 0.0
    for rows in bucket_rows(pairs.lengths - 2, _TOKENS):
        batch = lay_out_pairs(pairs, rows, opened)
        logits = pair_logits(opened.model, batch)
        predicted[rows] = logits.argmax(1).cpu().numpy()
        total += float(functional.cross_entropy(logits, batch.gold, reduction="sum"))
    return predicted, total / max(1, len(pairs))


class PairClassification(EpochTask):
    """Learns to classify pairs.

    Args:
        opened: the model that is trained, with its tokenizer.
        task: the labelled pairs.
        languages: those that it is trained on; all have training and dev data.
        batch: pairs of a batch.
        seed: of the order.
    """

    def __init__(self, opened: OpenModel, task: OpenTask, languages: Sequence[str], *, batch: int, seed: int) -> None:
        self._opened, self._labels = opened, task.summary.labels
        self._train = read_pairs(opened, task, "train", languages)
        dev = {code: split for code in languages if (split := task.split(code, "dev")) is not None}
        self._dev = {code: (read_pairs(opened, task, "dev", [code]), gold_of(split)) for code, split in dev.items()}
        super().__init__(task, languages, self._train.lengths, batch=batch, seed=seed)

    def lay_out(self, rows: Integers, identity: str) -> PairBatch:
        """Some of the pairs of the training data."""
        return lay_out_pairs(self._train, rows, self._opened, identity)

    def losses(self, model: PreTrainedModel, batch: PairBatch, progress: float) -> Losses:
        """Cross-entropy, summed over the pairs."""
        logits = pair_logits(model, batch)
        with torch.autocast(logits.device.type, enabled=False):
            values = functional.cross_entropy(logits, batch.gold, reduction="none")
        return summed(values, batch.languages)

    def held_out(self, language: str) -> tuple[float, float]:
        """The metric and the loss."""
        pairs, gold = self._dev[language]
        predicted, loss = predict_pairs(self._opened, pairs)
        return score_of_labels(self.metric, gold, predicted, self._labels), loss
