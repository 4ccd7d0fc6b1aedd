"""From the estimates of pairs of languages to rows: pairs, in-language and zero-shot, groups, models against models."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from equiglot.evaluation.metrics import primary_of
from equiglot.evaluation.rows import known, score_of
from equiglot.evaluation.score import ALL, IN_LANGUAGE, ZERO_SHOT, Score, group_language
from equiglot.evaluation.statistics import Estimate, mean_on_same, mean_over, signed_rank_p
from equiglot.evaluation.transfer import PairEstimates

GroupMembers = Mapping[str, Mapping[str, tuple[str, ...]]]
"""`IN_LANGUAGE` or `ZERO_SHOT` -> name of a group -> those of its languages that its mean is over."""


@dataclass(frozen=True)
class _Repeats:
    """A number, once for each seed of the probe."""

    estimates: tuple[Estimate, ...]

    @property
    def mean(self) -> Estimate:
        return mean_on_same(self.estimates)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the values, n - 1 in the denominator; None for a single one."""
        values = [each.value for each in self.estimates]
        return float(np.std(values, ddof=1)) if len(values) > 1 else None

    def minus(self, other: "_Repeats") -> "_Repeats":
        return _Repeats(tuple(one.minus(two) for one, two in zip(self.estimates, other.estimates, strict=True)))


_Averages = dict[tuple[str, str], dict[str, _Repeats]]
"""Metric, and `IN_LANGUAGE` or `ZERO_SHOT` -> target -> number."""


def group_members(
    groups: Mapping[str, Sequence[str]], trained: Collection[str], tested: Collection[str]
) -> dict[str, dict[str, tuple[str, ...]]]:
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
    chosen = {
        kind: {name: tuple(code for code in codes if code in measured[kind]) for name, codes in groups.items()}
        for kind in measured
    }
    return {kind: {name: codes for name, codes in each.items() if codes} for kind, each in chosen.items()}


def pair_rows(model: str, task: str, estimates: PairEstimates, seed: int) -> Iterator[Score]:
    """Every number of one model by language: each pair, in-language, and zero-shot.

    Zero-shot is, for each target, the mean over the probes trained on all other languages (paper 1, Tables 6 and 7).

    Args:
        model: its name.
        task: one with labels.
        estimates: all that is known of it.
        seed: of the model's training.
    """
    pairs: dict[tuple[str, str, str], list[Estimate]] = defaultdict(list)
    for key, estimate in estimates.items():
        if key.source != key.target:
            pairs[key.metric, key.source, key.target].append(estimate)
    for (metric, source, target), repeats in pairs.items():
        yield _row(_Repeats(tuple(repeats)), model, task, metric, target, source, seed)
    yield from _average_rows(_averages(estimates), model, task, seed)


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
    yield from _average_rows(_averages(teachers), reference, task, seed)
    for model, estimates in {reference: teachers, **models}.items():
        for (metric, kind), by_target in _averages(estimates).items():
            for name, number in _groups(by_target, members[kind]):
                yield _row(number, model, task, metric, name, kind, seed)
    for first, second in combinations(models, 2):
        yield from _difference_rows(task, (first, models[first]), (second, models[second]), members, seed)


def _difference_rows(
    task: str, first: tuple[str, PairEstimates], second: tuple[str, PairEstimates], members: GroupMembers, seed: int
) -> Iterator[Score]:
    """The first of two models, given with their names, minus the second, and p of a test over all languages."""
    both = [key for key in first[1] if key in second[1] and key.metric == primary_of(task).name]
    one, two = (_averages({key: each[key] for key in both}) for each in (first[1], second[1]))
    for place, by_target in one.items():
        kind = place[1]
        differences = {target: number.minus(two[place][target]) for target, number in by_target.items()}
        for language, number in [*differences.items(), *_groups(differences, members[kind])]:
            yield _row(number, first[0], task, "difference", language, kind, seed, second[0])
        everywhere = members[kind].get("all", ())
        if len(everywhere) > 1 and known(differences, everywhere):
            yield Score(
                model=first[0],
                task=task,
                language=ALL,
                metric="p",
                value=signed_rank_p([differences[code].mean.value for code in everywhere]),
                n=len(everywhere),
                seed=seed,
                reference=second[0],
                source=kind,
            )


def _averages(estimates: PairEstimates) -> _Averages:
    """In-language and zero-shot numbers of every target; zero-shot ones are means over sources, seed by seed."""
    seeds: dict[tuple[str, str], dict[str, dict[int, list[Estimate]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for key, estimate in estimates.items():
        kind = IN_LANGUAGE if key.source == key.target else ZERO_SHOT
        seeds[key.metric, kind][key.target][key.seed].append(estimate)
    return {
        place: {
            target: _Repeats(tuple(mean_on_same(by_seed[seed]) for seed in sorted(by_seed)))
            for target, by_seed in by_target.items()
        }
        for place, by_target in seeds.items()
    }


def _average_rows(averages: _Averages, model: str, task: str, seed: int) -> Iterator[Score]:
    for (metric, kind), by_target in averages.items():
        for target, number in by_target.items():
            yield _row(number, model, task, metric, target, kind, seed)


def _groups(numbers: Mapping[str, _Repeats], members: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, _Repeats]]:
    """Of every group whose languages all have a number: its name in rows, and the mean."""
    for name, codes in members.items():
        if known(numbers, codes):
            repeats = zip(*(numbers[code].estimates for code in codes), strict=True)
            yield group_language(name), _Repeats(tuple(mean_over(each) for each in repeats))


def _row(
    number: _Repeats,
    model: str,
    task: str,
    metric: str,
    language: str,
    source: str,
    seed: int,
    reference: str | None = None,
) -> Score:
    return score_of(
        number.mean,
        model=model,
        task=task,
        language=language,
        metric=metric,
        seed=seed,
        reference=reference,
        source=source,
        deviation=number.deviation,
        repeats=len(number.estimates),
    )
