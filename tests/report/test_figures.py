import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.report import Curve, Report, figures, plots_of
from equiglot.report.labels import Point, spread, text_positions
from equiglot.report.score_index import ScoreIndex
from equiglot.report.series import all_series, multilingual_series

_LOW, _HIGH = "group:low", "group:high"


def _drawn(draw: Callable[[Report], Any], report: Report) -> Any:
    """The figure that `draw` makes, which must be there."""
    figure = draw(report)
    assert figure is not None
    return figure


def _plot(name: str, report: Report) -> Any:
    """The only view of one of the page's figures."""
    (figure,) = next(plot for plot in plots_of(report) if plot.name == name).views.values()
    return figure


def _labels(figure: Any) -> set[str]:
    return {trace.text[0] for trace in figure.data}


def test_the_trade_off_has_one_labelled_point_a_model_with_bars(synthetic: Report) -> None:
    figure = _drawn(figures.trade_off, synthetic)
    assert _labels(figure) == {"Monolingual teachers", "HL", "HL balanced", "Student", "Student, half gold"}
    student = next(trace for trace in figure.data if trace.text[0] == "Student")
    numbers = ScoreIndex(synthetic)
    x, y = numbers.of("student", "mrr", _HIGH), numbers.of("student", "mrr", _LOW)
    assert x is not None and y is not None
    assert (student.x[0], student.y[0]) == (x.value, y.value)
    assert student.error_x.array[0] == pytest.approx(0.4, abs=1e-3)
    # Far below the models: named at the corner, with its values.
    assert any("Frequency ranking<br>(6.5, 5.2)" in note.text for note in figure.layout.annotations)


def test_nothing_touches_the_label_of_what_lies_beyond_the_axes(synthetic: Report) -> None:
    figure = _drawn(figures.trade_off, synthetic)
    (label,) = [note for note in figure.layout.annotations if note.showarrow]
    low, high = figure.layout.yaxis.range
    top = label.y + (-label.ay + 2 * 1.3 * label.font.size) / 400  # of the smallest figure's height
    for trace in figure.data:
        foot = (trace.y[0] - trace.error_y.arrayminus[0] - low) / (high - low)
        assert foot - ("bottom" in trace.textposition) * 28 / 400 > top, trace.text


def test_low_resource_is_up_whatever_the_order_of_the_groups(synthetic: Report) -> None:
    for groups in (dict(synthetic.groups), dict(reversed(list(synthetic.groups.items())))):
        figure = _drawn(figures.trade_off, synthetic.model_copy(update={"groups": groups}))
        assert "low-resource" in figure.layout.yaxis.title.text and "high-resource" in figure.layout.xaxis.title.text


def test_other_names_of_groups_are_taken_in_their_order(synthetic: Report) -> None:
    groups = {"small": ("tr", "eu", "el"), "<big>": ("en", "de")}
    figure = _drawn(figures.trade_off, synthetic.model_copy(update={"groups": groups}))
    assert "“small”" in figure.layout.yaxis.title.text and "&lt;big&gt;" in figure.layout.xaxis.title.text


def test_fewer_than_two_groups_have_no_trade_off(synthetic: Report) -> None:
    for names in ((), ("all",), ("low", "all")):
        groups = {name: synthetic.groups[name] for name in names}
        assert figures.trade_off(synthetic.model_copy(update={"groups": groups})) is None


def test_every_score_is_a_dot_and_far_references_are_named_instead(synthetic: Report) -> None:
    figure = _plot("scores", synthetic)
    assert [len(trace.x) for trace in figure.data] == [8] * 5
    (beyond,) = figures.beyond_the_axis(synthetic).items()
    assert beyond[0].label == "Frequency ranking" and beyond[1] == (4.4, 6.9)


def test_a_near_reference_is_drawn(synthetic: Report) -> None:
    scores = tuple(
        score.model_copy(update={"value": 30.0, "low": None, "high": None}) if score.model == "frequency" else score
        for score in synthetic.scores
    )
    report = synthetic.model_copy(update={"scores": scores})
    assert not figures.beyond_the_axis(report)
    assert len(_plot("scores", report).data) == 6


def test_distances_have_a_line_at_the_teachers(synthetic: Report) -> None:
    figure = _plot("distance", synthetic)
    assert len(figure.data) == 4
    assert any(shape.type == "line" and shape.x0 == 0 for shape in figure.layout.shapes)
    low, high = figure.layout.xaxis.range
    assert low < -7.9 and high > 0.1


def test_a_model_looks_the_same_in_every_figure(synthetic: Report) -> None:
    looks = {series.label: series.colour for series in all_series(synthetic)}
    assert len(set(looks.values())) == len(looks)
    trade = {trace.text[0]: trace.marker.color for trace in _drawn(figures.trade_off, synthetic).data}
    lines = figures.learning_curves(synthetic)["Mean over languages"].data
    assert trade.items() <= looks.items()
    assert [line.line.color for line in lines] == [
        looks[name] for name in ("HL", "HL balanced", "Student", "Student, half gold")
    ]


def test_learning_curves_average_the_multilingual_and_add_the_teacher_of_a_language(synthetic: Report) -> None:
    views = figures.learning_curves(synthetic)
    assert list(views) == ["Mean over languages", "English", "German", "Turkish", "Basque", "Greek"]
    assert [len(view.data) for view in views.values()] == [4, 5, 5, 5, 5, 5]
    last = views["Mean over languages"].data[2].y[-1]
    ends = [curve.values[-1] for curve in synthetic.curves if curve.model == "student" and curve.metric == "mrr"]
    assert last == pytest.approx(sum(ends) / 5)


def test_losses_have_a_view_a_model_and_term(synthetic: Report) -> None:
    views = figures.loss_curves(synthetic)
    assert (
        "Student · training · soft labels (KL)" in views
        and "Monolingual teachers · training · gold labels (cross-entropy)" in views
    )
    assert len(views["HL · training · gold labels (cross-entropy)"].data) == 5
    assert {trace.line.dash for trace in views["HL · training · gold labels (cross-entropy)"].data} == {"solid", "dash"}


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    updates = tuple(range(10_000))
    curve = Curve(
        model="hl", split="train", metric="hard", language="eu", updates=updates, values=tuple(map(float, updates))
    )
    model = {"name": "hl", "role": "baseline", "label": "HL", "languages": ("eu",)}
    report = Report.model_validate({"name": "long", "models": [model], "curves": [curve]})
    ((trace,),) = (view.data for view in figures.loss_curves(report).values())
    assert len(trace.x) <= 300 and (trace.x[0], trace.x[-1]) == (0, 9999)


def test_nothing_scored_is_no_figure(synthetic: Report) -> None:
    bare = synthetic.model_copy(update={"scores": (), "curves": ()})
    assert [plot.views for plot in plots_of(bare)] == [{}] * 5


def test_colours_are_the_page_s_own(synthetic: Report) -> None:
    spec = json.dumps(_drawn(figures.trade_off, synthetic).to_plotly_json())
    assert "#" not in spec and 'var(--blue)"' in spec


@pytest.mark.parametrize("model", ["student", "hl"])
def test_one_model_is_enough(synthetic: Report, model: str) -> None:
    kept = tuple(entry for entry in synthetic.models if entry.name == model)
    report = synthetic.model_copy(update={"models": kept})
    assert len(multilingual_series(report)) == len(_plot("distance", report).data) == 1
    assert len(_drawn(figures.trade_off, report).data) == 1


@given(st.lists(st.floats(-100, 100), max_size=12), st.floats(0.1, 10))
def test_labels_are_spread_and_keep_their_order(heights: list[float], gap: float) -> None:
    moved = spread(heights, gap)
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    assert all(moved[b] - moved[a] >= gap - 1e-6 for a, b in pairwise(order))
    assert sum(moved) == pytest.approx(sum(heights), abs=1e-6)


def test_labels_do_not_cover_each_other() -> None:
    points = [Point(0.5, 0.5, "a model"), Point(0.55, 0.5, "another"), Point(0.98, 0.98, "at the corner")]
    first, second, corner = text_positions(points, (0, 1), (0, 1))
    assert first != second and corner == "bottom left"
