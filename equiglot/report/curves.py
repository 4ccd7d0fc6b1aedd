"""What was recorded during the trainings, as lines of figures."""

from collections.abc import Sequence

from equiglot.report.data import Curve, Model, Report
from equiglot.report.format import capital, decimal, term_label
from equiglot.report.measures import teachers_of
from equiglot.report.plotting import Dot, Trace
from equiglot.report.series import Series, multilingual_series

_MOST = 300
"""Points of a line that can still be told apart on a screen; more would only make the page heavy."""


def lines_of_mrr(report: Report, language: str | None) -> list[Trace]:
    """Validation MRR: one line a multilingual model, and for one language also its teacher.

    Over several languages teachers have no common count of updates, so there is no line of their mean. Models with
    vocabularies of their own are left out: their MRR cannot be compared.
    """
    series = {entry.name: entry for entry in multilingual_series(report)}
    lines = []
    for model in (model for model in report.models if not model.vocabulary):
        own = model.role == "teacher" and language is not None and language in model.languages
        curve = _curve(report, model, language)
        if curve and (own or model.compared):
            look = series.get(model.name)
            label = model.label if look or report.only_teacher else "its teacher"
            lines.append(_line(curve, label, look.colour if look else "var(--teacher)", "solid" if look else "dot"))
    return lines


def _curve(report: Report, model: Model, language: str | None) -> Curve | None:
    mrr = [curve for curve in report.curves if curve.metric == "mrr" and curve.model == model.name and curve.updates]
    exact = next((curve for curve in mrr if curve.language == language), None)
    if exact is None and model.role == "teacher":
        return next((curve for curve in mrr if curve.language is None), None)
    return exact or (_mean(report, mrr, model) if language is None else None)


def _mean(report: Report, curves: Sequence[Curve], model: Model) -> Curve | None:
    """The mean over a model's languages, where all were recorded at the same updates."""
    known = [curve for curve in curves if curve.language is not None]
    if not known or len({curve.updates for curve in known}) > 1:
        return None
    values = tuple(sum(values) / len(known) for values in zip(*(curve.values for curve in known), strict=True))
    return Curve(model=model.name, split="valid", metric="mrr", updates=known[0].updates, values=values)


def lines_of_losses(report: Report) -> list[tuple[str, list[Trace]]]:
    """Losses: (title, lines), one title for each model, split and term; one line a language, low-resource ones dashed.

    The multilingual models come first; teachers share one title, for as a rule each has but one language.
    """
    colours = {entry.name: entry for entry in multilingual_series(report)}
    models = (*report.of_role("student", "baseline"), *report.of_role("teacher"))
    found: dict[str, list[Trace]] = {}
    for model in models:
        owner = model.label if model.compared else capital(teachers_of(report))
        for curve in report.curves:
            if curve.model == model.name and curve.metric != "mrr" and curve.updates:
                split = "validation" if curve.split == "valid" else "training"
                title = f"{owner} \N{MIDDLE DOT} {split} \N{MIDDLE DOT} {term_label(curve.metric)}"
                found.setdefault(title, []).append(_loss_line(report, model, curve, colours.get(model.name)))
    return list(found.items())


def _loss_line(report: Report, model: Model, curve: Curve, look: Series | None) -> Trace:
    code = curve.language or (model.languages[0] if len(model.languages) == 1 else None)
    groups = report.proper_groups
    name = report.group_of(code) if code else None
    low = "low" if "low" in groups else (groups[0] if groups else None)
    dash = "dash" if name is not None and name == low else "solid"
    label = report.language_name(code) if code else "all languages"
    return _line(curve, label, look.colour if look else "var(--teacher)", dash)


def _line(curve: Curve, label: str, colour: str, dash: str) -> Trace:
    length = min(len(curve.updates), len(curve.values))
    kept = range(length) if length <= _MOST else sorted({round(i * (length - 1) / (_MOST - 1)) for i in range(_MOST)})
    points = [(curve.updates[index], curve.values[index]) for index in kept]
    dots = [Dot(update, value, f"update {update:,}: {decimal(value, 2)}") for update, value in points]
    return Trace(label, dots, colour, symbol="" if length > 1 else "circle", dash=dash if length > 1 else "")
