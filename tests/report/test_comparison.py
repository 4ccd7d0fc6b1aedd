"""The page of several runs, from invented numbers."""

import re
from collections.abc import Mapping
from statistics import stdev

import pytest

from equiglot.evaluation import IN_LANGUAGE, Score
from equiglot.report import ComparedRun, Comparison, Field, Report, name_in, render_comparison
from equiglot.report.comparison import compared_pairs, compared_series, distinct, headline, merged
from equiglot.report.comparison_page import _tables, _task_tables
from equiglot.report.format import signed
from equiglot.report.score_index import ScoreIndex
from equiglot.report.spread import Spread, spreads
from tests.report.conftest import GROUPS, ScoreMaker

HOSTILE = '"><script>broken</script>'


def _run(
    report: Report, name: str, shift: float, *, seedless: str = "same", training: str | None = None
) -> ComparedRun:
    """A run whose multilingual models are better by `shift` points."""
    wide = {model.name for model in report.of_role("baseline", "student")}
    scores = tuple(
        score.model_copy(update={key: getattr(score, key) + shift for key in ("value", "low", "high")})
        if score.model in wide and score.metric in ("mrr", "d")
        else score
        for score in report.scores
    )
    trainings = {model: f"{model} {training or name}" for model in wide} | {"mono-en": "the same"}
    report = report.model_copy(
        update={"scores": scores, "references": {code: f"mono-{code}" for code in GROUPS["all"]}}
    )
    return ComparedRun(
        name=name,
        folder=f"runs/{name}",
        report=report,
        trainings=trainings,
        seeds={model: mark.replace("a version of ", "") for model, mark in trainings.items()},
        seedless=seedless,
        tests=dict.fromkeys(GROUPS["all"], "the same"),
    )


@pytest.fixture
def two(synthetic: Report, score: ScoreMaker) -> Comparison:
    rows = [
        score(name_in("b", "student"), "difference", language, 1.5, 0.4, name_in("a", "student"))
        for language in (*GROUPS["all"], *(f"group:{name}" for name in GROUPS))
    ]
    return Comparison(
        runs=(_run(synthetic, "a", 0.0), _run(synthetic, "b", 1.5)),
        groups=GROUPS,
        fields=(Field(name="training.seed", values=("0", "1")),),
        differences=tuple(rows),
    )


def test_runs_stand_side_by_side_with_the_teachers_of_each(two: Comparison) -> None:
    table = _tables(two, merged(two))["mrr"]
    labels = ["teachers", "HL", "HL balanced", "Student", "Student, half gold"]
    assert table.columns[1:] == tuple(f"{label} · {run}" for label in labels for run in ("a", "b"))
    greek = next(row for row in table.rows if row[0].text == "Greek")
    student = table.columns.index("Student · a")
    assert [(cell.text, cell.note) for cell in greek[student : student + 2]] == [
        ("37.8", "[37.1, 38.5]"), ("39.3", "[38.6, 40.0]"),
    ]  # fmt: skip
    assert greek[1].text == greek[2].text == "39.2"
    # Nothing is called the best: that is for runs that can be compared.
    assert not any(cell.mark for row in table.rows for cell in row[1:])


def test_colours_tell_models_and_signs_tell_runs(two: Comparison) -> None:
    looks = {series.label: (series.colour, series.symbol) for series in compared_series(two)}
    assert looks["Student · a"][0] == looks["Student · b"][0] != looks["HL · a"][0]
    assert looks["Student · a"][1] == looks["HL · a"][1] != looks["Student · b"][1]
    assert len(set(looks.values())) == len(looks)


def test_differences_are_those_that_were_paired(two: Comparison) -> None:
    assert [pair.title for pair in compared_pairs(two)] == ["Student: b − a"]
    table = _tables(two, merged(two))["difference"]
    assert {row[1].text for row in table.rows} == {"+1.5"} and len(table.rows) == 8
    assert {row[1].mark for row in table.rows} == {"clear"}


def test_the_spread_over_seeds_is_counted(synthetic: Report, two: Comparison) -> None:
    shifts = (0.0, 1.5, 0.6)
    runs = tuple(_run(synthetic, name, shift) for name, shift in zip("abc", shifts, strict=True))
    copy = _run(synthetic, "copy", 0.0, training="a")
    version = _run(synthetic, "version", 9.0, training="a version of a")
    copy, version = (run.model_copy(update={"name": name}) for run, name in ((copy, "copy"), (version, "version")))
    comparison = two.model_copy(update={"runs": (*runs, copy, version), "differences": ()})
    (alike,) = comparison.repeated()
    assert [run.name for run in alike] == ["a", "b", "c", "copy", "version"]
    (masked,) = spreads(comparison, merged(comparison), alike)
    mrr, distance = masked.tables
    # The copy is no training of its own, nor is the same seed with another version.
    assert mrr.columns[3] == "Student, 3 trainings"
    greek = next(row for row in mrr.rows if row[0].text == "Greek")
    assert greek[3].text == f"{37.8 + sum(shifts) / 3:.1f}"
    assert greek[3].note == f"37.8 to 39.3\nsd {stdev(shifts):.2f}, n = 3"
    assert next(row for row in distance.rows if row[0].text == "Greek")[3].note.startswith("−1.4 to +0.1")


def test_copies_of_a_run_are_no_repeated_trainings(synthetic: Report, two: Comparison) -> None:
    runs = (_run(synthetic, "a", 0.0), _run(synthetic, "b", 0.0, training="a"))
    comparison = two.model_copy(update={"runs": runs, "fields": ()})
    assert comparison.repeated() == ()
    assert headline(comparison) == "2 runs with the same trainings: nothing lies between them."


def test_what_cannot_be_compared_has_no_spread(two: Comparison) -> None:
    tests = {**two.runs[1].tests, "el": "another vocabulary"}
    comparison = two.model_copy(update={"runs": (two.runs[0], two.runs[1].model_copy(update={"tests": tests}))})
    (alike,) = comparison.repeated()
    (masked,) = spreads(comparison, merged(comparison), alike)
    # Nor has a difference over languages that Greek is one of.
    assert masked.said == () and masked.differences.columns == ("Models", "High-resource")
    for table in masked.tables:
        names = [row[0].text for row in table.rows]
        assert "English" in names and "Greek" not in names
        assert not any("all" in name.lower() for name in names)  # Greek is one of them


def test_a_copy_without_scores_gives_way_to_one_with_them(synthetic: Report, two: Comparison) -> None:
    unscored = _run(synthetic.model_copy(update={"scores": ()}), "half", 0.0, training="a")
    runs = (unscored, *two.runs)
    assert [run.name for run in distinct(runs, "student")] == ["a", "b"]


def test_headlines(synthetic: Report, two: Comparison) -> None:
    assert headline(two) == "2 runs that differ in nothing but seeds: what lies between them is the noise of training."
    blocked = two.model_copy(update={"obstacles": ("MRR of a and b is not comparable.",)})
    assert headline(blocked).endswith("the noise of training, and of the text that the seeds drew.")
    other = two.model_copy(update={"runs": (two.runs[0], _run(synthetic, "b", 1.5, seedless="other"))})
    assert headline(other).startswith("2 runs that differ in 1 field of the recipe. Their scores can be compared")
    assert "not all" in headline(other.model_copy(update={"obstacles": blocked.obstacles}))
    unknown = two.runs[0].model_copy(update={"tests": {"en": "the same"}})
    said = headline(other.model_copy(update={"runs": (unknown, other.runs[1])}))
    assert said == "2 runs that differ in 1 field of the recipe. Whether their scores can be compared is not known yet."
    assert other.repeated() == ()


def test_the_page_says_what_differs_and_what_is_missing(two: Comparison) -> None:
    half = two.runs[1].report.model_copy(update={"missing": ("not done: model/hl",)})
    runs = (two.runs[0], two.runs[1].model_copy(update={"report": half}))
    text = render_comparison(two.model_copy(update={"runs": runs, "obstacles": ("Never compare a with b.",)}))
    said = ["training.seed", "Never compare a with b.", "b: not done: model/hl", "Student: b − a", "Repeated trainings"]
    assert [words for words in said if words not in text] == []
    assert "Repeated trainings" not in render_comparison(two.model_copy(update={"runs": two.runs[:1]}))


def test_runs_without_scores_have_a_page(two: Comparison) -> None:
    runs = tuple(run.model_copy(update={"report": Report(name="empty")}) for run in two.runs)
    text = render_comparison(Comparison(runs=runs))
    assert "No model is scored yet." in text and "Nothing: the recipes are the same." in text


def test_no_text_becomes_markup(two: Comparison) -> None:
    runs = tuple(
        run.model_copy(update={"name": f"{run.name}{HOSTILE}", "folder": HOSTILE, "report": run.report.model_copy(
            update={"name": HOSTILE, "missing": (HOSTILE,), "vocabulary": HOSTILE})})
        for run in two.runs
    )  # fmt: skip
    fields = (Field(name=HOSTILE, values=(HOSTILE, "")),)
    text = render_comparison(two.model_copy(update={"runs": runs, "fields": fields, "obstacles": (HOSTILE,)}))
    assert "<script>broken" not in text
    assert len(re.findall("<script", text)) == 1  # the page's own


def test_numbers_of_one_run_are_not_those_of_another(two: Comparison) -> None:
    numbers = ScoreIndex(merged(two))
    first, second = (numbers.of(name_in(run, "hl"), "d", "group:all") for run in ("a", "b"))
    assert first is not None and second is not None
    assert second.value - first.value == pytest.approx(1.5)
    assert numbers.of("hl", "mrr", "en") is None


# --- probes


def _probed_run(report: Report, name: str, shifts: Mapping[str, float], training: str | None = None) -> ComparedRun:
    """A run whose models are better by so many points in every task, each model by its own."""

    def shifted(score: Score) -> Score:
        if score.low is None or score.high is None:  # a p
            return score
        by = shifts.get(score.model, 0.0)
        by -= shifts.get(score.reference or "", 0.0) if score.metric == "difference" else 0.0
        return score.model_copy(update={"value": score.value + by, "low": score.low + by, "high": score.high + by})

    run = _run(report, name, 0.0, training=training)
    tasks = {task.task: dict.fromkeys(GROUPS["all"], "the same") for task in report.tasks}
    moved = run.report.model_copy(update={"scores": tuple(map(shifted, run.report.scores))})
    return run.model_copy(update={"report": moved, "labels": tasks})


@pytest.fixture
def three(probed: Report) -> Comparison:
    """Three trainings; in the last one the student has lost nearly all of its lead over HL."""
    shifts = ({"student": 0.0}, {"student": 1.5}, {"student": -4.0, "hl": 0.5})
    runs = tuple(_probed_run(probed, name, each) for name, each in zip("abc", shifts, strict=True))
    return Comparison(runs=runs, groups=GROUPS)


def _in_pos(comparison: Comparison) -> Spread:
    (alike,) = comparison.repeated()
    return next(each for each in spreads(comparison, merged(comparison), alike) if each.title == "Part of speech")


def test_probes_stand_side_by_side(three: Comparison) -> None:
    text = render_comparison(three)
    assert 'href="#pos">Part of speech<' in text and 'href="#ner">Named entities<' in text
    own, zero_shot = _task_tables(three, merged(three), "pos")
    labels = ["teachers", "HL", "HL balanced", "Student", "Student, half gold"]
    assert own.columns[1:] == tuple(f"{label} · {run}" for label in labels for run in "abc")
    assert zero_shot.columns[1:] == own.columns[4:]  # a teacher knows one language
    student = own.columns.index("Student · a")
    german = next(row for row in own.rows if row[0].text == "German")
    assert [cell.text for cell in german[student : student + 3]] == ["71.4", "72.9", "67.4"]
    # Greek has data to test on alone.
    assert [any(row[0].text == "Greek" for row in table.rows) for table in (own, zero_shot)] == [False, True]
    assert "95 % intervals in brackets." in own.caption and "in-language" in own.caption.lower()
    starts = next(_task_tables(three, merged(three), "ner"))
    assert "standard deviation of starts" in starts.caption and starts.rows[0][1].note.startswith("±")


def test_what_one_run_alone_has_probed_has_no_section(three: Comparison, synthetic: Report) -> None:
    runs = (three.runs[0], _run(synthetic, "d", 0.0))
    text = render_comparison(three.model_copy(update={"runs": runs}))
    assert 'id="pos"' not in text and "Probes" not in text


def test_the_spread_of_differences_is_counted(three: Comparison) -> None:
    pos = _in_pos(three)
    table = pos.differences
    assert table.rows[0][0].text == "Student − HL"
    place = table.titles.index("in-language, All languages")
    before = ScoreIndex(three.runs[0].report, "pos", IN_LANGUAGE).difference("student", "hl", "group:all")
    assert before is not None
    values = [before.value + by for by in (0.0, 1.5, -4.5)]
    cell = table.rows[0][place]
    assert cell.text == signed(sum(values) / 3)
    assert cell.note == f"{signed(min(values))} to {signed(max(values))}\nabove 0 in 3 of 3"
    turned = table.rows[[row[0].text for row in table.rows].index("Student − HL balanced")][place]
    assert turned.note.endswith("above 0 in 3 of 3")
    # The models' own numbers, too.
    own = pos.tables[0]
    german = next(row for row in own.rows if row[0].text == "German")
    cell = german[own.columns.index("Student, 3 trainings")]
    assert cell.note == f"67.4 to 72.9\nsd {stdev((0.0, 1.5, -4.0)):.2f}, n = 3"


def test_only_what_holds_in_all_trainings_is_said(three: Comparison, probed: Report) -> None:
    where, half = "(in-language, mean over all languages).", "Student, half gold is ahead of HL and HL balanced"
    said = f"In all three trainings Student is ahead of HL and HL balanced; {half} {where}"
    assert _in_pos(three).said[0] == said
    turned = [_probed_run(probed, name, {"student": -30.0}) for name in "de"]
    mixed = three.model_copy(update={"runs": (*three.runs[:2], turned[0])})
    assert _in_pos(mixed).said[0] == f"In all three trainings {half} {where}"
    both = three.model_copy(update={"runs": tuple(turned)})
    assert _in_pos(both).said[0] == f"In both trainings Student is behind HL and HL balanced; {half} {where}"


def test_a_pair_that_runs_share_is_counted_once(three: Comparison, probed: Report) -> None:
    copy = _probed_run(probed, "copy", {}, training="a")
    comparison = three.model_copy(update={"runs": (*three.runs, copy)})
    assert _in_pos(comparison) == _in_pos(three)


def test_labels_that_differ_leave_out_what_hangs_on_them(three: Comparison) -> None:
    other = {"pos": {**three.runs[2].labels["pos"], "de": "other labels"}}
    runs = (*three.runs[:2], three.runs[2].model_copy(update={"labels": other}))
    own, zero_shot = _in_pos(three.model_copy(update={"runs": runs})).tables
    names = [row[0].text for row in own.rows]
    assert "English" in names and "German" not in names and "All languages" not in names
    assert zero_shot.rows == ()  # German probes are in the mean of every other language
