"""By what a report compares its models with their teachers, and how it says so."""

from dataclasses import dataclass

from equiglot.evaluation import LIKELIHOOD, Metric
from equiglot.report.data import Report
from equiglot.report.numbers import TASK, Numbers


@dataclass(frozen=True)
class Measure:
    """A task that models are compared with their teachers by.

    Attributes:
        task, metric: as in `Score`.
        axis: title of an axis of its scores.
        relative: title of an axis of D, the distance from the teachers.
        unit: what stands behind a number that is a difference.
        digits: after the point, of scores.
        fine: after the point, of differences.
    """

    task: str
    metric: Metric
    axis: str
    relative: str
    unit: str
    digits: int
    fine: int


MASKED = Measure(TASK, "mrr", "MRR (%)", "D (points of MRR)", "", 1, 1)
BITS = Measure(LIKELIHOOD, "bits", "bits per character", "D (bits per character saved)", " bits a character", 2, 3)
"""Of which fewer are better; D and differences are bits saved."""


def measure_of(report: Report) -> Measure:
    """Masked words, or likelihood where teachers have vocabularies of their own: MRR compares within one only."""
    return BITS if any(teacher.vocabulary for teacher in report.of_role("teacher")) else MASKED


def is_measured(report: Report, measure: Measure) -> bool:
    """Whether there are any numbers of it."""
    return any(score.task == measure.task for score in report.scores)


def teachers_of(report: Report) -> str:
    """What the teachers taken together are called within a sentence, without an article."""
    alone = all(len(teacher.languages) <= 1 for teacher in report.of_role("teacher"))
    return "monolingual teachers" if alone else "teachers"


def numbers_of(report: Report) -> Numbers:
    """The numbers that models are compared with their teachers by."""
    return Numbers(report, measure_of(report).task)
