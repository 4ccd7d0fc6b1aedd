"""Randomness as a pure function: counter-based hashing, and permutations that need no memory.

Everything random in the data (which sentence comes when, which position is masked, by what) is a hash of what it is
about, never the state of a generator. So it does not depend on batch size, order, process or history, and any part of
an epoch can be computed without the parts before it.
"""

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def mix(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele et al., 2014): a bijection of 64-bit words whose output looks random."""
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))


def hash_words(*keys: int | Words) -> Words:
    """A 64-bit hash of the keys, element by element; integers and arrays (uint64) broadcast. Order matters."""
    state = np.zeros(1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            words = (
                np.array([key & (2**64 - 1)], dtype=np.uint64) if isinstance(key, int) else np.asarray(key, np.uint64)
            )
            state = mix((state + _GOLDEN) ^ mix(words + _GOLDEN))
    return state


def hash_name(name: str) -> int:
    """A 64-bit number that stands for a name (FNV-1a), the same on every machine and in every process."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def below(words: Words, share: float) -> npt.NDArray[np.bool_]:
    """True for a `share` (0 to 1) of uniformly distributed 64-bit words: those below share * 2**64."""
    if share >= 1:
        return np.ones(words.shape, dtype=np.bool_)
    return words < np.uint64(int(share * 2**64))


def permute(indices: Words, size: int, key: int) -> Words:
    """A pseudo-random permutation of range(size), evaluated only at `indices` (uint64, each < size).

    A balanced Feistel network of four rounds over the next even power of two, with cycle walking: values outside the
    range are permuted again until they fall inside (Black and Rogaway, 2002). Expected under four evaluations each.
    """
    half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
    values = indices.astype(np.uint64, copy=True)
    outside = np.ones(values.shape, dtype=np.bool_)
    while outside.any():
        values[outside] = _feistel(values[outside], half, key)
        outside = values >= np.uint64(size)
    return values


def _feistel(values: Words, half: np.uint64, key: int) -> Words:
    low = np.uint64((1 << int(half)) - 1)
    left, right = values >> half, values & low
    for turn in range(4):
        left, right = right, left ^ (hash_words(key, turn, right) & low)
    return (left << half) | right
