"""Log-probabilities of a few words against log_softmax, and their gradient against plain autograd's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equiglot.objectives import log_masses

_ROWS, _SIZE = 5, 13
_TEMPERATURES = st.floats(0.2, 10)


def _logits(seed: int) -> Tensor:
    return 3 * torch.randn(_ROWS, _SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _reference(logits: Tensor, ids: Tensor, temperature: float, named: int) -> tuple[Tensor, Tensor]:
    """The same, as wide as the vocabulary."""
    logs = torch.log_softmax(logits / temperature, dim=-1)
    inside = torch.where(ids < 0, 0, logs.gather(1, ids.clamp_min(0)))
    others = torch.ones_like(logs, dtype=torch.bool)
    for row, few in enumerate(ids[:, :named].tolist()):
        others[row, [each for each in few if each >= 0]] = False
    return inside, logs.masked_fill(~others, float("-inf")).logsumexp(dim=1)


def _ids(named: int, more: int) -> st.SearchStrategy[list[list[int]]]:
    """Rows of `named` words, different ones or none, and at least one; then any others."""
    few = st.lists(st.integers(0, _SIZE - 1), min_size=1, max_size=named, unique=True).flatmap(
        lambda known: st.permutations(known + [-1] * (named - len(known)))
    )
    row = st.tuples(few, st.lists(st.integers(-1, _SIZE - 1), min_size=more, max_size=more))
    return st.lists(row.map(lambda parts: [*parts[0], *parts[1]]), min_size=_ROWS, max_size=_ROWS)


@settings(max_examples=40)
@given(ids=_ids(4, 3), seed=st.integers(0, 1000), temperature=_TEMPERATURES)
def test_masses_and_gradients_are_those_of_log_softmax(ids: list[list[int]], seed: int, temperature: float) -> None:
    chosen, ours, plain = torch.tensor(ids), _logits(seed).requires_grad_(), _logits(seed).requires_grad_()
    results = log_masses(ours, chosen, temperature, named=4)
    expected = _reference(plain, chosen, temperature, 4)
    generator = torch.Generator().manual_seed(seed)
    towards = [torch.randn(each.shape, generator=generator, dtype=torch.float64) for each in expected]
    for result, wanted in zip(results, expected, strict=True):
        torch.testing.assert_close(result, wanted)
    torch.autograd.backward(results, towards)
    torch.autograd.backward(expected, towards)
    torch.testing.assert_close(ours.grad, plain.grad)


@pytest.mark.parametrize("named", [0, 2])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_gradients_by_differences(named: int, temperature: float) -> None:
    ids = torch.tensor([[0, -1, 0, 5], [3, 4, 4, 3], [-1, 12, -1, -1], [0, 1, 2, 2], [7, -1, 7, 0]])
    logits = _logits(0).requires_grad_()
    assert torch.autograd.gradcheck(lambda given: log_masses(given, ids, temperature, named=named), (logits,))


def test_a_row_without_words_gets_nothing_and_gives_nothing() -> None:
    logits = _logits(1).requires_grad_()
    ids = torch.tensor([[2, 4]] * _ROWS)
    ids[3] = -1
    inside, outside = log_masses(logits, ids, named=2)
    assert not inside[3].any()
    (inside.sum() + outside[torch.arange(_ROWS) != 3].sum()).backward()
    assert logits.grad is not None and not logits.grad[3].any() and logits.grad[:3].any(dim=1).all()


def test_what_others_have_is_exact_where_it_is_tiny() -> None:
    # 1 - q(first word) is 0 in float32: what is left for the others is e**-40 of it each.
    logits = torch.zeros(1, 100)
    logits[0, 7] = 40
    _, outside = log_masses(logits, torch.tensor([[7]]), named=1)
    assert outside.item() == pytest.approx(torch.tensor(99.0).log().item() - 40, rel=1e-6)


def test_a_second_way_back_is_the_same() -> None:
    logits = _logits(2).requires_grad_()
    total = sum(part.sum() for part in log_masses(logits, torch.arange(10).view(5, 2), named=1))
    first, second = (torch.autograd.grad(total, logits, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
