"""Logistic regression against scikit-learn's, on what a tiny model makes of words in three scripts."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from equiglot.probing import Features, converged, linear
from equiglot.probing.converged import Coordinates, Eigen, Regression, Weights, train_converged
from equiglot.probing.linear import Labelled
from equiglot.tasks import OpenTask
from tests.probing.conftest import LANGUAGES, SHAPES, most_frequent

PENALTIES = (1e-1, 1e-3, 1e-5)


def labelled(
    task: OpenTask, features: Features, language: str, split: str = "train", layer: int | None = 2
) -> Labelled:
    """The words of a split, with one hidden state each, or all of them."""
    items, states = task.split(language, split), features.of(language, split)
    return Labelled(states if layer is None else states[:, [layer]], items.labels, items.lengths)


def _reference(train: Labelled, penalty: float) -> tuple[LogisticRegression, npt.NDArray[np.float64]]:
    """scikit-learn's regression with the same penalty, and the scaled features."""
    flat = StandardScaler().fit_transform(train.states.reshape(len(train.states), -1).astype(np.float64))
    sums = 1 / (penalty * len(flat))  # it weighs the sum of the losses, we add to their mean
    return LogisticRegression(C=sums, solver="newton-cholesky", tol=1e-8).fit(flat, train.labels), flat


def _loss(weights: Any, bias: Any, flat: Any, train: Labelled, penalty: float) -> float:
    """The loss as torch's own functions have it, in double precision."""
    _, gold = np.unique(train.labels, return_inverse=True)
    weights, bias, flat = (torch.as_tensor(each) for each in (weights, bias, flat))
    loss = torch.nn.functional.cross_entropy(flat @ weights.T + bias, torch.from_numpy(gold)).item()
    return loss + penalty / 2 * weights.square().sum().item()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_optimum_is_that_of_scikit_learn(
    shapes: OpenTask, shape_features: Features, language: str, penalty: float
) -> None:
    train = labelled(shapes, shape_features, language)
    reference, flat = _reference(train, penalty)
    regression = Regression(train, mixed=False)
    found = regression.fit(penalty, regression.start(), tolerance=1e-6).found
    probabilities = (torch.from_numpy(flat) @ found.weights.T + found.bias).softmax(1)
    np.testing.assert_allclose(probabilities, reference.predict_proba(flat), atol=5e-3)
    assert len(found.weights) == len(set(train.labels.tolist()))
    if penalty >= 1e-3:  # a weaker one leaves the weights themselves almost free
        np.testing.assert_allclose(found.weights, reference.coef_, atol=5e-3)
        np.testing.assert_allclose(
            found.bias - found.bias.mean(), reference.intercept_ - reference.intercept_.mean(), atol=2e-2
        )


@pytest.mark.parametrize("layer", [None, 2])
def test_what_is_left_to_gain_is_negligible(shapes: OpenTask, shape_features: Features, layer: int | None) -> None:
    train = labelled(shapes, shape_features, "en", layer=layer)
    seen = []
    for probe, fit in train_converged(train, PENALTIES, mixed=False):
        reference, flat = _reference(train, fit.penalty)
        best = _loss(reference.coef_, reference.intercept_, flat, train, fit.penalty)
        assert fit.converged and fit.slope < 0.05
        assert _loss(fit.found.weights, fit.found.bias, flat, train, fit.penalty) < best + 2e-4
        predicted, other = probe.predict(train.states)[0], reference.predict(flat)
        assert abs((predicted == train.labels).mean() - (other == train.labels).mean()) < 0.005
        assert (predicted == train.labels).mean() > most_frequent(train.labels)
        seen.append(fit.penalty)
    assert seen == sorted(PENALTIES, reverse=True)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("numbers", [100, 10**9])
def test_slopes_are_those_of_autograd(
    monkeypatch: pytest.MonkeyPatch, shapes: OpenTask, shape_features: Features, mixed: bool, numbers: int
) -> None:
    monkeypatch.setattr(linear, "_NUMBERS", numbers)
    train = labelled(shapes, shape_features, "ar", layer=None)
    regression, generator = Regression(train, mixed=mixed), np.random.default_rng(0)
    begin = regression.start()
    drawn = [generator.normal(size=each.shape) for each in (begin.weights, begin.bias, begin.mixing)]
    loss, slopes = regression.loss(Weights(*(torch.from_numpy(each) for each in drawn)))
    weights, bias, mixing = (torch.tensor(each, requires_grad=True) for each in drawn)
    states = train.states.reshape(len(train.states), -1).astype(np.float64)
    features = torch.from_numpy(StandardScaler().fit_transform(states))
    if mixed:
        features = (features.view(len(features), 3, -1) * mixing.softmax(0)[:, None]).sum(1)
    gold = torch.from_numpy(np.unique(train.labels, return_inverse=True)[1])
    expected = torch.nn.functional.cross_entropy(features @ weights.T + bias, gold)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    np.testing.assert_allclose(slopes.weights, weights.grad.numpy(), atol=1e-5)
    np.testing.assert_allclose(slopes.bias, bias.grad.numpy(), atol=1e-5)
    if mixed:
        np.testing.assert_allclose(slopes.mixing, mixing.grad.numpy(), atol=1e-5)


def test_mixed_layers_are_no_worse_than_the_best_of_them(shapes: OpenTask, shape_features: Features) -> None:
    train = labelled(shapes, shape_features, "ru", layer=None)
    regression = Regression(train, mixed=True)
    fit = regression.fit(1e-3, regression.start())
    shares = fit.found.shares
    assert fit.converged and shares.sum() == pytest.approx(1) and (shares >= 0).all()
    assert not np.allclose(shares, 1 / 3, atol=0.01)
    mixed = regression.loss(fit.found)[0] + 1e-3 / 2 * fit.found.weights.square().sum()
    for layer in range(3):
        alone = labelled(shapes, shape_features, "ru", layer=layer)
        reference, flat = _reference(alone, 1e-3)
        assert mixed < _loss(reference.coef_, reference.intercept_, flat, alone, 1e-3) + 1e-3
    predicted = regression.probe(fit.found).predict(train.states)[0]
    assert (predicted == train.labels).mean() > most_frequent(train.labels)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_layer_that_a_strong_penalty_shuts_can_come_back(
    shapes: OpenTask, shape_features: Features, language: str
) -> None:
    train = labelled(shapes, shape_features, language, layer=None)
    (_, strong), (_, weak) = train_converged(train, (1e-1, 1e-4), mixed=True)
    assert strong.found.shares.max() > 0.999
    assert weak.found.shares.max() < strong.found.shares.max()
    regression = Regression(train, mixed=True)
    alone = regression.fit(1e-4, regression.start())
    one, other = (
        regression.loss(fit.found)[0] + 1e-4 / 2 * fit.found.weights.square().sum().item() for fit in (weak, alone)
    )
    assert one == pytest.approx(other, abs=1e-3)


@pytest.mark.parametrize(("kept", "numbers", "widest"), [(0, 700, 2048), (1 << 27, 1 << 20, 1)])
def test_the_way_does_not_change_the_end(
    monkeypatch: pytest.MonkeyPatch, shapes: OpenTask, shape_features: Features, kept: int, numbers: int, widest: int
) -> None:
    """Read from the disk in small blocks; each layer's covariance alone."""
    train = labelled(shapes, shape_features, "en", layer=None)
    regression = Regression(train, mixed=False)
    usual = regression.fit(1e-2, regression.start(), tolerance=1e-4)
    monkeypatch.setattr(linear, "_KEPT", kept)
    monkeypatch.setattr(linear, "_NUMBERS", numbers)
    monkeypatch.setattr(converged, "_WIDEST", widest)
    regression = Regression(train, mixed=False)
    other = regression.fit(1e-2, regression.start(), tolerance=1e-4)
    assert usual.converged and other.converged
    np.testing.assert_allclose(other.found.weights, usual.found.weights, atol=2e-3)


def test_classes_that_training_has_not_are_never_predicted(shapes: OpenTask, shape_features: Features) -> None:
    train = labelled(shapes, shape_features, "en")
    symbol, some = SHAPES.index("symbol"), np.isin(train.labels, [SHAPES.index("one"), SHAPES.index("two")])
    assert symbol in train.labels
    few = Labelled(train.states[some], train.labels[some], train.lengths)
    for probe, _ in train_converged(few, PENALTIES, mixed=False):
        assert set(probe.predict(train.states)[0].tolist()) <= {SHAPES.index("one"), SHAPES.index("two")}


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("items", [1, 9])
def test_a_single_class_is_all_that_is_predicted(
    shapes: OpenTask, shape_features: Features, mixed: bool, items: int
) -> None:
    train = labelled(shapes, shape_features, "en", layer=None)
    one = Labelled(train.states[:items], np.full(items, 3, np.int16), np.array([items]))
    for probe, fit in train_converged(one, PENALTIES, mixed=mixed):
        assert fit.converged and not fit.found.weights.any()
        assert set(probe.predict(train.states)[0].tolist()) == {3}


def test_one_sentence_is_learnt_by_heart(shapes: OpenTask, shape_features: Features) -> None:
    train = labelled(shapes, shape_features, "en")
    count = int(train.lengths[train.lengths < 16].max())
    end = int(np.cumsum(train.lengths)[np.flatnonzero(train.lengths == count)[0]])
    rows = slice(end - count, end)
    one = Labelled(train.states[rows], np.arange(count, dtype=np.int16), np.array([count]))
    *_, (probe, fit) = train_converged(one, PENALTIES, mixed=False)
    distinct = len(np.unique(one.states.reshape(count, -1), axis=0))
    assert fit.converged and (probe.predict(one.states)[0] == one.labels).sum() >= distinct - 1


def test_what_has_not_converged_says_so(
    monkeypatch: pytest.MonkeyPatch, shapes: OpenTask, shape_features: Features
) -> None:
    monkeypatch.setattr(converged, "_ITERATIONS", 2)
    regression = Regression(labelled(shapes, shape_features, "en"), mixed=False)
    fit = regression.fit(1e-5, regression.start())
    assert not fit.converged and fit.slope > 1e-3 and fit.evaluations >= 2


def test_coordinates_lead_there_and_back() -> None:
    generator = torch.Generator().manual_seed(0)
    features, classes = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((2, 4, 4), (3, 3)))
    space = Coordinates(Eigen.of(features @ features.mT), Eigen.of(classes @ classes.T), 0.01)
    here, slopes = (
        Weights(*(torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((3, 8), (3,), (2,))))
        for _ in range(2)
    )
    back, parts = space.weights(space.place(here)), ("weights", "bias", "mixing")
    for part in parts:
        torch.testing.assert_close(getattr(back, part), getattr(here, part))
    gain = sum((getattr(slopes, part) * getattr(here, part)).sum() for part in parts)
    assert space.slopes(slopes) @ space.place(here) == pytest.approx(gain.item()), "slopes are those along the way"
