"""Rows of bytes hold what was put into them, in as few bytes as they need."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.labels.packing import RowFormat, StoredRows


def _rows(form: RowFormat, count: int, seed: int) -> StoredRows:
    generator = np.random.default_rng(seed)
    ids, samples = (generator.integers(0, form.vocabulary_size, (count, each)) for each in (form.k, form.samples))
    # The greatest id and 0 side by side: a bit too few, or too many, would show.
    ids[:, ::2] = form.vocabulary_size - 1
    logarithms = -10 * generator.random((count, form.k), dtype=np.float32)
    return StoredRows(ids, logarithms, generator.random(count, dtype=np.float32), samples)


@given(
    size=st.integers(1, 2**25),
    k=st.integers(1, 40),
    samples=st.integers(0, 9),
    seed=st.integers(0, 99),
    count=st.integers(0, 5),
)
def test_rows_come_back_as_they_were(size: int, k: int, samples: int, seed: int, count: int) -> None:
    form = RowFormat(size, k, samples, "fp32")
    rows = _rows(form, count, seed)
    packed = form.pack(rows)
    assert packed.shape == (count, form.width)
    back = form.unpack(packed)
    for name in ("ids", "log_probabilities", "rest", "samples"):
        expected, found = getattr(rows, name), getattr(back, name)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert np.array_equal(found, expected)


def test_half_precision_rounds_to_eleven_bits_and_knows_no_infinity() -> None:
    form = RowFormat(8000, 8, 0, "fp16")
    rows = _rows(form, 50, seed=1)
    rows.log_probabilities[0, :2] = (-1e6, 0.0)
    back = form.unpack(form.pack(rows)).log_probabilities
    assert np.isfinite(back).all() and back[0, :2].tolist() == [-65504, 0]
    np.testing.assert_allclose(back[1:], rows.log_probabilities[1:], rtol=2**-11)
    assert not np.array_equal(back[1:], rows.log_probabilities[1:])


def test_the_papers_store_takes_39_bytes_a_position() -> None:
    # MuRIL and mBERT together: |V| = 288,973; 19 bits an id. 8 * 19 / 8 + 8 * 2 + 4.
    assert RowFormat(288_973, 8, 0, "fp16").width == 39
    assert RowFormat(288_973, 8, 0, "fp32").width == 55
    assert RowFormat(288_973, 8, 8, "fp16").width == 58


@pytest.mark.parametrize(("size", "bits"), [(1, 1), (2, 1), (3, 2), (256, 8), (257, 9), (2**25, 25)])
def test_ids_take_the_bits_that_the_vocabulary_needs(size: int, bits: int) -> None:
    assert RowFormat(size, 1, 0, "fp16").bits == bits


def test_vocabularies_beyond_all_measure_are_refused() -> None:
    with pytest.raises(ValueError, match="26 bits"):
        RowFormat(2**25 + 1, 8, 0, "fp16")
