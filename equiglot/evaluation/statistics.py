"""Intervals: a bootstrap over sentences, the same resamples for every model, so that differences are paired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equiglot.masking import hash_name

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number, and what it would have been on resampled text.

    Attributes:
        value: on the text itself.
        replicates: float64 [resamples].
        n: items that it was measured on.
    """

    value: float
    replicates: Floats
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % percentile interval."""
        low, high = np.quantile(self.replicates, [0.025, 0.975])
        return float(low), float(high)

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference; paired where both come from the same resamples."""
        return Estimate(self.value - other.value, self.replicates - other.replicates, min(self.n, other.n))


def bootstrap_mean(sums: Floats, counts: npt.NDArray[np.int64], *, resamples: int, seed: int, salt: str) -> Estimate:
    """Mean over items, resampled by sentence (items of a sentence are not independent).

    Args:
        sums: float64 [sentences], the items' values summed by sentence.
        counts: int64 [sentences], items in each.
        resamples: how many.
        seed: of the resamples.
        salt: what they are shared by: equal salts (a language, say) and sizes give equal resamples.
    """
    generator = np.random.default_rng([seed, hash_name(salt)])
    size, replicates = len(sums), np.empty(resamples)
    for number in range(resamples):
        weights = np.bincount(generator.integers(0, size, size), minlength=size)
        replicates[number] = weights @ sums / np.maximum(1, weights @ counts)
    return Estimate(float(sums.sum() / max(1, counts.sum())), replicates, int(counts.sum()))


def by_sentence(values: npt.NDArray[np.floating], sentences: npt.NDArray[np.integer], count: int) -> Floats:
    """Values [m] summed by their sentence: float64 [count]."""
    return np.bincount(sentences, weights=values.astype(np.float64), minlength=count).astype(np.float64)


def mean_over(estimates: Sequence[Estimate]) -> Estimate:
    """The unweighted mean, as over the languages of a group (paper 1, Eq. 3)."""
    return Estimate(
        float(np.mean([each.value for each in estimates])),
        np.mean([each.replicates for each in estimates], axis=0),
        sum(each.n for each in estimates),
    )


def distance(model: Mapping[str, Estimate], teachers: Mapping[str, Estimate], languages: Sequence[str]) -> Estimate:
    """D(M, L): the mean over languages of the model's score minus the monolingual teacher's (paper 1, Eq. 3).

    Positive where the model is better than the teachers.
    """
    return mean_over([model[language].minus(teachers[language]) for language in languages])
