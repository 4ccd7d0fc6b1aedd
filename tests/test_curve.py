"""D against training compute, of several seeds."""

import pytest

from benchmarks.curve import figure, lines, table

_UPDATES = {"hl-1k": 1000, "hl": 8000, "student-1k": 1000, "student": 8000, "mono-en": 8000}
_VALUES = {
    name: {"group:all": values}
    for name, values in {
        "hl-1k": [-20.0, -22.0],
        "hl": [-9.0, -7.0],
        "student-1k": [-15.0, -15.5],
        "student": [-1.0],
        "mono-en": [0.0],
        "frequency": [-40.0],
    }.items()
}


def test_models_that_differ_in_their_updates_are_one_line() -> None:
    found = {"hl": {1000: "hl-1k", 8000: "hl"}, "student": {1000: "student-1k", 8000: "student"}}
    assert lines(_VALUES, _UPDATES) == found
    assert table(_VALUES, _UPDATES, ["all"]).splitlines()[2:] == [
        "| 1,000 | all | -21.0 [-22.0, -20.0] | -15.2 [-15.5, -15.0] |",
        "| 8,000 | all | -8.0 [-9.0, -7.0] | -1.0 |",
    ]


def test_a_teacher_that_reads_along_costs_a_third_more() -> None:
    taught = {name: name.startswith("student") for name in _UPDATES}
    drawn, series = figure(_VALUES, _UPDATES, taught, "all")
    assert [each.label for each in series] == ["hl", "student"]
    hard, soft = ([(2**dot.x, dot.y, dot.upwards) for dot in trace.dots] for trace in drawn.traces)
    assert hard == [(pytest.approx(1000), -21, (-22, -20)), (pytest.approx(8000), -8, (-9, -7))]
    assert soft[1] == (pytest.approx(8000 * 4 / 3), -1, (-1, -1))
