"""Sums and counts travel together and are divided once."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equiglot.objectives import Losses, Term
from equiglot.training import ValidationPoint
from equiglot.training.history import Counter, LossMeter, mean_of

_CPU = torch.device("cpu")
_VALUES = torch.rand(30, generator=torch.Generator().manual_seed(0))
_COUNTED = torch.arange(30) % 4 != 0
_LANGUAGES = torch.arange(30) % 3 % 2


def _losses(part: slice) -> Losses:
    every = torch.ones(len(_VALUES[part]), dtype=torch.bool)
    terms = {
        "soft": Term(_VALUES[part], _COUNTED[part], _LANGUAGES[part]),
        "hard": Term(2 * _VALUES[part], every, _LANGUAGES[part]),
    }
    return Losses(torch.zeros(()), terms)


@given(cuts=st.lists(st.integers(0, 30), max_size=5))
def test_means_do_not_depend_on_the_cut_into_batches(cuts: list[int]) -> None:
    meter = LossMeter(("en", "eu", "tr"), _CPU)
    borders = [0, *sorted(cuts), 30]
    for low, high in pairwise(borders):
        meter.add(_losses(slice(low, high)))
    means = meter.read()
    assert list(means) == ["hard/en", "hard/eu", "soft/en", "soft/eu"]  # Nothing of Turkish, so no number.
    for number, language in enumerate(("en", "eu")):
        own = number == _LANGUAGES
        assert means[f"hard/{language}"] == pytest.approx(2 * _VALUES[own].double().mean().item())
        assert means[f"soft/{language}"] == pytest.approx(_VALUES[own & _COUNTED].double().mean().item())
    assert meter.read() == {}


def test_languages_count_the_same_in_the_mean_of_a_validation() -> None:
    assert ValidationPoint(update=1, scores={"en": 50, "eu": 10}, losses={"en": 1, "eu": 2}).score == pytest.approx(30)


def test_counts_of_sequences_and_tokens() -> None:
    counter = Counter(("en", "eu"))
    counter.add(np.array([0, 1, 0]), np.array([5, 7, 3]))
    counter.add(np.array([0]), np.array([2]))
    assert counter.by_language(0) == {"en": 3, "eu": 1}
    assert counter.by_language(1) == {"en": 10, "eu": 7}


def test_mean_for_display() -> None:
    assert mean_of({"hard/en": 1.0, "hard/eu": 2.0}) == 1.5
    assert mean_of({}) is None
