"""Words and texts classified by an encoder with a classifier on top: a training task, and its predictions.

A word is classified at the token that stands for it (`ItemReader`). A sentence longer than the model is read in windows
that overlap, each word of it in one of them. Of a long text each window is an example of the text's class; the text is
then given the class with the highest mean log-probability over its windows.
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

from equiglot.evaluation import Gold
from equiglot.finetuning.epochs import EpochTask, gold_of, score_of_labels, summed
from equiglot.masking.collate import bucket_rows
from equiglot.models import OpenModel, TensorBatch, move_array
from equiglot.objectives import Losses
from equiglot.probing.reading import Integers, ItemReader, ReadItems, Windows, cut_windows, lay_out
from equiglot.tasks import OpenTask

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOKENS = 4096  # of one forward pass of a prediction; the result does not depend on it, beyond rounding
_POOL = 64  # batches that are sorted by length together: almost nothing is padding
_ROWS, _BATCHES = 0, 1  # what is permuted


@dataclass(frozen=True)
class Examples:
    """Labelled sentences as tokens, cut into windows.

    Attributes:
        read: the sentences.
        windows: over them.
        gold: int64 [items], the label of each word or text.
        languages: int64 [windows], places in the list of languages that they were read in.
        unit: what an item is.
    """

    read: ReadItems
    windows: Windows
    gold: Integers
    languages: Integers
    unit: str

    def __len__(self) -> int:
        return len(self.languages)


def read_examples(opened: OpenModel, task: OpenTask, split: str, languages: Sequence[str]) -> Examples:
    """A split of several languages, one after the other; those without it have no examples.

    Args:
        opened: the model; sentences longer than its `max_tokens` are cut into windows.
        task: the labelled data.
        split: "train", "dev" or "test".
        languages: in this order.
    """
    found = [(place, task.split(language, split)) for place, language in enumerate(languages)]
    there = [(place, each) for place, each in found if each is not None]
    unit = task.summary.unit
    read = ItemReader(opened, unit).read([words for _, each in there for words in each.words])
    windows = cut_windows(read.offsets, opened.max_tokens)
    of_sentences = np.repeat([place for place, _ in there], [len(each.words) for _, each in there])
    sentences = np.searchsorted(read.offsets, windows.begins, side="right") - 1
    gold = np.concatenate([np.empty(0, np.int64), *(each.labels.astype(np.int64) for _, each in there)])
    return Examples(read, windows, gold, of_sentences.astype(np.int64)[sentences], unit)


@dataclass(frozen=True)
class LabelledBatch:
    """Some windows.

    Attributes:
        tensors: what the model reads; its targets are the tokens that stand for a word, or for a text.
        items: int64 [m], the words at the targets; or the texts of the rows.
        gold: int64 [m], their labels.
        item_languages: int64 [m], the language of each.
        languages: int64 [rows].
        lengths: int64 [rows], special tokens included.
        identity: where the batch comes from.
    """

    tensors: TensorBatch
    items: Integers
    gold: Integers
    item_languages: Integers
    languages: Integers
    lengths: Integers
    identity: str

    @property
    def count(self) -> int:
        """m."""
        return len(self.items)


def lay_out_examples(examples: Examples, rows: Integers, opened: OpenModel, identity: str = "") -> LabelledBatch:
    """The windows at `rows` int64 [rows] as a batch on the model's device."""
    windows, languages = examples.windows.take(rows), examples.languages[rows]
    tensors, at_targets = lay_out(examples.read, windows, opened)
    if examples.unit == "word":
        items, of_rows = at_targets.numpy(), (tensors.targets // tensors.inputs.shape[1]).cpu().numpy()
    else:
        items, of_rows = examples.read.items[windows.begins], np.arange(len(rows))
    return LabelledBatch(
        tensors, items, examples.gold[items], languages[of_rows], languages, windows.lengths + 2, identity
    )


def item_logits(model: PreTrainedModel, batch: LabelledBatch) -> Tensor:
    """Logits float32 [m, labels] of the items of a batch."""
    tensors = batch.tensors
    logits: Tensor = model(input_ids=tensors.inputs, attention_mask=tensors.attention).logits
    return (logits.flatten(0, 1)[tensors.targets] if logits.dim() == 3 else logits).float()


@torch.no_grad()
def predict(opened: OpenModel, examples: Examples) -> tuple[npt.NDArray[np.int16], float]:
    """The likeliest label of every item, int16 [items], and the mean cross-entropy of the right ones, in nats.

    Every item of the examples has a label: none is skipped.
    """
    device, count = opened.model.device, examples.read.count
    sums, counts = torch.zeros(count, len(opened.model.config.id2label or ()), device=device), np.zeros(count, np.int64)
    for rows in bucket_rows(examples.windows.lengths, _TOKENS):
        batch = lay_out_examples(examples, rows, opened)
        logits = item_logits(opened.model, batch).log_softmax(1)
        sums.index_add_(0, move_array(batch.items, device), logits)
        np.add.at(counts, batch.items, 1)
    assert counts.all()  # no word, and no text, is without a token
    means = sums.cpu() / torch.from_numpy(counts)[:, None]
    loss = functional.nll_loss(means, torch.from_numpy(examples.gold)) if len(counts) else torch.zeros(())
    return means.argmax(1).numpy().astype(np.int16), float(loss)


class Classification(EpochTask):
    """Learns to label words or texts.

    Args:
        opened: the model that is trained, with its tokenizer.
        task: the labelled data.
        languages: those that it is trained on; all have training and dev data.
        batch: windows of a batch.
        seed: of the order.
    """

    def __init__(self, opened: OpenModel, task: OpenTask, languages: Sequence[str], *, batch: int, seed: int) -> None:
        self._opened, self._labels = opened, task.summary.labels
        self._train = read_examples(opened, task, "train", languages)
        self._dev = {code: _held_out(opened, task, code) for code in languages}
        super().__init__(task, languages, self._train.windows.lengths, batch=batch, seed=seed)

    def lay_out(self, rows: Integers, identity: str) -> LabelledBatch:
        """Some of the windows of the training data."""
        return lay_out_examples(self._train, rows, self._opened, identity)

    def losses(self, model: PreTrainedModel, batch: LabelledBatch, progress: float) -> Losses:
        """Cross-entropy, summed over the items."""
        logits = item_logits(model, batch)
        gold = move_array(batch.gold, logits.device)
        with torch.autocast(logits.device.type, enabled=False):
            values = functional.cross_entropy(logits, gold, reduction="none")
        return summed(values, batch.item_languages)

    def held_out(self, language: str) -> tuple[float, float]:
        """The metric and the loss."""
        examples, gold = self._dev[language]
        predicted, loss = predict(self._opened, examples)
        return score_of_labels(self.metric, gold, predicted, self._labels), loss


def _held_out(opened: OpenModel, task: OpenTask, language: str) -> tuple[Examples, Gold]:
    split = task.split(language, "dev")
    assert split is not None  # a tenth of the training data is, where there is no other
    return read_examples(opened, task, "dev", [language]), gold_of(split)
