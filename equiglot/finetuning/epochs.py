"""What all tasks share that models are fine-tuned on: batches in epochs, and validation language by language."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from equiglot.evaluation import METRICS, Gold, GoldAnswers
from equiglot.hashing import hash_u64, permute
from equiglot.models import move_array
from equiglot.objectives import Losses, Term
from equiglot.probing.reading import Integers
from equiglot.tasks import LabelledSplit, OpenTask
from equiglot.training import TrainingBatch, Validation

CHOOSING = {
    "pos": "accuracy",
    "parse": "las",
    "ner": "entity_f1",
    "topic": "accuracy",
    "pair": "accuracy",
    "place": "macro_f1",
    "qa": "f1",
}
"""Task -> the metric by which the best weights are chosen on dev data."""

_POOL = 64  # batches that are sorted by length together: almost nothing is padding
_ROWS, _BATCHES = 0, 1  # what is permuted


class EpochTask(ABC):
    """Something that is learnt in epochs, and validated on the dev data of each language that it is learnt from.

    Attributes:
        epoch_batches: how many batches an epoch has.

    Args:
        task: the labelled data.
        languages: those that are trained on.
        lengths: tokens of each row of the training data, int64 [rows].
        batch: rows of a batch.
        seed: of the order (`epoch_order`).
    """

    lower_is_better = False

    def __init__(self, task: OpenTask, languages: Sequence[str], lengths: Integers, *, batch: int, seed: int) -> None:
        self.languages, self.metric = tuple(languages), CHOOSING[task.summary.task]
        self.epoch_batches, self._size = math.ceil(len(lengths) / batch), batch
        self._orders = lru_cache(maxsize=1)(lambda epoch: epoch_order(lengths, batch, seed, epoch))

    def batch(self, index: int) -> TrainingBatch:
        """The batch at `index`."""
        epoch, place = divmod(index, self.epoch_batches)
        rows, starts = self._orders(epoch)
        return self.lay_out(rows[starts[place] : starts[place] + self._size], f"epoch {epoch}, batch {place}")

    @abstractmethod
    def lay_out(self, rows: Integers, identity: str) -> TrainingBatch:
        """Rows int64 [n] of the training data as a batch on the model's device; `identity` says where it is from."""

    @abstractmethod
    def losses(self, model: Any, batch: Any, progress: float) -> Losses:
        """The loss, summed over the items of a batch."""

    @abstractmethod
    def held_out(self, language: str) -> tuple[float, float]:
        """The metric (percent) and the loss of an item on a language's dev data, in fp32."""

    def validate(self, model: Any) -> Validation:
        """Both on the dev data of every language."""
        found = {language: self.held_out(language) for language in self.languages}
        scores, losses = ({language: each[place] for language, each in found.items()} for place in (0, 1))
        return Validation(scores=scores, losses=losses)


def summed(values: Tensor, languages: Integers) -> Losses:
    """Losses float32 [items] of items in `languages` int64 [items], summed."""
    counted = torch.ones_like(values, dtype=torch.bool)
    return Losses(values.sum(), {"hard": Term(values.detach(), counted, move_array(languages, values.device))})


def epoch_order(lengths: Integers, size: int, seed: int, epoch: int) -> tuple[Integers, Integers]:
    """The order of an epoch, a function of seed and epoch: rows are permuted, sorted by length within a pool of
    batches, and batches are permuted.

    Args:
        lengths: int64 [rows].
        size: rows of a batch.
        seed: of the order.
        epoch: 0, 1, ...

    Returns:
        All rows, int64 [rows], and where the batches begin among them, int64 [batches].
    """
    count, key = len(lengths), (int(hash_u64(seed, epoch, what)[0]) for what in (_ROWS, _BATCHES))
    rows = permute(np.arange(count, dtype=np.uint64), count, next(key)).astype(np.int64)
    rows = rows[np.lexsort((lengths[rows], np.arange(count) // (_POOL * size)))]
    number = math.ceil(count / size)
    batches = permute(np.arange(number, dtype=np.uint64), number, next(key))
    return rows, batches.astype(np.int64) * size


def gold_of(split: LabelledSplit) -> Gold:
    """The right labels of a split; of a treebank, its trees."""
    labels = split.labels if split.heads is None else np.stack([split.heads, split.labels], axis=1)
    return Gold(labels, split.lengths, split.scored, split.lenient)


def score_of_labels(metric: str, gold: Gold | GoldAnswers, predicted: npt.NDArray[Any], labels: Sequence[str]) -> float:
    """A metric of predicted labels, or answers, in percent."""
    rule = METRICS[metric].labels
    assert rule is not None
    return float(rule.score(rule.count(gold, predicted, labels).sum(axis=0).astype(np.float64)))
