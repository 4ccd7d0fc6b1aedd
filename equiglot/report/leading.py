"""Who is best by a metric, and by how much more than noise; and what models are called in such sentences."""

from equiglot.evaluation import ALL, Metric, smallest_p
from equiglot.report.data import Model, Report
from equiglot.report.format import capital, decimal, listed
from equiglot.report.plotting import spoken
from equiglot.report.score_index import ScoreIndex

SURE = 0.05
"""A p above it is no evidence."""


def called(report: Report, model: Model) -> str:
    """What a model is called within a sentence."""
    if model.role == "student" and len(report.of_role("student")) == 1:
        return "the student"
    if model.role == "teacher" and len(model.languages) == 1 and _is_only_teacher(report, model):
        return f"the teacher of {report.language_name(model.languages[0])}"
    return model.label


def _is_only_teacher(report: Report, model: Model) -> bool:
    """Whether its language has no other teacher."""
    others = (each for each in report.of_role("teacher") if each != model)
    return not any(model.languages[0] in each.languages for each in others)


def leader(numbers: ScoreIndex, metric: Metric, mean: str = "the mean over all languages") -> str:
    """A sentence that says who is best over all languages, who is level with it, and how far others are behind.

    Args:
        numbers: what models are compared by.
        metric: of them, that in which differences are measured.
        mean: what a number over all languages is.

    Returns:
        The sentence; empty where no model has a number over all languages.
    """
    report, ranking = numbers.report, numbers.ranking(metric.name, ALL)
    if not ranking:
        return ""
    (best, value), others = ranking[0], [model for model, _ in ranking[1:]]
    unit = f"{metric.unit} {metric.phrase}" if metric.unit == "%" else metric.unit
    where = f"{decimal(value.value, metric.digits)}\N{NO-BREAK SPACE}{unit}, {mean}"
    name = capital(called(report, best))
    if not others:
        return f"{name} has {where}. No other model is compared with it."
    digits, clear, level, open_ = metric.difference.digits, [], [], []
    for model in others:
        lead, other = numbers.difference(best.name, model.name, ALL), called(report, model)
        if lead is None or lead.low is None:
            open_.append(other)
        elif lead.clearly_positive:
            clear.append(f"{other} by {spoken(lead, signs=True, digits=digits)}")
        else:
            level.append(f"{other} ({spoken(lead, signs=True, digits=digits)})")
    text = f"No model is clearly best: {called(report, best)} has {where}" if level or open_ else ""
    text = text or f"{name} {_claim(numbers, metric, best, others)} {where}"
    text += f", but is level with {listed(level)}, within the noise" if level else ""
    text += f"; its difference from {listed(open_)} has no paired interval" if open_ else ""
    text += f"; it is ahead of {listed(clear)}{metric.difference.unit or ' points'}" if clear else ""
    return f"{text}."


def _claim(numbers: ScoreIndex, metric: Metric, best: Model, others: list[Model]) -> str:
    """What may be said of a model whose leads exclude zero: that depends on the tests over languages, if there are."""
    tests = [numbers.p(best.name, model.name) for model in others]
    if all(test and test.value <= SURE for test in tests):
        return "is best: it has"
    end = "lowest" if metric.lower_is_better else "highest"
    if any(test is None or smallest_p(test.n) > SURE for test in tests):
        return f"has the {end} mean:"
    return f"has the {end} mean, but language by language that may be chance:"
