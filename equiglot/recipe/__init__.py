"""What a run is: the settings of all packages composed into one tree, and how it is read."""

from equiglot.recipe.loading import builtin_recipes, load_recipe, parse_recipe, recipe_text, recipe_tree
from equiglot.recipe.settings import Language, MaskedLanguageModelling, ModelPlan, ModelSettings, Recipe

__all__ = [
    "Language",
    "MaskedLanguageModelling",
    "ModelPlan",
    "ModelSettings",
    "Recipe",
    "builtin_recipes",
    "load_recipe",
    "parse_recipe",
    "recipe_text",
    "recipe_tree",
]
