"""From what fine-tuned models predict to estimates, and to rows of scores."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from equiglot.evaluation import (
    ALL,
    Bootstrap,
    Gold,
    GoldAnswers,
    PairEstimates,
    Score,
    average_rows,
    averages,
    mean_over,
    pair_estimates,
)
from equiglot.evaluation.rows import score_of

PREDICTIONS, TRAINING = "predictions.safetensors", "training.json"
"""Beside a fine-tuned model: what it predicts, and the record of its training."""

Predictions = Mapping[str, npt.NDArray[Any]]
"""Language -> int16 [seeds, items]; of trees [seeds, words, 2], head and relation; of questions int32
[seeds, questions, 3] (`Answers`)."""


def fine_tuned_estimates(
    task: str,
    labels: Sequence[str],
    gold: Mapping[str, Gold | GoldAnswers],
    predictions: Predictions,
    *,
    trained: Sequence[str],
    bootstrap: Bootstrap,
) -> PairEstimates:
    """Every metric of the task by language and seed; paired between models, as the resamples are the language's.

    The source of a language that the model was trained on is the language itself; that of others is what it was trained
    on, codes joined by "+".

    Args:
        task: "pos", "parse", "ner", "topic" or "qa", or as in `Score` (`fine_tuned_name`).
        labels: their names.
        gold: language -> the right labels, or answers, of its test set.
        predictions: of all trainings, the same languages.
        trained: the languages that the model was trained on.
        bootstrap: how intervals are made.
    """
    together = "+".join(trained)
    named = {
        (code if code in trained else together, code, seed): predicted
        for code, seeds in predictions.items()
        for seed, predicted in enumerate(seeds)
    }
    return pair_estimates(task, labels, gold, named, bootstrap)


def fine_tuned_rows(model: str, task: str, estimates: PairEstimates, *, seed: int) -> Iterator[Score]:
    """Every metric by language, and the means over languages where there are several.

    `value` is the mean over seeds, `deviation` their standard deviation (n - 1); the interval is of sentences (a
    bootstrap of that mean), and does not contain the noise of training. `source` says whether the model was trained on
    the language (`IN_LANGUAGE`); or `ZERO_SHOT`, on others only.

    Args:
        model: its name.
        task: as in `Score`.
        estimates: all that is known of it.
        seed: the first of the trainings'.
    """
    yield from average_rows(estimates, model, task, seed)
    for (metric, source), numbers in averages(estimates).items():
        if len(numbers) > 1:
            mean = mean_over(list(numbers.values()))
            yield score_of(mean, model=model, task=task, language=ALL, metric=metric, seed=seed, source=source)
