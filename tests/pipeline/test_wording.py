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


@pytest.mark.parametrize("kind", _kinds())
def test_every_way_of_balancing_has_words(kind: type[BaseModel]) -> None:
    numbers: dict[type[BaseModel], dict[str, float]] = {
        Cap: {"characters": 1000},
        Smoothing: {"alpha": 0.3},
        Annealed: {"start": 1.0, "end": 0.25},
        UniMax: {"passes": 4},
    }
    plan = ModelPlan(
        name="student",
        languages=("te", "ko"),
        balance=kind(**numbers.get(kind, {})),
        labels=HardLabels(),
        encoder=EncoderSettings(),
        training=TrainingSettings(),
    )
    words = balance_in_words(plan)
    assert all(f"{value:,g}" in words for value in numbers.get(kind, {}).values())
