"""What a recipe needs and does not have, and what it has and nothing needs."""

from collections.abc import Iterator

from equiglot.errors import InputError
from equiglot.recipe.scoring import MaskedLanguageModelling
from equiglot.recipe.settings import Recipe


def check_needs(recipe: Recipe) -> None:
    """Refuses a language whose text is needed and missing, and settings of what the recipe does not do.

    Raises:
        InputError: with the field and what to change it to.
    """
    for code, purpose in _needed_texts(recipe):
        if recipe.languages[code].text is None:
            raise InputError(
                f"{code} has no text, and {purpose}",
                where=f"languages.{code}.text",
                fix="say where it is; only models that are there already can be scored without, on labelled data",
            )
    for field, idle, what in _idle_settings(recipe):
        if idle and field in recipe.model_fields_set:
            raise InputError(what, where=field, fix=f"leave `{field}` out")
    _check_scored(recipe)


def _needed_texts(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """The languages whose text something needs, and what."""
    for code, language in recipe.languages.items():
        if language.vocabulary_only:
            yield code, "it is there for the vocabulary alone, which is learnt from text"
    for plan in recipe.plans().values():
        if plan.existing is None:
            what = "trained on it"
            if not plan.is_trained:
                what = "trimmed to the entries that it needs" if plan.trim else "given the entries that it lacks"
            yield from ((code, f"{plan.name} is {what}") for code in plan.languages)
        if plan.own_vocabulary is not None:
            codes = plan.own_vocabulary.languages or plan.languages
            yield from ((code, f"the vocabulary of {plan.name} is learnt from it") for code in codes)
        if recipe.likelihood is not None:
            yield from ((code, f"the task likelihood measures {plan.name} on it") for code in plan.languages)
    yield from ((code, "the run's vocabulary is learnt from it") for code in recipe.vocabulary_languages)
    if "place" in recipe.probed:
        yield from ((code, "the task place makes its labels of it") for code in recipe.trained_languages)


def _idle_settings(recipe: Recipe) -> Iterator[tuple[str, bool, str]]:
    """Fields, whether nothing needs them, and why."""
    yield "vocabulary", not recipe.has_vocabulary, "no model has the run's vocabulary: each has its own, or another's"
    yield "text", not recipe.sources, "no language has text that could be cleaned and split"
    trained = any(plan.is_trained for plan in recipe.expanded())
    for field in ("encoder", "masking", "training"):
        yield field, not trained, "no model is trained"


def _check_scored(recipe: Recipe) -> None:
    """Refuses masked words that no model can be scored by, and a run that does nothing."""
    given = "evaluation" in recipe.model_fields_set
    for number, task in enumerate(recipe.evaluation):
        if given and isinstance(task, MaskedLanguageModelling) and not recipe.has_vocabulary:
            raise InputError(
                "mlm scores models of the run's vocabulary, and no model has it",
                where=f"evaluation.{number}",
                fix="leave mlm out; likelihood, and tasks that are probed, compare models of any vocabulary",
            )
    if not recipe.evaluated and all(plan.existing is not None for plan in recipe.expanded()):
        raise InputError(
            "nothing is trained and nothing is scored: all models are there already",
            where="evaluation",
            fix="name what they are scored by: likelihood, or a task with labels such as pos, ner or topic",
        )
