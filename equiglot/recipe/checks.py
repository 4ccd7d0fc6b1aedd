"""Contradictions between settings, refused before anything is computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from equiglot.corpus import check_text
from equiglot.errors import InputError
from equiglot.labels import SoftLabels
from equiglot.recipe.scoring import MaskedLanguageModelling, ProbedTask
from equiglot.recipe.settings import FREQUENCY, PLACEHOLDER, ModelPlan, Recipe
from equiglot.tasks import check_task


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
    _check_encoders(recipe)
    _check_reference(recipe, plans)
    _check_published(recipe)
    for code, language in recipe.languages.items():
        with _named(f"languages.{code}.text"):
            check_text(recipe.text, {code: language})
    check_text(recipe.text, recipe.languages)
    for number, evaluation in enumerate(recipe.evaluation):
        if not isinstance(evaluation, MaskedLanguageModelling):
            _check_layers(recipe, f"evaluation.{number}", evaluation)
            _check_task(recipe, f"evaluation.{number}", evaluation)


@contextmanager
def _named(field: str) -> Iterator[None]:
    """Names the recipe's field where an error names a file."""
    try:
        yield
    except InputError as error:
        if error.where is None or error.where.split(".")[0] not in Recipe.model_fields:
            place = f" ({error.where})" if error.where and error.where not in error.what else ""
            raise InputError(f"{error.what.rstrip('.')}{place}", where=field, fix=error.fix) from None
        raise


def _check_task(recipe: Recipe, field: str, task: ProbedTask) -> None:
    texts = {code: recipe.languages[code].text for code in recipe.trained_languages}
    try:
        with _named(field):
            check_task(task, recipe.trained_languages, texts)
    except InputError as error:  # which names the task, not its place in the recipe
        where = str(error.where).replace(f"evaluation.{task.task}", field)
        raise InputError(error.what, where=where, fix=error.fix) from None


def _check_layers(recipe: Recipe, field: str, task: ProbedTask) -> None:
    """A single layer that is probed must be one of every model's."""
    for plan in recipe.plans().values():
        if isinstance(task.layers, int) and plan.encoder.folder is None and task.layers > plan.encoder.layers:
            raise InputError(
                f"{plan.name} has no layer {task.layers}, only 0 (the embeddings) to {plan.encoder.layers}",
                where=f"{field}.layers",
                fix="name one of these, or last, all or mix",
            )


def _check_names(recipe: Recipe) -> None:
    for name, model in recipe.models.items():
        if (model.languages == "each") != (PLACEHOLDER in name):
            raise InputError(
                f"the name {name!r} and `languages: {model.languages}` contradict each other",
                where=f"models.{name}.languages",
                fix=f"a model for each language has `languages: each` and {PLACEHOLDER} in its name",
            )
    seen: set[str] = set()
    for plan in recipe.expanded():
        if plan.name in seen:
            raise InputError(f"two models are called {plan.name!r}", where=f"models.{plan.name}", fix="rename one")
        letters = plan.name.replace("-", "").replace("_", "").replace(".", "")
        if not letters.isalnum() or plan.name[0] in ".-" or plan.name == FREQUENCY:
            raise InputError(
                f"{plan.name!r} cannot be the name of a model",
                where=f"models.{plan.name}",
                fix=f"use letters, digits, '-', '_' and '.'; {FREQUENCY!r} stands for the ranking by frequency",
            )
        seen.add(plan.name)


def _check_languages(recipe: Recipe) -> None:
    if not recipe.trained_languages:
        raise InputError("every language is `vocabulary_only`", where="languages", fix="train on at least one")
    for name, model in recipe.models.items():
        if isinstance(model.languages, tuple):
            _check_known(model.languages, recipe.trained_languages, f"models.{name}.languages")
    _check_known(recipe.vocabulary_languages, tuple(recipe.languages), "vocabulary.languages")


def _check_known(codes: tuple[str, ...], known: tuple[str, ...], where: str) -> None:
    """Refuses codes that are not among those `known`, a code twice, and none at all."""
    if not codes:
        raise InputError("no language is named", where=where, fix=f"the recipe has: {', '.join(known)}")
    for number, code in enumerate(codes):
        if code not in known:
            fix = nearest(code, known) or f"the recipe has: {', '.join(known)}"
            raise InputError(f"the recipe has no language {code!r} to use here", where=where, fix=fix)
        if code in codes[:number]:
            raise InputError(f"the language {code!r} is named twice", where=where, fix="name it once")


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
    where, teachers = f"models.{plan.name}.labels.teachers", plan.teachers()
    if isinstance(plan.labels.teachers, dict):
        _check_known(tuple(plan.labels.teachers), recipe.trained_languages, where)
    for language in plan.languages:
        name = teachers.get(language)
        if name is None and plan.labels.without_teacher == "refuse":
            raise InputError(
                f"{language} has no teacher", where=where, fix="name one, or learn from gold: `without_teacher: gold`"
            )
        if name is not None and (name not in plans or language not in plans[name].languages):
            able = tuple(each.name for each in plans.values() if language in each.languages and each.name != plan.name)
            raise InputError(
                f"{language} has no teacher: no model {name!r} is trained on it",
                where=where,
                fix=nearest(name, able)
                or f"trained on it: {', '.join(able) or 'none'}; with `without_teacher: gold` it may have no teacher",
            )


def _check_encoders(recipe: Recipe) -> None:
    """Text is cut into sequences once, for all models; each must be able to read them, and to fill a batch."""
    longest = recipe.encoder.max_length
    for name, model in recipe.models.items():
        folder = model.encoder.folder
        if folder is not None and not (Path(folder) / "config.json").is_file():
            raise InputError(
                f"there is no model in the folder {folder}",
                where=f"models.{name}.encoder.folder",
                fix="give a Hugging Face folder, with config.json in it",
            )
        if model.encoder.max_length < longest:
            raise InputError(
                f"the text is cut into pieces of {longest} tokens, the model reads only {model.encoder.max_length}",
                where=f"models.{name}.encoder.max_length",
                fix=f"leave it out, or lower the recipe's own encoder.max_length to {model.encoder.max_length}",
            )
        tokens = model.training.batch.tokens
        if tokens is not None and tokens < longest:
            raise InputError(
                f"a batch of {tokens} tokens cannot hold a sentence of {longest}",
                where=f"models.{name}.training.batch.tokens",
                fix=f"make it at least {longest}, better several times as much, or lower encoder.max_length",
            )


def _check_reference(recipe: Recipe, plans: dict[str, ModelPlan]) -> None:
    """A reference that the recipe names itself must be there for one language at least."""
    references = {recipe.reference(language) for language in recipe.trained_languages}
    if "reference" in recipe.report.model_fields_set and not references & plans.keys():
        raise InputError(
            f"no model is called {recipe.report.reference!r}",
            where="report.reference",
            fix=nearest(min(references), tuple(plans)) or f"there is: {', '.join(recipe.models)}",
        )


def _check_published(recipe: Recipe) -> None:
    """Numbers that come with Equiglot are right, and need not be read: that would import torch."""
    name, ours = recipe.report.published, resources.files("equiglot") / "report" / "published"
    if name is not None and not (ours / f"{name}.yaml").is_file():
        from equiglot.report.published import read_published

        with _named("report.published"):
            read_published(name)


def nearest(name: str, known: tuple[str, ...]) -> str | None:
    """A suggestion of the known name that is most like `name`, if any is."""
    matches = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {matches[0]!r}?" if matches else None
