"""Predicted labels against right ones: counts by sentence, and metrics that are functions of their sums.

A bootstrap over sentences is then a product of matrices: of how often each sentence is drawn, and of its counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equiglot.evaluation.entities import Reader, TaggedText, Tags, count_entities, lenient_spans, strict_spans
from equiglot.evaluation.rows import Bootstrap
from equiglot.evaluation.score import PRIMARY, Metric
from equiglot.evaluation.statistics import Estimate, Floats, resample_sums

TASK_METRICS: dict[str, tuple[Metric, ...]] = {
    "pos": ("accuracy", "macro_f1", "seqeval_f1"),
    "ner": ("macro_f1", "entity_f1", "seqeval_f1", "accuracy"),
    "topic": ("accuracy", "macro_f1"),
    "place": ("macro_f1", "accuracy"),
}
"""What is measured of each task with labels; the first is what models are compared by (`PRIMARY`)."""

Table = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Gold:
    """The right labels of a test set. An item is a word, or a whole sentence where sentences are labelled.

    Attributes:
        labels: int16 [items], places in the task's labels.
        lengths: int64 [sentences], items of each; their sum is the number of items.
    """

    labels: Tags
    lengths: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Rule:
    """How a metric is made.

    Attributes:
        count: gold, predicted int16 [items], names of labels -> whole numbers [sentences, columns].
        score: their sums over sentences [..., columns] -> percent [...].
    """

    count: Callable[[Gold, Tags, Sequence[str]], Table]
    score: Callable[[Floats], Floats]


def score_labels(
    task: str, labels: Sequence[str], gold: Gold, predictions: Sequence[Tags], *, language: str, bootstrap: Bootstrap
) -> list[dict[Metric, Estimate]]:
    """Every metric of the task, in percent, for each of several predictions about the same test set.

    Estimates are paired: resamples of sentences depend only on the bootstrap's seed, the language and the number of
    sentences.

    Args:
        task: a key of `TASK_METRICS`.
        labels: names of the labels.
        gold: the right labels.
        predictions: int16 [items] each.
        language: of the test set.
        bootstrap: how intervals are made.

    Raises:
        ValueError: there are not as many predicted labels as right ones.
    """
    if any(len(predicted) != len(gold.labels) for predicted in predictions):
        raise ValueError(f"{language}: {len(gold.labels)} right labels, {[*map(len, predictions)]} predicted ones")
    asked = [(place, metric) for place in range(len(predictions)) for metric in TASK_METRICS[task]]
    tables = [_RULES[metric].count(gold, predictions[place], labels).astype(np.int32) for place, metric in asked]
    sums = resample_sums(tables, resamples=bootstrap.resamples, seed=bootstrap.seed, salt=language)
    scored: list[dict[Metric, Estimate]] = [{} for _ in predictions]
    for (place, metric), table, resampled in zip(asked, tables, sums, strict=True):
        score = _RULES[metric].score
        value = float(score(table.sum(axis=0).astype(np.float64)))
        scored[place][metric] = Estimate(value, score(resampled), len(gold.labels))
    return scored


def primary_metric(task: str, labels: Sequence[str]) -> Callable[[Tags, Tags], float]:
    """What models are compared by in a task, for choosing settings on dev.

    Args:
        task: a key of `TASK_METRICS`.
        labels: names of the labels.

    Returns:
        Gold and predicted labels, int16 [items] each -> percent.
    """
    rule = _RULES[PRIMARY[task]]

    def score(gold: Tags, predicted: Tags) -> float:
        table = rule.count(Gold(gold, np.array([len(gold)])), predicted, labels)
        return float(rule.score(table[0].astype(np.float64)))

    return score


def _count_right(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
    """[sentences, 2]: right items, all items."""
    sentences = _sentences(gold)
    right = np.bincount(sentences[gold.labels == predicted], minlength=len(gold.lengths))
    return np.stack([right, gold.lengths], axis=1)


def _share(sums: Floats) -> Floats:
    share: Floats = 100 * sums[..., 0] / np.maximum(1, sums[..., 1])
    return share


def _count_classes(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
    """[sentences, 3 * classes]: of each class the items that are right, those predicted, those in the gold."""
    sentences, right = _sentences(gold), gold.labels == predicted
    counted = ((sentences[right], predicted[right]), (sentences, predicted), (sentences, gold.labels))
    size = len(gold.lengths), len(labels)
    tables = [np.bincount(where * size[1] + which, minlength=size[0] * size[1]) for where, which in counted]
    return np.concatenate([table.reshape(size) for table in tables], axis=1)


def _count_spans(read: Reader) -> Callable[[Gold, Tags, Sequence[str]], Table]:
    """[sentences, 3]: entities that are right, those predicted, those in the gold."""

    def count(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
        right, guessed = (TaggedText.of(tags, gold.lengths, labels) for tags in (gold.labels, predicted))
        return count_entities(read(right, labels), read(guessed, labels), right)

    return count


def _mean_f1(sums: Floats) -> Floats:
    """F1, the mean over the classes that stand in the gold labels.

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


_RULES: dict[Metric, _Rule] = {
    "accuracy": _Rule(_count_right, _share),
    "macro_f1": _Rule(_count_classes, _mean_f1),
    "entity_f1": _Rule(_count_spans(strict_spans), _mean_f1),
    "seqeval_f1": _Rule(_count_spans(lenient_spans), _mean_f1),
}
