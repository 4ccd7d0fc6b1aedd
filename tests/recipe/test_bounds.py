"""Every number of a recipe has bounds on both sides, and every settings class refuses what is no number."""

from collections.abc import Iterator
from typing import Any

import pytest

from equiglot.recipe import Recipe, recipe_schema
from equiglot.settings import Settings
from tests.recipe.conftest import Refused


def _numbers(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every number that a JSON Schema allows, with its place."""
    if isinstance(node, list):
        for each in node:
            yield from _numbers(each, path)
    if not isinstance(node, dict):
        return
    if node.get("type") in ("integer", "number"):
        yield path, node
    for key, value in node.items():
        if key != "default":
            yield from _numbers(value, f"{path}.{key}")


def _subclasses(cls: type[Settings]) -> Iterator[type[Settings]]:
    yield cls
    for each in cls.__subclasses__():
        yield from _subclasses(each)


def test_every_number_is_bounded_on_both_sides() -> None:
    found = dict(_numbers(recipe_schema()))
    assert len(found) > 60
    unbounded = [
        path
        for path, node in found.items()
        if not {"minimum", "exclusiveMinimum"} & node.keys() or not {"maximum", "exclusiveMaximum"} & node.keys()
    ]
    assert unbounded == []


def test_every_settings_class_is_one_of_ours() -> None:
    ours = {each.__name__ for each in _subclasses(Settings)}
    named = {name.rpartition("__")[2] for name in Recipe.model_json_schema()["$defs"]}
    assert {*named, "Recipe"} <= ours
    for each in _subclasses(Settings):
        assert each.model_config["allow_inf_nan"] is False and each.model_config["extra"] == "forbid"


@pytest.mark.parametrize(
    ("assignment", "what"),
    [
        ("encoder.hidden_size=2000000000", "less than or equal to 65536"),
        ("encoder.layers=20000", "less than or equal to 1000"),
        ("encoder.layers=0x" + 5000 * "f", "a number of more than 100 characters"),
        ("encoder={layers: 1000, hidden_size: 65536}", "no more than 100,000,000,000 are built"),
        ("encoder.max_length=1000000000000", "less than or equal to 1000000"),
        ("encoder.dropout=.nan", "finite number"),
        ("encoder.initializer_range=.inf", "finite number"),
        ("training.betas=[2, 3]", "less than 1"),
        ("training.betas=[.nan, 0.9]", "finite number"),
        ("training.learning_rate=1e+30", "less than or equal to 10"),
        ("training.epochs=.inf", "finite number"),
        ("training.updates=1" + 50 * "0", "less than or equal to"),
        ("training.warmup=.nan", "finite number"),
        ("training.clip=-.inf", "finite number"),
        ("training.seed=-1", "greater than or equal to 0"),
        ("text.valid=.nan", "whole number of sentences"),
        ("text.identify_language=.nan", "finite number"),
        ("models.hl.balance={kind: unimax, passes: .inf}", "finite number"),
        ("models.hl.balance={kind: smoothing, alpha: .nan}", "finite number"),
        ("models.student.labels.weight=.nan", "finite number"),
        ("models.student.labels.temperature=.inf", "finite number"),
        ("languages.en.wikipedia=.nan", "finite number"),
        ("languages.en.start=.nan", "finite number"),
        ("evaluation=[mlm, {task: place, probe: {kind: converged, penalties: [.nan]}}]", "finite number"),
        ("evaluation=[{task: mlm, resamples: 10000000000}]", "less than or equal to 10000000"),
    ],
)
def test_numbers_that_are_refused(refused: Refused, assignment: str, what: str) -> None:
    assert what in refused(overrides=(assignment,)).what
