"""Losses against the most probable words: what they are exactly, and how far they are from the whole distribution."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equiglot.objectives import TailMode, TopKTargets, hard_loss, soft_loss, top_k_losses

_ROWS, _SIZE = 6, 23
_READINGS: tuple[TailMode, ...] = ("bucketed", "renormalised", "sampled")
_TEMPERATURES = st.floats(0.5, 5)
_GOLD = torch.arange(_ROWS) * 3


def _logits(seed: int) -> Tensor:
    return 2 * torch.randn(_ROWS, _SIZE, generator=torch.Generator().manual_seed(seed))


def _top(logits: Tensor, k: int, temperature: float = 1.0, samples: Tensor | None = None) -> TopKTargets:
    """The teacher's k likeliest words; the rest summed over the others."""
    logs, ids = torch.log_softmax(logits / temperature, dim=-1).sort(dim=-1, descending=True)
    rest = logs[:, k:].exp().sum(dim=1)
    samples = torch.full((len(logits), 0), -1) if samples is None else samples
    masses = (rest / max(1, samples.shape[1]))[:, None].expand(samples.shape)
    return TopKTargets(ids[:, :k], logs[:, :k], rest, samples, masses, torch.arange(len(logits)))


def _gradient(student: Tensor, targets: TopKTargets, temperature: float, reading: TailMode) -> tuple[Tensor, Tensor]:
    """The losses and their gradient."""
    logits = student.clone().requires_grad_()
    values, _ = top_k_losses(logits, None, targets, temperature, reading)
    return values.detach(), torch.autograd.grad(values.sum(), logits)[0]


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), temperature=_TEMPERATURES, reading=st.sampled_from(_READINGS))
def test_with_all_words_it_is_the_soft_loss(seed: int, temperature: float, reading: TailMode) -> None:
    student, teacher = _logits(seed), _logits(seed + 1)
    targets = _top(teacher, _SIZE, temperature, torch.zeros(_ROWS, 2, dtype=torch.int64))
    values, gradient = _gradient(student, targets, temperature, reading)
    whole = student.clone().requires_grad_()
    expected = soft_loss(whole, teacher, temperature)
    expected.sum().backward()
    torch.testing.assert_close(values, expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, whole.grad, rtol=1e-4, atol=1e-5)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), temperature=_TEMPERATURES, k=st.integers(1, _SIZE - 1))
def test_bucketed_is_the_divergence_once_all_other_words_are_one(seed: int, temperature: float, k: int) -> None:
    student, teacher = _logits(seed), _logits(seed + 1)
    order = teacher.argsort(dim=-1, descending=True)

    def lumped(logits: Tensor) -> Tensor:
        logs = torch.log_softmax(logits / temperature, dim=-1).gather(1, order)
        return torch.cat([logs[:, :k], logs[:, k:].logsumexp(dim=1, keepdim=True)], dim=1)

    values, gradient = _gradient(student, _top(teacher, k, temperature), temperature, "bucketed")
    plain = student.clone().requires_grad_()
    p, q = lumped(teacher), lumped(plain)
    expected = temperature**2 * (p.exp() * (p - q)).sum(dim=1)
    expected.sum().backward()
    torch.testing.assert_close(values, expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, plain.grad, rtol=1e-4, atol=1e-5)
    assert (values <= soft_loss(student, teacher, temperature) + 1e-4).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), temperature=_TEMPERATURES, k=st.integers(1, _SIZE - 1))
def test_renormalised_is_the_divergence_from_a_teacher_that_excludes_the_others(
    seed: int, temperature: float, k: int
) -> None:
    student, teacher = _logits(seed), _logits(seed + 1)
    least = teacher.sort(dim=-1, descending=True).values[:, k - 1 : k]
    excluding = torch.where(teacher < least, -1e4, teacher)
    values, gradient = _gradient(student, _top(teacher, k, temperature), temperature, "renormalised")
    plain = student.clone().requires_grad_()
    expected = soft_loss(plain, excluding, temperature)
    expected.sum().backward()
    torch.testing.assert_close(values, expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, plain.grad, rtol=1e-4, atol=1e-5)


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), temperature=_TEMPERATURES, k=st.integers(1, _SIZE - 2))
def test_the_gradient_of_samples_is_the_whole_one_in_the_mean(seed: int, temperature: float, k: int) -> None:
    student, teacher = _logits(seed), _logits(seed + 1)
    logs, ids = torch.log_softmax(teacher / temperature, dim=-1).sort(dim=-1, descending=True)
    mean = torch.zeros(_ROWS, _SIZE)
    for place in range(k, _SIZE):  # every word that can be drawn, with its probability
        targets = _top(teacher, k, temperature, ids[:, place : place + 1])
        chance = logs[:, place].exp() / targets.rest
        mean += chance[:, None] * _gradient(student, targets, temperature, "sampled")[1]
    whole = student.clone().requires_grad_()
    soft_loss(whole, teacher, temperature).sum().backward()
    torch.testing.assert_close(mean, whole.grad, rtol=1e-4, atol=1e-5)


def test_a_word_that_the_student_has_not_belongs_to_the_rest() -> None:
    student, teacher = _logits(0), _logits(1)
    targets, fewer = _top(teacher, 5), _top(teacher, 4)
    unknown = targets.ids.clone()
    unknown[:, 4] = -1
    without = TopKTargets(
        unknown, targets.log_probabilities, targets.rest, targets.samples, targets.sample_masses, targets.positions
    )
    for reading in _READINGS[:2]:
        for ours, expected in zip(
            _gradient(student, without, 1.0, reading), _gradient(student, fewer, 1.0, reading), strict=True
        ):
            torch.testing.assert_close(ours, expected)


def test_a_sample_that_the_student_has_not_is_left_out() -> None:
    student, teacher = _logits(0), _logits(1)
    order = teacher.argsort(dim=-1, descending=True)
    both, one = _top(teacher, 4, samples=order[:, 5:7]), _top(teacher, 4, samples=order[:, 5:6])
    unknown = torch.stack([order[:, 5], torch.full((_ROWS,), -1)], dim=1)
    masses = both.sample_masses
    without = TopKTargets(both.ids, both.log_probabilities, both.rest, unknown, masses, both.positions)
    half = TopKTargets(one.ids, one.log_probabilities, one.rest, one.samples, masses[:, :1], one.positions)
    for ours, expected in zip(
        _gradient(student, without, 1.0, "sampled"), _gradient(student, half, 1.0, "sampled"), strict=True
    ):
        torch.testing.assert_close(ours, expected)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), spread=st.floats(0.1, 12), temperature=_TEMPERATURES)
def test_half_precision_moves_a_gradient_by_no_more_than_entropy_times_its_rounding(
    seed: int, spread: float, temperature: float
) -> None:
    # Rounding to fp16 moves log p by at most |log p| / 2**11, so p by at most p |log p| / 2**11 (and a little), all of
    # them by the stored words' entropy H / 2**11; the gradient is T ((sum of p) q - p): twice that, times T.
    student, teacher = _logits(seed), _logits(seed + 1) * spread
    exact = _top(teacher, 8, temperature)
    rounded = TopKTargets(
        exact.ids,
        exact.log_probabilities.half().float(),
        exact.rest,
        exact.samples,
        exact.sample_masses,
        exact.positions,
    )
    logs = exact.log_probabilities
    entropy = -(logs.exp() * logs).sum(dim=1)
    _, one = _gradient(student, exact, temperature, "bucketed")
    _, other = _gradient(student, rounded, temperature, "bucketed")
    assert ((one - other).abs().sum(dim=1) <= temperature * (1.1 * entropy / 2**10 + 1e-5)).all()


@pytest.mark.parametrize("reading", _READINGS)
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_masked_words_come_along(reading: TailMode, temperature: float) -> None:
    teacher, where = _logits(1), torch.tensor([0, 2, 5])
    samples = teacher.argsort(dim=-1)[:, :2]
    every = _top(teacher, 4, temperature, samples)
    parts = (every.ids, every.log_probabilities, every.rest, every.samples, every.sample_masses)
    some = TopKTargets(*(part[where] for part in parts), where)
    for targets in (every, some):
        together, apart = (_logits(0).requires_grad_() for _ in range(2))
        soft, hard = top_k_losses(together, _GOLD, targets, temperature, reading, scale=False)
        alone, none = top_k_losses(apart, None, targets, temperature, reading, scale=False)
        assert hard is not None and none is None
        torch.testing.assert_close(soft, alone)
        torch.testing.assert_close(hard, hard_loss(apart, _GOLD))
        (soft.sum() + 3 * hard.sum()).backward()
        (alone.sum() + 3 * hard_loss(apart, _GOLD).sum()).backward()
        torch.testing.assert_close(together.grad, apart.grad)


@pytest.mark.parametrize("reading", _READINGS)
def test_temperature_scales_as_in_the_soft_loss(reading: TailMode) -> None:
    targets = _top(_logits(1), 4, 3.0, torch.zeros(_ROWS, 1, dtype=torch.int64))
    scaled, plain = (top_k_losses(_logits(0), None, targets, 3.0, reading, scale=each)[0] for each in (True, False))
    torch.testing.assert_close(scaled, 9 * plain)


@pytest.mark.parametrize("reading", _READINGS)
def test_labels_that_are_not_numbers_do_not_pass_unnoticed(reading: TailMode) -> None:
    targets = _top(_logits(1), 4, samples=torch.zeros(_ROWS, 1, dtype=torch.int64))
    targets.log_probabilities[2, 1] = math.nan
    values, _ = top_k_losses(_logits(0), None, targets, 1.0, reading)
    assert torch.isfinite(values).tolist() == [row != 2 for row in range(_ROWS)]
