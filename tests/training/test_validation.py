"""Validation against a slow reference, whatever the size of the forward pass."""

import numpy as np
import pytest
import torch

from equiglot.masking import evaluation_batches, evaluation_masks
from equiglot.training import LanguageValidation, validate, validation
from tests.tiny import ENCODER, FRAMING, VOCABULARY, make_model, make_text

_TEXTS = {"en": make_text(40), "eu": make_text(15, seed=1)}


def _validate(limit: int = 30) -> dict[str, LanguageValidation]:
    return validate(make_model(), _TEXTS, limit=limit, framing=FRAMING, seed=0)


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
                    framing=FRAMING,
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
        own = results[language]
        assert own.counts.tolist() == expected[2].tolist()
        np.testing.assert_allclose(own.reciprocal_ranks, expected[0], rtol=1e-6)
        np.testing.assert_allclose(own.losses, expected[1], rtol=1e-5)
        assert own.mrr == pytest.approx(expected[0].sum() / expected[2].sum())
        assert own.loss == pytest.approx(expected[1].sum() / expected[2].sum())


@pytest.mark.parametrize("tokens", [1, 60, 10**6])
def test_the_size_of_the_forward_pass_does_not_matter(monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    usual = _validate()
    monkeypatch.setattr(validation, "_TOKENS", tokens)
    for language, result in _validate().items():
        np.testing.assert_allclose(result.reciprocal_ranks, usual[language].reciprocal_ranks, rtol=1e-6)
        np.testing.assert_allclose(result.losses, usual[language].losses, rtol=1e-5)
        assert np.array_equal(result.counts, usual[language].counts)


def test_the_first_sequences_are_the_same_whatever_the_limit() -> None:
    for language, result in _validate(limit=10).items():
        np.testing.assert_allclose(result.losses, _validate()[language].losses[:10], rtol=1e-5)


def test_the_model_is_left_as_it_was_and_drops_nothing_out() -> None:
    model = make_model(encoder=ENCODER.model_copy(update={"dropout": 0.5}))
    results = []
    for training in (True, False):
        model.train(training)
        state = torch.get_rng_state()
        results.append(validate(model, _TEXTS, limit=5, framing=FRAMING, seed=0))
        assert model.training == training
        assert torch.equal(torch.get_rng_state(), state)
        assert all(parameter.grad is None for parameter in model.parameters())
    assert all(np.array_equal(results[0][name].losses, results[1][name].losses) for name in _TEXTS)
