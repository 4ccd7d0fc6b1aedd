import re

import numpy as np
import pytest

from equiglot.evaluation import (
    ALL,
    IN_LANGUAGE,
    ZERO_SHOT,
    Bootstrap,
    Gold,
    PairEstimates,
    Score,
    group_members,
    pair_estimates,
    pair_rows,
    transfer_rows,
)
from equiglot.report import Language, Model, ProbedTask, Report, sections, tables
from equiglot.report.findings import about_probes, findings, transfer_maps
from equiglot.report.probes import probe_tables
from equiglot.report.writing import csv_text, latex_text, markdown_text, to_svg
from equiglot.tasks import TaskLanguage

SEVEN = {"en": "English", "ru": "Русский", "el": "Ελληνικά", "hi": "हिन्दी", "te": "తెలుగు", "ko": "한국어", "ar": "عربي"}


def _column(table: tables.Table, title: str) -> dict[str, tables.Cell]:
    place = table.titles.index(title)
    return {row[0].text: row[place] for row in table.rows}


def _tables(report: Report, task: str) -> dict[str, tables.Table]:
    return probe_tables(report, next(entry for entry in report.tasks if entry.task == task))


def _row(model: str, metric: str, value: float, half: float | None = None, **more: object) -> Score:
    ends = {} if half is None else {"low": value - half, "high": value + half}
    fields = {"model": model, "task": "pos", "metric": metric, "value": value, "n": 900, "seed": 0, "language": ALL}
    return Score.model_validate({**fields, **ends, "source": IN_LANGUAGE, **more})


def _report(*scores: Score, codes: tuple[str, ...] = tuple(SEVEN), **task: object) -> Report:
    data = tuple(TaskLanguage(code=code, items={"train": 900, "test": 900}) for code in codes)
    return Report(
        name="case",
        languages=tuple(Language(code=code, name=SEVEN[code]) for code in codes),
        models=(
            Model(name="hl", role="baseline", label="HL", languages=codes, updates=1),
            Model(name="hl-balanced", role="baseline", label="HL balanced", languages=codes, updates=1),
            Model(name="student", role="student", label="Student", languages=codes, updates=1),
        ),
        scores=scores,
        tasks=(ProbedTask.model_validate({"task": "pos", "languages": data, **task}),),
    )


def _findings(report: Report) -> dict[str, str]:
    return findings(report, report.tasks[0])


MEANS = (_row("student", "accuracy", 57.0), _row("hl", "accuracy", 55.8), _row("hl-balanced", "accuracy", 55.1))


def test_the_first_table_has_the_shape_of_the_papers(probed: Report) -> None:
    table = _tables(probed, "pos")["pos-accuracy"]
    kinds = ("in-language", "zero-shot")
    assert table.columns == ("", "in-language", *kinds * 4)
    assert table.spans == (
        ("", 1), ("Monolingual teachers", 1), ("HL", 2), ("HL balanced", 2), ("Student", 2), ("Student, half gold", 2),
    )  # fmt: skip
    assert [row[0].text for row in table.rows] == [
        "High-resource", "Low-resource", "All languages", "English", "German", "Turkish", "Greek",
    ]  # fmt: skip
    student = _column(table, "Student, in-language")
    assert student["English"] == tables.Cell("79.6", "[79.0, 80.2]", "best")
    assert student["Turkish"].mark == "level" and student["Greek"].text == "–"
    assert _column(table, "Student, half gold, zero-shot")["Greek"].mark == "best"
    assert "to test on for Basque" in table.caption and "to train on for Greek" in table.caption


def test_several_starts_have_deviations_instead_of_intervals(probed: Report) -> None:
    found = _tables(probed, "ner")
    assert _column(found["ner-macro-f1"], "HL, zero-shot")["Greek"].note == "± 0.8"
    assert list(found) == [
        "ner-macro-f1", "ner-entity-f1", "ner-seqeval-f1", "ner-difference", "ner-pairs", "ner-data",
    ]  # fmt: skip
    # Whether a difference is noise is known of the first metric only.
    assert not [cell for row in found["ner-entity-f1"].rows for cell in row if cell.mark == "level"]
    assert _column(found["ner-difference"], "Student − HL, in-language")["All languages"].note == "[+2.7, +3.3]"


def test_differences_are_in_language_and_zero_shot_with_p_beneath(probed: Report) -> None:
    table = _tables(probed, "pos")["pos-difference"]
    assert _column(table, "Student − HL, in-language")["English"] == tables.Cell("+2.1", "[+1.2, +3.0]", "clear")
    assert _column(table, "Student − HL, zero-shot")["p"].text == "0.125"
    assert _column(table, "Student − HL, in-language")["Greek"].text == "–"


def test_the_pairs_have_every_number_of_the_maps(probed: Report) -> None:
    maps = transfer_maps(probed, probed.tasks[0])
    assert list(maps) == ["Student", "Student, half gold", "HL", "HL balanced"]
    found = [cell.text for figure in maps.values() if figure.heat for cell in figure.heat.cells]
    rows = _tables(probed, "pos")["pos-pairs"].rows
    assert [cell.text for row in rows for cell in row[1:]] == found
    assert [cell.mark for cell in rows[1]] == ["", "", "own", "", ""]


def test_maps_share_their_colours_and_frame_what_is_in_language(probed: Report) -> None:
    maps = transfer_maps(probed, probed.tasks[0])
    assert len({figure.heat.bounds for figure in maps.values() if figure.heat}) == 1
    figure = maps["HL"]
    # Greek has no data to train on, Basque none at all.
    assert [tick.text for tick in figure.x.ticks] == ["en", "de", "tr", "el"]
    assert [tick.text for tick in figure.y.ticks] == ["English (en)", "German (de)", "Turkish (tr)"]
    assert figure.heat is not None
    assert [cell[:2] for cell in figure.heat.cells if cell.framed] == [(0, 0), (1, 1), (2, 2)]
    assert figure.heat.cells[0].value == pytest.approx(1.9 * 40.8)


def test_numbers_can_be_read_on_every_colour_of_a_map() -> None:
    for block in sections.our_text("page.css").split("}")[:2]:
        colours = dict(re.findall(r"(--[a-z-]+): #([0-9a-f]{6});", block))
        for name in ("--heat-low", "--heat-mid", "--heat-high"):
            dark, light = sorted((_luminance(colours[name]), _luminance(colours["--ink"])))
            assert (light + 0.05) / (dark + 0.05) > 4.5, name


def _luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_equal_labels_hide_no_map(probed: Report) -> None:
    models = tuple(model.model_copy(update={"label": "<b>x</b>"}) for model in probed.models)
    maps = transfer_maps(probed.model_copy(update={"models": models}), probed.tasks[0])
    assert len(maps) == 4
    svg = to_svg(maps["<b>x</b>"], (), "")
    assert 'data-name="&lt;b&gt;x&lt;/b&gt;"' in svg and "<b>" not in svg


def test_the_data_are_counted_and_languages_without_are_named(probed: Report) -> None:
    rows = {row[0].text: row[1:] for row in _tables(probed, "pos")["pos-data"].rows}
    assert [cell.text for cell in rows["Basque"]] == ["none", "no data", "–", "–", "–"]
    assert rows["English"][2] == tables.Cell("31,234", "2,000 sentences\nof 204,585")
    assert rows["Greek"][1].text == "no training data: only tested on" and rows["Greek"][4].note == "2,000 sentences"


def test_a_text_is_its_own_sentence() -> None:
    language = TaskLanguage(code="en", files="texts", items={"test": 204}, sentences={"test": 204})
    task = ProbedTask(task="topic", unit="sentence", labels=("health", "sports"), languages=(language,))
    report = _report(codes=("en",)).model_copy(update={"tasks": (task,)})
    assert _tables(report, "topic")["topic-data"].rows[0][5] == tables.Cell("204")
    assert "the hidden states of each text's sub-words it tells 2 labels apart" in about_probes(task)[0]


def test_a_clear_winner_of_seven_languages() -> None:
    report = _report(
        *MEANS,
        _row("student", "difference", 1.2, 0.3, reference="hl"),
        _row("student", "difference", 1.9, 0.3, reference="hl-balanced"),
        _row("student", "p", 2.0**-6, reference="hl", n=7),
        _row("student", "p", 0.0312, reference="hl-balanced", n=7),
    )
    assert _findings(report) == {
        "In-language": "The student is best: it has 57.0\N{NO-BREAK SPACE}% accuracy, the mean over all languages; it "
        "is ahead of HL by +1.2 [+0.9, +1.5] and HL balanced by +1.9 [+1.6, +2.2] points. Language by language "
        "(Wilcoxon signed-rank test, each pair by itself): p = 0.016 against HL, the smallest possible with seven "
        "languages; p = 0.031 against HL balanced."
    }


def test_a_lead_that_does_not_hold_language_by_language() -> None:
    report = _report(
        *MEANS[:2],
        _row("student", "difference", 0.2, 0.1, reference="hl"),
        _row("student", "p", 1.0, reference="hl", n=7),
    )
    assert _findings(report)["In-language"] == (
        "The student has the highest mean, but language by language that may be chance: 57.0\N{NO-BREAK SPACE}% "
        "accuracy, the mean over all languages; it is ahead of HL by +0.2 [+0.1, +0.3] points. Language by language "
        "(Wilcoxon signed-rank test, each pair by itself): p = 1.000 against HL."
    )


def test_what_is_within_the_noise_is_no_lead() -> None:
    report = _report(
        *MEANS,
        _row("hl", "difference", -1.2, 1.3, reference="student"),
        _row("hl-balanced", "p", 0.0005, reference="student", n=12),
    )
    assert _findings(report)["In-language"] == (
        "No model is clearly best: the student has 57.0\N{NO-BREAK SPACE}% accuracy, the mean over all languages, but "
        "is level with HL (+1.2 [−0.1, +2.5]), within the noise; its difference from HL balanced has no paired "
        "interval. Language by language (Wilcoxon signed-rank test, each pair by itself): p < 0.001 against HL "
        "balanced."
    )


def test_few_languages_decide_nothing_by_themselves() -> None:
    report = _report(
        *(row.model_copy(update={"source": ZERO_SHOT}) for row in MEANS),
        _row("student", "p", 0.125, reference="hl", n=4, source=ZERO_SHOT),
        codes=("en", "ru", "el", "hi"),
    )
    found = _findings(report)["Zero-shot"]
    assert found.endswith("Four languages cannot decide it: the p of a Wilcoxon test is 0.125 at the least.")


def test_few_languages_make_nobody_the_best() -> None:
    report = _report(
        *MEANS[:2],
        _row("student", "difference", 8.8, 0.5, reference="hl"),
        _row("student", "p", 0.125, reference="hl", n=4),
        codes=("en", "ru", "el", "hi"),
    )
    found = _findings(report)["In-language"]
    assert found.startswith("The student has the highest mean: 57.0") and " is best" not in found


def test_a_model_of_fewer_languages_is_named_beneath_its_zero_shot_numbers() -> None:
    rows = [
        _row(model, "accuracy", 30.0, 1.0).model_copy(update={"language": target, "source": source})
        for model in ("hl", "student")
        for source in ("en", "ru", "el")
        for target in ("en", "ru", "el")
        if source != target and (model == "hl" or "el" not in (source, target))
    ]
    report = _report(*rows, codes=("en", "ru", "el"))
    models = [
        model.model_copy(update={"languages": ("en", "ru")}) if model.name == "student" else model
        for model in report.models
    ]
    caption = _tables(report.model_copy(update={"models": tuple(models)}), "pos")["pos-accuracy"].caption
    assert "Student: zero-shot over the languages of its own training only." in caption
    assert "HL:" not in caption


def test_means_over_some_languages_are_called_so() -> None:
    report = _report(*MEANS[:1], codes=("en", "ru"), languages=(TaskLanguage(code="en", items={"test": 3}),))
    assert _findings(report)["In-language"] == (
        "The student has 57.0\N{NO-BREAK SPACE}% accuracy, the mean over all languages that have labelled data. No "
        "other model is compared with it."
    )


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({}, "A converged probe has nearly no noise of its own."),
        ({"converged": False}, "trained from one random start"),
        ({"converged": False, "repeats": 5}, "the mean of five probes from different random starts"),
    ],
)
def test_the_noise_is_named(task: dict[str, object], words: str) -> None:
    report = _report(**task)
    noise = about_probes(report.tasks[0])[1]
    assert words in noise and "do not contain the noise of training" in noise


def test_without_scores_there_are_no_findings_tables_or_maps() -> None:
    report = _report(codes=("en",))
    assert _findings(report) == {} and transfer_maps(report, report.tasks[0]) == {}
    found = _tables(report, "pos")
    assert [name for name, table in found.items() if table.rows] == ["pos-data"]


def test_one_language_has_no_transfer() -> None:
    report = _report(_row("student", "accuracy", 57.0, 0.5, language="en"), codes=("en",))
    table = _tables(report, "pos")["pos-accuracy"]
    assert table.titles == ("", "Student, in-language")
    assert _column(table, "Student, in-language")["English"].text == "57.0"
    assert transfer_maps(report, report.tasks[0]) == {}


def test_titles_of_several_columns_reach_every_file(probed: Report) -> None:
    table = _tables(probed, "pos")["pos-accuracy"]
    head = csv_text(table).splitlines()[0]
    assert '"HL, in-language","HL, in-language low","HL, in-language high","HL, zero-shot"' in head
    assert "| HL, in-language | HL, zero-shot |" in markdown_text(table)
    latex = latex_text(table, "pos")
    assert r" & \multicolumn{2}{c}{HL} & " in latex and r"\cmidrule(lr){3-4}" in latex
    assert latex.count(" & in-language & zero-shot") == 4
    assert r"{\scriptsize $\pm$ 0.8}" in latex_text(_tables(probed, "ner")["ner-macro-f1"], "ner")


def test_the_rows_that_an_evaluation_makes_fill_the_tables() -> None:
    codes = ("en", "ru", "el", "hi")
    estimates = {name: _estimates(codes, wrong) for name, wrong in (("student", 4), ("hl", 3))}
    members = group_members({"all": codes}, codes, codes)
    rows = [row for name, each in estimates.items() for row in pair_rows(name, "pos", each, 0)]
    rows += transfer_rows("pos", estimates, {}, reference="mono-{language}", members=members, seed=0)
    report = _report(*rows, codes=codes)
    found = _tables(report, "pos")
    # Every fourth or every third word is wrong; on another language every second one.
    assert _column(found["pos-accuracy"], "Student, in-language")["Ελληνικά"].text == "75.0"
    assert _column(found["pos-accuracy"], "HL, zero-shot")["All languages"].text == "50.0"
    assert [len(table.rows) for table in found.values()] == [5, 5, 5, 6, 2 * 4, 4]
    assert _column(found["pos-difference"], "Student − HL, in-language")["p"].text == "0.125"
    assert set(_findings(report)) == {"In-language", "Zero-shot"}
    heat = transfer_maps(report, report.tasks[0])["Student"].heat
    assert heat is not None
    assert [cell.text for cell in heat.cells if cell.y == 1] == ["50.0", "75.0", "50.0", "50.0"]


def _estimates(codes: tuple[str, ...], wrong: int) -> PairEstimates:
    """Of probes that get one of so many words wrong, or one of two where they were trained on another language."""
    words = np.arange(120)
    gold = {code: Gold((words % 5).astype(np.int16), np.full(30, 4)) for code in codes}
    predicted = {
        (source, target, 0): np.where(words % (wrong if source == target else 2) == 0, 5, words % 5).astype(np.int16)
        for source in codes
        for target in codes
    }
    labels = ("ADJ", "ADP", "NOUN", "PUNCT", "VERB", "X")
    return pair_estimates("pos", labels, gold, predicted, Bootstrap(resamples=100, seed=0))
