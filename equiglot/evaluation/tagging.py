"""Every metric of the labels that a task's probes predict, in percent, with resamples for intervals."""

from collections.abc import Callable, Sequence

import numpy as np

from equiglot.evaluation.counting import Gold
from equiglot.evaluation.entities import Tags
from equiglot.evaluation.metrics import metrics_of, primary_of
from equiglot.evaluation.rows import Bootstrap
from equiglot.evaluation.statistics import Estimate, resample_sums


def score_labels(
    task: str, labels: Sequence[str], gold: Gold, predictions: Sequence[Tags], *, language: str, bootstrap: Bootstrap
) -> list[dict[str, Estimate]]:
    """Every metric of the task, in percent, for each of several predictions about the same test set.

    Estimates are paired: resamples of sentences depend only on the bootstrap's seed, the language and the number of
    sentences.

    Args:
        task: one with labels.
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
    rules = {metric.name: metric.labels for metric in metrics_of(task) if metric.labels}
    asked = [(place, name, rule) for place in range(len(predictions)) for name, rule in rules.items()]
    tables = [rule.count(gold, predictions[place], labels).astype(np.int32) for place, _, rule in asked]
    sums = resample_sums(tables, resamples=bootstrap.resamples, seed=bootstrap.seed, salt=language)
    scored: list[dict[str, Estimate]] = [{} for _ in predictions]
    for (place, name, rule), table, resampled in zip(asked, tables, sums, strict=True):
        value = float(rule.score(table.sum(axis=0).astype(np.float64)))
        scored[place][name] = Estimate(value, rule.score(resampled), len(gold.labels))
    return scored


def primary_metric(task: str, labels: Sequence[str]) -> Callable[[Tags, Tags], float]:
    """What models are compared by in a task, for choosing settings on dev.

    Args:
        task: one with labels.
        labels: names of the labels.

    Returns:
        Gold and predicted labels, int16 [items] each -> percent.
    """
    rule = primary_of(task).labels
    assert rule is not None

    def score(gold: Tags, predicted: Tags) -> float:
        table = rule.count(Gold(gold, np.array([len(gold)])), predicted, labels)
        return float(rule.score(table[0].astype(np.float64)))

    return score
