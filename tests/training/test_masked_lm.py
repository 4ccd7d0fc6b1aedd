"""Validation against a slow reference, whatever the size of the forward pass."""

import numpy as np
import pytest
import torch

from equiglot.masking import evaluation_batches, evaluation_masks
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
