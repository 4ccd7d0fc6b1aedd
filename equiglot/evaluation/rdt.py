"""RDT, the relative deviation from teachers (paper 2, Eq. 3), of what probes score in the language they learnt on."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from equiglot.evaluation.metrics import primary_of
from equiglot.evaluation.rows import ByLanguage, score_of
from equiglot.evaluation.score import IN_LANGUAGE, Score, group_language
from equiglot.evaluation.statistics import Estimate, mean_on_same, mean_over
from equiglot.evaluation.transfer import PairEstimates
from equiglot.evaluation.transfer_rows import GroupMembers

_Places = dict[str, Sequence[str]]
"""What stands in `Score.language` -> the languages that it is the mean of."""


def deviation(student: ByLanguage, teacher: ByLanguage, languages: Sequence[str]) -> Estimate:
    """RDT in percent: 100 / n times the sum over languages of (student - teacher) / teacher.

    Positive where the student is better, as in the tables of paper 2; its Eq. 3 prints the opposite sign.
    """
    return mean_over([_relative(student[code], teacher[code]) for code in languages])


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
    """RDT of every model from each teacher, by language and by group, and from the teachers taken together.

    A teacher that lacks a language of a group has no row for it; of the teachers together, the group's mean is over
    the languages that have one. A teacher that scores 0 has none either.

    Args:
        task: one with labels.
        models: name -> estimates, of the models that have teachers.
        teachers: name -> estimates.
        references: language -> which of the teachers stands for it among the teachers taken together.
        reference: the name of the teachers taken together.
        members: which languages the groups are (`group_members`).
        seed: of the training.
    """
    taught = {name: _in_language(task, each) for name, each in teachers.items()}
    together = {code: taught[name][code] for code, name in references.items() if code in taught.get(name, {})}
    groups: _Places = {group_language(name): codes for name, codes in members.get(IN_LANGUAGE, {}).items()}
    served: _Places = {name: [code for code in codes if code in together] for name, codes in groups.items()}
    sides = [(name, theirs, _alone(theirs) | groups) for name, theirs in taught.items()]
    sides += [(reference, together, served)] if reference not in taught else []
    for model, estimates in models.items():
        ours = _in_language(task, estimates)
        for teacher, theirs, places in sides:
            for language, codes in places.items():
                if codes and all(code in ours and _is_positive(theirs.get(code)) for code in codes):
                    number = deviation(ours, theirs, codes)
                    identity = {"model": model, "task": task, "language": language, "reference": teacher}
                    yield score_of(number, **identity, metric="rdt", seed=seed, source=IN_LANGUAGE)


def _alone(teacher: ByLanguage) -> _Places:
    return {code: [code] for code in teacher}


def _in_language(task: str, estimates: PairEstimates) -> ByLanguage:
    """Language -> the task's first metric in the language that the probe was trained on, the mean over its seeds."""
    metric = primary_of(task).name
    repeats: dict[str, list[Estimate]] = {}
    for key, estimate in estimates.items():
        if key.metric == metric and key.source == key.target:
            repeats.setdefault(key.target, []).append(estimate)
    return {language: mean_on_same(each) for language, each in repeats.items()}


def _is_positive(teacher: Estimate | None) -> bool:
    return teacher is not None and teacher.value > 0 and bool((teacher.replicates > 0).all())


def _relative(student: Estimate, teacher: Estimate) -> Estimate:
    difference = student.minus(teacher)
    return Estimate(
        100 * difference.value / teacher.value, 100 * np.divide(difference.replicates, teacher.replicates), difference.n
    )
