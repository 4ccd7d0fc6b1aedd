"""A model against the one that it is measured from: in each language, and over all languages and tasks together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from equiglot.evaluation.estimates import PairEstimates
from equiglot.evaluation.metrics import primary_of
from equiglot.evaluation.rows import against_rows, averages, groups_within
from equiglot.evaluation.score import Score
from equiglot.evaluation.statistics import ByLanguage
from equiglot.evaluation.transfer import GroupMembers


@dataclass(frozen=True)
class SignedRank:
    """A one-sided Wilcoxon signed-rank test: are a model's scores higher than its teacher's, pair by pair?

    Attributes:
        p: of the teacher's scores minus the model's, left-tailed: how likely they would be so far below 0 by chance.
        pairs: that count, those without a difference left out.
        zeros: pairs without a difference.
        ties: differences that are as large as another one, and share the mean of their ranks.
        smallest: the smallest p that so many pairs can give: all of them in the model's favour.
    """

    p: float
    pairs: int
    zeros: int
    ties: int
    smallest: float


def left_tailed(model: Sequence[float], teacher: Sequence[float]) -> SignedRank:
    """Tests whether a model is better than its teacher, as paper 4 does (Eliquare, section 4: p = 0.017, 12 pairs).

    Pairs without a difference are left out (Wilcoxon's own way); equal differences share the mean of their ranks. The p
    is exact for up to 50 pairs without equal differences, and for up to 13 others; beyond that it is the normal
    approximation, corrected for equal ranks (scipy).

    Args:
        model: its scores, one for each language and task; higher is better.
        teacher: the teacher's, in the same order.

    Raises:
        ValueError: there are not as many of one as of the other.
    """
    from scipy.stats import wilcoxon

    if len(model) != len(teacher):
        raise ValueError(f"{len(model)} scores of the model, {len(teacher)} of its teacher")
    differences = np.round(np.subtract(teacher, model), 9)  # so that equal ones are equal
    left = differences[differences != 0]
    ties = len(left) - int((np.unique(np.abs(left), return_counts=True)[1] == 1).sum())
    p = float(wilcoxon(left, alternative="less").pvalue) if len(left) else 1.0
    return SignedRank(p, len(left), len(differences) - len(left), ties, 0.5 ** len(left))


@dataclass(frozen=True)
class Ratios:
    """A model's scores divided by its teacher's, over languages and tasks (paper 4, Table 2: 0.993 to 1.068).

    Attributes:
        mean, lowest, highest: of the ratios; None where no teacher scores above 0.
        count: how many.
    """

    mean: float | None
    lowest: float | None
    highest: float | None
    count: int


def ratios_of(model: Sequence[float], teacher: Sequence[float]) -> Ratios:
    """Ratios of a model's scores to its teacher's; where a teacher scores 0 there is none."""
    found = [ours / theirs for ours, theirs in zip(model, teacher, strict=True) if theirs > 0]
    if not found:
        return Ratios(None, None, None, 0)
    return Ratios(float(np.mean(found)), min(found), max(found), len(found))


def reference_rows(
    task: str,
    models: Mapping[str, PairEstimates],
    references: Mapping[str, str],
    *,
    reference: str,
    members: GroupMembers,
    seed: int,
) -> Iterator[Score]:
    """D: how much better each model is than the reference of each language, paired on the same items.

    D is in the task's first metric, in language and zero-shot alike; a model has none in a language whose reference it
    is. The mean over a group is over its languages that have a reference.

    Args:
        task: as in `Score`.
        models: name -> estimates, the references' too.
        references: language -> the model that its distance is measured from; a language can have none.
        reference: the name of the references taken together.
        members: which languages the groups are (`group_members`).
        seed: of the training.
    """
    metric = primary_of(task).name
    found = {
        name: {place[1]: numbers for place, numbers in averages(estimates).items() if place[0] == metric}
        for name, estimates in models.items()
    }
    for model, by_source in found.items():
        for source, numbers in by_source.items():
            theirs: ByLanguage = {
                code: found[name][source][code]
                for code, name in references.items()
                if name != model and code in found.get(name, {}).get(source, {})
            }
            groups = groups_within(members.get(source or "", {}), theirs)
            yield from against_rows("d", task, (model, numbers), (reference, theirs), groups, seed, source)
