"""The verdict in each case that a run can end in; the numbers are chosen for the case."""

from collections.abc import Mapping

import pytest

from equiglot.evaluation import Score
from equiglot.report import Language, Model, Report, verdict

TEACHERS = "mono-{language}"
Interval = tuple[float, float, float]


def _row(model: str, metric: str, language: str, number: Interval, against: str | None) -> Score:
    value, low, high = number
    return Score(
        model=model, task="mlm", language=language, metric=metric, value=value, low=low, high=high, n=9, seed=0,
        reference=against,
    )  # fmt: skip


def _report(
    distances: Mapping[str, Mapping[str, Interval]],
    differences: Mapping[tuple[str, str], Mapping[str, Interval]],
    *,
    groups: tuple[str, ...] = ("low", "high"),
    starved: Mapping[str, str] | None = None,
) -> Report:
    scores = [_row(model, "d", f"group:{g}", n, TEACHERS) for model, all_ in distances.items() for g, n in all_.items()]
    scores += [
        _row(first, "difference", f"group:{g}", n, second)
        for (first, second), all_ in differences.items()
        for g, n in all_.items()
    ]
    codes = {"low": ("eu", "tr"), "high": ("en",)}
    labels = {"hl": "HL", "hl-balanced": "HL balanced", "student": "Student", "student-mixed": "Mixed student"}
    models = [
        Model(name=name, role="student" if "student" in name else "baseline", label=labels[name], updates=10)
        for name in distances
    ]
    names = {"en": "English", "eu": "Basque", "tr": "Turkish"}
    teachers = [
        Model(
            name=f"mono-{code}",
            role="teacher",
            label=code,
            languages=(code,),
            updates=1,
            starved=(starved or {}).get(code),
        )
        for code in names
    ]
    return Report(
        name="case",
        languages=tuple(Language(code=code, name=name) for code, name in names.items()),
        groups={**{name: codes[name] for name in groups}, "all": ("en", "eu", "tr")},
        models=(*teachers, *models),
        scores=tuple(scores),
    )


def _distances(student: float, balanced: float, hard: float) -> dict[str, dict[str, Interval]]:
    means = {"hl": hard, "hl-balanced": balanced, "student": student}
    return {name: {"all": (mean, mean - 0.4, mean + 0.4)} for name, mean in means.items()}


CLEAR = {"all": (2.0, 1.5, 2.5)}
NOISE = {"all": (0.2, -0.1, 0.5)}


def test_the_student_wins_clearly_over_all_and_a_baseline_in_a_group() -> None:
    distances = _distances(-1.2, -4.0, -4.1)
    distances["student"] |= {"low": (-1.0, -1.5, -0.5), "high": (-1.6, -2.0, -1.2)}
    distances["hl-balanced"] |= {"low": (-2.0, -2.5, -1.5), "high": (-8.0, -8.5, -7.5)}
    distances["hl"] |= {"low": (-0.1, -0.5, 0.3), "high": (-12.0, -12.5, -11.5)}
    sides = {"low": (-0.9, -1.2, -0.6), "high": (10.0, 9.0, 11.0)}
    differences = {
        ("student", "hl"): CLEAR | sides,
        ("student", "hl-balanced"): CLEAR | {"low": (1.0, 0.5, 1.5), "high": (6.0, 5.0, 7.0)},
        ("hl", "hl-balanced"): {"low": (1.9, 1.0, 2.8)},
    }
    found = verdict(_report(distances, differences))
    assert found.headline == (
        "The student comes closest to the monolingual teachers over all languages (D = −1.2 [−1.6, −0.8]), ahead of "
        "HL balanced (−4.0) and HL (−4.1); the student is also best in high-resource languages; in low-resource "
        "languages HL is best."
    )
    assert not found.cautions and "trained" not in found.headline


def test_a_lead_within_the_noise_is_no_win() -> None:
    differences = {("student", "hl"): CLEAR, ("student", "hl-balanced"): NOISE}
    headline = verdict(_report(_distances(-1.2, -1.4, -4.1), differences)).headline
    assert headline == (
        "No clear winner: the student comes closest to the monolingual teachers over all languages "
        "(D = −1.2 [−1.6, −0.8]), ahead of HL (−4.1), but its lead over HL balanced (−1.4) is within the noise "
        "(difference +0.2 [−0.1, +0.5])."
    )


def test_the_student_loses() -> None:
    # Differences are recorded in one direction only; the verdict needs the other.
    differences = {("student", "hl"): {"all": (-3.0, -3.5, -2.5)}, ("hl-balanced", "hl"): {"all": (-2.0, -2.5, -1.5)}}
    headline = verdict(_report(_distances(-4.1, -3.1, -1.1), differences)).headline
    assert headline == (
        "The student does not win: HL comes closest to the monolingual teachers over all languages "
        "(D = −1.1 [−1.5, −0.7]), ahead of HL balanced (−3.1) and the student (−4.1)."
    )


def test_the_student_is_behind_within_the_noise() -> None:
    differences = {("student", "hl"): {"all": (-0.2, -0.5, 0.1)}, ("hl-balanced", "hl"): {"all": (-2.0, -2.5, -1.5)}}
    headline = verdict(_report(_distances(-1.3, -3.1, -1.1), differences)).headline
    assert headline.startswith("No clear winner: HL comes closest")
    assert "its lead over the student (−1.3) is within the noise (difference +0.2 [−0.1, +0.5])" in headline


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (
            (0.9, 0.5, 1.3),
            "The student is better than the monolingual teachers over all languages (D = +0.9 [+0.5, +1.3])",
        ),
        (
            (-0.1, -0.5, 0.3),
            "The student is level with the monolingual teachers over all languages (D = −0.1 [−0.5, +0.3])",
        ),
        ((-0.6, -0.9, -0.3), "The student comes closest to the monolingual teachers"),
    ],
)
def test_how_the_best_stands_to_the_teachers(distance: Interval, words: str) -> None:
    report = _report({"student": {"all": distance}, "hl": {"all": (-5.0, -5.5, -4.5)}}, {("student", "hl"): CLEAR})
    assert verdict(report).headline == f"{words}{verdict(report).headline.removeprefix(words)}"


def test_starved_teachers_are_called_so() -> None:
    differences = {("student", "hl"): CLEAR, ("student", "hl-balanced"): CLEAR}
    report = _report(
        _distances(-1.2, -4.0, -4.1), differences, starved={"eu": "no better than half-trained", "tr": "300 updates"}
    )
    (caution,) = verdict(report).cautions
    assert caution.startswith(
        "2 of 3 teachers are starved (Basque: no better than half-trained; Turkish: 300 updates)."
    )
    assert "flatters" in caution and "in Basque and Turkish the student is held down" in caution


def test_differences_without_interval_leave_it_open() -> None:
    found = verdict(_report(_distances(-1.2, -4.0, -4.1), {("student", "hl"): CLEAR}))
    assert found.headline.startswith("No clear winner: the student comes closest")
    assert found.headline.endswith("ahead of HL (−4.1), nominally ahead of HL balanced (−4.0).")
    assert "no paired interval" in found.cautions[0]


def test_a_second_student_close_by_does_not_take_the_win_from_the_students() -> None:
    distances = _distances(-1.2, -4.0, -4.1) | {"student-mixed": {"all": (-1.3, -1.7, -0.9)}}
    differences = {("student", other): CLEAR for other in ("hl", "hl-balanced")} | {("student", "student-mixed"): NOISE}
    headline = verdict(_report(distances, differences)).headline
    assert (
        headline.startswith("Student comes closest")
        and "its lead over Mixed student (−1.3) is within the noise" in headline
    )


def test_groups_within_the_noise_are_level() -> None:
    distances = _distances(-1.2, -4.0, -4.1)
    distances["student"]["low"], distances["hl"]["low"] = (-1.0, -1.2, -0.8), (-1.1, -1.3, -0.9)
    differences = {("student", "hl"): CLEAR | {"low": (0.1, -0.1, 0.3)}, ("student", "hl-balanced"): CLEAR}
    report = _report(distances, differences, groups=("low",))
    assert verdict(report).headline.endswith("; in low-resource languages the student and HL are level.")


def test_without_groups_only_all_languages_are_judged() -> None:
    differences = {("student", "hl"): CLEAR, ("student", "hl-balanced"): CLEAR}
    report = _report(_distances(-1.2, -4.0, -4.1), differences, groups=())
    assert verdict(report).headline.endswith("HL balanced (−4.0) and HL (−4.1).")
    nameless = report.model_copy(update={"groups": {}})
    assert verdict(nameless).headline == verdict(report).headline


def test_a_mean_is_taken_where_the_whole_was_not_scored() -> None:
    languages = ("en", "eu", "tr")
    scores = [
        _row("student", "d", code, (value, value, value), TEACHERS)
        for code, value in zip(languages, (-1, -2, -3), strict=True)
    ]
    report = _report({"student": {}}, {}).model_copy(update={"scores": tuple(scores)})
    assert "(D = −2.0)" in verdict(report).headline
    assert verdict(report.model_copy(update={"scores": tuple(scores[:2])})).headline.startswith("No verdict yet")


def test_a_run_that_is_half_done_says_what_is_missing(synthetic: Report) -> None:
    models = tuple(
        model.model_copy(update={"updates": None}) if model.role == "student" else model for model in synthetic.models
    )
    teachers_only = tuple(score for score in synthetic.scores if score.model.startswith("mono"))
    found = verdict(synthetic.model_copy(update={"models": models, "scores": teachers_only}))
    assert found.headline == "No verdict yet: the students are not trained."
    assert "not trained: Student and Student, half gold" in found.missing
    assert "trained, but not scored: HL and HL balanced" in found.missing


def test_nothing_at_all_is_no_verdict() -> None:
    found = verdict(Report(name="empty"))
    assert found.headline == "No verdict yet: this run has no models."
    assert found.missing == ()


def test_unscored_students_are_named(synthetic: Report) -> None:
    scores = tuple(score for score in synthetic.scores if "student" not in (score.model + (score.reference or "")))
    headline = verdict(synthetic.model_copy(update={"scores": scores})).headline
    assert headline == "No verdict yet: Student and Student, half gold are not scored."
