from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.report import Curve, Report, figures, plots_of
from equiglot.report.drawing import EM, on_page
from equiglot.report.labels import Point, spread, text_positions
from equiglot.report.plotting import round_ticks
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
    return {trace.name for trace in figure.traces}


def test_the_trade_off_has_one_labelled_point_a_model_with_bars(synthetic: Report) -> None:
    figure = _drawn(figures.trade_off, synthetic)
    assert _labels(figure) == {"Monolingual teachers", "HL", "HL balanced", "Student", "Student, half gold"}
    student = next(trace for trace in figure.traces if trace.name == "Student")
    numbers = ScoreIndex(synthetic)
    x, y = numbers.of("student", "mrr", _HIGH), numbers.of("student", "mrr", _LOW)
    assert x is not None and y is not None
    assert student.dots[0][:2] == (x.value, y.value)
    assert student.dots[0].across == pytest.approx((x.value - 0.4, x.value + 0.4), abs=1e-3)
    # Far below the models: named at the corner, with its values.
    assert [(note.text, note.under) for note in figure.notes] == [("Frequency ranking", "(6.5, 5.2)")]


def test_nothing_touches_the_label_of_what_lies_beyond_the_axes(synthetic: Report) -> None:
    figure = _drawn(figures.trade_off, synthetic)
    (label,) = figure.notes
    low, high = figure.y.range
    top = (label.y - low) / (high - low) + (1 + 2 * 1.2) * EM / figure.height
    for trace in figure.traces:
        (dot,) = trace.dots
        assert dot.upwards is not None
        foot = (dot.upwards[0] - low) / (high - low)
        assert foot - ("bottom" in trace.side) * 28 / figure.height > top, trace.name


def test_low_resource_is_up_whatever_the_order_of_the_groups(synthetic: Report) -> None:
    for groups in (dict(synthetic.groups), dict(reversed(list(synthetic.groups.items())))):
        figure = _drawn(figures.trade_off, synthetic.model_copy(update={"groups": groups}))
        assert "low-resource" in figure.y.title and "high-resource" in figure.x.title


def test_other_names_of_groups_are_taken_in_their_order(synthetic: Report) -> None:
    groups = {"small": ("tr", "eu", "el"), "<big>": ("en", "de")}
    figure = _drawn(figures.trade_off, synthetic.model_copy(update={"groups": groups}))
    assert "“small”" in figure.y.title and "<big>" in figure.x.title


def test_fewer_than_two_groups_have_no_trade_off(synthetic: Report) -> None:
    for names in ((), ("all",), ("low", "all")):
        groups = {name: synthetic.groups[name] for name in names}
        assert figures.trade_off(synthetic.model_copy(update={"groups": groups})) is None


def test_every_score_is_a_dot_and_far_references_are_named_instead(synthetic: Report) -> None:
    figure = _plot("scores", synthetic)
    assert [len(trace.dots) for trace in figure.traces] == [8] * 5
    (beyond,) = figures.beyond_the_axis(synthetic).items()
    assert beyond[0].label == "Frequency ranking" and beyond[1] == (4.4, 6.9)


def test_a_near_reference_is_drawn(synthetic: Report) -> None:
    scores = tuple(
        score.model_copy(update={"value": 30.0, "low": None, "high": None}) if score.model == "frequency" else score
        for score in synthetic.scores
    )
    report = synthetic.model_copy(update={"scores": scores})
    assert not figures.beyond_the_axis(report)
    assert len(_plot("scores", report).traces) == 6


def test_distances_have_a_line_at_the_teachers(synthetic: Report) -> None:
    figure = _plot("distance", synthetic)
    assert len(figure.traces) == 4
    assert any(rule.x == 0 for rule in figure.rules)
    low, high = figure.x.range
    assert low < -7.9 and high > 0.1


def test_a_model_looks_the_same_in_every_figure(synthetic: Report) -> None:
    looks = {series.label: series.colour for series in all_series(synthetic)}
    assert len(set(looks.values())) == len(looks)
    trade = {trace.name: trace.colour for trace in _drawn(figures.trade_off, synthetic).traces}
    lines = figures.learning_curves(synthetic)["Mean over languages"].traces
    assert trade.items() <= looks.items()
    assert [line.colour for line in lines] == [
        looks[name] for name in ("HL", "HL balanced", "Student", "Student, half gold")
    ]


def test_learning_curves_average_the_multilingual_and_add_the_teacher_of_a_language(synthetic: Report) -> None:
    views = figures.learning_curves(synthetic)
    assert list(views) == ["Mean over languages", "English", "German", "Turkish", "Basque", "Greek"]
    assert [len(view.traces) for view in views.values()] == [4, 5, 5, 5, 5, 5]
    last = views["Mean over languages"].traces[2].dots[-1].y
    ends = [curve.values[-1] for curve in synthetic.curves if curve.model == "student" and curve.metric == "mrr"]
    assert last == pytest.approx(sum(ends) / 5)


def test_losses_have_a_view_a_model_and_term(synthetic: Report) -> None:
    views = figures.loss_curves(synthetic)
    assert (
        "Student · training · soft labels (KL)" in views
        and "Monolingual teachers · training · gold labels (cross-entropy)" in views
    )
    assert len(views["HL · training · gold labels (cross-entropy)"].traces) == 5
    assert {trace.dash for trace in views["HL · training · gold labels (cross-entropy)"].traces} == {"solid", "dash"}


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    updates = tuple(range(10_000))
    curve = Curve(
        model="hl", split="train", metric="hard", language="eu", updates=updates, values=tuple(map(float, updates))
    )
    model = {"name": "hl", "role": "baseline", "label": "HL", "languages": ("eu",)}
    report = Report.model_validate({"name": "long", "models": [model], "curves": [curve]})
    ((trace,),) = (view.traces for view in figures.loss_curves(report).values())
    assert len(trace.dots) <= 300 and (trace.dots[0].x, trace.dots[-1].x) == (0, 9999)


def test_nothing_scored_is_no_figure(synthetic: Report) -> None:
    bare = synthetic.model_copy(update={"scores": (), "curves": ()})
    assert [plot.views for plot in plots_of(bare)] == [{}] * 5


def test_colours_are_the_page_s_own(synthetic: Report) -> None:
    drawn = on_page(next(plot for plot in plots_of(synthetic) if plot.name == "trade-off"))
    assert "#" not in drawn and 'var(--blue)"' in drawn


@pytest.mark.parametrize("model", ["student", "hl"])
def test_one_model_is_enough(synthetic: Report, model: str) -> None:
    alone = [entry for entry in synthetic.models if entry.name == model]
    taught = synthetic.model_copy(update={"models": (*synthetic.of_role("teacher"), *alone)})
    assert len(multilingual_series(taught)) == len(_plot("distance", taught).traces) == 1
    assert len(_drawn(figures.trade_off, synthetic.model_copy(update={"models": tuple(alone)})).traces) == 1


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9))
def test_ticks_are_few_round_numbers_within_the_limits(low: float, span: float) -> None:
    high = low + span
    for ends in ((low, high), (high, low)):
        ticks = round_ticks(*ends)
        assert 2 <= len(ticks) <= 7
        assert all(low - 1e-6 * span <= tick.place <= high + 1e-6 * span for tick in ticks)
        assert len({tick.text for tick in ticks}) == len(ticks)


def test_ticks_say_what_they_are() -> None:
    assert [tick.text for tick in round_ticks(-0.42, 0.4)] == ["−0.4", "−0.2", "0.0", "0.2", "0.4"]
    assert [tick.text for tick in round_ticks(0, 0)] == ["0"]
    assert [tick.text for tick in round_ticks(0, 9000)] == ["0", "2,000", "4,000", "6,000", "8,000"]


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


def test_a_label_makes_way_for_one_that_is_placed_later() -> None:
    """The first would stand above its point, where the last has no other place."""
    points = [Point(1.0, 0.9, "a long label"), Point(0.1, 0.9, "a long label"), Point(1.0, 1.0, "a long label")]
    assert text_positions(points, (0, 1), (0, 1)) == ["bottom left", "top right", "bottom left"]
