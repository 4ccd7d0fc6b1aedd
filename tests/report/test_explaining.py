"""What linear models found, in words."""

from equiglot.evaluation.fertility import Measure
from equiglot.evaluation.regression import Analysis, Coefficient, Factor, Fit, LikelihoodRatio, NotEstimable, Response
from equiglot.report.explaining import explained

TEXT = Factor("the text", "each doubling of the text", doublings=True)
DATA = Factor("the labelled data", "each doubling of the labelled data", doublings=True)


def fit(*coefficients: Coefficient) -> Fit:
    return Fit(coefficients, 0.456, -10.0, 48, 24)


def of(factor: Factor, value: float, low: float, high: float, p: float, vif: float = 1.0) -> Coefficient:
    return Coefficient(factor, value, low, high, p, vif)


def alone(one: Fit | NotEstimable, response: Response = "score") -> list[str]:
    return explained(Analysis(response, {TEXT.name: one}, one))


def test_a_factor_that_scores_rise_or_fall_with() -> None:
    rises, falls = fit(of(TEXT, 2.1, 0.8, 3.4, 0.004)), fit(of(TEXT, -2.1, -3.4, -0.8, 0.0004))
    basis = "24 languages, R² 0.46"
    assert alone(rises) == [
        f"Scores rise by 2.1 points [0.8, 3.4] with each doubling of the text (p = 0.004; {basis})."
    ]
    assert alone(falls) == [
        f"Scores fall by 2.1 points [0.8, 3.4] with each doubling of the text (p < 0.001; {basis})."
    ]


def test_what_is_not_shown_is_not_said() -> None:
    (said,) = alone(fit(of(TEXT, 0.3, -1.0, 1.6, 0.6)), "ratio")
    assert said.startswith("Scores relative to those without pretraining do not measurably change with each doubling")
    assert "+0.3 points [−1.0, 1.6] (p = 0.600;" in said
    assert alone(NotEstimable("the text is the same in all languages")) == [
        "Not estimable: the text is the same in all languages."
    ]


def test_factors_together() -> None:
    both = fit(of(TEXT, -1.4, -2.2, -0.6, 0.001, vif=12.4), of(DATA, 2.9, 2.3, 3.5, 1e-9, vif=3.0))
    each = {TEXT.name: fit(of(TEXT, 1.5, 0.7, 2.3, 1e-4)), DATA.name: fit(of(DATA, 3.5, 2.9, 4.1, 1e-9))}
    added = {TEXT.name: LikelihoodRatio(7.3, 1, 0.0069), DATA.name: LikelihoodRatio(0.2, 1, 0.65)}
    said = explained(Analysis("score", each, both, added))
    assert len(said) == 7
    assert said[2].startswith("Beside the other factors, scores fall by 1.4 points [0.6, 2.2] with each doubling of")
    assert said[4].startswith("The text can hardly be told from the other factors (variance inflation 12)")
    assert said[5] == "The text explains more than the others do (likelihood ratio 7.3, p = 0.007)."
    assert said[6] == "The labelled data adds nothing measurable to the others (likelihood ratio 0.2, p = 0.650)."


def number(value: float) -> Measure:
    return Measure(value=value, low=value - 0.1, high=value + 0.1)
