"""What models cost, and what they score for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from equiglot.evaluation import ALL, COST, IN_LANGUAGE, METRICS, in_int8, metrics_of, primary_of
from equiglot.report.data import Model, Report
from equiglot.report.format import capital, decimal, task_title
from equiglot.report.labels import Point, text_positions
from equiglot.report.plotting import Axis, Dot, Figure, Plot, Tick, Trace
from equiglot.report.score_index import Number, ScoreIndex
from equiglot.report.sections import NamedTable, Paragraph, Section
from equiglot.report.tables import Cell, Table, number_cell

_FEWEST = 3
"""Models of a language that are drawn: two are compared by their numbers alone."""
_AGAINST = {"size": ("disk", "size on disk"), "latency": ("latency", "time that a sentence takes")}
"""Name of a plot -> the cost that runs along it, and what it is called."""
_OPEN = "; open circles are models in int8, of several trainings the one that is best on dev data"


def cost_sections(report: Report) -> Iterator[Section]:
    """One row a number, one column a model, where costs were measured; and scores against costs, one point a model."""
    numbers = ScoreIndex(report, COST)
    forms = [form for model in report.models for form in (_Form(model), _Form(model, int8=True))]
    models = [form for form in forms if numbers.of(form.measured, "latency", ALL)]
    if not models:
        return
    rows = tuple(
        (
            Cell(capital(metric.title)),
            *(
                number_cell(numbers.of(model.measured, metric.name, ALL), "", signs=False, digits=metric.digits)
                for model in models
            ),
        )
        for metric in metrics_of(COST)
    )
    caption = "What models cost. Of times and speeds the median over rounds; in brackets the least and the most."
    about = (
        "Each model was loaded in a process of its own, in fp32, and read test sentences of all languages, one by one "
        "and in batches of 32, tokenising included; the models took turns. The head that predicts masked words was not "
        "asked: fine-tuned models have none. In memory is by how much a process grew at "
        "most. Times are of the machine that is named at the end of this page, and say nothing of others."
    )
    if any(form.int8 for form in models):
        about += (
            " In int8 a model's fine-tuned one was measured, in ONNX Runtime: a part of its speed is that of another "
            "library, and where its task has a `max_length`, longer sentences were cut there."
        )
    table = Table(caption, ("", *(model.label for model in models)), rows)
    plots = [_plot(name, *along, numbers, models) for name, along in _AGAINST.items()]
    drawn = [plot for plot in plots if plot.views]
    yield Section("cost", "Cost", "What the models cost", (Paragraph(about), *drawn, NamedTable("cost", table)))


@dataclass(frozen=True)
class _Form:
    """A model as it is, or with weights in int8."""

    model: Model
    int8: bool = False

    @property
    def label(self) -> str:
        return f"{self.model.label}, int8" if self.int8 else self.model.label

    @property
    def measured(self) -> str:
        """Its name in the scores that say what it costs."""
        return in_int8(self.model.name) if self.int8 else self.model.name


def _plot(name: str, metric: str, phrase: str, numbers: ScoreIndex, models: Sequence[_Form]) -> Plot:
    """Scores against one of the costs: a view for every task and language that enough models are scored in."""
    views = {}
    for task in (*numbers.report.evaluated, *(each.name for each in numbers.report.fine_tuned)):
        for language in numbers.report.languages:
            points = list(_points(task, language.code, metric, numbers, models))
            if len(points) >= _FEWEST:
                views[f"{task_title(task)}, {language.name}"] = _figure(task, metric, phrase, points)
    return Plot(
        name=name,
        title=f"Scatter plot: scores of the models by their {phrase}",
        caption=f"Scores by {phrase}, on a logarithmic axis: further up is better, further left cheaper. Vertical "
        f"lines are 95 % intervals{_OPEN * any(each.int8 for each in models)}.",
        absent="",
        views=views,
        choice="Task",
    )


def _points(
    task: str, language: str, metric: str, numbers: ScoreIndex, models: Sequence[_Form]
) -> Iterator[tuple[_Form, float, Number]]:
    """Cost and score of each model that has both."""
    reports = {False: numbers.report, True: numbers.report.in_form("int8")}
    scores = {
        int8: [ScoreIndex(report, task, source) for source in (None, IN_LANGUAGE)] for int8, report in reports.items()
    }
    for form in models:
        cost = numbers.of(form.measured, metric, ALL)
        found = (each.of(form.model.name, primary_of(task).name, language) for each in scores[form.int8])
        score = next(filter(None, found), None)
        if cost is not None and score is not None:
            yield form, cost.value, score


def _figure(task: str, metric: str, phrase: str, points: Sequence[tuple[_Form, float, Number]]) -> Figure:
    cost, score = METRICS[metric], primary_of(task)
    places = [log10(value) for _, value, _ in points]
    room = 0.15 * max(max(places) - min(places), 0.1)
    lows = [number.value if number.low is None else number.low for *_, number in points]
    highs = [number.value if number.high is None else number.high for *_, number in points]
    margin = 0.08 * (max(highs) - min(lows) or 1.0)
    x_range, y_range = (min(places) - room, max(places) + room), (min(lows) - margin, max(highs) + margin)
    y_range = y_range[::-1] if score.lower_is_better else y_range
    labelled = [Point(x, number.value, form.label) for x, (form, _, number) in zip(places, points, strict=True)]
    traces = [
        Trace(
            point.label,
            [Dot(point.x, point.y, _said(task, metric, value, number), upwards=_interval(number))],
            "var(--blue)",
            "circle-open" if form.int8 else "circle",
            side=side,
        )
        for point, (form, value, number), side in zip(
            labelled, points, text_positions(labelled, x_range, y_range), strict=True
        )
    ]
    return Figure(
        height=330,
        x=Axis(f"{phrase} ({cost.unit})", x_range, _decades(x_range)),
        y=Axis(f"{score.phrase} ({score.unit})", y_range),
        traces=traces,
    )


def _said(task: str, metric: str, value: float, number: Number) -> str:
    cost, score = METRICS[metric], primary_of(task)
    return f"{decimal(number.value, score.digits)} {score.unit}, {decimal(value, cost.digits)} {cost.unit}"


def _interval(number: Number) -> tuple[float, float] | None:
    return None if number.low is None or number.high is None else (number.low, number.high)


def _decades(limits: tuple[float, float]) -> tuple[Tick, ...]:
    """1, 2, 5 and their powers of ten between two logarithms."""
    low, high = limits
    values = (step * 10.0**power for power in range(floor(low), ceil(high) + 1) for step in (1, 2, 5))
    return tuple(Tick(log10(value), f"{value:g}") for value in values if low <= log10(value) <= high)
