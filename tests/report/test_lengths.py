"""Models that differ in how long they were trained."""

import math

import pytest

from equiglot.evaluation import Score
from equiglot.report import Language, Model, Portion, Report, plots_of, tables_of
from equiglot.report.comparison import ComparedRun, pooled
from equiglot.report.lengths import Lengths, length_sections
from equiglot.report.sections import Paragraph
from tests.report.conftest import make_score

D = {
    "hl-1": (1000, "", {"en": -9.0, "te": -15.0}),
    "hl-4": (4000, "", {"en": -2.0, "te": -10.0}),
    "student-1": (1000, "soft", {"en": -6.0, "te": -8.0}),
    "student-4": (4000, "soft", {"en": -4.0, "te": -7.8}),
    "student-wide": (4000, "soft", {"en": -1.0, "te": -3.0}),
}
"""Name -> updates, what it learns from, D a language."""


def _model(name: str) -> Model:
    updates, labels, _ = D[name]
    return Model(
        name=name,
        role="student" if labels else "baseline",
        label=name,
        languages=("en", "te"),
        labels=labels,
        updates=updates,
        tokens=300 * updates,
        parameters=1_000_000,
        alike=name if name == "student-wide" else f"{name.partition('-')[0]}-1",
        # English is read three times as often as Telugu.
        portions={"en": Portion(tokens=300, passes=1.0), "te": Portion(tokens=50, passes=2.0)},
        teachers={"en": ("mono-en",), "te": ("mono-te", "mono-kn")} if labels else {},
    )


def _scores() -> list[Score]:
    rows = []
    for name, (*_, values) in D.items():
        mean = {"group:all": sum(values.values()) / 2}
        rows += [make_score(name, "d", code, value, 0.5, "mono-{language}") for code, value in (values | mean).items()]
    pairs = [("student-1", "hl-1", 5.0, 0.6), ("hl-4", "student-4", 0.1, 0.6), ("student-wide", "hl-4", 4.0, 0.6)]
    rows += [make_score(one, "difference", "group:all", value, width, other) for one, other, value, width in pairs]
    return rows


@pytest.fixture
def report() -> Report:
    sizes = {"mono-en": 1_000_000, "mono-te": 500_000, "mono-kn": 500_000}
    teachers = [
        Model(name=name, role="teacher", label=name, languages=(name[-2:],), parameters=size, updates=8000, tokens=9)
        for name, size in sizes.items()
    ]
    return Report(
        name="two",
        languages=(Language(code="en", name="English"), Language(code="te", name="Telugu")),
        groups={"all": ("en", "te")},
        models=(*teachers, *map(_model, D)),
        scores=tuple(_scores()),
        references={"en": "mono-en", "te": "mono-te"},
    )


def test_lines_are_of_models_that_differ_in_nothing_but_length(report: Report) -> None:
    lines = Lengths(report).lines
    assert {name: [model.name for model in line] for name, line in lines.items()} == {
        "hl": ["hl-1", "hl-4"],
        "student": ["student-1", "student-4"],
    }


def test_operations_count_what_learns_thrice_and_every_teacher_once(report: Report) -> None:
    lengths = Lengths(report)
    hl, student = (next(model for model in report.models if model.name == name) for name in ("hl-1", "student-1"))
    assert lengths.operations(hl) == 300_000 * 6e6
    # Three quarters of the tokens are read by one teacher of a million, the rest by two of half a million.
    assert lengths.operations(student) == pytest.approx(300_000 * (6e6 + 2e6))
    unknown = report.model_copy(update={"models": tuple(m for m in report.models if m.name != "mono-te")})
    assert Lengths(unknown).operations(student) is None
    assert Lengths(unknown).operations(hl) == 300_000 * 6e6


def test_the_figure_has_one_point_a_training(report: Report) -> None:
    plot = next(plot for plot in plots_of(report) if plot.name == "lengths")
    assert list(plot.views) == ["All languages", "English", "Telugu"]
    traces = {trace.name: trace for trace in plot.views["All languages"].traces}
    assert [dot.y for dot in traces["hl"].dots] == [-12.0, -6.0]
    assert [dot.y for dot in traces["student"].dots] == pytest.approx([-7.0, -5.9])
    first, last = (dot.x for dot in traces["hl"].dots)
    assert last - first == pytest.approx(math.log10(4))
    assert traces["hl"].dots[0].upwards == (-12.5, -11.5)


def test_what_leads_and_what_is_level_with_it_is_said(report: Report) -> None:
    (section,) = length_sections(report)
    (said,) = (part.text for part in section.parts if isinstance(part, Paragraph))
    assert said == "Over all languages student leads at 1,000 updates; student leads at 4,000 updates, level with hl."
    rows = {row[0].text: row[1:] for row in tables_of(report)["lengths"].rows}
    assert [cell.text for cell in rows["4,000"]] == ["−6.0", "−5.9"]
    assert [cell.mark for cell in rows["1,000"]] == ["", "clear"]
    assert [cell.mark for cell in rows["4,000"]] == ["clear", "clear"]


def test_trainings_from_several_seeds_are_one_line(report: Report) -> None:
    better = tuple(
        each.model_copy(update={key: getattr(each, key) + 1 for key in ("value", "low", "high")})
        if each.metric == "d"
        else each
        for each in report.scores
    )
    runs = [
        ComparedRun(name=name, folder=name, report=report.model_copy(update={"scores": scores}))
        for name, scores in {"a": report.scores, "b": better}.items()
    ]
    several = pooled(runs)
    plot = next(plot for plot in plots_of(several) if plot.name == "lengths")
    first = next(trace for trace in plot.views["All languages"].traces if trace.name == "hl").dots[0]
    assert first.y == -11.5 and first.upwards == (-12.5, -10.5)
    assert "means of two trainings, and all that their 95 % intervals hold" in plot.caption


def test_one_length_is_no_section(report: Report) -> None:
    single = tuple(model for model in report.models if not model.name.endswith("-4"))
    assert not list(length_sections(report.model_copy(update={"models": single})))


def test_models_of_one_language_have_no_number_over_all_and_no_line(report: Report) -> None:
    models = tuple(model.model_copy(update={"languages": ("en",)}) for model in report.models)
    assert not Lengths(report.model_copy(update={"models": models})).lines
