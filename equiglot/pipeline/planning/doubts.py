"""Amounts of text from which a recipe can learn or show little, said before anything is trained."""

from collections.abc import Iterator, Sequence

from equiglot.corpus.balancing import Smoothing, Truncate
from equiglot.pipeline.planning.meter import RunMeter
from equiglot.recipe import MaskedLanguageModelling, Recipe
from equiglot.recipe.amounts import FEWEST_FOR_A_TEACHER, FEWEST_TESTED, supported_entries, uncertainty
from equiglot.settings import MOST
from equiglot.vocabulary import VocabularySettings

_SMALL_PART = 1 / 20  # of a language's text; in the experiments, as in paper 1, a tenth or more is left
_CROWDED = 1.5  # times the entries that text supports; sizes are estimates


def doubts_of(recipe: Recipe, meter: RunMeter) -> tuple[str, ...]:
    """What is too little in a recipe, and what to change; nothing where there is enough.

    Sizes are those of the meter: estimates, until the text is made.
    """
    return (
        *_truncated(recipe, meter),
        *_starved(recipe, meter),
        *_untested(recipe, meter),
        *_crowded(recipe, meter),
    )


def _truncated(recipe: Recipe, meter: RunMeter) -> Iterator[str]:
    """Languages of which hardly anything is left because another is tiny."""
    models: dict[tuple[str, ...], list[str]] = {}
    for plan in recipe.plans().values():
        if plan.is_trained and isinstance(plan.balance, Truncate):
            models.setdefault(plan.languages, []).append(plan.name)
    for languages, names in models.items():
        sizes = {code: meter.characters(code) for code in languages}
        smallest = min(sizes, key=lambda code: sizes[code])
        cut = [code for code, size in sizes.items() if sizes[smallest] < _SMALL_PART * size]
        if not cut:
            continue
        left = max(100 * sizes[smallest] / sizes[code] for code in cut)
        enough = min((size for size in sizes.values() if size >= FEWEST_FOR_A_TEACHER), default=0)
        other = "{kind: annealed, start: 1, end: 0}"
        if enough > sizes[smallest]:
            other = f"{{kind: cap, characters: {enough}}}"
        yield (
            f"{_listed(names)}: `balance: truncate` leaves {left:.2g} % or less of {_listed(cut)}, because {smallest} "
            f"has some {sizes[smallest]:,} characters. Leave {smallest} out of them, or set `balance: {other}`."
        )


def _starved(recipe: Recipe, meter: RunMeter) -> Iterator[str]:
    """Teachers with too little text."""
    plans = recipe.plans()
    teachers = dict.fromkeys(name for plan in plans.values() if plan.is_trained for name in plan.all_teachers)
    starved = [
        name
        for name in teachers
        if plans[name].is_trained and sum(map(meter.characters, plans[name].languages)) < FEWEST_FOR_A_TEACHER
    ]
    if starved:
        yield (
            f"{_listed(starved)}: fewer than {FEWEST_FOR_A_TEACHER:,} characters of text are too few for a teacher (a "
            "judgement). Name only the others in `labels.teachers`, with `without_teacher: gold`: the student then "
            "learns these languages from the masked words."
        )


def _untested(recipe: Recipe, meter: RunMeter) -> Iterator[str]:
    """Languages whose test sentences are too few."""
    limits = [task.sequences or MOST for task in recipe.evaluation if isinstance(task, MaskedLanguageModelling)]
    owners = {code: plan.owner for plan in recipe.plans().values() for code in plan.languages}
    if not limits:
        return
    owners = {code: owners[code] for code in recipe.text_languages if code in owners}
    counts = {code: min(max(limits), len(meter.text(code, owner, "test"))) for code, owner in owners.items()}
    few = [code for code, count in counts.items() if count < FEWEST_TESTED]
    if few:
        least = min(counts[code] for code in few)
        yield (
            f"{_listed(few)}: some {least} test sentences tell a language's MRR to about ±{uncertainty(least):.0f} "
            f"points (an estimate, 98 / √sentences); smaller differences show nothing. Set `text.test` to "
            f"{FEWEST_TESTED} or more where there is text for it, and let `evaluation` read as many."
        )


def _crowded(recipe: Recipe, meter: RunMeter) -> Iterator[str]:
    """Vocabularies with more entries than their text supports."""
    learnt = {f"models.{plan.name}.vocabulary": (plan.own_vocabulary, plan.languages) for plan in recipe.expanded()}
    if isinstance(recipe.vocabulary, VocabularySettings) and recipe.has_vocabulary:
        learnt["vocabulary"] = recipe.vocabulary, recipe.vocabulary_languages
    for where, (settings, languages) in learnt.items():
        if settings is None:
            continue
        chosen = settings.languages or languages
        sizes = {code: min(meter.characters(code), settings.characters or MOST) for code in chosen}
        sampling = settings.sampling
        alpha = sampling.alpha if isinstance(sampling, Smoothing) else float(sampling == "proportional")
        supported = supported_entries(sizes, alpha)
        if settings.size > _CROWDED * supported:
            more = (
                ", or let it read more: `sampling: {kind: smoothing, alpha: 0.7}`"
                if len(sizes) > 1 and alpha == 0
                else ""
            )
            yield (
                f"{where}: {settings.size:,} entries are more than its text supports. Set `size` to about "
                f"{supported:,}{more}."
            )


def _listed(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
