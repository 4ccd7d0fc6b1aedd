"""What a run is: the settings of all packages composed into one tree, and how it is read."""

from equiglot.recipe.auditing import LabelledFolder, audit_recipe, preset_of
from equiglot.recipe.checks import check_settings
from equiglot.recipe.doubts import TextSize, doubts_of
from equiglot.recipe.finding import Found
from equiglot.recipe.initialising import initialise
from equiglot.recipe.loading import (
    load_recipe,
    parse_recipe,
    read_settings,
    recipe_schema,
    recipe_text,
    recipe_tree,
    validate_recipe,
)
from equiglot.recipe.reading import Origin, builtin_recipes
from equiglot.recipe.scoring import (
    Audit,
    Costs,
    FineTunedTask,
    LabelledEntry,
    Likelihood,
    MaskedLanguageModelling,
    ProbedTask,
)
from equiglot.recipe.settings import FREQUENCY, PLACEHOLDER, SHARED, Language, ModelPlan, ModelSettings, Recipe
from equiglot.recipe.starting import Start
from equiglot.recipe.teaching import check_width

__all__ = [
    "FREQUENCY",
    "PLACEHOLDER",
    "SHARED",
    "Audit",
    "Costs",
    "FineTunedTask",
    "Found",
    "LabelledEntry",
    "LabelledFolder",
    "Language",
    "Likelihood",
    "MaskedLanguageModelling",
    "ModelPlan",
    "ModelSettings",
    "Origin",
    "ProbedTask",
    "Recipe",
    "Start",
    "TextSize",
    "audit_recipe",
    "builtin_recipes",
    "check_settings",
    "check_width",
    "doubts_of",
    "initialise",
    "load_recipe",
    "parse_recipe",
    "preset_of",
    "read_settings",
    "recipe_schema",
    "recipe_text",
    "recipe_tree",
    "validate_recipe",
]
