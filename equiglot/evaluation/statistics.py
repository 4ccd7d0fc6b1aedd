"""Intervals: a bootstrap over sentences, the same resamples for every model, so that differences are paired."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from equiglot.hashing import hash_name

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.integer]

_BLOCK = 1 << 21  # weights at a time: 16 MiB


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


def resample_weights(size: int, *, resamples: int, seed: int, salt: str) -> Iterator[npt.NDArray[np.int64]]:
    """How often each sentence stands in each resample, some resamples at a time, so that memory stays flat.

    Args:
        size: sentences; as many are drawn, with replacement.
        resamples: how many, in all blocks together.
        seed: of the resamples.
        salt: what they are shared by: equal salts (a language, say) and sizes give equal resamples.

    Yields:
        int64 [resamples of this block, sentences].
    """
    generator = np.random.default_rng([seed, hash_name(salt)])
    rows = max(1, _BLOCK // max(1, size))
    for begin in range(0, resamples, rows):
        drawn = (generator.integers(0, size, size) for _ in range(begin, min(begin + rows, resamples)))
        yield np.stack([np.bincount(each, minlength=size) for each in drawn])


def resample_sums(tables: Sequence[Counts], *, resamples: int, seed: int, salt: str) -> list[Floats]:
    """Counts summed over the sentences of each resample, which is the same for all tables.

    Args:
        tables: whole numbers [sentences, columns], the same sentences in each.
        resamples: how many.
        seed: of the resamples.
        salt: what they are shared by, as in `resample_weights`.

    Returns:
        For each table float64 [resamples, columns].
    """
    blocks: list[list[Floats]] = [[] for _ in tables]
    for weights in resample_weights(len(tables[0]), resamples=resamples, seed=seed, salt=salt):
        exact = weights.astype(np.float64)  # products of floats are fast, and exact with whole numbers up to 2 ** 53
        for sums, table in zip(blocks, tables, strict=True):
            sums.append(exact @ table.astype(np.float64))
    return [np.concatenate(sums) for sums in blocks]


def bootstrap_mean(sums: Floats, counts: npt.NDArray[np.int64], *, resamples: int, seed: int, salt: str) -> Estimate:
    """Mean over items, resampled by sentence (items of a sentence are not independent).

    Args:
        sums: float64 [sentences], the items' values summed by sentence.
        counts: int64 [sentences], items in each.
        resamples: how many.
        seed: of the resamples.
        salt: what they are shared by, as in `resample_weights`.
    """
    blocks = resample_weights(len(sums), resamples=resamples, seed=seed, salt=salt)
    # One resample at a time: how a product with a matrix rounds depends on how many there are.
    means = [weights @ sums / np.maximum(1, weights @ counts) for block in blocks for weights in block]
    return Estimate(float(sums.sum() / max(1, counts.sum())), np.array(means), int(counts.sum()))


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


def mean_on_same(estimates: Sequence[Estimate]) -> Estimate:
    """The unweighted mean of what several models, or one model trained several times, scored on the same items."""
    return replace(mean_over(estimates), n=estimates[0].n)


def distance(model: Mapping[str, Estimate], teachers: Mapping[str, Estimate], languages: Sequence[str]) -> Estimate:
    """D(M, L): the mean over languages of the model's score minus the monolingual teacher's (paper 1, Eq. 3).

    Positive where the model is better than the teachers.
    """
    return mean_over([model[language].minus(teachers[language]) for language in languages])


def signed_rank_p(differences: Sequence[float]) -> float:
    """Two-sided p of a Wilcoxon signed-rank test: are differences as likely above 0 as below?

    Differences of 0 are left out; equal ones share the mean of their ranks. Exact for up to 50 differences, all of
    different size, and for up to 13 others; beyond that by the normal approximation, corrected for equal ranks.

    Args:
        differences: one for each language; rounded to 9 decimals, so that equal ones are equal.
    """
    from scipy.stats import wilcoxon

    rounded = np.round(differences, 9)
    left = rounded[rounded != 0]
    return float(wilcoxon(left).pvalue) if len(left) else 1.0


def smallest_p(count: int) -> float:
    """The smallest p that `signed_rank_p` can give for so many differences, none of them 0: all have the same sign."""
    return float(2.0 ** (1 - count))
