"""Contradictions between settings, refused before anything is computed."""

from collections.abc import Iterator
from difflib import get_close_matches

from equiglot.corpus import check_text
from equiglot.errors import InputError
from equiglot.labels import SoftLabels
from equiglot.recipe.settings import PLACEHOLDER, ModelPlan, Recipe


def check_recipe(recipe: Recipe) -> None:
    """Refuses a recipe that contradicts itself.

    Raises:
        InputError: with the field and what to change it to.
    """
    _check_names(recipe)
    _check_languages(recipe)
    plans = recipe.plans()
    _check_circles(plans)
    for plan in plans.values():
        _check_teachers(recipe, plan, plans)
        _check_batch(plan)
    check_text(recipe.text, recipe.languages)


def _check_names(recipe: Recipe) -> None:
    for name, model in recipe.models.items():
        if (model.languages == "each") != (PLACEHOLDER in name):
            raise InputError(
                f"the name {name!r} and `languages: {model.languages}` contradict each other",
                where=f"models.{name}.languages",
                fix=f"a model for each language has `languages: each` and {PLACEHOLDER} in its name",
            )
    seen: set[str] = set()
    for plan in recipe._expanded():
        if plan.name in seen:
            raise InputError(f"two models are called {plan.name!r}", where=f"models.{plan.name}", fix="rename one")
        if not plan.name.replace("-", "").replace("_", "").replace(".", "").isalnum() or plan.name.startswith("."):
            raise InputError(
                f"{plan.name!r} cannot be the name of a model",
                where=f"models.{plan.name}",
                fix="use letters, digits, '-', '_' and '.'",
            )
        seen.add(plan.name)


def _check_languages(recipe: Recipe) -> None:
    for name, model in recipe.models.items():
        _check_known(model.languages, recipe.trained_languages, f"models.{name}.languages")
    _check_known(recipe.vocabulary_languages, tuple(recipe.languages), "vocabulary.languages")
    if not recipe.trained_languages:
        raise InputError("every language is `vocabulary_only`", where="languages", fix="train on at least one")


def _check_known(codes: str | tuple[str, ...], known: tuple[str, ...], where: str) -> None:
    for code in codes if isinstance(codes, tuple) else ():
        if code not in known:
            raise InputError(
                f"no model language is called {code!r}" if "models" in where else f"no text for the language {code!r}",
                where=where,
                fix=nearest(code, known) or f"the recipe has: {', '.join(known)}",
            )


def _check_circles(plans: dict[str, ModelPlan]) -> None:
    def visit(name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in path:
            yield " learns from ".join((*path[path.index(name) :], name))
        elif name in plans:
            for teacher in sorted(set(plans[name].teachers().values())):
                yield from visit(teacher, (*path, name))

    for name in plans:
        for circle in visit(name, ()):
            raise InputError(f"a circle: {circle}", where=f"models.{name}.labels.teachers", fix="break it")


def _check_teachers(recipe: Recipe, plan: ModelPlan, plans: dict[str, ModelPlan]) -> None:
    if not isinstance(plan.labels, SoftLabels):
        return
    where = f"models.{plan.name}.labels.teachers"
    teachers = plan.teachers()
    for language in plan.languages:
        name = teachers.get(language)
        usable = name is not None and name in plans and language in plans[name].languages
        if not usable and (plan.labels.without_teacher == "refuse" or name is not None):
            raise InputError(
                f"{language} has no teacher" + (f": no model {name!r} is trained on it" if name else ""),
                where=where,
                fix=nearest(name or "", tuple(plans))
                or "name one, or set `without_teacher: gold` and leave the language out of `teachers`",
            )
    if not teachers:
        raise InputError("soft labels without any teacher", where=where, fix="name teachers, or set `labels: hard`")


def _check_batch(plan: ModelPlan) -> None:
    tokens, longest = plan.training.batch.tokens, plan.encoder.max_length
    if tokens is not None and tokens < longest:
        raise InputError(
            f"a batch of {tokens} tokens cannot hold a sentence of {longest}",
            where=f"models.{plan.name}.training.batch.tokens",
            fix=f"make it at least {longest}, better several times as much, or lower encoder.max_length",
        )


def nearest(name: str, known: tuple[str, ...]) -> str | None:
    """A suggestion of the known name that is most like `name`, if any is."""
    matches = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {matches[0]!r}?" if matches else None
