"""The sum of the terms: mixture, annealing, targets without a teacher, and sums that do not know of batches."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from equiglot.models import Outputs, TensorBatch
from equiglot.objectives import (
    Annealed,
    Losses,
    Objective,
    SoftTargets,
    TailMode,
    TeacherStates,
    TopKTargets,
    Weight,
    hard_loss,
    soft_loss,
    state_loss,
    top_k_losses,
)

_COUNT, _SIZE = 12, 17
_GENERATOR = torch.Generator().manual_seed(0)
_LOGITS = torch.randn(_COUNT, _SIZE, generator=_GENERATOR)
_TEACHER = torch.randn(_COUNT, _SIZE, generator=_GENERATOR)
_GOLD = torch.randint(_SIZE, (_COUNT,), generator=_GENERATOR)
_LANGUAGES = torch.arange(_COUNT) % 3
_WEIGHTS: TypeAdapter[Annealed] = TypeAdapter(Weight)


def _batch(part: slice) -> TensorBatch:
    """The targets of a batch; an objective does not read what the model saw."""
    nothing = torch.zeros(0, dtype=torch.int64)
    return TensorBatch(nothing, None, nothing, _GOLD[part], _LANGUAGES[part])


_BATCH = _batch(slice(None))


def _constant(weight: float) -> Annealed:
    return Annealed(start=weight, end=weight)


def _soft(positions: Tensor | None = None) -> SoftTargets:
    positions = torch.arange(_COUNT) if positions is None else positions
    return SoftTargets(_TEACHER[positions], positions)


def test_without_teachers_it_is_the_masked_lm_loss() -> None:
    for objective in (Objective(), Objective(weight=_constant(1))):
        losses = objective.losses(Outputs(_LOGITS, None), _BATCH, None, 0.0)
        torch.testing.assert_close(losses.total, hard_loss(_LOGITS, _GOLD).sum())
        assert list(losses.terms) == ["hard"] and losses.terms["hard"][1].all()


def test_the_papers_student_sees_soft_labels_alone() -> None:
    losses = Objective(weight=_constant(1)).losses(Outputs(_LOGITS, None), _BATCH, _soft(), 0.0)
    torch.testing.assert_close(losses.total, soft_loss(_LOGITS, _TEACHER, 1.0).sum())
    assert list(losses.terms) == ["soft"]


@settings(max_examples=20)
@given(weight=st.floats(0, 1), temperature=st.floats(0.5, 5), scale=st.booleans())
def test_mixture(weight: float, temperature: float, scale: bool) -> None:
    objective = Objective(weight=_constant(weight), temperature=temperature, scale=scale)
    losses = objective.losses(Outputs(_LOGITS, None), _BATCH, _soft(), 0.3)
    soft = soft_loss(_LOGITS, _TEACHER, temperature, scale=scale).sum()
    expected = weight * soft + (1 - weight) * hard_loss(_LOGITS, _GOLD).sum()
    torch.testing.assert_close(losses.total, expected)


@settings(max_examples=20)
@given(st.sets(st.integers(0, _COUNT - 1)), st.floats(0.1, 1))
def test_targets_without_a_teacher_learn_from_the_word_alone(taught: set[int], weight: float) -> None:
    positions = torch.tensor(sorted(taught), dtype=torch.int64)
    logits = _LOGITS.clone().requires_grad_()
    losses = Objective(weight=_constant(weight)).losses(Outputs(logits, None), _BATCH, _soft(positions), 0.0)
    hard, soft = hard_loss(_LOGITS, _GOLD), soft_loss(_LOGITS, _TEACHER, 1.0)
    shares = torch.tensor([weight if place in taught else 0.0 for place in range(_COUNT)])
    torch.testing.assert_close(losses.total, (shares * soft + (1 - shares) * hard).sum())
    if taught:
        values, counted, _ = losses.terms["soft"]
        assert counted.nonzero().flatten().tolist() == sorted(taught)
        torch.testing.assert_close(values[counted], soft[positions])
    if "hard" in losses.terms:
        assert torch.equal(losses.terms["hard"][1], shares < 1)
    losses.total.backward()
    assert all(not term.values.requires_grad for term in losses.terms.values())


def _stored(positions: Tensor, temperature: float) -> TopKTargets:
    """Five words, one of them none that the student has, and two samples of the rest."""
    logs, ids = torch.log_softmax(_TEACHER[positions] / temperature, dim=-1).sort(dim=-1, descending=True)
    rest, words = logs[:, 5:].exp().sum(dim=1), ids[:, :5].clone()
    words[:, 3] = -1
    return TopKTargets(words, logs[:, :5], rest, ids[:, 7:9], (rest / 2)[:, None].expand(-1, 2), positions)


@settings(max_examples=30)
@given(
    taught=st.sets(st.integers(0, _COUNT - 1), min_size=1),
    weight=st.floats(0.1, 1),
    temperature=st.sampled_from([1.0, 2.0]),
    reading=st.sampled_from(["bucketed", "renormalised", "sampled"]),
)
def test_mixture_with_stored_labels(taught: set[int], weight: float, temperature: float, reading: TailMode) -> None:
    positions = torch.tensor(sorted(taught))
    stored, objective = _stored(positions, temperature), Objective(_constant(weight), temperature, reading=reading)
    ours, apart = (_LOGITS.clone().requires_grad_() for _ in range(2))
    losses = objective.losses(Outputs(ours, None), _BATCH, stored, 0.0)
    losses.total.backward()
    soft, _ = top_k_losses(apart, None, stored, temperature, reading)
    shares = torch.ones(_COUNT).index_add(0, positions, torch.full((len(positions),), -weight))
    expected = weight * soft.sum() + (shares * hard_loss(apart, _GOLD)).sum()
    expected.backward()
    torch.testing.assert_close(losses.total, expected)
    torch.testing.assert_close(ours.grad, apart.grad)
    values, counted, _ = losses.terms["soft"]
    assert counted.nonzero().flatten().tolist() == sorted(taught)
    torch.testing.assert_close(values[counted], soft.detach())
    if (shares > 0).any():
        assert torch.equal(losses.terms["hard"][1], shares > 0)
        torch.testing.assert_close(losses.terms["hard"][0], hard_loss(_LOGITS, _GOLD))
    assert all(not term.values.requires_grad for term in losses.terms.values())


def _by_parts(objective: Objective, parts: list[slice], logits: Tensor) -> list[Losses]:
    every = torch.arange(_COUNT)
    results = []
    for part in parts:
        here = every[part]
        soft = SoftTargets(_TEACHER[here], torch.arange(len(here)))
        results.append(objective.losses(Outputs(logits[part], None), _batch(part), soft, 0.5))
    return results


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, _COUNT - 1), unique=True, max_size=5))
def test_sums_and_gradients_do_not_depend_on_the_cut_into_batches(cuts: list[int]) -> None:
    objective = Objective(weight=Annealed(start=1, end=0.2), temperature=2)
    borders = [0, *sorted(cuts), _COUNT]
    parts = [slice(low, high) for low, high in pairwise(borders)]
    whole, split = _LOGITS.clone().requires_grad_(), _LOGITS.clone().requires_grad_()
    (one,) = _by_parts(objective, [slice(0, _COUNT)], whole)
    (one.total / _COUNT).backward()
    many = _by_parts(objective, parts, split)
    for each in many:
        (each.total / _COUNT).backward()
    torch.testing.assert_close(sum(each.total for each in many), one.total)
    torch.testing.assert_close(split.grad, whole.grad)
    for term, (values, counted, languages) in one.terms.items():
        torch.testing.assert_close(torch.cat([each.terms[term][0] for each in many]), values)
        assert torch.equal(torch.cat([each.terms[term][1] for each in many]), counted)
        assert torch.equal(torch.cat([each.terms[term][2] for each in many]), languages)


def test_annealing() -> None:
    linear, cosine = Annealed(start=1, end=0), Annealed(start=0.2, end=0.8, shape="cosine")
    assert [linear.at(progress) for progress in (0, 0.25, 1)] == [1, 0.75, 0]
    assert [cosine.at(progress) for progress in (0, 0.5, 1)] == pytest.approx([0.2, 0.5, 0.8])
    assert cosine.at(0.25) == pytest.approx(0.2 + 0.6 * (1 - 0.5**0.5) / 2)
    objective = Objective(weight=linear)
    hard, soft = hard_loss(_LOGITS, _GOLD).sum(), soft_loss(_LOGITS, _TEACHER, 1.0).sum()
    for progress in (0.0, 0.25, 1.0):
        total = objective.losses(Outputs(_LOGITS, None), _BATCH, _soft(), progress).total
        torch.testing.assert_close(total, (1 - progress) * soft + progress * hard)


@given(start=st.floats(0, 1), end=st.floats(0, 1), shape=st.sampled_from(["linear", "cosine"]), at=st.floats(0, 1))
def test_a_weight_stays_between_its_ends(start: float, end: float, shape: str, at: float) -> None:
    weight = Annealed.model_validate({"start": start, "end": end, "shape": shape})
    assert min(start, end) - 1e-9 <= weight.at(at) <= max(start, end) + 1e-9


def test_weights_as_a_recipe_writes_them() -> None:
    assert _WEIGHTS.validate_python(0.5) == _constant(0.5)
    assert _WEIGHTS.validate_python({"start": 1, "end": 0}) == Annealed(start=1, end=0)
    for wrong in (1.5, -0.1, "half", {"start": 1}, {"start": 1, "end": 2}):
        with pytest.raises(ValidationError):
            _WEIGHTS.validate_python(wrong)


def test_hidden_states_are_compared_at_tokens_and_weigh_as_a_mean_does() -> None:
    mine = torch.randn(3, 5, 8, generator=_GENERATOR).requires_grad_()
    theirs, tokens = torch.randn(15, 8, generator=_GENERATOR), torch.tensor([0, 1, 4, 7, 13])
    states = TeacherStates(theirs[tokens], tokens, torch.tensor([0, 0, 0, 1, 2]))
    soft = SoftTargets(_TEACHER, torch.arange(_COUNT), states)
    plain = Objective(weight=_constant(0.5))
    compared = Objective(weight=_constant(0.5), beside={"states": Annealed(start=0.4, end=0)})
    attention = torch.zeros(15, dtype=torch.bool)
    attention[tokens] = True
    batch = replace(_BATCH, inputs=torch.zeros(3, 5, dtype=torch.int64), attention=attention.view(3, 5))
    losses = compared.losses(Outputs(_LOGITS, mine), batch, soft, 0.5)
    distances = torch.nn.functional.cosine_embedding_loss(
        mine.flatten(0, 1)[tokens], theirs[tokens], torch.ones(len(tokens)), reduction="none"
    )
    torch.testing.assert_close(losses.terms["states"].values, distances.detach())
    assert losses.terms["states"].languages.tolist() == [0, 0, 0, 1, 2] and losses.terms["states"].counted.all()
    without = plain.losses(Outputs(_LOGITS, mine), _BATCH, soft, 0.5)
    torch.testing.assert_close(losses.total / _COUNT, without.total / _COUNT + 0.2 * distances.mean())
    losses.total.backward()
    assert mine.grad is not None
    reached = mine.grad.flatten(0, 1).abs().sum(1).nonzero().flatten()
    assert reached.tolist() == tokens.tolist()
    assert state_loss(theirs, 3 * theirs).abs().max() < 1e-6 and state_loss(theirs, -theirs).min() > 2 - 1e-6


def test_logits_are_compared_at_targets() -> None:
    some = torch.tensor([1, 4, 7])
    beside = {"squared_error": _constant(0.5), "logits": _constant(0.25)}
    losses = Objective(weight=_constant(1), beside=beside).losses(Outputs(_LOGITS, None), _BATCH, _soft(some), 0.0)
    plain = Objective(weight=_constant(1)).losses(Outputs(_LOGITS, None), _BATCH, _soft(some), 0.0)
    squares = torch.nn.functional.mse_loss(_LOGITS[some], _TEACHER[some], reduction="none").mean(1)
    torch.testing.assert_close(losses.terms["squared_error"].values, squares)
    cosines = 1 - torch.nn.functional.cosine_similarity(_LOGITS[some], _TEACHER[some])
    torch.testing.assert_close(losses.total, plain.total + 0.5 * squares.sum() + 0.25 * cosines.sum())
    assert losses.terms["logits"].languages.tolist() == _LANGUAGES[some].tolist()
