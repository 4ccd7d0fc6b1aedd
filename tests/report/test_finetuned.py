"""Fine-tuned tasks on the page: paper 4's Table 4, what has no teacher or no ratio, and a run without any."""

from collections.abc import Mapping

from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, Score, left_tailed, primary_of
from equiglot.report import FineTunedTask, Language, Model, Report, render, tables_of
from equiglot.report.finetuned import fine_tuned_sections
from equiglot.report.sections import Notes, Paragraph

CODES = {"fr": "French", "he": "Hebrew", "sl": "Slovene", "nl": "Dutch", "hi": "Hindi", "sw": "Swahili"}
TASKS = ("topic-finetune", "pos-finetune")
# Paper 4, Table 4: task 1 and task 2 of each language.
TEACHER = (89.23, 97.95, 85.12, 96.81, 93.26, 97.91, 90.33, 96.23, 47.44, 96.66, 86.89, 84.90)
STUDENT = (89.52, 97.92, 85.67, 97.05, 93.65, 98.22, 89.70, 96.25, 50.66, 96.83, 87.01, 86.32)
PAIRS = [(task, code) for code in CODES for task in TASKS]
Numbers = Mapping[str, Mapping[tuple[str, str], float]]


def report(numbers: Numbers, *, source: str = IN_LANGUAGE, seeds: int = 1, referred: bool = True) -> Report:
    """A report of models by name: (task, language) -> score."""
    scores = [
        Score(
            model=model, task=task, language=code, metric=primary_of(task).name, value=value, low=value - 1,
            high=value + 1, n=100, seed=0, source=source, deviation=0.4 if seeds > 1 else None, repeats=seeds,
        )
        for model, found in numbers.items()
        for (task, code), value in found.items()
    ]  # fmt: skip
    known = tuple(CODES)
    return Report(
        name="eliquare",
        languages=tuple(Language(code=code, name=name) for code, name in CODES.items()),
        groups={"all": known},
        models=(
            Model(name="mbert", role="teacher", label="mbert", languages=known),
            Model(name="student", role="student", label="Student", languages=known),
        ),
        scores=tuple(scores),
        reference="mbert",
        references=dict.fromkeys(known, "mbert") if referred else dict.fromkeys(known, "nobody"),
        evaluated=TASKS,
        fine_tuned=tuple(
            FineTunedTask(
                task=task.partition("-")[0], name=task, seeds=seeds, labels=("NOUN", "VERB"), method="3 epochs of AdamW"
            )
            for task in TASKS
        ),
    )


def words(page: Report) -> dict[str, str]:
    """What is said of each model."""
    (section,) = fine_tuned_sections(page)
    notes = [part for part in section.parts if isinstance(part, Notes)]
    return {name.rstrip("."): text for each in notes for name, text in each.items}


def of(model: tuple[float, ...]) -> dict[tuple[str, str], float]:
    return dict(zip(PAIRS, model, strict=True))


def test_paper_4_in_words_and_in_a_table() -> None:
    page = report({"mbert": of(TEACHER), "student": of(STUDENT)})
    assert words(page) == {
        "Student": " 1.008 times what the teachers score on average, 0.993 to 1.068, over twelve pairs of a language "
        "and a task. It is better by more than chance: p = 0.017 (left-tailed Wilcoxon signed-rank test of the "
        "teachers minus the model; with twelve pairs it cannot be below 0.0002)."
    }
    table = tables_of(page)["finetune-ratios"]
    rows = {(row[0].text, row[1].text): row[2].text for row in table.rows}
    assert rows["Hindi", "Topic of a text"] == "1.068" and rows["Dutch", "Topic of a text"] == "0.993"
    assert (rows["Mean", ""], rows["Lowest", ""], rows["p", ""]) == ("1.008", "0.993", "0.017")
    assert "Fine-tuned tasks" in render(page)


def test_seeds_and_intervals_stand_beneath_each_score() -> None:
    tables = tables_of(report({"mbert": of(TEACHER), "student": of(STUDENT)}, seeds=3))
    cells = {cell.text: cell for row in tables["pos-finetune-accuracy"].rows for cell in row}
    assert cells["97.9"].note == "[96.9, 98.9]\n± 0.4" and cells["97.9"].values["deviation"] == 0.4
    assert "three trainings" in tables["pos-finetune-accuracy"].caption


def test_what_cannot_be_decided_is_said() -> None:
    few = dict(list(of(STUDENT).items())[:4])
    said = words(report({"mbert": of(TEACHER), "student": few}))["Student"]
    assert "Four pairs cannot decide it" in said and "0.062 at the least" in said
    worse = words(report({"mbert": of(STUDENT), "student": of(TEACHER)}))["Student"]
    assert f"It is not shown to be better: p = {left_tailed(TEACHER, STUDENT).p:.3f}" in worse


def test_zeros_ties_and_what_has_no_ratio_are_counted() -> None:
    teacher = of(TEACHER) | {PAIRS[0]: 0.0, PAIRS[1]: 98.0}
    student = of(TEACHER) | {PAIRS[0]: 2.0, PAIRS[1]: 99.0, PAIRS[2]: 86.12, PAIRS[3]: 97.81} | dict(
        zip(PAIRS[4:8], (94.0, 98.0, 90.5, 97.0), strict=True)
    )  # fmt: skip
    said = words(report({"mbert": teacher, "student": student}))["Student"]
    assert "over eleven pairs of a language and a task (one pair more, where the teachers score 0, without" in said
    assert "four pairs without a difference left out; 3 differences are tied" in said
    nothing = {pair: 0.0 for pair in PAIRS}
    assert "nothing to divide by" in words(report({"mbert": nothing, "student": of(STUDENT)}))["Student"]


def test_zero_shot_stands_apart() -> None:
    page = report({"mbert": of(TEACHER), "student": of(STUDENT)}, source=ZERO_SHOT)
    assert list(words(page)) == ["Student, zero-shot"]


def test_models_without_a_reference_are_not_compared_with_one() -> None:
    page = report({"student": of(STUDENT)}, referred=False)
    assert words(page) == {} and "finetune-ratios" not in tables_of(page)
    assert tables_of(page)["topic-finetune-accuracy"].rows


def test_a_run_that_is_half_done_or_without_them() -> None:
    (section,) = fine_tuned_sections(report({}))
    said = [part.text for part in section.parts if isinstance(part, Paragraph) and part.absent]
    assert said == ["No fine-tuned model is scored yet."]
    assert list(fine_tuned_sections(Report(name="empty"))) == []
    assert "Fine-tuned" not in render(Report(name="empty"))
