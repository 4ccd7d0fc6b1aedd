"""Which models are the monolingual experts, and which are compared with them."""

from pathlib import Path

import pytest

from equiglot.recipe import load_recipe
from tests.recipe.conftest import RECIPE

MONO = {"mono-en", "mono-ru", "mono-ko"}
SMALL = "  small-{language}: {languages: each, balance: {kind: cap, characters: 100}}\n"


@pytest.mark.parametrize(
    ("recipe", "experts"),
    [
        (RECIPE, MONO),
        (RECIPE + SMALL, MONO),  # as the recipe's reference is mono-{language}
        (RECIPE.replace("mono-{language}", "expert-{language}"), {name.replace("mono", "expert") for name in MONO}),
        (RECIPE + "  ko-of-en: {languages: [ko], labels: {kind: soft, teachers: hl}}\n", MONO),
        (RECIPE + SMALL + 'report: {reference: "small-{language}"}\n', {"small-en", "small-ru", "small-ko"}),
        (RECIPE + "report: {reference: hl}\n", MONO),
        (RECIPE + "report: {reference: mono-en}\n", MONO),
        (
            RECIPE[: RECIPE.index("models:")] + "models: {hl: {}, ko: {languages: [ko]}}\nreport: {reference: hl}\n",
            {"hl"},
        ),
        (RECIPE + "  alone: {languages: [ko]}\n", MONO),  # which neither teaches nor is a reference
    ],
)
def test_the_experts(recipe: str, experts: set[str], place: Path) -> None:
    (place / "small.yaml").write_text(recipe, encoding="utf-8")
    found = load_recipe(place / "small.yaml")
    assert {name for name, plan in found.plans().items() if found.is_expert(plan)} == experts


def test_a_changed_copy_of_a_recipe_has_its_own_models(place: Path) -> None:
    recipe = load_recipe(place / "small.yaml")
    assert recipe.plans() is recipe.plans()
    assert {*recipe.model_copy(update={"models": {"hl": recipe.models["hl"]}}).plans()} == {"hl"}
    assert {*recipe.plans()} == MONO | {"hl", "v1.5", "student"}
