"""Probes trained on one language and tested on another: rows of groups, of models against each other, and RDT."""

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

import numpy as np

from equiglot.evaluation.estimates import PairEstimates
from equiglot.evaluation.metrics import primary_of
from equiglot.evaluation.rows import (
    Groups,
    against_rows,
    average_rows,
    averages,
    group_means,
    groups_within,
    known,
    references_of,
    rows_of,
    taught_groups,
)
from equiglot.evaluation.score import ALL, IN_LANGUAGE, ZERO_SHOT, Score
from equiglot.evaluation.statistics import ByLanguage, Estimate, signed_rank_p

GroupMembers = Mapping[str, Mapping[str, tuple[str, ...]]]
"""`IN_LANGUAGE` or `ZERO_SHOT` -> name of a group -> the languages that its mean is over."""


def group_members(groups: Groups, trained: Collection[str], tested: Collection[str]) -> GroupMembers:
    """The languages that the means over groups are over: not all languages have data for every task.

    Args:
        groups: name -> languages.
        trained: languages with training data.
        tested: languages with test data.

    Returns:
        `IN_LANGUAGE` and `ZERO_SHOT` -> name of a group -> its languages, in the group's order. Groups without any are
        not there.
    """
    measured = {
        IN_LANGUAGE: [code for code in tested if code in trained],
        ZERO_SHOT: [code for code in tested if any(source != code for source in trained)],
    }
    return {kind: groups_within(groups, codes) for kind, codes in measured.items()}


def transfer_rows(
    task: str,
    models: Mapping[str, PairEstimates],
    teachers: PairEstimates,
    *,
    reference: str,
    members: GroupMembers,
    seed: int,
) -> Iterator[Score]:
    """Means over groups, the monolingual teachers taken together, and models against each other.

    A group's mean is over its languages as targets (paper 1, Table 3); a model that lacks one of them has none.
    Differences are of the task's first metric, on the pairs of languages that both models have.

    Args:
        task: one with labels.
        models: name -> estimates, of the multilingual models.
        teachers: the monolingual teachers' (`monolingual`).
        reference: the name of the teachers taken together.
        members: which languages the groups are (`group_members`).
        seed: of the training.
    """
    yield from average_rows(teachers, reference, task, seed)
    for model, estimates in {reference: teachers, **models}.items():
        for (metric, source), numbers in averages(estimates).items():
            means = group_means(numbers, members[source or ""])
            yield from rows_of(means, model=model, task=task, metric=metric, seed=seed, source=source)
    for first, second in combinations(models.items(), 2):
        yield from _differences(task, first, second, members, seed)


def _differences(
    task: str, first: tuple[str, PairEstimates], second: tuple[str, PairEstimates], members: GroupMembers, seed: int
) -> Iterator[Score]:
    """The first of two models, given with their names, minus the second, and p of a test over all languages."""
    both = [key for key in first[1] if key in second[1] and key.metric == primary_of(task).name]
    one, two = (averages({key: each[key] for key in both}) for each in (first[1], second[1]))
    for place, numbers in one.items():
        groups, source = members[place[1] or ""], place[1]
        pair = (first[0], numbers), (second[0], two[place])
        yield from against_rows("difference", task, *pair, groups, seed, source)
        everywhere = groups.get("all", ())
        if len(everywhere) > 1 and known(numbers, everywhere):
            yield Score(
                model=first[0],
                task=task,
                language=ALL,
                metric="p",
                value=signed_rank_p([numbers[code].value - two[place][code].value for code in everywhere]),
                n=len(everywhere),
                seed=seed,
                reference=second[0],
                source=source,
            )


def rdt_rows(
    task: str,
    models: Mapping[str, PairEstimates],
    teachers: Mapping[str, PairEstimates],
    references: Mapping[str, str],
    *,
    reference: str,
    members: GroupMembers,
    seed: int,
) -> Iterator[Score]:
    """RDT, the relative deviation (paper 2, Eq. 3) of every model from each teacher, and from the teachers together.

    It is of what probes score in the language that they learnt on. A teacher that lacks a language of a group has no
    row for it; of the teachers together, a group's mean is over the languages that have one. A teacher that scores 0
    has none either.

    Args:
        task: one with labels.
        models: name -> estimates, of the models that have teachers.
        teachers: name -> estimates.
        references: language -> which of the teachers stands for it among the teachers taken together.
        reference: the name of the teachers taken together.
        members: which languages the groups are (`group_members`).
        seed: of the training.
    """
    place, groups = (primary_of(task).name, IN_LANGUAGE), members.get(IN_LANGUAGE, {})
    taught = {name: averages(each).get(place, {}) for name, each in teachers.items()}
    chosen = references_of(taught, references)
    together = {code: number for numbers in chosen.values() for code, number in numbers.items()}
    for model, estimates in models.items():
        ours, about = averages(estimates).get(place, {}), {"model": model, "task": task, "seed": seed}
        for teacher, theirs in taught.items():
            deviations = relative_deviations(ours, theirs)
            deviations |= group_means(deviations, groups)
            yield from rows_of(deviations, metric="rdt", reference=teacher, source=IN_LANGUAGE, **about)
        if reference not in taught:
            means = group_means(relative_deviations(ours, together), taught_groups(groups, chosen))
            yield from rows_of(means, metric="rdt", reference=reference, source=IN_LANGUAGE, **about)


def relative_deviations(student: ByLanguage, teacher: ByLanguage) -> ByLanguage:
    """Language -> (student - teacher) / teacher in percent, where both are known and the teacher is above 0.

    Positive where the student is better, as in the tables of paper 2; its Eq. 3 prints the opposite sign.
    """
    return {
        code: _relative(student[code], theirs)
        for code, theirs in teacher.items()
        if code in student and theirs.value > 0 and bool((theirs.replicates > 0).all())
    }


def _relative(student: Estimate, teacher: Estimate) -> Estimate:
    difference = student.minus(teacher)
    replicates = 100 * np.divide(difference.replicates, teacher.replicates)
    return Estimate(100 * difference.value / teacher.value, replicates, difference.n)
