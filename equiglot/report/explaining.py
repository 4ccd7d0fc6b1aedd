"""Why scores differ between languages, in sentences: what linear models found."""

from equiglot.evaluation.regression import (
    Analysis,
    Coefficient,
    Fit,
    LikelihoodRatio,
    NotEstimable,
)
from equiglot.report.format import SURE, capital, decimal, interval, probability, signed

LARGE_VIF = 10.0
"""Beyond it what a factor does by itself can hardly be told from what the others do (a usual rule of thumb)."""
_SUBJECTS = {"score": "scores", "ratio": "scores relative to those without pretraining"}


def explained(analysis: Analysis) -> list[str]:
    """What was found: each factor alone, then all together, then which of them add to the others."""
    subject = _SUBJECTS[analysis.response]
    said = [sentence for one in analysis.alone.values() for sentence in _fitted(one, subject)]
    if len(analysis.alone) > 1:
        said += _fitted(analysis.together, f"beside the other factors, {subject}")
        if isinstance(analysis.together, Fit):
            said += [_inflated(each) for each in analysis.together.coefficients if each.vif > LARGE_VIF]
        said += [_added(name, test) for name, test in analysis.added.items()]
    return said


def _fitted(one: Fit | NotEstimable, subject: str) -> list[str]:
    if isinstance(one, NotEstimable):
        return [f"Not estimable: {one.reason}."]
    basis = f"{one.languages} languages, R² {decimal(one.r_squared, 2)}"
    return [f"{capital(subject)} {_moves(each)} (p {probability(each.p)}; {basis})." for each in one.coefficients]


def _moves(each: Coefficient) -> str:
    bounds = interval(each.low, each.high)
    if each.p > SURE:
        return f"do not measurably change with {each.factor.step}: {signed(each.value)} points {bounds}"
    does = "rise" if each.value > 0 else "fall"
    ends = bounds if each.value > 0 else interval(-each.high, -each.low)
    return f"{does} by {decimal(abs(each.value))} points {ends} with {each.factor.step}"


def _inflated(each: Coefficient) -> str:
    return (
        f"{capital(each.factor.name)} can hardly be told from the other factors (variance inflation "
        f"{decimal(each.vif, 0)}): its coefficient beside them means little."
    )


def _added(name: str, test: LikelihoodRatio) -> str:
    does = "explains more than the others do" if test.p <= SURE else "adds nothing measurable to the others"
    return f"{capital(name)} {does} (likelihood ratio {decimal(test.statistic)}, p {probability(test.p)})."
