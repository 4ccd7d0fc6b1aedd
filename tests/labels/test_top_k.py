"""The likeliest ids, the exact mass outside, and samples of it that are right on average."""

import numpy as np
import pytest
import torch

from equiglot.labels import top_k as module
from equiglot.labels.top_k import sample, top_k


def _logits(count: int, size: int, scale: float = 3.0) -> torch.Tensor:
    return scale * torch.randn(count, size, generator=torch.Generator().manual_seed(0))


def _without_samples(count: int) -> torch.Tensor:
    return torch.empty(count, 0, dtype=torch.float64)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_the_likeliest_and_the_mass_outside_are_those_of_the_distribution(temperature: float) -> None:
    logits = _logits(20, 700)
    found = top_k(logits, 8, temperature, _without_samples(20))
    exact = torch.softmax(logits.double() / temperature, -1)
    values, ids = exact.topk(8)
    assert torch.equal(found.ids, ids)
    torch.testing.assert_close(found.log_probabilities.double().exp(), values, rtol=1e-5, atol=0)
    torch.testing.assert_close(found.rest.double(), exact.scatter(1, ids, 0).sum(-1), rtol=1e-5, atol=0)
    torch.testing.assert_close(found.entropy.double(), -(exact * exact.log()).sum(-1), rtol=1e-5, atol=0)
    torch.testing.assert_close(found.log_probabilities.exp().sum(-1) + found.rest, torch.ones(20))


def test_a_mass_outside_that_is_tiny_is_exact() -> None:
    logits = torch.tensor([[0.0, -30.0, -31.0]])
    rest = top_k(logits, 1, 1.0, _without_samples(1)).rest.item()
    assert rest == pytest.approx(np.exp(-30) + np.exp(-31), rel=1e-5)  # 1 - p would be 0


def test_with_all_ids_nothing_is_outside() -> None:
    found = top_k(_logits(5, 60), 60, 1.0, _without_samples(5))
    assert not found.rest.any()


def test_how_many_rows_are_reduced_at_once_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, uniforms = _logits(30, 600), torch.rand(30, 4, dtype=torch.float64)
    whole = top_k(logits, 8, 1.0, uniforms)
    monkeypatch.setattr(module, "_CACHED", 600 * 7)
    parts = top_k(logits, 8, 1.0, uniforms)
    for name in ("ids", "log_probabilities", "rest", "samples", "entropy"):
        assert torch.equal(getattr(whole, name), getattr(parts, name))


@pytest.mark.parametrize("size", [40, 1300])
def test_samples_are_drawn_in_proportion_and_stratified(size: int) -> None:
    draws, rounds = 5, 4000
    weights = torch.softmax(_logits(1, size, 1.5), -1)
    weights[0, :7] = 0
    uniforms = torch.rand(rounds, draws, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = sample(weights.expand(rounds, -1), uniforms)
    shares = torch.bincount(found.flatten(), minlength=size) / (rounds * draws)
    expected = weights[0] / weights.sum()
    assert not shares[:7].any()
    error = (expected / (rounds * draws)).sqrt()
    assert ((shares - expected).abs() <= 5 * error + 1e-9).all()
    # Each sample from its own fifth of the mass: where the j-th falls, the cumulated mass is near j / 5.
    ends = expected.double().cumsum(0)
    begins = ends - expected
    low, high = torch.arange(draws) / draws, (torch.arange(draws) + 1) / draws
    assert (ends[found] >= low - 1e-6).all() and (begins[found] <= high + 1e-6).all()


def test_samples_at_the_very_ends_have_mass() -> None:
    weights = torch.zeros(1, 1500)
    weights[0, [3, 700, 701]] = torch.tensor([0.25, 0.5, 0.25])
    almost = float(np.nextafter(1.0, 0.0))
    found = [sample(weights, torch.tensor([[uniform]], dtype=torch.float64)).item() for uniform in (0.0, almost)]
    assert found == [3, 701]


def test_nothing_to_sample_from_gives_some_id() -> None:
    found = sample(torch.zeros(2, 30), torch.rand(2, 3, dtype=torch.float64))
    assert ((found >= 0) & (found < 30)).all()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_logits_that_are_not_numbers_show_in_the_entropy(wrong: float) -> None:
    logits = _logits(4, 50)
    logits[2, 17] = wrong
    finite = torch.isfinite(top_k(logits, 8, 1.0, _without_samples(4)).entropy)
    assert finite.tolist() == [True, True, False, True]
