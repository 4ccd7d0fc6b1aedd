"""From scored positions to rows of numbers: by language, by group, and models against each other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from equiglot.evaluation.metrics import MASKED_LM, METRICS, metrics_of
from equiglot.evaluation.mlm import MaskedPositions
from equiglot.evaluation.score import Score, group_language
from equiglot.evaluation.statistics import Estimate, bootstrap_mean, by_sentence, distance, mean_over

ByLanguage = dict[str, Estimate]


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: how many resamples, from which seed."""

    resamples: int
    seed: int

    def estimates(self, positions: Mapping[str, MaskedPositions], metric: str = "mrr") -> ByLanguage:
        """Language -> estimate; in percent (loss: nats). Paired between models, as the resamples are the language's."""
        return {language: self._estimate(language, each, metric) for language, each in positions.items()}

    def _estimate(self, language: str, positions: MaskedPositions, metric: str) -> Estimate:
        values = METRICS[metric].positions
        assert values is not None
        sums = by_sentence(values(positions.ranks, positions.losses), positions.sequences, positions.count)
        counts = np.bincount(positions.sequences, minlength=positions.count)
        return bootstrap_mean(sums, counts, resamples=self.resamples, seed=self.seed, salt=language)


def language_rows(
    model: str, positions: Mapping[str, MaskedPositions], bootstrap: Bootstrap, seed: int
) -> Iterator[Score]:
    """Every metric of one model in every language, with intervals."""
    for metric in metrics_of(MASKED_LM):
        for language, estimate in bootstrap.estimates(positions, metric.name).items():
            yield _row(model, language, metric.name, estimate, seed)


def comparison_rows(
    models: Mapping[str, ByLanguage],
    teachers: ByLanguage,
    *,
    reference: str,
    groups: Mapping[str, Sequence[str]],
    seed: int,
) -> Iterator[Score]:
    """Means over groups, distances from the teachers, and differences between models, all of MRR.

    Args:
        models: name -> MRR by language.
        teachers: language -> MRR of its monolingual teacher.
        reference: the name of the teachers taken together.
        groups: name -> languages; "all" among them.
        seed: of the training.
    """
    for name, languages in groups.items():
        for model, scores in {reference: teachers, **models}.items():
            if known(scores, languages):
                mean = mean_over([scores[language] for language in languages])
                yield _row(model, group_language(name), "mrr", mean, seed)
    for model, scores in models.items():
        for language, codes in _places(groups, scores, teachers):
            yield _row(model, language, "d", distance(scores, teachers, codes), seed, reference)
    for first, second in combinations(models, 2):
        yield from difference_rows((first, models[first]), (second, models[second]), groups=groups, seed=seed)


def difference_rows(
    first: tuple[str, ByLanguage], second: tuple[str, ByLanguage], *, groups: Mapping[str, Sequence[str]], seed: int
) -> Iterator[Score]:
    """MRR of the first of two models, given with their names, minus that of the second, paired.

    Both must have been scored on the same masks of the same text, and resampled alike.
    """
    for language, codes in _places(groups, first[1], second[1]):
        yield _row(first[0], language, "difference", distance(first[1], second[1], codes), seed, second[0])


def known(scores: Iterable[str], languages: Iterable[str]) -> bool:
    """Whether there are scores for all of `languages`, and any languages at all."""
    languages = set(languages)
    return bool(languages) and languages <= set(scores)


def _places(
    groups: Mapping[str, Sequence[str]], first: ByLanguage, second: ByLanguage
) -> Iterator[tuple[str, Sequence[str]]]:
    """Every language that both have, then every group that both have whole: its name in rows, and its languages."""
    both = [language for language in first if language in second]
    yield from ((language, (language,)) for language in both)
    yield from ((group_language(name), codes) for name, codes in groups.items() if known(both, codes))


def _row(model: str, language: str, metric: str, estimate: Estimate, seed: int, reference: str | None = None) -> Score:
    return score_of(
        estimate, model=model, task=MASKED_LM, language=language, metric=metric, seed=seed, reference=reference
    )


def score_of(estimate: Estimate, **identity: Any) -> Score:
    """A row with an estimate's value, interval and number of items; `identity` are the other fields of `Score`."""
    low, high = estimate.interval
    return Score(value=estimate.value, low=low, high=high, n=estimate.n, **identity)
