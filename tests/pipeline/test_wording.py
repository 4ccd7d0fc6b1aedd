"""Every setting that a recipe can have can be said in words."""

from typing import Any

import pytest
from pydantic import BaseModel

from equiglot.corpus.balancing import Annealed, BalancingPolicy, Cap, Smoothing, UniMax
from equiglot.labels import HardLabels
from equiglot.models import EncoderSettings
from equiglot.pipeline.results.wording import balance_in_words
from equiglot.recipe import ModelPlan
from equiglot.training import TrainingSettings


def _kinds() -> list[type[BaseModel]]:
    union: Any = BalancingPolicy.__origin__  # type: ignore[attr-defined]
    return list(union.__args__)


def _plan(balance: Any) -> ModelPlan:
    return ModelPlan(
        name="student",
        languages=("te", "ko"),
        balance=balance,
        labels=HardLabels(),
        encoder=EncoderSettings(),
        training=TrainingSettings(),
    )


def test_what_is_usual_has_plain_words() -> None:
    words = balance_in_words(_plan(Annealed(start=1.0, end=0.0, passes=45)))
    assert words == "languages drawn by their size, at the end in equal shares, none more than 45 times"


@pytest.mark.parametrize("kind", _kinds())
def test_every_way_of_balancing_has_words(kind: type[BaseModel]) -> None:
    numbers: dict[type[BaseModel], dict[str, float]] = {
        Cap: {"characters": 1000},
        Smoothing: {"alpha": 0.3},
        Annealed: {"start": 0.7, "end": 0.25},
        UniMax: {"passes": 4},
    }
    words = balance_in_words(_plan(kind(**numbers.get(kind, {}))))
    assert all(f"{value:,g}" in words for value in numbers.get(kind, {}).values())
