"""Why scores differ between languages, in sentences: what linear models found, and how vocabularies cut text."""

from equiglot.evaluation.fertility import OwnVocabulary, Segmentation
from equiglot.evaluation.regression import (
    Analysis,
    Coefficient,
    Fit,
    LikelihoodRatio,
    NotEstimable,
)
from equiglot.report.format import SURE, capital, count, decimal, interval, probability, signed

LARGE_VIF = 10.0
"""Beyond it what a factor does by itself can hardly be told from what the others do (a usual rule of thumb)."""
UNSPACED = 20.0
"""With longer words, on average in characters, a language is taken to be written without spaces between them."""
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


def cut_in_words(one: Segmentation, own: OwnVocabulary | None) -> list[str]:
    """How a vocabulary cuts a language, beside one of the language's own; a clause each, the most telling first."""
    fertility = one.tokens_a_word
    said = f"cuts words into {decimal(fertility.value)} pieces on average"
    if one.word_length > UNSPACED:
        said = f"has {decimal(one.characters_a_token.value)} characters a piece"
    if own is not None:
        many = own.ratio
        compared = f"{decimal(many.value, 2)} times as many {interval(many.low, many.high, digits=2)} as"
        said += f", {compared} a vocabulary of {count(own.size)} learnt from {count(own.sentences)} of its sentences"
    found = [said]
    if one.unknown.value >= 0.001:
        found.append(f"lacks {decimal(100 * one.unknown.value)} % of the words, at least in part")
    found.append(f"uses {decimal(100 * one.use.seen_share)} % of the vocabulary's {count(one.use.size)} entries")
    if one.too_long.value >= 0.001:
        found.append(f"has {decimal(100 * one.too_long.value)} % of the sentences longer than the model reads")
    return found
