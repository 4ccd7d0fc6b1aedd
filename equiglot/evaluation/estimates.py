"""What is measured of one model, as estimates that any comparison with other models can be made of; and their file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from equiglot.evaluation.answers import GoldAnswers
from equiglot.evaluation.counting import Gold, Tags
from equiglot.evaluation.metrics import MASKED_LM, metrics_of, primary_of
from equiglot.evaluation.statistics import Bootstrap, Estimate, by_sentence

if TYPE_CHECKING:
    from equiglot.evaluation.mlm import MaskedPositions

ESTIMATES = "estimates.safetensors"
"""The file of a model's estimates, in the folder of its scores."""


class PairKey(NamedTuple):
    """What an estimate is of.

    Attributes:
        metric: what was measured.
        source: the language that was trained on, by a probe or in fine-tuning; of a model that was fine-tuned on others
            than the target, all of these, joined by "+". None where nothing is trained to be scored.
        target: the language that it was tested on.
        seed: of the probe's initial weights, or of fine-tuning; 0, 1 and so on.
    """

    metric: str
    source: str | None
    target: str
    seed: int


PairEstimates = dict[PairKey, Estimate]
"""All that is known of a model in a task; in percent, losses in nats."""


def position_estimates(language: str, positions: MaskedPositions, bootstrap: Bootstrap) -> PairEstimates:
    """Every metric at the masked positions of a language, paired between models: the resamples are the language's."""
    counts = np.bincount(positions.sequences, minlength=positions.count)
    estimates: PairEstimates = {}
    for metric in metrics_of(MASKED_LM):
        assert metric.positions is not None
        values = metric.positions(positions.ranks, positions.losses)
        sums = by_sentence(values, positions.sequences, positions.count)
        estimates[PairKey(metric.name, None, language, 0)] = bootstrap.mean(sums, counts, language)
    return estimates


def pair_estimates(
    task: str,
    labels: Sequence[str],
    gold: Mapping[str, Gold | GoldAnswers],
    predictions: Mapping[tuple[str, str, int], npt.NDArray[Any]],
    bootstrap: Bootstrap,
) -> PairEstimates:
    """Every metric of the task for every pair of languages, paired between models, sources and metrics.

    Args:
        task: "pos", "parse", "ner", "topic", "place" or "qa".
        labels: names of the task's labels.
        gold: language -> the right labels, or answers, of its test set.
        predictions: (source, target, seed of the probe) -> int16 [items of the target's test set], as `Gold` has
            labels, or `Answers`.
        bootstrap: how intervals are made.

    Raises:
        ValueError: there are not as many predicted labels as right ones.
    """
    estimates: PairEstimates = {}
    for target in dict.fromkeys(target for _, target, _ in predictions):
        of_target = {pair: predicted for pair, predicted in predictions.items() if pair[1] == target}
        predicted = list(of_target.values())
        scored = score_labels(task, labels, gold[target], predicted, language=target, bootstrap=bootstrap)
        for pair, metrics in zip(of_target, scored, strict=True):
            estimates |= {PairKey(metric, *pair): estimate for metric, estimate in metrics.items()}
    return estimates


def score_labels(
    task: str,
    labels: Sequence[str],
    gold: Gold | GoldAnswers,
    predictions: Sequence[npt.NDArray[Any]],
    *,
    language: str,
    bootstrap: Bootstrap,
) -> list[dict[str, Estimate]]:
    """Every metric of the task, in percent, for each of several predictions about the same test set; paired.

    Args:
        task: one with labels, or with answers.
        labels: names of the labels.
        gold: the right labels, or answers.
        predictions: int16 [items] each, or `Answers`.
        language: of the test set.
        bootstrap: how intervals are made.

    Returns:
        For each prediction, metric -> estimate.

    Raises:
        ValueError: there are not as many predicted labels as right ones.
    """
    if any(len(predicted) != len(gold) for predicted in predictions):
        raise ValueError(f"{language}: {len(gold)} right labels, {[*map(len, predictions)]} predicted ones")
    counted = int(gold.scored.sum()) if isinstance(gold, Gold) and gold.scored is not None else len(gold)
    rules = {metric.name: metric.labels for metric in metrics_of(task) if metric.labels}
    asked = [(place, name, rule) for place in range(len(predictions)) for name, rule in rules.items()]
    tables = [rule.count(gold, predictions[place], labels).astype(np.int32) for place, _, rule in asked]
    scored: list[dict[str, Estimate]] = [{} for _ in predictions]
    for (place, name, rule), table, resampled in zip(asked, tables, bootstrap.sums(tables, language), strict=True):
        value = float(rule.score(table.sum(axis=0).astype(np.float64)))
        scored[place][name] = Estimate(value, rule.score(resampled), counted)
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


def monolingual(estimates: Mapping[str, PairEstimates]) -> PairEstimates:
    """The monolingual teachers taken together, each in its own language.

    Args:
        estimates: language -> all that is known of its teacher.
    """
    return {
        key: estimate
        for language, of_teacher in estimates.items()
        for key, estimate in of_teacher.items()
        if key.source == key.target == language
    }


def write_estimates(path: Path, estimates: PairEstimates) -> None:
    """Writes estimates as safetensors, replicates as float32; the keys are JSON in the file's metadata."""
    each = list(estimates.values())
    arrays = {
        "values": np.array([one.value for one in each]),
        "n": np.array([one.n for one in each], dtype=np.int64),
        "replicates": np.array([one.replicates for one in each], dtype=np.float32),
    }
    save_file(arrays, path, metadata={"keys": json.dumps(list(estimates), ensure_ascii=False)})


def read_estimates(path: Path) -> PairEstimates:
    """Reads what `write_estimates` wrote."""
    with safe_open(path, "numpy") as file:
        keys = [PairKey(*key) for key in json.loads(file.metadata()["keys"])]
        values, n, replicates = (file.get_tensor(name) for name in ("values", "n", "replicates"))
    numbers = zip(keys, values.tolist(), n.tolist(), replicates.astype(np.float64), strict=True)
    return {key: Estimate(value, each, count) for key, value, count, each in numbers}
