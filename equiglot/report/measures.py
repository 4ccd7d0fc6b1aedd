"""By what a report compares its models with their teachers, and how it says so."""

from equiglot.evaluation import LIKELIHOOD, MASKED_LM, Metric, primary_of
from equiglot.report.data import Report
from equiglot.report.score_index import ScoreIndex

MASKED, BITS = primary_of(MASKED_LM), primary_of(LIKELIHOOD)
"""Of bits fewer are better; D and differences are bits saved."""


def measure_of(report: Report) -> Metric:
    """Masked words, or likelihood where teachers have vocabularies of their own: MRR compares within one only.

    Likelihood also where it is measured and masked words are not.
    """
    apart = any(teacher.vocabulary for teacher in report.of_role("teacher"))
    return BITS if apart or (MASKED_LM not in report.evaluated and LIKELIHOOD in report.evaluated) else MASKED


def measures_distance(report: Report) -> bool:
    """Whether there are models that distances are measured from, and anything that is measured so."""
    taught = any(report.teacher_of(language.code) for language in report.languages)
    return taught and not {MASKED_LM, LIKELIHOOD}.isdisjoint(report.evaluated)


def is_measured(report: Report, measure: Metric) -> bool:
    """Whether there are any numbers of it."""
    return any(score.task == measure.task for score in report.scores)


def teachers_of(report: Report) -> str:
    """What the teachers taken together are called within a sentence, without an article."""
    alone = all(len(teacher.languages) <= 1 for teacher in report.of_role("teacher"))
    return "monolingual teachers" if alone else "teachers"


def numbers_of(report: Report) -> ScoreIndex:
    """The numbers that models are compared with their teachers by."""
    return ScoreIndex(report, measure_of(report).task)
