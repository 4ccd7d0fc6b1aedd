"""The learning rate's course, the optimiser's groups, and the choice of precision."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from equiglot.training import TrainingSettings
from equiglot.training.flat import separate
from equiglot.training.optimiser import Optimiser, choose_precision, learning_rate
from tests.tiny import make_model


def _course(updates: int, **fields: object) -> list[float]:
    settings = TrainingSettings.model_validate({"learning_rate": 2.0, **fields})
    return [learning_rate(settings, update, updates) for update in range(updates)]


def test_courses_by_hand() -> None:
    assert _course(4) == pytest.approx([2, 1.5, 1, 0.5])
    assert _course(4, schedule="constant") == [2, 2, 2, 2]
    assert _course(5, warmup=0.4) == pytest.approx([1, 2, 2, 4 / 3, 2 / 3])
    assert _course(5, schedule="inverse_sqrt", warmup=0.4) == pytest.approx(
        [1, 2, 2 * (2 / 3) ** 0.5, 2 * 0.5**0.5, 2 * 0.4**0.5]
    )
    assert _course(4, schedule="cosine") == pytest.approx([1 + math.cos(math.pi * step / 4) for step in range(4)])


@given(
    updates=st.integers(1, 300),
    warmup=st.floats(0, 0.99),
    schedule=st.sampled_from(["linear", "cosine", "inverse_sqrt", "constant"]),
)
def test_the_rate_rises_to_its_peak_and_never_rises_again(updates: int, warmup: float, schedule: str) -> None:
    course = _course(updates, warmup=warmup, schedule=schedule)
    peak = max(0, round(warmup * updates) - 1)
    assert course[peak] == pytest.approx(2)
    assert all(0 < rate <= 2 for rate in course)
    assert all(low < high for low, high in pairwise(course[: peak + 1]))
    assert all(high >= low for high, low in pairwise(course[peak:]))


def test_biases_and_normalisation_do_not_decay() -> None:
    model = make_model()
    optimiser = Optimiser(model, TrainingSettings(weight_decay=0.1, clip=None))
    before = [vector.detach().clone() for vector in optimiser.weights]
    matrices = [each for each in model.parameters() if each.dim() > 1]
    biases = [each for each in model.parameters() if each.dim() <= 1]
    for vector, parts in zip(optimiser.weights, (matrices, biases), strict=True):
        assert torch.equal(vector, torch.cat([each.flatten() for each in parts]))
        assert all(each.untyped_storage().data_ptr() == vector.untyped_storage().data_ptr() for each in parts)
    optimiser.step(rate=1.0)  # no gradient: nothing moves but by decay
    torch.testing.assert_close(optimiser.weights[0].detach(), 0.9 * before[0])
    assert torch.equal(optimiser.weights[1], before[1])


def test_vectors_learn_what_single_weights_would() -> None:
    """The optimiser on two vectors is the optimiser on every weight by itself."""
    ids = torch.arange(5, 45).view(4, 10)
    models = [make_model().train(False) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    flat = Optimiser(models[0], TrainingSettings(weight_decay=0.1, clip=0.5))
    groups = [[each for each in models[1].parameters() if (each.dim() > 1) == decays] for decays in (True, False)]
    plain = torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": 0.1}, {"params": groups[1], "weight_decay": 0.0}], lr=0.01
    )
    for _ in range(5):
        for model in models:
            model(input_ids=ids, labels=ids).loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(models[1].parameters(), 0.5)
        assert flat.step(rate=0.01) == pytest.approx(float(norm), rel=1e-5)
        plain.step()
        plain.zero_grad()
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_separated_weights_are_the_same_and_their_own() -> None:
    model = make_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Optimiser(model, TrainingSettings())
    separate(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    places = [each.untyped_storage().data_ptr() for each in model.parameters()]
    assert len(set(places)) == len(places)
    assert all(each.grad is None for each in model.parameters())


def test_precision_is_what_was_asked_for() -> None:
    device = torch.device("cpu")
    assert choose_precision(TrainingSettings(precision="fp32"), device) == torch.float32
    assert choose_precision(TrainingSettings(precision="bf16"), device) == torch.bfloat16
    assert choose_precision(TrainingSettings(), device) in (torch.float32, torch.bfloat16)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 1, "updates": 1}, {"updates": 0}, {"learning_rate": 0}, {"warmup": 1}, {"steps": 5}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TrainingSettings.model_validate(wrong)


def test_the_norm_of_many_gradients_is_that_of_float64() -> None:
    """In one sum over so many elements fp32 loses some per cent."""
    layer = torch.nn.Linear(4096, 4096, bias=False)
    optimiser = Optimiser(layer, TrainingSettings(learning_rate=1e-3, clip=None))
    (gradient,) = optimiser.gradients
    gradient.fill_(1e-3)
    assert optimiser.step(0.0) == pytest.approx(1e-3 * 4096, rel=3e-4)
