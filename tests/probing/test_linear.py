"""Scaling, block by block, against scikit-learn; and what a probe predicts."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from equiglot.probing import Features, linear
from equiglot.probing.linear import LinearProbe, ScaledItems, no_scaling, standard_scaling


@pytest.mark.parametrize("numbers", [1, 500, 10**9])
def test_scaling_is_that_of_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, shape_features: Features, numbers: int
) -> None:
    monkeypatch.setattr(linear, "_NUMBERS", numbers)
    states = np.array(shape_features.of("ru", "train"))
    states[:, 1, 3] = 0.1  # constant, and its mean is rounded
    flat = states.reshape(len(states), -1).astype(np.float64)
    scaling = standard_scaling(states)
    blocks = list(scaling.blocks(states))
    scaled = torch.cat([block for _, block in blocks])
    assert scaled.dtype == torch.float32
    np.testing.assert_allclose(scaled.numpy(), StandardScaler().fit_transform(flat), atol=1e-4)
    assert not scaled[:, 16 + 3].any()
    elsewhere = torch.cat([block for _, block in scaling.blocks(np.ones_like(states[:2]))])
    assert elsewhere[:, 16 + 3].tolist() == pytest.approx([0.9, 0.9], abs=1e-3), "constant in training only"
    assert [row for rows, _ in blocks for row in range(rows.start, rows.stop)] == list(range(len(states)))


@pytest.mark.parametrize("kept", [0, 10**9])
def test_items_can_be_read_again_and_again(
    monkeypatch: pytest.MonkeyPatch, shape_features: Features, kept: int
) -> None:
    monkeypatch.setattr(linear, "_KEPT", kept)
    monkeypatch.setattr(linear, "_NUMBERS", 1000)
    states = shape_features.of("en", "dev")
    items = ScaledItems(states, standard_scaling(states))
    once, again = (torch.cat([block for _, block in items]) for _ in range(2))
    assert torch.equal(once, again) and len(once) == len(states)


def test_the_likeliest_label_is_predicted(monkeypatch: pytest.MonkeyPatch, shape_features: Features) -> None:
    monkeypatch.setattr(linear, "_NUMBERS", 1000)
    states = shape_features.of("ar", "test")
    generator = torch.Generator().manual_seed(0)
    weights, bias = torch.randn(2, 3, 48, generator=generator), torch.randn(2, 3, generator=generator)
    probe = LinearProbe(no_scaling(48), weights, bias, np.array([1, 4, 7], np.int16))
    predicted = probe.predict(states)
    assert predicted.shape == (2, len(states)) and predicted.dtype == np.int16
    flat = states.reshape(len(states), -1).astype(np.float32)
    for repeat in range(2):
        logits = flat @ weights[repeat].numpy().T + bias[repeat].numpy()
        assert np.array_equal(predicted[repeat], np.array([1, 4, 7])[logits.argmax(1)])
    assert len(set(predicted.ravel().tolist())) == 3
