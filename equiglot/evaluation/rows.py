"""From estimates to rows of numbers: of each model, over groups of languages, and of models against each other."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from equiglot.evaluation.bits import WordBits, bits_per_character
from equiglot.evaluation.estimates import PairEstimates
from equiglot.evaluation.metrics import LIKELIHOOD, primary_of
from equiglot.evaluation.score import IN_LANGUAGE, ZERO_SHOT, Score, group_language
from equiglot.evaluation.statistics import (
    Bootstrap,
    ByLanguage,
    Estimate,
    mean_of_repeats,
    mean_on_same,
    mean_over,
)

Groups = Mapping[str, Sequence[str]]
"""Name of a group -> the languages that its mean is over."""


def score_of(estimate: Estimate, **identity: Any) -> Score:
    """A row with all that an estimate says; `identity` are the other fields of `Score`."""
    low, high = estimate.interval
    of_repeats = {"deviation": estimate.deviation, "repeats": max(1, len(estimate.repeats))}
    return Score(value=estimate.value, low=low, high=high, n=estimate.n, **{**of_repeats, **identity})


def known(scores: Iterable[str], languages: Iterable[str]) -> bool:
    """Whether there are scores for all of `languages`, and any languages at all."""
    languages = set(languages)
    return bool(languages) and languages <= set(scores)


def group_means(numbers: ByLanguage, groups: Groups) -> ByLanguage:
    """Of every group whose languages all have a number: its name in rows -> the mean."""
    return {
        group_language(name): mean_over([numbers[code] for code in codes])
        for name, codes in groups.items()
        if known(numbers, codes)
    }


def averages(estimates: PairEstimates) -> dict[tuple[str, str | None], ByLanguage]:
    """(metric, source as in `Score`) -> language -> the mean over trainings.

    Zero-shot is, for each target, the mean over the probes trained on all other languages (paper 1, Tables 6 and 7).
    """
    found: dict[tuple[str, str | None], dict[str, dict[int, list[Estimate]]]] = defaultdict(dict)
    for key, estimate in estimates.items():
        trained = IN_LANGUAGE if key.source == key.target else ZERO_SHOT
        targets = found[key.metric, None if key.source is None else trained]
        targets.setdefault(key.target, defaultdict(list))[key.seed].append(estimate)
    return {
        place: {
            target: mean_of_repeats([mean_on_same(by_seed[seed]) for seed in sorted(by_seed)])
            for target, by_seed in targets.items()
        }
        for place, targets in found.items()
    }


def pair_rows(model: str, task: str, estimates: PairEstimates, seed: int) -> Iterator[Score]:
    """Every number of one model by language; of probes of each pair of languages, in-language, and zero-shot.

    Args:
        model: its name.
        task: as in `Score`.
        estimates: all that is known of it.
        seed: of the model's training.
    """
    pairs: dict[tuple[str, str, str], list[Estimate]] = defaultdict(list)
    for key, estimate in estimates.items():
        if key.source not in (None, key.target):
            pairs[key.metric, str(key.source), key.target].append(estimate)
    for (metric, source, target), repeats in pairs.items():
        number = {target: mean_of_repeats(repeats)}
        yield from rows_of(number, model=model, task=task, metric=metric, seed=seed, source=source)
    yield from average_rows(estimates, model, task, seed)


def comparison_rows(
    task: str,
    models: Mapping[str, ByLanguage],
    references: Mapping[str, ByLanguage],
    *,
    reference: str,
    groups: Groups,
    taught: Groups | None = None,
    seed: int,
) -> Iterator[Score]:
    """Means over groups, D, the distance from the teachers, and differences between models.

    All are of the task's first metric. `d` and `difference` are positive where the model is better; a model has no `d`
    in a language whose teacher it is. A group's mean of a model that lacks one of its languages is left out.

    Args:
        task: as in `Score`.
        models: name -> numbers.
        references: teacher -> the numbers that it stands for among the teachers taken together.
        reference: the name of the teachers taken together.
        groups: name -> languages; "all" among them.
        taught: those of their languages that the means of `d` are over; all, if not given.
        seed: of the training.
    """
    together = {code: number for numbers in references.values() for code, number in numbers.items()}
    for model, numbers in {**models, reference: together}.items():
        means = group_means(numbers, groups)
        yield from rows_of(means, model=model, task=task, metric=primary_of(task).name, seed=seed)
    for model, numbers in models.items():
        others = {code: each for code, each in together.items() if code not in references.get(model, {})}
        yield from against_rows("d", task, (model, numbers), (reference, others), taught or groups, seed)
    for pair in combinations(models.items(), 2):
        yield from difference_rows(task, *pair, groups=_shared(pair, groups, taught or groups), seed=seed)


def _shared(pair: Sequence[tuple[str, ByLanguage]], groups: Groups, taught: Groups) -> Groups:
    """The groups that two models are compared over: those languages that have a teacher, where one lacks others."""
    whole = {name for name, codes in groups.items() if all(known(numbers, codes) for _, numbers in pair)}
    return {name: codes if name in whole else taught.get(name, ()) for name, codes in groups.items()}


def difference_rows(
    task: str,
    first: tuple[str, ByLanguage],
    second: tuple[str, ByLanguage],
    *,
    groups: Groups,
    seed: int,
    source: str | None = None,
) -> Iterator[Score]:
    """How much better the first of two models, given with their names, is than the second, paired.

    Both must have been scored on the same items, and resampled alike; `source` is as in `Score`.
    """
    yield from against_rows("difference", task, first, second, groups, seed, source)


def likelihood_rows(
    words: Mapping[str, Mapping[str, WordBits]],
    teachers: Mapping[str, str],
    *,
    reference: str,
    groups: Groups,
    bootstrap: Bootstrap,
    seed: int,
) -> Iterator[Score]:
    """Bits per character of every model in its languages, D from the teachers, and differences; all paired.

    In each language all of its models are measured on the words that every one of them can express. `d` and
    `difference` are bits saved. A group's `d` is the mean over those of its languages that have a teacher.

    Args:
        words: model -> language -> what the words of its test text cost; the teachers' too.
        teachers: language -> the model that its distance is measured from; a language can have none.
        reference: the name of the teachers taken together.
        groups: name -> languages; "all" among them.
        bootstrap: how intervals are made.
        seed: of the training.
    """
    bits: dict[str, ByLanguage] = {model: {} for model in words}
    for language in dict.fromkeys(language for each in words.values() for language in each):
        models = {model: each[language] for model, each in words.items() if language in each}
        for model, estimate in bits_per_character(models, language, bootstrap).items():
            bits[model][language] = estimate
    references = references_of(bits, teachers)
    taught = taught_groups(groups, references)
    for model, numbers in bits.items():
        yield from rows_of(numbers, model=model, task=LIKELIHOOD, metric="bits", seed=seed)
    yield from comparison_rows(
        LIKELIHOOD, bits, references, reference=reference, groups=groups, taught=taught, seed=seed
    )


def references_of(models: Mapping[str, ByLanguage], teachers: Mapping[str, str]) -> dict[str, ByLanguage]:
    """Teacher -> its numbers of the languages whose distance is measured from it, as far as there are any.

    Args:
        models: name -> numbers, the teachers' among them.
        teachers: language -> the teacher that its distance is measured from.
    """
    return {
        name: {code: models[name][code] for code, own in teachers.items() if own == name and code in models[name]}
        for name in dict.fromkeys(teachers.values())
        if name in models
    }


def average_rows(estimates: PairEstimates, model: str, task: str, seed: int) -> Iterator[Score]:
    """What `averages` says, as rows of a model."""
    for (metric, source), numbers in averages(estimates).items():
        yield from rows_of(numbers, model=model, task=task, metric=metric, seed=seed, source=source)


def against_rows(
    metric: str,
    task: str,
    first: tuple[str, ByLanguage],
    second: tuple[str, ByLanguage],
    groups: Groups,
    seed: int,
    source: str | None = None,
) -> Iterator[Score]:
    """How much better the first model is than the second: every language that both have, then every group."""
    better = {code: each.minus(second[1][code]) for code, each in first[1].items() if code in second[1]}
    if primary_of(task).lower_is_better:
        better = {code: second[1][code].minus(first[1][code]) for code in better}
    numbers = better | group_means(better, groups)
    yield from rows_of(numbers, model=first[0], task=task, metric=metric, seed=seed, reference=second[0], source=source)


def rows_of(numbers: ByLanguage, **identity: Any) -> Iterator[Score]:
    """A row for each number; `identity` are the other fields of `Score`."""
    for language, number in numbers.items():
        yield score_of(number, language=language, **identity)


def taught_groups(groups: Groups, references: Mapping[str, ByLanguage]) -> Groups:
    """Of each group the languages that a teacher stands for."""
    return groups_within(groups, {code for numbers in references.values() for code in numbers})


def groups_within(groups: Groups, codes: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The groups with these languages only; none without any."""
    kept = {name: tuple(code for code in group if code in codes) for name, group in groups.items()}
    return {name: group for name, group in kept.items() if group}
