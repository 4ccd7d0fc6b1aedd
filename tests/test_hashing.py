"""Hashes against published values, and permutations that are permutations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.hashing import below, hash_name, hash_u64, mix, permute, reseed

_KEYS = st.integers(0, 2**64 - 1)


def test_mix_is_splitmix64() -> None:
    # The first outputs of SplitMix64 for seed 1234567, as published for comparing implementations.
    golden, seed = 0x9E3779B97F4A7C15, 1234567
    states = np.array([(seed + step * golden) % 2**64 for step in range(1, 6)], dtype=np.uint64)
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert mix(states).tolist() == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("", 0xCBF29CE484222325), ("a", 0xAF63DC4C8601EC8C), ("foobar", 0x85944171F73967E8)],
)
def test_names_are_hashed_by_fnv_1a(name: str, value: int) -> None:
    assert hash_name(name) == value


@given(keys=st.lists(_KEYS, min_size=1, max_size=4))
def test_hashing_element_by_element_is_hashing_arrays(keys: list[int]) -> None:
    words = np.arange(50, dtype=np.uint64)
    together = hash_u64(*keys, words)
    assert together.tolist() == [int(hash_u64(*keys, int(word))[0]) for word in words]
    assert len(set(together.tolist())) == 50
    assert (hash_u64(words, *keys) != together).any()  # Order matters.


def test_hashes_have_no_bias() -> None:
    words = hash_u64(7, np.arange(100_000, dtype=np.uint64))
    ones = np.array([np.count_nonzero(words >> np.uint64(bit) & np.uint64(1)) for bit in range(64)])
    assert (abs(ones - 50_000) < 5 * np.sqrt(25_000)).all()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.15, 0.5, 1.0])
def test_below_takes_its_share(share: float) -> None:
    taken = np.count_nonzero(below(hash_u64(3, np.arange(100_000, dtype=np.uint64)), share))
    assert abs(taken - 100_000 * share) <= 5 * np.sqrt(100_000 * share * (1 - share))


@given(size=st.integers(1, 3000), key=_KEYS)
def test_permute_is_a_bijection(size: int, key: int) -> None:
    places = permute(np.arange(size, dtype=np.uint64), size, key)
    assert np.array_equal(np.sort(places), np.arange(size, dtype=np.uint64))


@given(size=st.integers(1, 2**60), key=_KEYS, data=st.data())
def test_permute_of_a_part_is_that_part_of_the_permutation(size: int, key: int, data: st.DataObject) -> None:
    indices = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=20, unique=True))
    array = np.array(indices, dtype=np.uint64)
    places = permute(array, size, key)
    assert array.tolist() == indices  # The argument is left alone.
    assert (places < size).all() and len(set(places.tolist())) == len(indices)
    one_by_one = [int(permute(array[place : place + 1], size, key)[0]) for place in range(len(indices))]
    assert places.tolist() == one_by_one


def test_permutations_are_mixed_and_keys_matter() -> None:
    size, keys = 64, 1000
    counts = np.zeros((size, size))
    for key in range(keys):
        counts[np.arange(size), permute(np.arange(size, dtype=np.uint64), size, key).astype(int)] += 1
    freedom = (size - 1) ** 2
    statistic = ((counts - keys / size) ** 2).sum() * size / keys
    assert abs(statistic - freedom) < 5 * np.sqrt(2 * freedom)  # Chi-squared, nearly normal.


def test_reseeding_gives_other_places() -> None:
    hashes = np.arange(1000, dtype=np.uint64)
    assert (reseed(hashes, 0) == reseed(hashes, 0)).all()
    assert not (reseed(hashes, 0) == reseed(hashes, 1)).any()
    halves = reseed(hashes, 3) >> np.uint64(63)
    assert 400 < halves.sum() < 600
