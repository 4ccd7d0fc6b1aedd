"""From what fine-tuned models predict to rows of scores."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from equiglot.evaluation import ALL, IN_LANGUAGE, ZERO_SHOT, Bootstrap, Estimate, Gold, Score, mean_over, score_labels
from equiglot.evaluation.rows import score_of
from equiglot.evaluation.statistics import mean_on_same

Predictions = Mapping[str, npt.NDArray[np.int16]]
"""Language -> int16 [seeds, items]."""


def fine_tuned_rows(
    model: str,
    task: str,
    labels: Sequence[str],
    gold: Mapping[str, Gold],
    predictions: Predictions,
    *,
    trained: Sequence[str],
    bootstrap: Bootstrap,
    seed: int,
) -> Iterator[Score]:
    """Every metric of the task by language, and the means over languages where there are several.

    `value` is the mean over seeds, `deviation` their standard deviation (n - 1); the interval is of sentences (a
    bootstrap of that mean), and does not contain the noise of training. `source` says whether the model was trained on
    the language (`IN_LANGUAGE`); or `ZERO_SHOT`, on others only.

    Args:
        model: its name.
        task: "pos", "ner" or "topic".
        labels: their names.
        gold: language -> the right labels of its test set.
        predictions: of all trainings, the same languages.
        trained: the languages that it was trained on.
        bootstrap: how intervals are made.
        seed: the first of the trainings'.
    """
    sources = {code: IN_LANGUAGE if code in trained else ZERO_SHOT for code in gold}
    scored = {
        code: score_labels(task, labels, gold[code], list(predictions[code]), language=code, bootstrap=bootstrap)
        for code in gold
    }
    for code, seeds in scored.items():
        for metric in seeds[0]:
            estimates = [each[metric] for each in seeds]
            yield _row(estimates, model=model, task=task, language=code, metric=metric, seed=seed, source=sources[code])
    for source in dict.fromkeys(sources.values()):
        codes = [code for code in gold if sources[code] == source]
        for metric in scored[codes[0]][0] if len(codes) > 1 else ():
            by_seed = zip(*(scored[code] for code in codes), strict=True)
            means = [mean_over([each[metric] for each in languages]) for languages in by_seed]
            yield _row(means, model=model, task=task, language=ALL, metric=metric, seed=seed, source=source)


def _row(estimates: Sequence[Estimate], **identity: str | int) -> Score:
    values = [each.value for each in estimates]
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return score_of(mean_on_same(estimates), deviation=deviation, repeats=len(values), **identity)
