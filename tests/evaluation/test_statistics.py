"""Intervals that cover, resamples that are paired, differences that are what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.evaluation import Bootstrap, Estimate, mean_over, smallest_p, statistics
from equiglot.evaluation.statistics import by_sentence, mean_of_repeats, mean_on_same, signed_rank_p
from equiglot.hashing import hash_name


def _items(seed: int, sentences: int = 80, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts by sentence; items of a sentence have much in common. The true mean is `shift`."""
    generator = np.random.default_rng(seed)
    counts = generator.integers(0, 8, sentences)
    common = generator.normal(shift, 1, sentences)
    return common * counts + generator.normal(0, 0.5, sentences) * np.sqrt(counts), counts


def _bootstrap(seed: int = 0, *, salt: str = "eu", resamples: int = 300, shift: float = 0.0) -> Estimate:
    sums, counts = _items(seed, shift=shift)
    return Bootstrap(resamples, 0).mean(sums, counts, salt)


def test_the_value_is_the_mean_over_items_not_over_sentences() -> None:
    sums, counts = np.array([1.0, 10.0, 0.0]), np.array([1, 2, 0])
    estimate = Bootstrap(50, 0).mean(sums, counts, "eu")
    assert estimate.value == pytest.approx(11 / 3)
    assert estimate.n == 3
    assert estimate.replicates.shape == (50,)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    covered = 0
    for seed in range(400):
        sums, counts = _items(seed, sentences=60, shift=0.3)
        low, high = Bootstrap(200, seed).mean(sums, counts, "eu").interval
        covered += low <= 0.3 <= high
    assert 0.90 <= covered / 400 <= 0.98


def test_the_spread_is_that_of_the_mean() -> None:
    sums, counts = _items(1, sentences=400)
    replicates = Bootstrap(1500, 0).mean(sums, counts, "eu").replicates
    # The linearised variance of a ratio of sums.
    residuals = sums - counts * sums.sum() / counts.sum()
    assert replicates.std() == pytest.approx(np.sqrt((residuals**2).sum()) / counts.sum(), rel=0.1)


def test_equal_salts_give_equal_resamples() -> None:
    sums, counts = _items(0)
    first = Bootstrap(100, 0).mean(sums, counts, "eu").replicates
    again = Bootstrap(100, 0).mean(sums + counts, counts, "eu").replicates
    np.testing.assert_allclose(again, first + 1)  # Every item one more: paired, so every replicate exactly one more.
    for salt, seed in (("en", 0), ("eu", 1)):
        other = Bootstrap(100, seed).mean(sums, counts, salt).replicates
        assert not np.allclose(other, first)


def test_pairing_makes_differences_sharper() -> None:
    one, better = _bootstrap(0), _bootstrap(0, shift=0.1)
    paired = better.minus(one)
    apart = better.minus(_bootstrap(0, salt="another"))
    assert paired.value == pytest.approx(0.1)
    assert np.ptp(paired.interval) < 0.2 * np.ptp(apart.interval)


def test_fewer_resamples_are_the_first_of_many() -> None:
    many, few = _bootstrap(0, resamples=300), _bootstrap(0, resamples=120, shift=0.1)
    paired = few.minus(many)
    assert paired.replicates.tolist() == few.minus(_bootstrap(0, resamples=120)).replicates.tolist()


@given(st.lists(st.tuples(st.floats(-50, 50), st.integers(1, 100)), min_size=1, max_size=6))
def test_languages_weigh_the_same_in_a_mean(values: list[tuple[float, int]]) -> None:
    mean = mean_over([Estimate(value, np.full(5, value) + np.arange(5), n) for value, n in values])
    assert mean.value == pytest.approx(np.mean([value for value, _ in values]), abs=1e-9)
    np.testing.assert_allclose(mean.replicates, mean.value + np.arange(5), atol=1e-9)
    assert mean.n == sum(n for _, n in values)


def test_the_interval_is_the_middle_95_percent() -> None:
    assert Estimate(0, np.arange(1001.0), 1).interval == (25, 975)


@given(st.lists(st.integers(0, 4), max_size=30))
def test_sums_by_sentence(sentences: list[int]) -> None:
    values = np.arange(len(sentences), dtype=np.float32)
    sums = by_sentence(values, np.array(sentences, dtype=np.int32), 6)
    assert sums.dtype == np.float64
    assert sums.tolist() == [sum(value for value, own in enumerate(sentences) if own == place) for place in range(6)]


@pytest.mark.parametrize("block", [1, 200, 10**6])
def test_resamples_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(statistics, "_BLOCK", block)
    sums, counts = _items(0)
    found = Bootstrap(30, 7).mean(sums, counts, "eu").replicates
    generator, expected = np.random.default_rng([7, hash_name("eu")]), []
    for _ in range(30):
        weights = np.bincount(generator.integers(0, len(sums), len(sums)), minlength=len(sums))
        expected.append(weights @ sums / (weights @ counts))
    assert found.tolist() == expected


def test_tables_are_summed_over_the_same_sentences_that_means_are_taken_over() -> None:
    sums, counts = np.arange(80.0), _items(0)[1]
    table = np.stack([sums.astype(np.int64), counts], axis=1)
    first, second = Bootstrap(30, 7).sums([table, table[:, :1]], "eu")
    mean = Bootstrap(30, 7).mean(sums, counts, "eu").replicates
    assert (first[:, 0] / first[:, 1]).tolist() == mean.tolist()
    assert second.shape == (30, 1) and np.array_equal(second[:, 0], first[:, 0])


def test_a_mean_on_the_same_items_counts_them_once() -> None:
    mean = mean_on_same([Estimate(3, np.array([2.0, 4.0]), 10), Estimate(4, np.array([4.0, 4.0]), 10)])
    assert (mean.value, mean.replicates.tolist(), mean.n) == (3.5, [3, 4], 10)


def test_repeats_are_kept_through_differences_and_means() -> None:
    def trained_twice(*values: float) -> Estimate:
        return mean_of_repeats([Estimate(value, np.full(4, value), 10) for value in values])

    first, second = trained_twice(3, 5), trained_twice(8, 4)
    assert (first.value, first.n, first.deviation) == (4, 10, pytest.approx(2**0.5))
    difference = mean_over([first, second]).minus(trained_twice(1, 2))
    assert (difference.repeats, difference.value) == ((4.5, 2.5), 3.5)
    assert trained_twice(3).repeats == () and trained_twice(3).deviation is None


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 2, 3, 4, 5, 6, 7], 2 / 2**7),
        ([-1, -2, -3, -4], 2 / 2**4),
        ([1, 2, 3, -4], 14 / 2**4),  # of 16 sums of ranks, 7 are at least 6 and 7 at most 4
        ([0, 0, 0], 1),
        ([0, 2, 1, 3], 2 / 2**3),
        ([0.1 + 0.2 - 0.3, 2, 1, 3], 2 / 2**3),
        ([5, 5, 5, 5], 2 / 2**4),
        ([2, 2, -2, 1], 10 / 2**4),  # ranks 3, 3, -3, 1: of 16 sums 5 are at least 7 and 5 at most 3
    ],
)
def test_signed_ranks_by_hand(differences: list[float], p: float) -> None:
    assert signed_rank_p(differences) == pytest.approx(p)
    assert signed_rank_p([-each for each in differences]) == pytest.approx(p)


def test_the_smallest_p_of_the_papers_languages() -> None:
    assert smallest_p(7) == pytest.approx(0.016, abs=5e-4)
    assert smallest_p(4) == 0.125
