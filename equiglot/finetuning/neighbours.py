"""What a parser scores that has learnt nothing of words: every word hangs on its neighbour."""

import numpy as np
import numpy.typing as npt

from equiglot.evaluation import Gold, metrics_of
from equiglot.finetuning.epochs import CHOOSING, gold_of, score_of_labels
from equiglot.tasks import OpenTask

Trees = npt.NDArray[np.int16]


def neighbour_baseline(task: OpenTask, language: str) -> dict[str, float] | None:
    """UAS and LAS in percent on the test data of a language, where each word hangs on the word before it and the first
    on the root, or each on the word behind it and the last on the root: whichever has the higher LAS on dev data.

    The relation to the neighbour, and that to the root, is the one that is most frequent at such arcs in dev data.

    Args:
        task: treebanks.
        language: one of them.

    Returns:
        Metric -> percent; None where the language has no dev or no test data.
    """
    dev, test = task.split(language, "dev"), task.split(language, "test")
    if dev is None or test is None:
        return None
    known, asked, labels = gold_of(dev), gold_of(test), task.summary.labels
    found = []
    for step in (-1, 1):
        relations = _relations(known, step)
        metric = CHOOSING[task.summary.task]
        found.append((score_of_labels(metric, known, _trees(known.lengths, step, relations), labels), step, relations))
    _, step, relations = max(found)
    predicted = _trees(asked.lengths, step, relations)
    return {each.name: score_of_labels(each.name, asked, predicted, labels) for each in metrics_of(task.summary.task)}


def _heads(lengths: npt.NDArray[np.int64], step: int) -> npt.NDArray[np.int64]:
    """Of each word its number plus `step`, int64 [words]; 0 where no word stands there."""
    places = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    heads: npt.NDArray[np.int64] = places + step
    return np.where(heads > np.repeat(lengths, lengths), 0, heads)


def _relations(gold: Gold, step: int) -> tuple[int, int]:
    """The most frequent relation of arcs to the neighbour, and of those to the root; where there is none, of all."""
    heads, relations = gold.labels[:, 0], gold.labels[:, 1]
    right = heads == _heads(gold.lengths, step)
    counts = [np.bincount(relations[right & (heads > 0)]), np.bincount(relations[heads == 0])]
    to_neighbour, to_root = (int((each if len(each) else np.bincount(relations)).argmax()) for each in counts)
    return to_neighbour, to_root


def _trees(lengths: npt.NDArray[np.int64], step: int, relations: tuple[int, int]) -> Trees:
    heads = _heads(lengths, step)
    return np.stack([heads, np.where(heads > 0, *relations)], axis=1).astype(np.int16)
