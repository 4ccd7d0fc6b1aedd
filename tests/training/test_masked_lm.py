"""Validation against a slow reference, whatever the size of the forward pass."""

import numpy as np
import pytest
import torch

from equiglot.labels import OnlineTeachers, SoftLabels, freeze
from equiglot.masking import evaluation_batches, evaluation_masks
from equiglot.models import target_logits, to_tensors
from equiglot.objectives import hard_loss, soft_loss
from equiglot.training import MaskedLM, Validation, masked_lm
from tests.tiny import SPECIAL, VOCABULARY, make_model, make_stream, make_text

_TEXTS = {"en": make_text(40), "eu": make_text(15, seed=1)}


_STREAM = make_stream(_TEXTS)


@torch.no_grad()
def _validate(limit: int = 30) -> Validation:
    return MaskedLM(_STREAM, special=SPECIAL, validation=_TEXTS, sequences=limit).validate(make_model().eval())


def test_against_a_slow_reference() -> None:
    model, results = make_model().eval(), _validate()
    for language, text in _TEXTS.items():
        expected = np.zeros((3, min(30, len(text))))
        for sequence in range(min(30, len(text))):
            (batch,) = (
                each
                for each in evaluation_batches(
                    text,
                    salt=f"valid/{language}",
                    language=0,
                    limit=30,
                    tokens=1,
                    masks=evaluation_masks(),
                    special=SPECIAL,
                    seed=0,
                )
                if each.sequences.tolist() == [sequence]
            )
            with torch.no_grad():
                logits = model(input_ids=torch.from_numpy(batch.inputs)).logits.reshape(-1, VOCABULARY)
            for place, gold in zip(batch.targets.tolist(), batch.gold.tolist(), strict=True):
                order = logits[place].argsort(descending=True).tolist()
                loss = -torch.log_softmax(logits[place], dim=-1)[gold].item()
                expected[:, sequence] += (1 / (1 + order.index(gold)), loss, 1)
        assert results.counts[language].tolist() == expected[2].tolist()
        np.testing.assert_allclose(results.sums[language], expected[0], rtol=1e-6)
        assert results.scores[language] == pytest.approx(100 * expected[0].sum() / expected[2].sum())
        assert results.losses[language] == pytest.approx(expected[1].sum() / expected[2].sum(), rel=1e-5)


@pytest.mark.parametrize("tokens", [1, 60, 10**6])
def test_the_size_of_the_forward_pass_does_not_matter(monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    usual = _validate()
    monkeypatch.setattr(masked_lm, "_TOKENS", tokens)
    result = _validate()
    for language in _TEXTS:
        np.testing.assert_allclose(result.sums[language], usual.sums[language], rtol=1e-6)
        assert result.losses[language] == pytest.approx(usual.losses[language], rel=1e-5)
        assert np.array_equal(result.counts[language], usual.counts[language])


def test_the_first_sequences_are_the_same_whatever_the_limit() -> None:
    few, more = _validate(limit=10), _validate()
    for language in _TEXTS:
        np.testing.assert_allclose(few.sums[language], more.sums[language][:10], rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("states", [None, 0.5])
def test_the_best_can_be_those_with_the_lowest_loss_teachers_included(states: float | None) -> None:
    """A teacher of English alone; at the end of the training, whose soft labels then weigh a quarter."""
    teacher, device = freeze(make_model(3), torch.device("cpu")), torch.device("cpu")
    weight = {"start": 1, "end": 0.25}
    objective = SoftLabels(teachers="one", weight=weight, states=states).objective  # type: ignore[arg-type]
    labels = OnlineTeachers({"en": teacher}, _STREAM, device, objective=objective)
    task = MaskedLM(
        _STREAM, special=SPECIAL, validation=_TEXTS, sequences=10, objective=objective, labels=labels, best_by="loss"
    )
    assert (task.metric, task.lower_is_better) == ("loss", True)
    model = make_model().eval()
    found, usual = task.validate(model), _validate(10)
    assert found.scores == found.losses and found.losses["eu"] == pytest.approx(usual.losses["eu"], rel=1e-5)
    np.testing.assert_array_equal(found.sums["en"], usual.sums["en"])
    total, count = 0.0, 0
    for batch in evaluation_batches(
        _TEXTS["en"],
        salt="valid/en",
        language=0,
        limit=10,
        tokens=60,
        masks=evaluation_masks(),
        special=SPECIAL,
        seed=0,
    ):
        tensors = to_tensors(batch, device)
        logits, theirs = target_logits(model, tensors), target_logits(teacher, tensors)
        words = 0.25 * soft_loss(logits, theirs, 1.0) + 0.75 * hard_loss(logits, tensors.gold)
        total, count = total + float(words.sum()), count + batch.count
    if states is None:
        assert found.losses["en"] == pytest.approx(total / count, rel=1e-5)
    else:
        assert found.losses["en"] > total / count
