"""Figure 3 of paper 1, and the page of a run with one language."""

import math

import pytest

from equiglot.evaluation import Score
from equiglot.report import Language, Model, Portion, Report, plots_of, render, tables_of, verdict
from equiglot.report.scaling import growth_figure, growth_words, growths, track_series
from equiglot.report.series import all_series
from equiglot.report.writing import to_svg
from tests.report.conftest import ScoreMaker, make_score

MRR = {"hl-1": (1, "", 20.0), "hl-2": (2, "", 24.0), "hl-4": (4, "", 30.0),
       "of-4-on-1": (1, "hl-4", 23.0), "of-4-on-2": (2, "hl-4", 24.1), "of-4-on-4": (4, "hl-4", 29.0),
       "of-1-on-1": (1, "hl-1", 19.0)}  # fmt: skip
"""Name -> millions of characters, teacher, MRR."""


def _model(name: str) -> Model:
    millions, teacher, _ = MRR[name]
    role = "student" if teacher else "teacher" if name == "hl-4" else "baseline"
    return Model.model_validate(
        {"name": name, "role": role, "label": name, "languages": ("te",), "updates": 9,
         "teachers": {"te": (teacher,)} if teacher else {}, "portions": {"te": Portion(characters=millions * 10**6)}}
    )  # fmt: skip


def _scores() -> list[Score]:
    rows = [make_score(name, "mrr", "te", value, 0.5, None) for name, (_, _, value) in MRR.items()]
    others = [name for name in MRR if name != "hl-4"]
    for language in ("te", "group:all"):
        rows += [make_score(name, "d", language, MRR[name][2] - 30, 0.3, "hl-4") for name in others]
        rows += [
            make_score(one, "difference", language, MRR[one][2] - MRR[two][2], 0.3, two)
            for place, one in enumerate(others)
            for two in others[place + 1 :]
        ]
    return rows


@pytest.fixture
def telugu() -> Report:
    """A run with Telugu alone: three amounts of text, students of two teachers."""
    return Report(
        name="one",
        languages=(Language(code="te", name="Telugu"),),
        groups={"all": ("te",)},
        models=tuple(_model(name) for name in MRR),
        scores=tuple(_scores()),
        reference="hl-4",
        references={"te": "hl-4"},
    )


def test_the_figure_has_a_line_for_the_masked_words_and_one_for_each_teacher(telugu: Report) -> None:
    (growth,) = growths(telugu)
    figure = growth_figure(growth, track_series([growth]))
    lines = [[(round(10**dot.x / 1e5), dot.y) for dot in line.dots] for line in figure.traces]
    # Lines stand a little beside each other: no interval hides another.
    assert [[(round(x / 10), y) for x, y in line] for line in lines] == [
        [(1, 20.0), (2, 24.0), (4, 30.0)], [(1, 23.0), (2, 24.1), (4, 29.0)], [(1, 19.0)]
    ]  # fmt: skip
    assert [tick.text for tick in figure.x.ticks] == ["1 M", "2 M", "4 M"]
    assert [tick.place for tick in figure.x.ticks] == pytest.approx([6, 6 + math.log10(2), 6 + math.log10(4)])
    for dot in (dot for line in figure.traces for dot in line.dots):
        assert dot.upwards == pytest.approx((dot.y - 0.5, dot.y + 0.5))
    svg = to_svg(figure, track_series([growth]).values(), "title")
    assert "Students of hl-1" in svg and "4 M" in svg


def test_the_table_has_the_paired_difference_at_equal_text(telugu: Report) -> None:
    table = tables_of(telugu)["amount"]
    assert table.columns == ("Text", "Masked words (hard labels)", "Students of hl-4", "Students of hl-1")
    cells = {row[0].text: row[1:] for row in table.rows}
    assert cells["1 M"][1].text == "23.0" and cells["1 M"][1].note == "[22.5, 23.5]\n+3.0 [+2.7, +3.3]"
    assert cells["1 M"][1].mark == "clear" and cells["2 M"][1].mark == ""
    # Of the largest text the model of the masked words is the reference: the difference is D.
    assert cells["4 M"][1].note.endswith("\n−1.0 [−1.3, −0.7]")
    assert cells["2 M"][2].text == "–" and cells["1 M"][0].note == "[19.5, 20.5]"
    (growth,) = growths(telugu)
    assert growth_words(growth) == (
        "Of 4 students, beside the model that learnt from the masked words of the same text, 1 is better (of-4-on-1), "
        "2 are worse (of-4-on-4 and of-1-on-1) and 1 within the noise of it. The best is of-4-on-4 (29.0 %, 4 M "
        "characters)."
    )


def test_fewer_amounts_have_no_figure(telugu: Report) -> None:
    kept = tuple(model for model in telugu.models if "hl-4" not in (model.name, *model.teachers.get("te", ())))
    report = telugu.model_copy(update={"models": kept})
    assert growths(report) == () and "amount" not in tables_of(report)
    assert "amount" not in [plot.name for plot in plots_of(report)]


def test_a_run_of_one_language_is_told_of_its_one_reference(telugu: Report) -> None:
    assert verdict(telugu).headline.startswith(
        "Of-4-on-4 comes closest to hl-4 (D = −1.0 [−1.3, −0.7]), ahead of five others."
    )
    assert all_series(telugu)[0].label == "hl-4"
    tables = tables_of(telugu)
    assert [row[0].text for row in tables["mrr"].rows] == ["Telugu"]
    assert tables["distance"].columns[0] == ""
    shown = {title for title in tables["difference"].columns[1:]}
    assert shown == {"of-4-on-1 − of-1-on-1", "of-4-on-1 − hl-1", "of-4-on-2 − hl-2", "of-1-on-1 − hl-1"}
    text = render(telugu)
    assert 'href="#amount"' in text and 'id="amount-plot"' in text


def test_a_single_row_that_is_too_broad_stands_upright(telugu: Report, score: ScoreMaker) -> None:
    more = [f"more-{number}" for number in range(4)]
    models = [telugu.models[1].model_copy(update={"name": name, "label": name}) for name in more]
    scores = [score(name, "mrr", "te", 25.0, 0.5, None) for name in more]
    changes = {"models": (*telugu.models, *models), "scores": (*telugu.scores, *scores)}
    table = tables_of(telugu.model_copy(update=changes))["mrr"]
    assert table.columns == ("Model", "Telugu")
    assert {row[0].text: row[1].text for row in table.rows}["more-3"] == "25.0"
    assert len(table.rows) == 11


def test_no_two_of_many_models_look_the_same(telugu: Report) -> None:
    models = [_model("of-4-on-1").model_copy(update={"name": f"student-{number}"}) for number in range(18)]
    models += [_model("hl-1").model_copy(update={"name": f"baseline-{number}"}) for number in range(18)]
    looks = {(series.colour, series.symbol) for series in all_series(Report(name="", models=tuple(models)))}
    assert len(looks) == 36
