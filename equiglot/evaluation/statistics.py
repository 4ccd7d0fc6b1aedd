"""Intervals: a bootstrap over sentences, the same resamples for every model, so that differences are paired."""

from collections.abc import Iterator, Sequence
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
        repeats: the values of each of several trainings, of which `value` is the mean; empty for a single one.
    """

    value: float
    replicates: Floats
    n: int
    repeats: tuple[float, ...] = ()

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % percentile interval."""
        low, high = np.quantile(self.replicates, [0.025, 0.975])
        return float(low), float(high)

    @property
    def deviation(self) -> float | None:
        """Standard deviation over trainings, n - 1 in the denominator; None for a single one."""
        return float(np.std(self.repeats, ddof=1)) if self.repeats else None

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference; paired where both come from the same resamples, of which one may have fewer.

        It has repeats where both have as many.
        """
        size = min(len(self.replicates), len(other.replicates))
        alike = len(self.repeats) == len(other.repeats)
        repeats = tuple(np.subtract(self.repeats, other.repeats).tolist()) if alike else ()
        replicates = self.replicates[:size] - other.replicates[:size]
        return Estimate(self.value - other.value, replicates, min(self.n, other.n), repeats)


ByLanguage = dict[str, Estimate]
"""What stands in `Score.language` -> a number."""


@dataclass(frozen=True)
class Bootstrap:
    """A bootstrap over sentences, as items of a sentence are not independent.

    Resamples are shared by whatever has the same `salt` (a language, say) and as many sentences; fewer of them are the
    first of many.

    Attributes:
        resamples: how many.
        seed: of the resamples.
    """

    resamples: int
    seed: int

    def weights(self, size: int, salt: str) -> Iterator[npt.NDArray[np.int64]]:
        """How often each of `size` sentences stands in each resample: int64 [resamples of a block, size].

        As many are drawn as there are, with replacement; some resamples at a time, so that memory stays flat.
        """
        generator = np.random.default_rng([self.seed, hash_name(salt)])
        rows = max(1, _BLOCK // max(1, size))
        for begin in range(0, self.resamples, rows):
            drawn = (generator.integers(0, size, size) for _ in range(begin, min(begin + rows, self.resamples)))
            yield np.stack([np.bincount(each, minlength=size) for each in drawn])

    def sums(self, tables: Sequence[Counts], salt: str) -> list[Floats]:
        """Whole numbers [sentences, columns], summed over each resample: of each table float64 [resamples, columns]."""
        blocks: list[list[Floats]] = [[] for _ in tables]
        for weights in self.weights(len(tables[0]), salt):
            exact = weights.astype(
                np.float64
            )  # products of floats are fast, and exact with whole numbers up to 2 ** 53
            for sums, table in zip(blocks, tables, strict=True):
                sums.append(exact @ table.astype(np.float64))
        return [np.concatenate(sums) for sums in blocks]

    def mean(self, sums: Floats, counts: npt.NDArray[np.int64], salt: str) -> Estimate:
        """Mean over items, of their values summed by sentence and the items in each: float64 and int64 [sentences]."""
        # One resample at a time: how a product of other than whole numbers rounds depends on how many there are.
        blocks = self.weights(len(sums), salt)
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
        tuple(float(np.mean(values)) for values in zip(*(each.repeats for each in estimates), strict=True)),
    )


def mean_on_same(estimates: Sequence[Estimate]) -> Estimate:
    """The unweighted mean of what several models scored on the same items, without repeats."""
    return replace(mean_over(estimates), n=estimates[0].n)


def mean_of_repeats(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of what one model scored that was trained several times, on the same items."""
    values = tuple(each.value for each in estimates)
    return replace(mean_on_same(estimates), repeats=values if len(values) > 1 else ())


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
