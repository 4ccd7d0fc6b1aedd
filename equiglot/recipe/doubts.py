"""Amounts of text from which a recipe can learn or show little, and what to change: said before anything is trained."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from equiglot.corpus.balancing import BalancingPolicy, Cap, Smoothing, Truncate
from equiglot.recipe.amounts import (
    DROPOUT,
    FEWEST_FOR_A_TEACHER,
    FEWEST_TESTED,
    MOST_PASSES,
    SPREAD,
    TOO_MANY_PASSES,
    annealed_for,
    script_of,
    supported_entries,
    uncertainty,
)
from equiglot.recipe.scoring import MaskedLanguageModelling
from equiglot.recipe.settings import ModelPlan, Recipe
from equiglot.settings import MOST
from equiglot.vocabulary import VocabularySettings

_SMALL_PART = 1 / 20  # of a language's text; in the experiments, as in paper 1, a tenth or more is left
_CROWDED = 1.5  # times the entries that text supports; sizes are estimates
_SPARED = 5  # times the sentences of a test set; with less, it takes too much from training
_SENTENCE = 20  # tokens, where a batch is counted in them


@dataclass(frozen=True)
class TextSize:
    """The text of a language, counted or guessed.

    Attributes:
        characters: of all of it, or as many as the recipe takes.
        sentences: for training.
        tested: test sentences.
    """

    characters: int
    sentences: int
    tested: int


Sizes = Mapping[str, TextSize]


def doubts_of(recipe: Recipe, sizes: Sizes) -> tuple[str, ...]:
    """What is too little in a recipe, and what to change; nothing where there is enough.

    Args:
        recipe: any recipe.
        sizes: language -> its text, of all languages that have any.
    """
    return (
        *_truncated(recipe, sizes),
        *_starved(recipe, sizes),
        *_untaught(recipe, sizes),
        *_repeated(recipe, sizes),
        *_untested(recipe, sizes),
        *_crowded(recipe, sizes),
    )


def _truncated(recipe: Recipe, sizes: Sizes) -> Iterator[str]:
    """Languages of which hardly anything is left because another is tiny."""
    models: dict[tuple[str, ...], list[ModelPlan]] = {}
    for plan in _trained(recipe):
        if isinstance(plan.balance, Truncate):
            models.setdefault(plan.languages, []).append(plan)
    for languages, plans in models.items():
        smallest = min(languages, key=lambda code: sizes[code].characters)
        least = sizes[smallest].characters
        cut = [code for code in languages if least < _SMALL_PART * sizes[code].characters]
        if cut:
            left = 100 * least / max(sizes[code].characters for code in languages)
            yield (
                f"{_listed([plan.name for plan in plans])}: `balance: truncate` cuts every language to the {least:,} "
                f"characters of {smallest}, the largest to {left:.2g} %. Leave {smallest} out of it, or set "
                f"`balance: {_annealed(plans[0], sizes)}`."
            )


def _starved(recipe: Recipe, sizes: Sizes) -> Iterator[str]:
    """Teachers, and models of one language, with too little text."""
    plans = recipe.plans()
    teachers = {name for plan in plans.values() for name in plan.all_teachers}
    weak = [
        plan
        for plan in _trained(recipe)
        if (plan.name in teachers or plan.is_plain)
        and sum(sizes[code].characters for code in plan.languages) < FEWEST_FOR_A_TEACHER
    ]
    if not weak:
        return
    codes = list(dict.fromkeys(code for plan in weak for code in plan.languages))
    said = (
        f"{_listed([plan.name for plan in weak])}: fewer than {FEWEST_FOR_A_TEACHER:,} characters of text are too few "
        "for a teacher (none was tried with less); it will know little."
    )
    if any(sizes[code].characters >= FEWEST_FOR_A_TEACHER for code in recipe.trained_languages if code in sizes):
        yield (
            f"{said} Name only the others under `labels.teachers`, with `without_teacher: gold`: a student then learns "
            f"{_listed(codes)} from the masked words."
        )
    else:
        yield f"{said} Find more text."


def _untaught(recipe: Recipe, sizes: Sizes) -> Iterator[str]:
    """Languages that a student learns without a teacher because they are tiny."""
    students: dict[tuple[str, ...], list[ModelPlan]] = {}
    for plan in _trained(recipe):
        tiny = [code for code in plan.languages if sizes[code].characters < FEWEST_FOR_A_TEACHER]
        alone = tuple(code for code in tiny if code not in plan.teachers())
        if plan.is_student and alone:
            students.setdefault(alone, []).append(plan)
    for alone, plans in students.items():
        named = [f"{code} ({sizes[code].characters:,})" for code in alone]
        them, near = "it" if len(alone) == 1 else "them", _helped(alone, plans[0], sizes)
        yield (
            f"{_listed(named)}: under {FEWEST_FOR_A_TEACHER:,} characters are too few for a teacher (none was tried "
            f"with less); {_listed([plan.name for plan in plans])} learns {them} from the masked words alone. Leave "
            f"{them} out, or find more text{near}."
        )


def _helped(alone: Sequence[str], plan: ModelPlan, sizes: Sizes) -> str:
    """How a larger language could help a tiny one; nothing where none has its script."""
    for code in alone:
        near = [
            each
            for each in plan.languages
            if script_of(each) == script_of(code) and sizes[each].characters >= FEWEST_FOR_A_TEACHER
        ]
        if near:
            model = f"{{languages: [{near[0]}, {code}], balance: {{kind: unimax, passes: {MOST_PASSES}}}}}"
            return (
                f"; or, if one of those with the script of {code} ({_listed(near)}) is related to it, try a teacher "
                f"that reads both: the model `near-{code}: {model}`, and `{code}: near-{code}` under `teachers`"
            )
    return ""


def _repeated(recipe: Recipe, sizes: Sizes) -> Iterator[str]:
    """Trainings without dropout that read a language over and over."""
    often = {
        plan.name: max(passes.items(), key=lambda each: each[1])
        for plan in _trained(recipe)
        if plan.encoder is not None and not plan.encoder.dropout and (passes := _passes(plan, sizes))
    }
    found = {name: each for name, each in often.items() if each[1] > TOO_MANY_PASSES}
    if not found:
        return
    plans = recipe.plans()
    shared = next(  # which another balance would help: it is not all of its text that is read too often
        (
            plans[name]
            for name in found
            if len(plans[name].languages) > 1 and _epochs(plans[name], sizes) <= MOST_PASSES
        ),
        None,
    )
    fix = "Set its `training.updates` lower" if shared is None else f"Set `balance: {_annealed(shared, sizes)}`"
    named = [f"{name} ({code} {passes:,.0f} times)" for name, (code, passes) in found.items()]
    yield (
        f"{_listed(named)}: some text is read over and over. In the experiments a small language's teacher was best "
        f"after {MOST_PASSES} times without dropout, and worse after {TOO_MANY_PASSES}; with `encoder: {{dropout: "
        f"{DROPOUT}}}` it was better after these. {fix}."
    )


def _passes(plan: ModelPlan, sizes: Sizes) -> dict[str, float]:
    """Language -> how often a training reads what it has of its text."""
    characters = {code: sizes[code].characters for code in plan.languages}
    epochs = _epochs(plan, sizes)
    portions = plan.balance.portions(characters, epochs)
    longer = 1.0
    if plan.training.updates is not None and isinstance(plan.balance, Truncate | Cap):  # less text, as many updates
        longer = epochs * sum(characters.values()) / sum(each.characters * each.passes for each in portions.values())
    return {code: longer * portion.passes for code, portion in portions.items()}


def _epochs(plan: ModelPlan, sizes: Sizes) -> float:
    """Passes over all text of a model's languages that are as long as its training."""
    settings = plan.training
    if settings.updates is None:
        return settings.epochs or 10.0
    batch = settings.batch.sentences or (settings.batch.tokens or 0) / _SENTENCE
    sentences = sum(sizes[code].sentences for code in plan.languages)
    return settings.updates * settings.accumulation * batch / max(1, sentences)


def _annealed(plan: ModelPlan, sizes: Sizes) -> str:
    """What suits the languages of a model, as a recipe writes it."""
    policy = annealed_for({code: sizes[code].characters for code in plan.languages}, _epochs(plan, sizes))
    return in_one_line(policy)


def in_one_line(policy: BalancingPolicy) -> str:
    """A policy as a recipe writes it."""
    fields = policy.model_dump(exclude_none=True)
    return policy.kind if len(fields) == 1 else f"{{{', '.join(f'{name}: {value}' for name, value in fields.items())}}}"


def _untested(recipe: Recipe, sizes: Sizes) -> Iterator[str]:
    """Languages whose test sentences are too few."""
    limits = [task.sequences or MOST for task in recipe.evaluation if isinstance(task, MaskedLanguageModelling)]
    scored = {code for plan in recipe.plans().values() for code in plan.languages}
    counts = {code: min(max(limits, default=0), sizes[code].tested) for code in recipe.text_languages if code in scored}
    few = {code: count for code, count in counts.items() if count < FEWEST_TESTED}
    if not limits or not few:
        return
    named = [f"{code} {count:,} (±{uncertainty(count):.0f} points)" for code, count in few.items()]
    spare = [code for code in few if sizes[code].sentences + 2 * sizes[code].tested >= _SPARED * FEWEST_TESTED]
    fix = "Find more text, or conclude nothing about them."
    if spare:
        fix = (
            f"{_listed(spare)} can spare {FEWEST_TESTED} or more: raise `text.test`, or the language's `held_out`; "
            "`evaluation` must read as many."
        )
    yield (
        f"Test sentences are few: {_listed(named)}. Differences in MRR that are smaller show nothing (an estimate, "
        f"{SPREAD} / √sentences). {fix}"
    )


def _crowded(recipe: Recipe, sizes: Sizes) -> Iterator[str]:
    """Vocabularies with more entries than their text supports."""
    learnt = {f"models.{plan.name}.vocabulary": (plan.own_vocabulary, plan.languages) for plan in recipe.expanded()}
    if isinstance(recipe.vocabulary, VocabularySettings) and recipe.has_vocabulary:
        learnt["vocabulary"] = recipe.vocabulary, recipe.vocabulary_languages
    for where, (settings, languages) in learnt.items():
        if settings is None:
            continue
        read = {
            code: min(sizes[code].characters, settings.characters or MOST) for code in settings.languages or languages
        }
        sampling = settings.sampling
        alpha = sampling.alpha if isinstance(sampling, Smoothing) else float(sampling == "proportional")
        supported = supported_entries(read, alpha)
        if settings.size > _CROWDED * supported:
            more = ", or let it read more: `sampling: {kind: smoothing, alpha: 0.7}`"
            yield (
                f"{where}: {settings.size:,} entries are more than its text supports. Set `size` to about "
                f"{supported:,}{more if len(read) > 1 and alpha == 0 else ''}."
            )


def _trained(recipe: Recipe) -> list[ModelPlan]:
    return [plan for plan in recipe.plans().values() if plan.is_trained]


def _listed(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
