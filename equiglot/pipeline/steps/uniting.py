"""Whether models can have one vocabulary: looked at before anything is made."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from equiglot import models, vocabulary
from equiglot.pipeline.steps.model import foreign_model
from equiglot.recipe import SHARED, ModelPlan, Recipe
from equiglot.run import RunDirectory
from equiglot.vocabulary import UnionVocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def check_union(run: RunDirectory, recipe: Recipe, left: Container[str]) -> None:
    """Refuses models whose vocabularies are to be united and that treat letters differently.

    Args:
        run: the run; of a model that was taken already, its copy is looked at.
        recipe: the recipe.
        left: the names of the jobs that are not done; where the union is, nothing is looked at.

    Raises:
        InputError: they differ, and `vocabulary.rules` names none; or a model's tokenizer cannot be read.
    """
    if isinstance(recipe.vocabulary, UnionVocabulary) and f"vocabulary/{SHARED}" in left:
        plans = recipe.plans()
        vocabulary.check_rules(
            {name: _tokenizer(run, plans[name], left) for name in recipe.united}, recipe.vocabulary.rules
        )


def _tokenizer(run: RunDirectory, plan: ModelPlan, left: Container[str]) -> Tokenizer:
    """What treats text as a model does; its pieces may not be known yet."""
    if plan.own_vocabulary is not None:
        return vocabulary.rules_of(plan.own_vocabulary)
    with foreign_model(plan):
        taken = f"model/{plan.name}" not in left
        return vocabulary.load_tokenizer(
            run.model(plan.name) if taken else models.locate_model(plan.existing or "")
        ).backend_tokenizer
