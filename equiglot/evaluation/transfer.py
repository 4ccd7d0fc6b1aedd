"""Probes trained on one language and tested on another: the estimates of all pairs of a model, and their file."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from equiglot.evaluation.counting import Gold
from equiglot.evaluation.entities import Tags
from equiglot.evaluation.rows import Bootstrap
from equiglot.evaluation.statistics import Estimate
from equiglot.evaluation.tagging import score_labels


class PairKey(NamedTuple):
    """What an estimate is of.

    Attributes:
        metric: what was measured.
        source: the language that the probe was trained on.
        target: the language that it was tested on.
        seed: of the probe's initial weights; 0, 1 and so on.
    """

    metric: str
    source: str
    target: str
    seed: int


PairEstimates = dict[PairKey, Estimate]
"""All that is known of a model in a task; in percent."""


def pair_estimates(
    task: str,
    labels: Sequence[str],
    gold: Mapping[str, Gold],
    predictions: Mapping[tuple[str, str, int], Tags],
    bootstrap: Bootstrap,
) -> PairEstimates:
    """Every metric of the task for every pair of languages, paired between models, sources and metrics.

    Args:
        task: "pos", "ner", "topic" or "place".
        labels: names of the task's labels.
        gold: language -> the right labels of its test set.
        predictions: (source, target, seed of the probe) -> int16 [items of the target's test set].
        bootstrap: how intervals are made.

    Raises:
        ValueError: there are not as many predicted labels as right ones.
    """
    pairs = defaultdict(list)
    for pair in predictions:
        pairs[pair[1]].append(pair)
    estimates: PairEstimates = {}
    for target, of_target in pairs.items():
        predicted = [predictions[pair] for pair in of_target]
        scored = score_labels(task, labels, gold[target], predicted, language=target, bootstrap=bootstrap)
        for pair, metrics in zip(of_target, scored, strict=True):
            estimates |= {PairKey(metric, *pair): estimate for metric, estimate in metrics.items()}
    return estimates


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
