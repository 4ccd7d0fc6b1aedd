"""All hashing: randomness as a pure function, names and short texts as numbers, permutations that need no memory.

Everything random in the data (which sentence comes when, which position is masked, by what) is a hash of what it is
about, never the state of a generator. So it does not depend on batch size, order, process or history, and any part of
an epoch can be computed without the parts before it.
"""

import hashlib

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]

GOLDEN = 0x9E3779B97F4A7C15  # odd; 2^64 over the golden ratio
_STEP = np.uint64(GOLDEN)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def mix(numbers: U64) -> U64:
    """The finaliser of SplitMix64 (Steele et al., 2014): a bijection of uint64 whose output looks random."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _SECOND
    return numbers ^ (numbers >> np.uint64(31))


def hash_u64(*keys: int | U64) -> U64:
    """A 64-bit hash of the keys, element by element; integers and arrays (uint64) broadcast. Order matters."""
    state = np.zeros(1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            numbers = np.uint64(key & (2**64 - 1)) if isinstance(key, int) else np.asarray(key, np.uint64)
            state = mix((state + _STEP) ^ mix(np.atleast_1d(numbers) + _STEP))
    return state


def hash_name(name: str) -> int:
    """A 64-bit number that stands for a name (FNV-1a), the same on every machine and in every process."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def digest(text: str) -> bytes:
    """8 bytes that stand for a short text (BLAKE2b): a uint64, little end first."""
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def reseed(hashes: U64, seed: int) -> U64:
    """Other hashes for the same things, one set for each seed; uint64 of the same shape."""
    key = np.frombuffer(digest(f"seed {seed}"), "<u8")
    return mix(mix(hashes + key) ^ key)


def below(numbers: U64, share: float | npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """True for a `share` (0 to 1) of uniformly distributed uint64: those below share * 2**64; a share for each number,
    all of them below 1, if it is an array."""
    if isinstance(share, np.ndarray):
        return numbers < (share * 2.0**64).astype(np.uint64)
    if share >= 1:
        return np.ones(numbers.shape, dtype=np.bool_)
    return numbers < np.uint64(int(share * 2**64))


def permute(indices: U64, size: int, key: int) -> U64:
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


def _feistel(values: U64, half: np.uint64, key: int) -> U64:
    low = np.uint64((1 << int(half)) - 1)
    left, right = values >> half, values & low
    for turn in range(4):
        left, right = right, left ^ (hash_u64(key, turn, right) & low)
    return (left << half) | right
