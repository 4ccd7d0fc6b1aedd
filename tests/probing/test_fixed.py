"""Probes trained for a fixed number of epochs against a plain loop over torch's own modules, one start at a time."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from equiglot.probing import Features, FixedProbe
from equiglot.probing.fixed import Probing, Repeats, train_fixed
from equiglot.probing.linear import Labelled
from equiglot.tasks import OpenTask
from tests.probing.conftest import SHAPES
from tests.probing.test_converged import labelled

SETTINGS = FixedProbe(kind="fixed", epochs=2, batch=8, learning_rate=3e-2, seeds=3)


class _Mixture(nn.Module):
    """A softmax-weighted mean of layers, then a linear layer."""

    def __init__(self, layers: int, linear: nn.Linear) -> None:
        super().__init__()
        self.shares, self.linear = nn.Parameter(torch.zeros(layers)), linear

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.linear(torch.einsum("mlh,l->mh", states, self.shares.softmax(0)))


def _plain_loop(train: Labelled, repeat: int, *, mixed: bool) -> nn.Module:
    """The same orders and initial weights, nothing else shared."""
    begin = Repeats(train.states.shape, len(SHAPES), SETTINGS.seeds, mixed=mixed, seed=5)
    linear = nn.Linear(begin.weights.shape[2], len(SHAPES))
    with torch.no_grad():
        linear.weight.copy_(begin.weights[repeat])
        linear.bias.copy_(begin.bias[repeat])
    module = _Mixture(train.states.shape[1], linear) if mixed else nn.Sequential(nn.Flatten(), linear)
    optimiser = torch.optim.Adam(module.parameters(), lr=SETTINGS.learning_rate)
    updates = SETTINGS.epochs * math.ceil(len(train.lengths) / SETTINGS.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda update: 1 - update / updates)
    task = Probing(train, SETTINGS, 5)
    for update in range(updates):
        batch = task.batch(update)
        real = batch.items[repeat][batch.parts[repeat] > 0]
        optimiser.zero_grad()
        logits = module(torch.from_numpy(train.states[real].astype(np.float32)))
        nn.functional.cross_entropy(logits, torch.from_numpy(train.labels[real].astype(np.int64))).backward()
        optimiser.step()
        schedule.step()
    assert schedule.get_last_lr()[0] == pytest.approx(0)
    return module


@pytest.mark.parametrize("mixed", [False, True])
def test_probes_are_those_of_a_plain_loop(shapes: OpenTask, shape_features: Features, mixed: bool) -> None:
    train = labelled(shapes, shape_features, "ru", layer=None)
    probe, shares, updates = train_fixed(train, len(SHAPES), SETTINGS, mixed=mixed, seed=5)
    assert updates == 2 * math.ceil(60 / 8) and probe.classes.tolist() == list(range(len(SHAPES)))
    assert shares.shape == (3, 3 if mixed else 0)
    for repeat in range(SETTINGS.seeds):
        module = _plain_loop(train, repeat, mixed=mixed)
        with torch.no_grad():
            expected = module(torch.from_numpy(train.states.astype(np.float32)))
        flat = torch.from_numpy(train.states.reshape(len(train.states), -1).astype(np.float32))
        np.testing.assert_allclose(flat @ probe.weights[repeat].T + probe.bias[repeat], expected, atol=2e-4)
        assert np.array_equal(probe.predict(train.states)[repeat], expected.argmax(1))
        if mixed:
            np.testing.assert_allclose(shares[repeat], module.shares.detach().softmax(0), atol=1e-5)


def test_every_epoch_reads_every_sentence_once_in_another_order(shapes: OpenTask, shape_features: Features) -> None:
    lengths = shapes.split("en", "train").lengths
    task = Probing(labelled(shapes, shape_features, "en"), SETTINGS, 0)
    starts = np.cumsum(lengths) - lengths
    half = task.epoch_batches
    batches = [(batch.items, batch.parts) for batch in map(task.batch, range(SETTINGS.epochs * half))]
    orders = []
    for repeat in range(SETTINGS.seeds):
        for epoch in (batches[:half], batches[half:]):
            read = np.concatenate([items[repeat][shares[repeat] > 0] for items, shares in epoch])
            assert np.array_equal(np.sort(read), np.arange(lengths.sum()))
            firsts = read[np.isin(read, starts)]
            orders.append(tuple(firsts.tolist()))
            borders = np.append(np.flatnonzero(np.isin(read, starts)), len(read))
            assert all((np.diff(read[begin:end]) == 1).all() for begin, end in pairwise(borders)), (
                "words in their order"
            )
            for number, (items, shares) in enumerate(epoch):
                inside = set(items[repeat][shares[repeat] > 0].tolist())
                assert set(firsts[number * SETTINGS.batch : (number + 1) * SETTINGS.batch].tolist()) <= inside
                assert shares[repeat].sum() == pytest.approx(1) and len(set(shares[repeat].tolist()) - {0}) == 1
    assert len(set(orders)) == len(orders)


def test_all_is_a_function_of_the_seed(shapes: OpenTask, shape_features: Features) -> None:
    train = labelled(shapes, shape_features, "ar")
    one, again, other = (train_fixed(train, len(SHAPES), SETTINGS, mixed=False, seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(one.weights, again.weights) and torch.equal(one.bias, again.bias)
    assert not torch.equal(one.weights, other.weights)
    assert len({tuple(weights.flatten().tolist()) for weights in one.weights}) == SETTINGS.seeds
    few = SETTINGS.model_copy(update={"seeds": 1})
    alone, _, _ = train_fixed(train, len(SHAPES), few, mixed=False, seed=1)
    torch.testing.assert_close(alone.weights[0], one.weights[0], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_initial_weights_are_drawn_as_torch_draws_them() -> None:
    begin = Repeats((9, 3, 64), 50, 2, mixed=False, seed=0)
    torch.manual_seed(0)
    linear = nn.Linear(192, 50)
    assert begin.weights.shape == (2, *linear.weight.shape) and begin.bias.shape == (2, *linear.bias.shape)
    for ours, theirs in ((begin.weights, linear.weight), (begin.bias, linear.bias)):
        assert ours.abs().max() <= 1 / math.sqrt(192)
        assert ours.abs().max() == pytest.approx(theirs.abs().max().item(), rel=0.1)
        assert ours.std() == pytest.approx(theirs.std().item(), rel=0.15)
