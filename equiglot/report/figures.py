"""Scores and learning curves as figures."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from equiglot.evaluation import ALL, Metric, group_language
from equiglot.objectives.terms import UNITS
from equiglot.report.data import Curve, Model, Report
from equiglot.report.format import capital, decimal, group_phrase, shortened, term_label
from equiglot.report.labels import Point, spread, text_positions
from equiglot.report.plotting import Axis, Dot, Figure, Note, Rule, Tick, Trace, is_within, span_of, spoken, whisker
from equiglot.report.score_index import MASKED, Number, ScoreIndex, measure_of, teachers_of
from equiglot.report.series import Series, all_series, masked_series, multilingual_series
from equiglot.report.tables import row_languages

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


def lines_of_losses(report: Report) -> list[tuple[str, list[Trace], str]]:
    """Losses: (title, lines, unit), one title for each model, split and term; one line a language, low-resource ones
    dashed.

    The multilingual models come first; teachers share one title, for as a rule each has but one language.
    """
    colours = {entry.name: entry for entry in multilingual_series(report)}
    models = (*report.of_role("student", "baseline"), *report.of_role("teacher"))
    found: dict[tuple[str, str], list[Trace]] = {}
    for model in models:
        owner = model.label if model.compared else capital(teachers_of(report))
        for curve in report.curves:
            if curve.model == model.name and curve.metric != "mrr" and curve.updates:
                split = "validation" if curve.split == "valid" else "training"
                title = f"{owner} \N{MIDDLE DOT} {split} \N{MIDDLE DOT} {term_label(curve.metric)}"
                found.setdefault((title, UNITS.get(curve.metric, "nats per masked position")), []).append(
                    _loss_line(report, model, curve, colours.get(model.name))
                )
    return [(title, lines, unit) for (title, unit), lines in found.items()]


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


_POINT, _GAP = 15, 16
"""Height of a model's place in a row, and the space between rows, both in pixels."""

_STRIP = 0.13
"""Share of the trade-off's height that is kept free for each label of what lies beyond the axes."""


def trade_off(report: Report) -> Figure | None:
    """Paper 1, Figure 1: mean MRR of the high-resource group (x) against that of the low-resource group (y).

    Where teachers have vocabularies of their own, it is D in bits per character instead; the teachers are at 0. None
    where there are fewer than two groups, or where nothing is scored in both.
    """
    groups = _trade_off_groups(report)
    if groups is None:
        return None
    low, high = groups
    measure = measure_of(report)
    numbers = ScoreIndex(report, measure.task)
    metric = measure.name if measure == MASKED else "d"
    places = []
    for series in all_series(report):
        x = series.number(numbers, metric, group_language(high))
        y = series.number(numbers, metric, group_language(low))
        if x and y:
            places.append((series, x, y))
    if all(series.role == "teacher" and metric == "d" for series, _, _ in places):
        return None
    title = "mean MRR, {} (%)" if measure == MASKED else f"{measure.difference.axis}, {{}}"
    x_title, y_title = (title.format(group_phrase(name)) for name in (high, low))
    return _trade_off_figure(places, x_title, y_title, measure)


def _trade_off_groups(report: Report) -> tuple[str, str] | None:
    """The low-resource and the high-resource group: by name, else the first two."""
    names = report.proper_groups
    if {"low", "high"} <= set(names):
        return "low", "high"
    if len(names) < 2:
        return None
    return (names[1], names[0]) if names[0] == "high" or names[1] == "low" else (names[0], names[1])


def _trade_off_figure(
    places: Sequence[tuple[Series, Number, Number]], x_title: str, y_title: str, measure: Metric
) -> Figure:
    trained = [place for place in places if place[0].role != "reference"] or places
    x_range, y_range = span_of([x for _, x, _ in trained]), span_of([y for _, _, y in trained])
    inside = [place for place in places if is_within(place[1], x_range) and is_within(place[2], y_range)]
    outside = [place for place in places if place not in inside]
    strip = _STRIP * len(outside)
    y_range = (y_range[0] - strip / (1 - strip) * (y_range[1] - y_range[0]), y_range[1])
    points = [Point(x.value, y.value, shortened(series.label)) for series, x, y in inside]
    sides = text_positions(points, x_range, y_range, strip)
    teachers = [(x.value, y.value) for series, x, y in places if series.role == "teacher"]
    # What lies far below the models is named at the corner: drawn to scale it would press them together.
    notes = [
        Note(
            shortened(series.label),
            x_range[0],
            height,
            series.colour,
            under=f"({decimal(x.value)}, {decimal(y.value)})",
        )
        for index, (series, x, y) in enumerate(outside)
        for height in [y_range[0] + _STRIP * index * (y_range[1] - y_range[0])]
    ]
    return Figure(
        height=400,
        x=Axis(x_title, x_range),
        y=Axis(y_title, y_range),
        rules=[rule for x, y in teachers for rule in (Rule(x=x, faint=True), Rule(y=y, faint=True))],
        traces=[_labelled_point(*place, side, measure) for place, side in zip(inside, sides, strict=True)],
        notes=notes,
    )


def _labelled_point(series: Series, x: Number, y: Number, side: str, measure: Metric) -> Trace:
    x_said, y_said = (spoken(each, signs=measure != MASKED, digits=measure.difference.digits) for each in (x, y))
    dot = Dot(x.value, y.value, f"x: {x_said}, y: {y_said}", whisker(x), whisker(y))
    return Trace(series.label, [dot], series.colour, series.symbol, side=side)


def scores_by_language(report: Report, series: Sequence[Series], measure: Metric = MASKED) -> Figure | None:
    """MRR, or another measure, of some models in every language, with intervals; None where there is no score."""
    return _rows_figure(report, series, measure, relative=False)


def beyond_the_axis(report: Report) -> dict[Series, tuple[float, float]]:
    """References whose MRR is, in every language, far below that of all models: series -> its smallest and largest.

    Drawn to scale they would press all others together.
    """
    numbers = ScoreIndex(report)
    values = {series: _values(report, numbers, series) for series in masked_series(report)}
    trained = [value for series, found in values.items() if series.role != "reference" for value in found]
    if not trained:
        return {}
    floor = min(trained) - 0.5 * (max(trained) - min(trained))
    far = {series: found for series, found in values.items() if series.role == "reference" and found}
    return {series: (min(found), max(found)) for series, found in far.items() if max(found) < floor}


def _values(report: Report, numbers: ScoreIndex, series: Series) -> list[float]:
    found = (series.number(numbers, MASKED.name, row[0]) for row in row_languages(report))
    return [number.value for number in found if number]


def distances(report: Report, series: Sequence[Series], measure: Metric = MASKED) -> Figure | None:
    """D(M, L) by group and by language (paper 1, Eq. 3), with intervals; None where there is none."""
    figure = _rows_figure(report, series, measure, relative=True)
    if figure is None:
        return None
    low, high = figure.x.range
    anchor = "end" if high < -low else "start"
    note = Note(teachers_of(report), 0.0, figure.y.range[1], "var(--teacher)", anchor, raised=0.9)
    return replace(figure, rules=[Rule(x=0.0)], notes=[note])


def _rows_figure(report: Report, series: Sequence[Series], measure: Metric, *, relative: bool) -> Figure | None:
    """Dots with whiskers: one band a language or group, one place within the band a model; D if `relative`."""
    numbers, metric = ScoreIndex(report, measure.task), "d" if relative else measure.name
    found = {(entry, row): entry.number(numbers, metric, row[0]) for entry in series for row in row_languages(report)}
    known = {place: number for place, number in found.items() if number is not None}
    rows = [row for row in row_languages(report) if any((entry, row) in known for entry in series)]
    if not rows:
        return None
    band = len(series) * _POINT + _GAP
    saying = partial(spoken, signs=relative, digits=measure.difference.digits if relative else measure.digits)
    traces = []
    for place, entry in enumerate(series):
        shift = (place - (len(series) - 1) / 2) * _POINT / band
        dots = [
            Dot(
                number.value,
                index + shift,
                f"{row[1]}: {saying(number)}",
                whisker(number),
            )
            for index, row in enumerate(rows)
            if (number := known.get((entry, row)))
        ]
        traces.append(Trace(entry.label, dots, entry.colour, entry.symbol))
    bounds = span_of([*known.values(), *([Number(0.0)] if relative else [])], 0.06)
    return Figure(
        height=len(rows) * band,
        x=Axis(measure.difference.axis if relative else measure.axis, bounds),
        y=Axis("", (len(rows) - 0.5, -0.5), tuple(map(_tick, range(len(rows)), rows)), grid=False, striped=True),
        traces=traces,
    )


def _tick(place: int, row: tuple[str, str, str]) -> Tick:
    return Tick(place, shortened(row[1], 18), bold=row[0].startswith("group:"))


def learning_curves(report: Report) -> dict[str, Figure]:
    """Validation MRR by update: view -> figure, one view for the mean over languages and one a language."""
    codes = [language.code for language in report.languages]
    names = codes if len(codes) == 1 else [ALL, *codes]
    views = {name: lines_of_mrr(report, None if name == ALL else name) for name in names}
    titles = {name: "Mean over languages" if name == ALL else report.language_name(name) for name in names}
    axes = {name: "mean over languages" if name == ALL else shortened(titles[name]) for name in names}
    return _views((titles[name], lines, f"validation MRR, {axes[name]} (%)") for name, lines in views.items())


def loss_curves(report: Report) -> dict[str, Figure]:
    """Losses by update: view -> figure, one view for each model and term, one line a language."""
    return _views(lines_of_losses(report))


def _views(found: Iterable[tuple[str, Sequence[Trace], str]]) -> dict[str, Figure]:
    views: dict[str, Figure] = {}
    for title, lines, axis in found:
        if lines:
            # Two languages may have one name: no view may hide another.
            views[title if title not in views else f"{title} ({len(views) + 1})"] = _lines_figure(lines, axis)
    return views


def _lines_figure(lines: Sequence[Trace], title: str) -> Figure:
    end = max(line.dots[-1].x for line in lines) * 1.01 or 1.0
    bounds = span_of([Number(dot.y) for line in lines for dot in line.dots], 0.05)
    heights = spread([line.dots[-1].y for line in lines], 0.05 * (bounds[1] - bounds[0]))
    notes = [
        Note(shortened(line.name, 19), end, height, line.colour) for line, height in zip(lines, heights, strict=True)
    ]
    return Figure(height=360, x=Axis("update", (0.0, end)), y=Axis(title, bounds), traces=lines, notes=notes)
