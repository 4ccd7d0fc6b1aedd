"""The page of a run that merges models: what compares across vocabularies, and nothing that does not."""

import csv
import io
import re
from pathlib import Path

import pytest

from equiglot.evaluation import ALL, LIKELIHOOD
from equiglot.report import (
    Curve,
    Model,
    Report,
    StoredText,
    doubtful,
    figures,
    plots_of,
    render,
    tables_of,
    verdict,
    write_card,
)
from equiglot.report.figures import lines_of_mrr
from equiglot.report.score_index import BITS, MASKED, ScoreIndex, measure_of
from equiglot.report.tables import Cell, Table
from equiglot.report.writing import csv_text, write_figures, write_tables
from tests.report.merging import STUDENTS, TEACHERS, in_language, merged_report

HOSTILE = '"><script>alert(1)</script>{{ 7 * 7 }}'


@pytest.fixture(scope="module")
def report() -> Report:
    return merged_report()


@pytest.fixture
def page(report: Report) -> str:
    """The page of the run."""
    return render(report)


def _cells(table: Table, row: str, note: str | None = None) -> dict[str, Cell]:
    """Title of a column -> its cell in the first row of that header."""
    found = next(cells for cells in table.rows if cells[0].text == row and note in (None, cells[1].text))
    return dict(zip(table.titles, found, strict=True))


def test_models_are_compared_by_likelihood_where_teachers_have_their_own_vocabularies(report: Report) -> None:
    assert measure_of(report) == BITS
    shared = tuple(model.model_copy(update={"vocabulary": ""}) for model in report.models)
    assert measure_of(report.model_copy(update={"models": shared})) == MASKED


def test_the_verdict_is_in_bits_and_of_languages_with_a_teacher(report: Report) -> None:
    found = verdict(report)
    number = ScoreIndex(report, LIKELIHOOD).of("student", "d", ALL)
    assert number is not None
    assert f"over all languages with a teacher (D = +{number.value:.3f} [" in found.headline
    assert "] bits a character), ahead of Union, gold labels" in found.headline
    assert "is within the noise" in found.headline and found.missing == ()


def test_a_student_alone_is_ahead_of_its_teachers_or_behind(report: Report) -> None:
    models = tuple(model for model in report.models if model.name not in ("student-best", "gold"))
    alone = report.model_copy(update={"models": models})
    assert verdict(alone).headline.startswith("The student is better than the teachers over all languages with")
    scores = tuple(
        score.model_copy(update={"value": -0.2, "low": -0.3, "high": -0.1}) if score.metric == "d" else score
        for score in report.scores
    )
    assert verdict(alone.model_copy(update={"scores": scores})).headline.startswith(
        "The student is behind the teachers"
    )


def test_without_likelihood_the_page_says_why_there_is_no_verdict(report: Report) -> None:
    scores = tuple(score for score in report.scores if score.task != LIKELIHOOD)
    found = verdict(report.model_copy(update={"scores": scores}))
    assert found.headline == (
        "No verdict yet: the teachers have vocabularies of their own, and likelihood, which compares across them, is "
        "not measured."
    )


def test_taken_models_are_not_missing_a_training(report: Report) -> None:
    student = report.of_role("student")[0].model_copy(update={"updates": None})
    models = (*report.of_role("teacher"), student)
    assert verdict(report.model_copy(update={"models": models})).missing == ("not trained: the student",)


def test_no_teacher_has_a_number_of_masked_words(report: Report, page: str) -> None:
    table = tables_of(report)["mrr"]
    assert table.columns == ("", "Union, gold labels", "Student, all copies", "Student, best copy")
    assert "distance" not in tables_of(report) and '<section id="distance"' not in page
    assert "the teachers, which have their own, have no place here" in page
    scores = next(plot for plot in plots_of(report) if plot.name == "scores")
    assert {series.name for series in scores.series} == set(STUDENTS)


def test_sections_stand_in_the_order_of_the_contents(page: str) -> None:
    links, sections = (re.findall(pattern, page) for pattern in ('<li><a href="#(.*?)"', '<section id="(.*?)"'))
    assert links == sections
    order = [sections.index(name) for name in ("likelihood", "scores", "pos", "rdt", "vocabulary", "labels", "models")]
    assert order == sorted(order)


def test_likelihood_has_the_teachers_together_and_the_other_one(report: Report) -> None:
    table = tables_of(report)["likelihood"]
    assert table.columns[1:3] == ("Teachers", "indic")
    english, numbers = _cells(table, "English"), ScoreIndex(report, LIKELIHOOD)
    for title, model in (("Teachers", "bert-en"), ("indic", "indic"), ("Student, all copies", "student")):
        number = numbers.of(model, "bits", "en")
        assert number is not None and english[title].text == f"{number.value:.2f}"
    assert _cells(table, "Galician")["Teachers"].text == "–"
    best = [cell for cell in english.values() if cell.mark == "best"]
    values = {title: cell.values[""] for title, cell in english.items() if title in STUDENTS.values()}
    assert [cell.values[""] for cell in best] == [min(value for value in values.values() if isinstance(value, float))]


def test_differences_name_the_teacher_that_d_is_not_measured_from(report: Report) -> None:
    table = tables_of(report)["likelihood-difference"]
    assert "Student, all copies − indic" in table.columns
    assert not any("bert-en" in title for title in table.columns)


def test_rdt_stands_against_each_teacher_and_against_all(report: Report) -> None:
    table = tables_of(report)["rdt"]
    teachers = [cells[1].text for cells in table.rows if cells[0].text == "English"]
    assert teachers == ["bert-en", "indic"]
    cell = _cells(table, "English", "indic")["Student, all copies, Part of speech"]
    assert cell.values[""] == pytest.approx(in_language(report, "student", "indic", "en"), abs=1e-6)
    assert [cells[1].text for cells in table.rows if cells[0].mark == "total"] == ["Teachers"] * 3


def test_stored_labels_are_summed(report: Report) -> None:
    table = tables_of(report)["labels"]
    assert len(table.rows) == 1 + sum(map(len, TEACHERS.values()))
    assert table.rows[-1][3].text == "6,250,000" and table.rows[-1][4] == Cell("218.8", "35.0 bytes each")
    assert table.rows[0][2] == Cell("8", "8 sampled\n2 masks")


def test_tokens_are_summed_where_every_language_has_one_teacher(report: Report) -> None:
    """The share of the student in Table 3 of paper 2."""
    assert tables_of(report)["tokens"].rows[-1][0].text == "Hindi"  # English has two teachers
    names = ("beto", "bert-en")
    models = tuple(model for model in report.models if model.role == "student" or model.name in names)
    total = tables_of(report.model_copy(update={"models": models}))["tokens"].rows[-1]
    assert [cell.text for cell in total[:3]] == ["All", "", "6 B"]
    assert total[3].values["%"] == pytest.approx(100 * 2 * 2_285_000 / 6e9)


def test_the_vocabulary_says_what_became_of_each_models_pieces(page: str, report: Report) -> None:
    assert "WordPiece, 88,214 entries, 312 of them characters that no model has" in page
    assert "It keeps ﬁ where this one writes fi" in page and "&lt;0xEC&gt; &lt;0x9D&gt;" in page
    rows = tables_of(report)["segmentation"].rows
    assert [(cells[0].values["code"], cells[1].text) for cells in rows][:3] == [
        ("en", "bert-en"), ("en", "indic"), ("es", "beto")
    ]  # fmt: skip


def test_korean_words_are_called_long(page: str) -> None:
    assert "In Korean what stands between spaces is a clause" in page


def test_models_say_whose_vocabulary_they_have_and_where_they_are_from(report: Report) -> None:
    models = tables_of(report)["models"]
    assert _cells(models, "korean")["Vocabulary"].text == "Unigram, 32,000 entries"
    assert _cells(models, "korean")["Model"].note == "teacher, taken from models/korean"
    student = _cells(models, "Student, all copies")
    assert student["Vocabulary"].text == "the run's" and student["Parameters"].note == "embeddings 256 wide"


def test_all_tables_and_figures_can_be_written(report: Report, tmp_path: Path) -> None:
    write_tables(tables_of(report), tmp_path / "tables")
    write_figures(plots_of(report), tmp_path / "figures")
    written = {path.stem for path in tmp_path.glob("tables/*.tex")}
    assert {"likelihood", "likelihood-distance", "rdt", "union", "segmentation", "labels", "tokens"} <= written
    drawn = {path.stem for path in tmp_path.glob("figures/*.svg")}
    assert {"likelihood", "likelihood-distance", "trade-off", "scores"} <= drawn and "distance" not in drawn
    rows = list(csv.DictReader(io.StringIO(csv_text(tables_of(report)["labels"]))))
    assert rows[0]["Size (MB) bytes a position"] == "35.0" and rows[0]["Mass kept (%)"] == "87.3"


def test_the_trade_off_is_measured_from_the_teachers(report: Report) -> None:
    figure = figures.trade_off(report)
    assert figure is not None
    points = {trace.name: trace.dots[0][:2] for trace in figure.traces}
    numbers = ScoreIndex(report, LIKELIHOOD)
    high, low = (numbers.of("student", "d", f"group:{name}") for name in ("high", "low"))
    assert points["Teachers"] == (0, 0) and high is not None and low is not None
    assert points["Student, all copies"] == (high.value, low.value)
    assert figures.trade_off(report.model_copy(update={"scores": ()})) is None


def test_curves_of_other_vocabularies_are_not_drawn_beside_each_other(report: Report) -> None:
    curves = tuple(
        Curve(model=name, split="valid", metric="mrr", language="en", updates=(1, 2), values=(3.0, 4.0))
        for name in ("bert-en", "student")
    )
    drawn = lines_of_mrr(report.model_copy(update={"curves": curves}), "en")
    assert [line.name for line in drawn] == ["Student, all copies"]


def test_text_of_a_recipe_is_no_markup(report: Report) -> None:
    merged = report.merged
    assert merged is not None and merged.union is not None
    hostile = {"examples": (HOSTILE,), "differences": (HOSTILE,), "kind": HOSTILE}
    models_of_union = {name: each.model_copy(update=hostile) for name, each in merged.union.models.items()}
    union = merged.union.model_copy(update={"models": models_of_union})
    changed = {"source": HOSTILE, "vocabulary": HOSTILE, "label": HOSTILE}
    models = tuple(model.model_copy(update=changed) for model in report.models)
    text = render(report.model_copy(update={"merged": merged.model_copy(update={"union": union}), "models": models}))
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}" in text


@pytest.mark.parametrize("part", ["scores", "coverage", "merged", "references", "tasks", "groups", "languages"])
def test_a_page_without_one_part_still_stands(report: Report, part: str) -> None:
    empty: object = None if part == "merged" else {} if part in ("references", "groups") else ()
    text = render(report.model_copy(update={part: empty}))
    links, sections = (re.findall(pattern, text) for pattern in ('<li><a href="#(.*?)"', '<section id="(.*?)"'))
    assert links == sections
    assert ("labels" in links) is (part != "merged") and ("likelihood" in links) is (part != "scores")


def test_the_card_of_a_student_has_bits(report: Report, tmp_path: Path) -> None:
    student = next(model for model in report.models if model.name == "student")
    write_card(report, student, tmp_path / "README.md")
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| Language | MRR (%) | Bits per character | D (bits per character) |" in text
    assert "fewer are better, whatever the vocabulary. D: bits of the language's teacher minus this model's" in text


def test_a_run_of_one_vocabulary_can_have_likelihood_too(report: Report) -> None:
    shared: tuple[Model, ...] = tuple(model.model_copy(update={"vocabulary": ""}) for model in report.models)
    text = render(report.model_copy(update={"models": shared}))
    sections = re.findall('<section id="(.*?)"', text)
    assert sections.index("scores") < sections.index("distance") < sections.index("likelihood")


def test_teachers_that_do_not_know_a_text_are_named() -> None:
    known = StoredText(teacher="tr", language="tr", k=8, positions=9, size=9, unknown=0.01, loss=4.0, counting=7.0)
    assert doubtful([known]) == ()
    letters = known.model_copy(update={"language": "ko", "unknown": 0.4})
    guessed = known.model_copy(update={"language": "fi", "loss": 8.0})
    first, second = doubtful([letters, known, guessed])
    assert first.startswith("40 % of the tokens of the Korean text are unknown to tr")
    assert "tr predicts the Finnish text no better than counts of its tokens do (8.00 against 7.00 nats" in second
