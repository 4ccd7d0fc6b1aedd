"""Predicted labels against right ones: counts by sentence, and scores that are functions of their sums.

A bootstrap over sentences is then a product of matrices: of how often each sentence is drawn, and of its counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equiglot.evaluation.entities import Reader, TaggedText, Tags, count_entities
from equiglot.evaluation.statistics import Floats

Table = npt.NDArray[np.int64]
"""Whole numbers [sentences, columns]."""


@dataclass(frozen=True)
class Gold:
    """The right labels of a test set. An item is a word, or a whole sentence where sentences are labelled.

    Attributes:
        labels: int16 [items], places in the task's labels.
        lengths: int64 [sentences], items of each; their sum is the number of items.
    """

    labels: Tags
    lengths: npt.NDArray[np.int64]


def count_right(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
    """[sentences, 2]: right items, all items."""
    sentences = _sentences(gold)
    right = np.bincount(sentences[gold.labels == predicted], minlength=len(gold.lengths))
    return np.stack([right, gold.lengths], axis=1)


def share(sums: Floats) -> Floats:
    """Sums over sentences of `count_right` [..., 2] -> percent [...]."""
    percent: Floats = 100 * sums[..., 0] / np.maximum(1, sums[..., 1])
    return percent


def count_classes(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
    """[sentences, 3 * classes]: of each class the items that are right, those predicted, those in the gold."""
    sentences, right = _sentences(gold), gold.labels == predicted
    counted = ((sentences[right], predicted[right]), (sentences, predicted), (sentences, gold.labels))
    size = len(gold.lengths), len(labels)
    tables = [np.bincount(where * size[1] + which, minlength=size[0] * size[1]) for where, which in counted]
    return np.concatenate([table.reshape(size) for table in tables], axis=1)


def count_spans(read: Reader) -> Callable[[Gold, Tags, Sequence[str]], Table]:
    """[sentences, 3]: entities, as `read` reads labels, that are right, those predicted, those in the gold."""

    def count(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
        right, guessed = (TaggedText.of(tags, gold.lengths, labels) for tags in (gold.labels, predicted))
        return count_entities(read(right, labels), read(guessed, labels), right)

    return count


def mean_f1(sums: Floats) -> Floats:
    """F1 in percent [...], the mean over the classes that stand in the gold labels; `sums` are of `count_classes`.

    Of words or sentences it is scikit-learn's f1_score(gold, predicted, labels=np.unique(gold), average="macro"). With
    no `labels`, scikit-learn takes a class that is only predicted, never right, into the mean as well, with an F1 of 0.
    With a single class, "entity", it is the usual F1 of entities. In a resample the classes are the resample's own.
    """
    right, predicted, gold = np.split(sums, 3, axis=-1)
    f1: Floats = 200 * right / np.maximum(1, predicted + gold)  # 0 for a class that is not in the gold
    mean: Floats = f1.sum(axis=-1) / np.maximum(1, (gold > 0).sum(axis=-1))
    return mean


def _sentences(gold: Gold) -> npt.NDArray[np.int64]:
    """The sentence of each item."""
    return np.repeat(np.arange(len(gold.lengths)), gold.lengths)
