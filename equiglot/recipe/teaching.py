"""Contradictions between a recipe's models: who teaches whom, who starts from whom, and in whose vocabulary."""

from equiglot.errors import InputError
from equiglot.labels import HardLabels, SoftLabels, StoredLabels
from equiglot.models import check_layers, check_width_of
from equiglot.recipe.names import check_known, nearest
from equiglot.recipe.settings import SHARED, ModelPlan, Recipe
from equiglot.vocabulary import UnionVocabulary


def check_existing(plan: ModelPlan) -> None:
    """Refuses languages of `tokens` that a model that is there already does not have; it itself is looked at later.

    Raises:
        InputError: there are such.
    """
    if plan.tokens:
        check_known(tuple(plan.tokens), plan.languages, f"models.{plan.name}.tokens")


def check_vocabularies(recipe: Recipe, plans: dict[str, ModelPlan]) -> None:
    """Refuses models that have the vocabulary of none, and a union of nothing.

    Raises:
        InputError: with the field and what to change it to.
    """
    owners = tuple(name for name, plan in plans.items() if plan.owner == name)
    for plan in plans.values():
        if plan.owner and plan.owner not in owners:
            raise InputError(
                f"no model {plan.owner!r} has a vocabulary of its own",
                where=f"models.{plan.name}.vocabulary",
                fix=nearest(plan.owner, owners) or f"such are: {', '.join(owners) or 'none'}; or take `shared`",
            )
        if plan.own_vocabulary is not None and plan.own_vocabulary.languages is not None:
            check_known(plan.own_vocabulary.languages, tuple(recipe.languages), f"models.{plan.name}.vocabulary")
    vocabulary = recipe.vocabulary
    if not isinstance(vocabulary, UnionVocabulary):
        return
    if len(recipe.united) < 2:
        raise InputError(
            f"a union needs two vocabularies at least, and there is {len(recipe.united) or 'none'}",
            where="vocabulary.models" if vocabulary.models else "vocabulary.kind",
            fix="name two models or more that have their own (`existing`, or `vocabulary: {...}`)",
        )
    named = (*recipe.united, *([vocabulary.rules] if vocabulary.rules is not None else []))
    for name in named:
        if name not in owners:
            raise InputError(
                f"no model {name!r} has a vocabulary of its own",
                where="vocabulary",
                fix=nearest(name, owners) or f"such are: {', '.join(owners) or 'none'}",
            )
    if vocabulary.rules is not None and vocabulary.rules not in recipe.united:
        raise InputError(
            f"the vocabulary of {vocabulary.rules!r} is not in the union, so that its rules cannot hold",
            where="vocabulary.rules",
            fix=f"name one of: {', '.join(recipe.united)}",
        )


def check_start(plan: ModelPlan, plans: dict[str, ModelPlan]) -> None:
    """Refuses to start from a model that is not there, has another vocabulary, or does not have the layers.

    Raises:
        InputError: with the field and what to change it to.
    """
    start, where = plan.start, f"models.{plan.name}.from"
    if start is None or start.model is None:
        return
    _check_there(start.model, plan, plans, f"{where}.model")
    source = plans[start.model]
    if source.owner != plan.owner:
        raise InputError(
            f"{source.name} has another vocabulary than {plan.name}, which starts from it",
            where=f"{where}.model",
            fix=f"set models.{plan.name}.vocabulary to {source.owner or SHARED}",
        )
    if source.encoder is not None:
        check_layers(start.layers, source.encoder.layers, source.encoder.architecture, where=f"{where}.layers")
        if start.width is not None:
            check_width_of(start.width, source.encoder.hidden_size, source.encoder.heads, where=f"{where}.width")


def check_revision(plan: ModelPlan, plans: dict[str, ModelPlan]) -> None:
    """Refuses to change a model that is not there, and to trim one to a language that it does not have.

    Raises:
        InputError: with the field and what to change it to.
    """
    if plan.revises is None:
        return
    _check_there(plan.revises, plan, plans, f"models.{plan.name}.{plan.revised_by}.model")
    if plan.extend is not None and plan.extend.donor is not None:
        _check_there(plan.extend.donor, plan, plans, f"models.{plan.name}.extend.donor")
    if plan.trim is not None:  # others may have languages that the model does not have
        check_known(plan.languages, plans[plan.revises].languages, f"models.{plan.name}.languages")


def _check_there(name: str, plan: ModelPlan, plans: dict[str, ModelPlan], where: str) -> None:
    """Refuses a model that the recipe does not have."""
    others = tuple(other for other in plans if other != plan.name)
    if name not in plans:
        fix = nearest(name, others) or f"there is: {', '.join(others) or 'none'}"
        raise InputError(f"no model is called {name!r}", where=where, fix=fix)


def check_teachers(recipe: Recipe, plan: ModelPlan, plans: dict[str, ModelPlan]) -> None:
    """Refuses a language without a teacher, and teachers whose words the student cannot understand.

    Raises:
        InputError: with the field and what to change it to.
    """
    labels = plan.labels
    if isinstance(labels, HardLabels):
        return
    where, teachers = f"models.{plan.name}.labels.teachers", plan.teachers()
    if isinstance(labels, StoredLabels) and labels.draws > 1 and not recipe.masking.dynamic:
        raise InputError(
            f"{labels.draws} different masks of each sentence, and masks that are always the same",
            where=f"models.{plan.name}.labels.draws",
            fix="set masking.dynamic to true, or draws to 1",
        )
    if isinstance(labels, StoredLabels) and plan.training.best_by == "loss":
        raise InputError(
            "the loss of validation text needs labels of it, and stored labels are of training text alone",
            where=f"models.{plan.name}.training.best_by",
            fix="take mrr, or `labels: {kind: soft, ...}`",
        )
    if isinstance(labels.teachers, dict):
        check_known(tuple(labels.teachers), recipe.trained_languages, where)
    for language in plan.languages:
        if language not in teachers and labels.without_teacher == "refuse":
            raise InputError(
                f"{language} has no teacher", where=where, fix="name one, or learn from gold: `without_teacher: gold`"
            )
        if len(set(teachers.get(language, ()))) < len(teachers.get(language, ())):
            raise InputError(f"a teacher of {language} is named twice", where=where, fix="name each once")
        for name in teachers.get(language, ()):
            _check_teacher(recipe, plan, plans, language, name)
    for name in plan.all_teachers:
        encoder = plans[name].encoder
        if plan.encoder is not None and encoder is not None:  # of others it is known when they are there
            check_width(plan, name, plan.encoder.hidden_size, plan.encoder.heads, encoder.hidden_size)


def check_width(plan: ModelPlan, teacher: str, own: int, heads: int, theirs: int) -> None:
    """Refuses to compare hidden states of different widths, and relations in heads that a teacher cannot be cut into.

    Args:
        plan: the student.
        teacher: its teacher's name.
        own: the width of the student's hidden states.
        heads: of its attention.
        theirs: the width of the teacher's hidden states.

    Raises:
        InputError: they do not fit, and the student's labels compare them.
    """
    terms = plan.labels.beside if isinstance(plan.labels, SoftLabels) else {}
    field = next((term for term in ("states", "layers") if term in terms), None)
    where = f"models.{plan.name}.labels"
    if field is not None and own != theirs:
        raise InputError(
            f"{plan.name} has hidden states {own} wide, its teacher {teacher} {theirs}",
            where=f"{where}.{field}",
            fix=f"give both one hidden_size, or take `relations` in place of `{field}`",
        )
    if "relations" in terms and theirs % heads:
        raise InputError(
            f"relations are compared in the student's {heads} heads, and its teacher {teacher} is {theirs} wide",
            where=f"{where}.relations",
            fix=f"give {plan.name} a number of heads that divides {theirs}",
        )


def _check_teacher(recipe: Recipe, plan: ModelPlan, plans: dict[str, ModelPlan], language: str, name: str) -> None:
    where = f"models.{plan.name}.labels.teachers"
    if name not in plans or language not in plans[name].languages:
        able = tuple(each.name for each in plans.values() if language in each.languages and each.name != plan.name)
        raise InputError(
            f"{language} has no teacher: no model {name!r} is trained on it",
            where=where,
            fix=nearest(name, able)
            or f"trained on it: {', '.join(able) or 'none'}; with `without_teacher: gold` it may have no teacher",
        )
    owner = plans[name].owner
    if owner == plan.owner:
        return
    if isinstance(plan.labels, SoftLabels):
        if not recipe.extended_from(plan.owner, owner):
            raise InputError(
                f"{name} has another vocabulary than {plan.name}",
                where=f"models.{plan.name}.labels.kind",
                fix="take `kind: stored`, whose teachers may have their own, and `vocabulary: {kind: union}`",
            )
        for term in plan.labels.beside:
            raise InputError(
                f"{name} lacks entries of {plan.name} and reads their parts: there `{term}` has nothing to compare",
                where=f"models.{plan.name}.labels.{term}",
                fix=f"take it out, or let the extended model teach: {recipe.extended_from(plan.owner, owner)[-1]}",
            )
        return
    if recipe.trimmed_from(plan.owner, owner):
        if isinstance(plan.labels, StoredLabels) and plan.labels.segmentation == "own":
            raise InputError(
                f"{plan.name} has what is left of {name}'s vocabulary, and reads text as {name} cuts it",
                where=f"models.{plan.name}.labels.segmentation",
                fix="take teacher",
            )
        return
    if plan.owner or owner not in recipe.united:
        raise InputError(
            f"{name} has another vocabulary than {plan.name}, and no union holds both",
            where=where,
            fix="take `kind: soft`, which asks what both have, or a student with the teacher's own vocabulary"
            if recipe.extended_from(plan.owner, owner)
            else "set the recipe's `vocabulary: {kind: union}`, and let the student have it (`vocabulary: shared`), or "
            "that of a model which is trimmed from the teacher",
        )
