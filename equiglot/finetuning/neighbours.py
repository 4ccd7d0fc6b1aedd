"""What a parser scores that has learnt nothing of words: every word hangs on its neighbour."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from equiglot.evaluation import Gold, metrics_of
from equiglot.finetuning.epochs import CHOOSING, gold_of, score_of_labels
from equiglot.finetuning.scores import Predictions
from equiglot.tasks import OpenTask

Trees = npt.NDArray[np.int16]


def neighbour_baseline(task: OpenTask, language: str) -> dict[str, float] | None:
    """UAS and LAS in percent on the test data of a language, of trees as `neighbour_predictions` makes them.

    Args:
        task: treebanks.
        language: one of them.

    Returns:
        Metric -> percent; None where the language has no training data or no test data.
    """
    test = task.split(language, "test")
    if test is None or task.split(language, "train") is None:
        return None
    asked, (predicted,) = gold_of(test), neighbour_predictions(task, [language], [language])[language]
    labels, metrics = task.summary.labels, metrics_of(task.summary.task)
    return {each.name: score_of_labels(each.name, asked, predicted, labels) for each in metrics}


def neighbour_predictions(task: OpenTask, trained: Sequence[str], tested: Sequence[str]) -> Predictions:
    """Trees in which each word hangs on the word before it and the first on the root, or each on the word behind it and
    the last on the root: whichever has the higher LAS on the training data of some languages together.

    The relation to the neighbour, and that to the root, is the one that is most frequent at such arcs there.

    Args:
        task: treebanks.
        trained: languages with training data.
        tested: languages with test data.

    Returns:
        Language -> int16 [1, words, 2], heads and relations, as `fine_tuned_estimates` takes them.

    Raises:
        ValueError: no language has training data.
    """
    known = [gold_of(split) for code in trained if (split := task.split(code, "train")) is not None]
    if not known:
        raise ValueError(f"none of {', '.join(trained) or 'no languages'} has training data")
    step, relations = _best(_joined(known), task)
    asked = {code: split for code in tested if (split := task.split(code, "test")) is not None}
    return {code: _trees(split.lengths, step, relations)[None] for code, split in asked.items()}


def _joined(known: Sequence[Gold]) -> Gold:
    """Several languages' trees as one; a word counts in scores where it does in its own language."""
    labels, lengths = (np.concatenate(each) for each in zip(*((one.labels, one.lengths) for one in known), strict=True))
    counted = [np.ones(len(one.labels), dtype=bool) if one.scored is None else one.scored for one in known]
    return Gold(labels, lengths, None if all(one.scored is None for one in known) else np.concatenate(counted))


def _best(known: Gold, task: OpenTask) -> tuple[int, tuple[int, int]]:
    """Which neighbour words hang on, -1 or 1 places further, and with which relations (`_relations`)."""
    metric, names = CHOOSING[task.summary.task], task.summary.labels
    found = []
    for step in (-1, 1):
        relations = _relations(known, step)
        score = score_of_labels(metric, known, _trees(known.lengths, step, relations), names)
        found.append((score, step, relations))
    return max(found)[1:]


def _heads(lengths: npt.NDArray[np.int64], step: int) -> npt.NDArray[np.int64]:
    """Of each word its number plus `step`, int64 [words]; 0 where no word stands there."""
    places = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    heads: npt.NDArray[np.int64] = places + step
    return np.where(heads > np.repeat(lengths, lengths), 0, heads)


def _relations(gold: Gold, step: int) -> tuple[int, int]:
    """The most frequent relation of arcs to the neighbour, and of those to the root; where there is none, of all.

    Words that count in no score are not looked at.
    """
    counted = slice(None) if gold.scored is None or not gold.scored.any() else gold.scored
    heads, relations = gold.labels[counted, 0], gold.labels[counted, 1]
    right = heads == _heads(gold.lengths, step)[counted]
    counts = [np.bincount(relations[right & (heads > 0)]), np.bincount(relations[heads == 0])]
    to_neighbour, to_root = (int((each if len(each) else np.bincount(relations)).argmax()) for each in counts)
    return to_neighbour, to_root


def _trees(lengths: npt.NDArray[np.int64], step: int, relations: tuple[int, int]) -> Trees:
    heads = _heads(lengths, step)
    return np.stack([heads, np.where(heads > 0, *relations)], axis=1).astype(np.int16)
