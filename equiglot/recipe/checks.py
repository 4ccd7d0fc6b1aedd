"""Contradictions between settings, and what is needed and not there, refused before anything is computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from itertools import pairwise
from pathlib import Path

from equiglot.corpus import check_text
from equiglot.corpus.languages import check_language, same_language
from equiglot.errors import InputError
from equiglot.recipe.names import check_known, nearest
from equiglot.recipe.scoring import FineTunedTask, LabelledEntry, MaskedLanguageModelling, ProbedTask
from equiglot.recipe.settings import FREQUENCY, PLACEHOLDER, SHARED, TEACHERS, ModelPlan, Recipe
from equiglot.recipe.teaching import check_existing, check_revision, check_start, check_teachers, check_vocabularies
from equiglot.tasks import check_task
from equiglot.vocabulary import VocabularySettings


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
        if plan.existing is None and plan.fresh is None:
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
    if any(each.task == "place" for each in (*recipe.probed.values(), *recipe.fine_tuned.values())):
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
    if recipe.costs is not None and not recipe.text_languages:
        what = "costs are measured on test sentences, and no language has text"
        raise InputError(what, where="evaluation", fix="leave cost out, or say where text is")
    if not recipe.evaluated and recipe.costs is None and all(plan.existing is not None for plan in recipe.expanded()):
        raise InputError(
            "nothing is trained and nothing is scored: all models are there already",
            where="evaluation",
            fix="name what they are scored by: likelihood, or a task with labels such as pos, ner or topic",
        )


_TAKEN = (FREQUENCY, SHARED, TEACHERS)


def check_recipe(recipe: Recipe) -> None:
    """Refuses a recipe that contradicts itself.

    Raises:
        InputError: with the field and what to change it to.
    """
    check_settings(recipe)
    for plan in recipe.plans().values():
        check_existing(plan)
    _check_folders(recipe)
    _check_published(recipe)
    for code, language in recipe.languages.items():
        with _named(f"languages.{code}.text"):
            check_text(recipe.text, {code: language})
    check_text(recipe.text, recipe.languages)
    for number, evaluation in enumerate(recipe.evaluation):
        if isinstance(evaluation, LabelledEntry):
            _check_task(recipe, f"evaluation.{number}", evaluation)


def check_settings(recipe: Recipe) -> None:
    """The same, as far as the recipe alone tells: no file is looked at. Whoever plans a recipe relies on it.

    Raises:
        InputError: with the field and what to change it to.
    """
    _check_names(recipe)
    _check_languages(recipe)
    plans = recipe.plans()
    check_vocabularies(recipe, plans)
    check_needs(recipe)
    _check_circles(recipe, plans)
    for plan in plans.values():
        check_start(plan, plans)
        check_revision(plan, plans)
        check_teachers(recipe, plan, plans)
    _check_encoders(recipe)
    _check_reference(recipe, plans)
    for number, evaluation in enumerate(recipe.evaluation):
        if isinstance(evaluation, ProbedTask):
            _check_layers(recipe, f"evaluation.{number}", evaluation)
        if isinstance(evaluation, FineTunedTask):
            _check_fine_tuned(recipe, f"evaluation.{number}", evaluation)


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


def _check_task(recipe: Recipe, field: str, task: LabelledEntry) -> None:
    try:
        with _named(field):
            check_task(task, recipe.labelled_languages(task), recipe.sources)
    except InputError as error:  # which names the task, not its place in the recipe
        where = str(error.where).replace(f"evaluation.{task.task}", field)
        raise InputError(error.what, where=where, fix=error.fix) from None


def _check_layers(recipe: Recipe, field: str, task: ProbedTask) -> None:
    """A single layer that is probed must be one of every model's."""
    for plan in recipe.plans().values():
        if isinstance(task.layers, int) and plan.encoder is not None and task.layers > plan.encoder.layers:
            raise InputError(
                f"{plan.name} has no layer {task.layers}, only 0 (the embeddings) to {plan.encoder.layers}",
                where=f"{field}.layers",
                fix="name one of these, or last, all or mix",
            )


def _check_fine_tuned(recipe: Recipe, field: str, task: FineTunedTask) -> None:
    """Models and languages that are named must be there, and be of use."""
    if task.languages is not None:
        check_known(task.languages, recipe.trained_languages, f"{field}.languages")
    languages, plans = recipe.labelled_languages(task), recipe.plans()
    if task.train != "each":
        check_known(task.train, languages, f"{field}.train")
    for name in task.models or ():
        if name not in plans:
            fix = nearest(name, tuple(plans)) or f"the recipe has: {', '.join(plans)}"
            raise InputError(f"there is no model {name!r} to fine-tune", where=f"{field}.models", fix=fix)
    trained = languages if task.train == "each" else task.train
    if not any({*trained} & {*plan.languages} for plan in recipe.fine_tuned_models(task)):
        what = f"no model that is fine-tuned has the language{'s' if len(trained) > 1 else ''} {', '.join(trained)}"
        raise InputError(what, where=f"{field}.train", fix="name others, or other models")


def _check_names(recipe: Recipe) -> None:
    for name, model in recipe.models.items():
        if (model.languages == "each") != (PLACEHOLDER in name):
            raise InputError(
                f"the name {name!r} and `languages: {model.languages}` contradict each other",
                where=f"models.{name}.languages",
                fix=f"a model for each language has `languages: each` and {PLACEHOLDER} in its name",
            )
    seen: dict[str, str] = {}
    for plan in recipe.expanded():
        if (other := seen.get(plan.name.casefold())) is not None:
            what = f"two models are called {plan.name!r}"
            if other != plan.name:  # some disks take their folders for one
                what = f"the models {other!r} and {plan.name!r} differ in large and small letters alone"
            raise InputError(what, where=f"models.{plan.name}", fix="rename one")
        letters = plan.name.replace("-", "").replace("_", "").replace(".", "")
        if not letters.isalnum() or plan.name[0] in ".-" or plan.name in _TAKEN:
            raise InputError(
                f"{plan.name!r} cannot be the name of a model",
                where=f"models.{plan.name}",
                fix=f"use letters, digits, '-', '_' and '.'; {', '.join(_TAKEN)} stand for something else",
            )
        seen[plan.name.casefold()] = plan.name


def _check_languages(recipe: Recipe) -> None:
    codes = tuple(recipe.languages)
    for number, code in enumerate(codes):
        check_language(code)
        if other := same_language(code, codes[:number]):
            raise InputError(f"{other} and {code} are one language", where=f"languages.{code}", fix="write it once")
    if not recipe.trained_languages:
        raise InputError("every language is `vocabulary_only`", where="languages", fix="train on at least one")
    for name, model in recipe.models.items():
        if isinstance(model.languages, tuple):
            check_known(model.languages, recipe.trained_languages, f"models.{name}.languages")
    if isinstance(recipe.vocabulary, VocabularySettings) and recipe.vocabulary.languages is not None:
        check_known(recipe.vocabulary.languages, tuple(recipe.languages), "vocabulary.languages")


def _check_circles(recipe: Recipe, plans: dict[str, ModelPlan]) -> None:
    def visit(name: str, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if name in path:
            yield (*path[path.index(name) :], name)
        elif name in plans:
            for before in sorted({*plans[name].made_from, *_vocabulary_of(recipe, plans[name], plans)}):
                yield from visit(before, (*path, name))

    for name in plans:
        for circle in visit(name, ()):
            fields = [_field_of(plans[pupil], before) for pupil, before in pairwise(circle)]
            own = next((each for each in fields if not each.endswith(".labels.teachers")), None)
            words, where = " learns from " if own is None else " needs ", own or fields[0]
            raise InputError(f"a circle: {words.join(circle)}", where=f"models.{where}", fix="break it")


def _vocabulary_of(recipe: Recipe, plan: ModelPlan, plans: dict[str, ModelPlan]) -> tuple[str, ...]:
    """The models without which there is no vocabulary for this one: those whose vocabulary comes with the model."""
    owners = (plan.owner,) if plan.owner else recipe.united
    return tuple(name for name in owners if name in plans and name != plan.name and not plans[name].is_trained)


def _field_of(plan: ModelPlan, before: str) -> str:
    """The field by which a model needs another one."""
    if before not in plan.made_from:
        return f"{plan.name}.vocabulary"
    if plan.revises is not None:
        return f"{plan.name}.{plan.revised_by}.{'model' if before == plan.revises else 'donor'}"
    return f"{plan.name}.from.model" if before == plan.starts_from else f"{plan.name}.labels.teachers"


def _check_encoders(recipe: Recipe) -> None:
    """Text is cut into sequences once, for all models; each must be able to read them, and to fill a batch."""
    longest = recipe.encoder.max_length
    for name, model in recipe.models.items():
        if any(each is not None for each in (model.existing, model.trim, model.extend, model.fresh)):
            continue
        if model.start is None and model.encoder.max_length < longest:
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


def _check_folders(recipe: Recipe) -> None:
    """Models that others start from."""
    for name, model in recipe.models.items():
        folder = model.start.folder if model.start is not None else None
        if folder is not None and not (Path(folder) / "config.json").is_file():
            raise InputError(
                f"there is no model in the folder {folder}",
                where=f"models.{name}.from.folder",
                fix="give a Hugging Face folder, with config.json in it",
            )


def _check_reference(recipe: Recipe, plans: dict[str, ModelPlan]) -> None:
    """A reference that the recipe names itself must be there for one language at least."""
    given = recipe.report.reference
    if isinstance(given, dict):
        check_known(tuple(given), recipe.trained_languages, "report.reference")
        named = {*given.values()}
    else:
        named = {given.replace(PLACEHOLDER, code) for code in recipe.trained_languages}
    missing = named - plans.keys()
    if "reference" in recipe.report.model_fields_set and missing and (isinstance(given, dict) or missing == named):
        raise InputError(
            f"no model is called {min(missing)!r}",
            where="report.reference",
            fix=nearest(min(missing), tuple(plans)) or f"there is: {', '.join(recipe.models)}",
        )


def _check_published(recipe: Recipe) -> None:
    """Numbers that come with Equiglot are right, and need not be read: that would import torch."""
    name, ours = recipe.report.published, resources.files("equiglot") / "report" / "published"
    if name is not None and not (ours / f"{name}.yaml").is_file():
        from equiglot.report.published import read_published

        with _named("report.published"):
            read_published(name)
