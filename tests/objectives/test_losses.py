"""Loss terms against PyTorch's, and their gradients against the formulas."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from equiglot.objectives import FORBIDDEN, hard_loss, soft_loss

_TEMPERATURES = st.floats(0.2, 10)


def _logits(seed: int, rows: int = 7, size: int = 31) -> Tensor:
    return 3 * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


def test_hard_loss_is_cross_entropy() -> None:
    logits, gold = _logits(0), torch.arange(7)
    expected = -torch.log_softmax(logits.double(), dim=-1)[torch.arange(7), gold]
    torch.testing.assert_close(hard_loss(logits, gold), expected.float())
    assert hard_loss(logits[:0], gold[:0]).shape == (0,)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), temperature=_TEMPERATURES)
def test_soft_loss_is_pytorchs_divergence(seed: int, temperature: float) -> None:
    student, teacher = _logits(seed), _logits(seed + 1)
    expected = functional.kl_div(
        torch.log_softmax(student / temperature, dim=-1),
        torch.log_softmax(teacher / temperature, dim=-1),
        reduction="none",
        log_target=True,
    ).sum(dim=-1)
    torch.testing.assert_close(soft_loss(student, teacher, temperature, scale=False), expected)
    torch.testing.assert_close(soft_loss(student, teacher, temperature), temperature**2 * expected)
    assert (soft_loss(student, teacher, temperature) > -1e-4).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), temperature=_TEMPERATURES)
def test_gradient_of_the_soft_loss(seed: int, temperature: float) -> None:
    student, teacher = _logits(seed).requires_grad_(), _logits(seed + 1).requires_grad_()
    soft_loss(student, teacher, temperature).sum().backward()
    difference = torch.softmax(student / temperature, dim=-1) - torch.softmax(teacher / temperature, dim=-1)
    assert student.grad is not None and teacher.grad is None
    torch.testing.assert_close(student.grad, temperature * difference.detach(), rtol=1e-4, atol=1e-5)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), temperature=_TEMPERATURES, shift=st.floats(-50, 50))
def test_a_student_that_agrees_has_nothing_to_learn(seed: int, temperature: float, shift: float) -> None:
    teacher = _logits(seed)
    student = (teacher + shift).requires_grad_()  # Logits mean the same when all are shifted.
    loss = soft_loss(student, teacher, temperature)
    loss.sum().backward()
    torch.testing.assert_close(loss, torch.zeros(7), rtol=0, atol=1e-3)
    torch.testing.assert_close(student.grad, torch.zeros(7, 31), rtol=0, atol=1e-4)


def test_soft_loss_at_a_high_temperature_is_half_the_mean_square_difference() -> None:
    # Hinton et al., 2015, section 2.1: with the square of the temperature, the limit is a regression on logits.
    student, teacher = _logits(0), _logits(1)
    difference = (student - student.mean(dim=-1, keepdim=True)) - (teacher - teacher.mean(dim=-1, keepdim=True))
    limit = difference.square().mean(dim=-1) / 2
    torch.testing.assert_close(soft_loss(student.double(), teacher.double(), 1e4).float(), limit, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_a_teacher_that_is_not_a_number_does_not_pass_unnoticed(bad: float) -> None:
    teacher = _logits(1)
    teacher[2, 5] = bad
    loss = soft_loss(_logits(0), teacher, 1.0)
    assert not torch.isfinite(loss[2])
    assert torch.isfinite(loss[[0, 1, 3, 4, 5, 6]]).all()


def _of_few(seed: int, known: int = 23) -> Tensor:
    """A teacher's logits, who lacks the words from `known` on."""
    return _logits(seed).index_fill(1, torch.arange(known, 31), FORBIDDEN)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000))
def test_at_temperature_1_words_that_a_teacher_lacks_are_impossible(seed: int) -> None:
    student, teacher = _logits(seed), _of_few(seed + 1)
    wanted = torch.softmax(teacher, dim=-1)
    expected = (torch.xlogy(wanted, wanted) - wanted * torch.log_softmax(student, dim=-1)).sum(dim=-1)
    torch.testing.assert_close(soft_loss(student, teacher, 1, partial=True), expected, rtol=1e-4, atol=1e-5)
    with_all = _logits(seed + 1)
    torch.testing.assert_close(soft_loss(student, with_all, 3, partial=True), soft_loss(student, with_all, 3))


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), temperature=_TEMPERATURES, share=st.floats(0.05, 0.95))
def test_words_that_a_teacher_lacks_are_learnt_with_the_mass_that_they_have(
    seed: int, temperature: float, share: float
) -> None:
    """Where a share of the text has a new word, and the rest the teacher's distribution, no slope is left."""
    teacher, new = _of_few(seed)[:1], 27
    wanted = (1 - share) * torch.softmax(teacher, dim=-1)
    wanted[0, new] = share
    student = torch.log(wanted.clamp_min(1e-30)).requires_grad_(True)
    taught = soft_loss(student, teacher, temperature, partial=True)
    ((1 - share) * taught + share * hard_loss(student, torch.tensor([new]))).sum().backward()
    assert student.grad is not None and student.grad.abs().max() < 1e-4 * max(1, temperature)
