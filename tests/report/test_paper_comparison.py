"""Our numbers beside published ones."""

import csv
import io

import pytest

from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, Score, group_language
from equiglot.report import Language, Model, Published, PublishedNumber, Report, Size, render, tables_of
from equiglot.report.paper_comparison import compare_with_paper
from equiglot.report.published import read_published
from equiglot.report.tables import Table
from equiglot.report.writing import csv_text

NAMES = {"en": "English", "de": "German", "es": "Spanish", "hu": "Hungarian", "vi": "Vietnamese", "tr": "Turkish",
         "eu": "Basque"}  # fmt: skip
LABELS = {"hl": "HL", "hl-balanced": "HL balanced", "student": "Student"}
EXACT = {"Table 2", "Table 3a", "Table 5", "Table 6", "Table 7"}  # Table 3b's {de} is not Table 7's


@pytest.fixture(scope="module")
def paper() -> Published:
    return read_published("paper1-shared")


def _score(number: PublishedNumber, language: str) -> Score:
    return Score(
        model=number.model, task=number.task, language=language, metric=number.metric, value=number.value,
        low=number.value - 1, high=number.value + 1, n=100, seed=0, source=number.source,
        reference="mono-{language}" if number.metric == "d" else None,
    )  # fmt: skip


@pytest.fixture
def echo(paper: Published) -> Report:
    """A run that has got exactly the published numbers, a million characters of text and small models."""
    scores = [_score(each, each.language) for each in paper.numbers if each.table in EXACT]
    groups = {group_language(group): paper.groups[group] for group in ("low", "high")}
    scores += [  # of D in single languages the paper says nothing but for German
        _score(each, code)
        for each in paper.numbers
        if each.table == "Table 2"
        for code in groups.get(each.language, ())
        if code != "de"
    ]
    size = Size(characters=1_000_000, sentences=20_000)
    return Report(
        name="echo",
        languages=tuple(Language(code=code, name=name, train=size) for code, name in NAMES.items()),
        groups=paper.groups,
        models=tuple(
            Model.model_validate({"name": name, "role": role, "label": LABELS[name], "parameters": 1_500_000})
            for name, role in (("hl", "baseline"), ("hl-balanced", "baseline"), ("student", "student"))
        ),
        scores=tuple(scores),
        published=paper,
    )


def _without(report: Report, task: str, code: str) -> Report:
    """A run that has no labelled data of a language: no probe of it, and means over groups without it."""
    kept = [score for score in report.scores if not (score.task == task and score.language in (code, "group:all"))]
    return report.model_copy(update={"scores": tuple(kept)})


def _swapped(report: Report, task: str, language: str) -> Report:
    """The student's and HL's numbers of a row exchanged."""
    names = {"hl": "student", "student": "hl"}
    scores = [
        score.model_copy(update={"model": names.get(score.model, score.model)})
        if (score.task, score.language) == (task, language)
        else score
        for score in report.scores
    ]
    return report.model_copy(update={"scores": tuple(scores)})


def _table(report: Report, name: str) -> Table:
    found = compare_with_paper(report)
    assert found is not None
    return found.tables[f"beside-table-{name}"]


def _row(table: Table, name: str) -> dict[str, str]:
    (cells,) = (row for row in table.rows if row[0].text == name)
    return {title: f"{cell.text}|{cell.note}" for title, cell in zip(table.titles, cells, strict=True)}


def test_equal_numbers_agree_everywhere(echo: Report) -> None:
    found = compare_with_paper(echo)
    assert found is not None
    probed = [f"{name}-{source}" for name in ("3a", "3b", "6", "7") for source in (IN_LANGUAGE, ZERO_SHOT)]
    assert list(found.tables) == [f"beside-table-{name}" for name in ("2", "5", *probed)]
    assert found.probed == tuple(f"beside-table-{name}" for name in probed)
    # Tables 2 and 5: 4 rows; 3 and 6 (7): 4 + 7 rows, in-language and zero-shot, twice. The scores have Table 7's
    # numbers, and of groups in NER none: these are means over Table 7's. Table 3b's {de} has another order.
    assert found.agreement == (
        "Same order of the models in 47 of 48 rows, the same one best in 48; same sign of D in 12 of 12 numbers."
    )
    assert (
        "Same order of the models in 3 of 3 rows, the same one best in 3; same sign of D in 9 of 9 numbers."
        in _table(echo, "2").caption
    )
    assert found.findings["Table 7, in-language"] == "Same order of the models in 7 of 7 rows, the same one best in 7."
    assert found.ours == "1 M characters of training text a language, 1,500,000 parameters a model"
    assert "Wikipedia" in found.theirs and "SIGTYP" in found.source


def test_the_published_number_and_its_doubt_stand_beneath_ours(echo: Report) -> None:
    student = _row(_table(echo, "2"), "All languages")["Student"]
    assert student == "−3.7|[−4.7, −2.7]\npublished −3.7\nits groups make −3.3"
    assert _row(_table(echo, "2"), "Low-resource")["HL balanced"] == "+0.3|[−0.7, +1.3]\npublished +0.3"
    german = _row(_table(echo, "7-zero-shot"), "German")
    assert german["Student"] == "26.9|[25.9, 27.9]\npublished 26.9 ± 1.1\nTable 3b has 23.9"


def test_another_order_is_said_and_counted(echo: Report) -> None:
    report = _swapped(echo, "mlm", "de")
    assert _row(_table(report, "5"), "German")["Order"] == "another|Student > HL > HL balanced"
    assert (
        "Same order of the models in 0 of 1 row, the same one best in 0; same sign of D in 3 of 3 numbers."
        in _table(report, "5").caption
    )


def test_where_the_publication_has_a_tie_either_order_is_its_own(echo: Report) -> None:
    """Table 6, Hungarian, in-language: HL and the student both 18.5."""
    scores = [
        score.model_copy(update={"value": 18.4})
        if (score.task, score.language, score.model, score.source) == ("pos", "hu", "student", IN_LANGUAGE)
        else score
        for score in echo.scores
    ]
    table = _table(echo.model_copy(update={"scores": tuple(scores)}), "6-in-language")
    assert _row(table, "Hungarian")["Order"].startswith("same")


def test_groups_of_other_languages_are_shown_with_a_note_and_not_counted(echo: Report) -> None:
    report = _without(echo, "ner", "hu")
    table = _table(report, "3b-in-language")
    everything = next(row for row in table.rows if row[0].text == "All languages")
    assert everything[0].note == "without Hungarian here"
    # The mean over the six others of Table 7's in-language numbers of the student.
    assert everything[3].text == "33.6" and everything[3].note == "published 33.1"
    assert (
        "Same order of the models in 2 of 2 rows, the same one best in 2." in table.caption
    )  # German's and the high ones'
    zero_shot = _table(report, "7-zero-shot")
    assert "No probe is trained on Hungarian here" in zero_shot.caption
    assert "Hungarian" not in [row[0].text for row in zero_shot.rows]
    assert "No probe is trained" not in table.caption + _table(report, "6-zero-shot").caption


def test_models_of_one_side_only_are_left_out(echo: Report) -> None:
    report = echo.model_copy(update={"models": echo.models[1:]})
    assert _table(report, "2").columns == ("", "HL balanced", "Student", "Order")
    only = echo.model_copy(update={"models": echo.models[2:]})
    assert _row(_table(only, "2"), "All languages")["Order"] == "–|"


def test_nothing_is_compared_that_cannot_be(echo: Report) -> None:
    assert compare_with_paper(echo.model_copy(update={"published": None})) is None
    assert compare_with_paper(echo.model_copy(update={"scores": ()})) is None
    groups = {"low": ("sw", "yo"), "all": ("sw", "yo")}
    languages = tuple(Language(code=code, name=code) for code in groups["all"])
    scores = tuple(score for score in echo.scores if score.group)
    other = echo.model_copy(update={"groups": groups, "languages": languages, "scores": scores})
    assert compare_with_paper(other) is None


def test_programs_get_both_numbers_and_the_doubt(echo: Report) -> None:
    head, *rows = csv.reader(io.StringIO(csv_text(tables_of(echo)["beside-table-7-zero-shot"])))
    german = dict(zip(head, next(row for row in rows if "de" in row), strict=True))
    assert german["Student"] == german["Student published"] == "26.9"
    assert german["Student published deviation"] == "1.1"
    assert german["Student doubt"] == "Table 3b has 23.9"
    assert (german["Order"], german["Order here"]) == ("same", "HL > Student > HL balanced")


def test_the_page_has_the_section_only_with_published_numbers(echo: Report) -> None:
    text = render(echo)
    assert (
        '<section id="beside"' in text and 'href="#beside"' in text and "tables/beside-table-3a-zero-shot.csv" in text
    )
    assert "MRR and D depend on the vocabulary" in text
    plain = render(echo.model_copy(update={"published": None}))
    assert 'id="beside"' not in plain and "#beside" not in plain


def test_a_user_s_own_order_of_groups_holds(echo: Report) -> None:
    """The unweighted mean stands in a row of its own only where the run has that group."""
    groups = {name: codes for name, codes in echo.groups.items() if name != "low"}
    table = _table(echo.model_copy(update={"groups": groups}), "2")
    assert [row[0].text for row in table.rows] == ["High-resource", "All languages"]
    assert group_language("low") not in [row[0].values["code"] for row in table.rows]


def test_no_text_of_a_publication_becomes_markup(echo: Report, paper: Published) -> None:
    hostile = '"><script>alert(1)</script>'
    numbers = tuple(
        each.model_copy(update={"table": f"{each.table} {hostile}", "doubt": hostile}) for each in paper.numbers
    )
    changes = {"source": hostile, "scale": hostile, "numbers": numbers}
    text = render(echo.model_copy(update={"published": paper.model_copy(update=changes)}))
    assert "<script>alert(1)" not in text and text.count("&lt;script&gt;alert(1)") > 100


def test_tables_of_like_names_have_files_of_their_own(echo: Report, paper: Published) -> None:
    names = {"Table 2": "表二", "Table 5": "表五"}
    numbers = tuple(each.model_copy(update={"table": names.get(each.table, each.table)}) for each in paper.numbers)
    found = compare_with_paper(echo.model_copy(update={"published": paper.model_copy(update={"numbers": numbers})}))
    assert found is not None and len(found.tables) == 10
    assert {len(table.rows) for table in list(found.tables.values())[:2]} == {3, 1}


def test_zero_shot_is_told_from_in_language(echo: Report) -> None:
    assert _row(_table(echo, "3a-in-language"), "High-resource")["Student"].startswith("84.3|")
    assert _row(_table(echo, "3a-zero-shot"), "High-resource")["Student"].startswith("33.8|")


def _merging(name: str, teachers: dict[str, tuple[str, ...]]) -> Report:
    """A run that has got what paper 2 prints for parts of speech and entities; `teachers`: name -> languages."""
    published, scores = read_published(name), []
    for each in published.numbers:
        if each.task in ("pos", "ner") and each.table in ("Table 2", "Table 4"):
            own = {"teachers": f"teacher-{each.language}"}.get(each.model, each.model)
            against = {"teachers": "all-teachers"}.get(each.reference or "", each.reference)
            scores.append(
                Score.model_validate(
                    {"model": own, "task": each.task, "language": each.language, "metric": each.metric,
                     "value": each.value, "n": 9, "seed": 0, "source": each.source, "reference": against}
                )
            )  # fmt: skip
    students = {each.model for each in published.numbers} - {"teachers", *teachers}
    codes = published.groups["all"]
    return Report(
        name="merged",
        languages=tuple(Language(code=code, name=code.upper()) for code in codes),
        groups=published.groups,
        models=(
            *(Model(name=each, role="teacher", label=each, languages=own) for each, own in teachers.items()),
            *(Model(name=each, role="student", label=each, languages=codes) for each in sorted(students)),
        ),
        scores=tuple(scores),
        reference="all-teachers",
        references={code: each for each, own in teachers.items() for code in own},
        published=published,
    )


def test_paper_2_has_a_table_for_each_task_and_one_for_its_rdt() -> None:
    report = _merging("paper2-similar", {f"teacher-{code}": (code,) for code in ("en", "de", "it", "es")})
    found = compare_with_paper(report)
    assert found is not None
    assert list(found.findings) == ["Table 2, Named entities, in-language", "Table 2, Part of speech, in-language"]
    assert len(found.tables) == 4, "no answers to questions, no tokens"
    scores = found.tables["beside-table-2-part-of-speech-in-language"]
    assert _row(scores, "EN") == {
        "": "EN|", "Monolingual teachers": "96.6|published 96.6", "student": "96.3|published 96.3", "Order": "same|"
    }  # fmt: skip
    assert "Part of speech, F1 as XTREME counts it in percent." in scores.caption, (
        "not all that learns tasks is a probe"
    )
    relative = found.tables["beside-table-2-named-entities-rdt-from-monolingual-teachers-in-language"]
    assert _row(relative, "All languages")["student"] == "+0.6|published +0.6"


def test_rows_of_the_other_tables_of_paper_2_are_groups() -> None:
    muril = tuple(read_published("paper2-multilingual").groups["muril"])
    report = _merging("paper2-multilingual", {"muril": muril, "mbert": (*muril, "de")})
    found = compare_with_paper(report)
    assert found is not None
    table = found.tables["beside-table-4-named-entities-trained-on-en"]
    assert _row(table, "Muril")["muril"] == "76.9|published 76.9"
    assert _row(table, "Other")["muril"] == "–|"
    assert _row(table, "Muril")["Order"] == "same|"
    relative = found.tables["beside-table-4-named-entities-rdt-from-mbert-trained-on-en"]
    assert {row[0].text: row[1].text for row in relative.rows} == {"Muril": "+17.9", "Other": "+0.6"}
