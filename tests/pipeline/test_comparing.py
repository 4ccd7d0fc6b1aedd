"""Runs against each other, on real text, and what a run shows of itself."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from equiglot.errors import InputError, Interrupted
from equiglot.evaluation import ZERO_SHOT, Score, read_scores
from equiglot.pipeline import Job, Watcher, publish, read_run
from equiglot.pipeline.results import comparing
from equiglot.pipeline.results.comparing import compare_runs
from equiglot.pipeline.results.recipe_diff import changed_fields
from equiglot.report import Comparison
from equiglot.report.comparison import merged, shared_tasks
from equiglot.report.comparison_page import _tables as tables_of_comparison
from equiglot.report.format import signed
from equiglot.report.spread import spreads
from equiglot.report.writing import csv_text
from equiglot.run import RunDirectory
from tests.pipeline.conftest import Change, run_here, times


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Comparison]:
    """What the pages were made from."""
    found: list[Comparison] = []
    monkeypatch.setattr(comparing, "write_comparison", lambda comparison, path: found.append(comparison))
    return found


def _run(make: Change, into: Path, reuse: Path, **fields: object) -> Path:
    run_here(make(**fields), into, reuse=[reuse])
    return into


def _row(scores: list[Score], model: str, metric: str, language: str) -> Score:
    return next(each for each in scores if (each.model, each.metric, each.language) == (model, metric, language))


def test_another_seed_is_a_repeated_training(
    finished: Path, make: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    other = _run(make, tmp_path / "again", finished, models__student__training={"seed": 1})
    compare_runs([finished, other], tmp_path / "page.html")
    (comparison,) = compared
    assert [(field.name, field.values) for field in comparison.fields] == [("models.student.training.seed", ("0", "1"))]
    assert comparison.obstacles == ()
    assert [[run.name for run in runs] for runs in comparison.repeated()] == [["run", "again"]]
    first, second = (run.trainings for run in comparison.runs)
    assert [name for name in first if first[name] != second[name]] == ["student"]
    # Paired over the same sentences: the difference is exact, and its interval that of the difference.
    old, new = (read_scores(RunDirectory(root).scores) for root in (finished, other))
    for language in ("en", "ru", "group:all"):
        row = _row(list(comparison.differences), "again: student", "difference", language)
        values = [_row(scores, "student", "mrr", language).value for scores in (new, old)]
        assert row.reference == "run: student" and row.value == pytest.approx(values[0] - values[1])
        assert row.low is not None and row.high is not None and row.low < row.value < row.high
    teachers = _row(list(comparison.differences), "again: mono-{language}", "difference", "group:all")
    assert (teachers.value, teachers.low, teachers.high) == (0.0, 0.0, 0.0)


def test_another_vocabulary_is_not_comparable(
    finished: Path, make: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    other = _run(make, tmp_path / "other", finished, vocabulary={"size": 420, "characters": 10_000})
    compare_runs([finished, other], tmp_path / "page.html")
    (comparison,) = compared
    (sentence,) = comparison.obstacles
    assert sentence.startswith("MRR of run and other is not comparable: their vocabularies differ")
    assert comparison.differences == () and comparison.repeated() == ()


SETS = {
    "languages__ru": {"text": "ru.txt", "vocabulary_only": True},
    "languages__ar": {"text": "ar.txt", "group": "low"},
}
"""English and Arabic, where the other run has English and Russian; the vocabulary is learnt from all three in both."""


@pytest.mark.parametrize("same", [True, False], ids=["one vocabulary", "another vocabulary"])
def test_a_language_of_two_sets_has_its_distance_in_both(
    same: bool, finished: Path, make: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    """Paper 1, Table 5 and Figure 4: German, trained with the Latin set and with the diverse one."""
    fields = SETS if same else {**SETS, "vocabulary": {"size": 420, "characters": 10_000}}
    other = _run(make, tmp_path / "other", finished, **fields)
    compare_runs([finished, other], tmp_path / "page.html")
    (comparison,) = compared
    assert comparison.groups == {"high": ("en",), "all": ("en",)}
    rows = list(csv.reader(csv_text(tables_of_comparison(comparison, merged(comparison))["distance"]).splitlines()))
    english, found = dict(zip(rows[0], next(row for row in rows if row[1] == "en"), strict=True)), {}
    for name, root in (("run", finished), ("other", other)):
        scores = read_scores(RunDirectory(root).scores)
        for model in ("hl", "student"):
            found[f"{model} · {name}"] = _row(scores, model, "d", "en").value
    assert {title: float(english[title]) for title in found} == pytest.approx(found, abs=1e-5)
    if same:
        assert comparison.obstacles == ()
        assert {row.language for row in comparison.differences} == {"en", "group:high", "group:all"}
        teacher = _row(list(comparison.differences), "other: mono-{language}", "difference", "en")
        assert teacher.value == 0  # it is the same one in both
    else:
        (sentence,) = comparison.obstacles
        assert sentence.startswith("MRR of run and other is not comparable: their vocabularies differ")
        assert comparison.differences == ()


def test_facts_that_only_the_page_tells_make_no_difference(
    finished: Path, make: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    stated = {"languages__en": {"text": "en.txt", "group": "high", "wikipedia": 14}}
    other = _run(make, tmp_path / "other", finished, **stated, report={"published": "paper1-shared"})
    compare_runs([finished, other], tmp_path / "page.html")
    assert compared[0].fields == () and compared[0].runs[0].seedless == compared[0].runs[1].seedless


def test_other_masks_are_not_comparable_and_other_resamples_are(
    finished: Path, make: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    masks = [{"task": "mlm", "sequences": 20, "resamples": 100, "rate": 0.3}]
    resamples = [{"task": "mlm", "sequences": 20, "resamples": 150}]
    for name, evaluation in {"masks": masks, "resamples": resamples}.items():
        _run(make, tmp_path / name, finished, evaluation=evaluation)
        compare_runs([finished, tmp_path / name], tmp_path / "page.html")
    assert compared[0].obstacles == ("MRR of run and masks is not comparable: other positions are masked.",)
    assert compared[0].differences == ()
    assert [field.name for field in compared[0].fields] == ["evaluation.mlm.rate"]
    assert compared[1].obstacles == ()
    assert {row.value for row in compared[1].differences} == {0.0}


def test_other_text_in_the_same_place_is_no_repeated_training(
    finished: Path, make: Change, text_files: Path, tmp_path: Path, compared: list[Comparison]
) -> None:
    place, said = tmp_path / "ru.txt", (text_files / "ru.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    place.write_text("".join(said), encoding="utf-8")
    fields = {"languages__ru__text": str(place), "models__student__training": {"seed": 1}}
    same, other = _run(make, tmp_path / "same", finished, **fields), tmp_path / "other"
    compare_runs([finished, same], tmp_path / "page.html")
    place.write_text("".join(said[:-20]), encoding="utf-8")
    _run(make, other, finished, **fields)
    compare_runs([same, other], tmp_path / "page.html")
    assert len(compared[0].repeated()) == 1  # the same text in another place
    assert compared[1].repeated() == ()
    assert [field.name for field in compared[1].fields] == ["the text of ru itself"]


def test_start_weights_count_and_not_their_place(
    finished: Path, make: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    runs = [finished]
    for name, model in {"one": "hl", "two": "hl", "three": "student"}.items():
        shutil.copytree(finished / "models" / model, tmp_path / "start" / name)
        fields = {"from": {"folder": str(tmp_path / "start" / name)}, "training": {"seed": len(runs)}}
        runs.append(_run(make, tmp_path / name, finished, models__tuned=fields))
    compare_runs(runs, tmp_path / "page.html")
    assert [[run.name for run in alike] for alike in compared[0].repeated()] == [["one", "two"]]


def test_seeds_of_teachers_are_seeds_of_the_student(
    finished: Path, make: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    fields = {"models__mono-{language}": {"languages": "each", "training": {"seed": 1}}}
    compare_runs([finished, _run(make, tmp_path / "again", finished, **fields)], tmp_path / "page.html")
    first, second = (run.seeds for run in compared[0].runs)
    assert [name for name in first if first[name] != second[name]] == ["mono-en", "mono-ru", "student"]


def test_long_values_are_compared_whole_and_shown_where_they_differ(
    finished: Path, done: Path, tmp_path: Path, compared: list[Comparison]
) -> None:
    text = (done / "recipe.yaml").read_text()
    shutil.move(done, tmp_path / "long")
    names = [f"{'к' * 150}{number}/ru.txt" for number in range(9)]
    for root, last in (("one", "α"), ("two", "β")):
        shutil.copytree(tmp_path / "long", tmp_path / root)
        path = json.dumps("/".join(names) + last, ensure_ascii=False)
        changed, count = re.subn(r"(?m)^(\s*)- \S*ru\.txt$", rf"\1- {path}", text)
        assert count == 1
        (tmp_path / root / "recipe.yaml").write_text(changed)
    compare_runs([tmp_path / "one", tmp_path / "two"], tmp_path / "page.html")
    (field,) = compared[0].fields
    assert field.name == "languages.ru.text.paths"
    for value, last in zip(field.values, "αβ", strict=True):
        assert value.startswith("…") and value.endswith(f'ru.txt{last}"]') and len(value) < 210


def test_settings_of_all_models_are_named_once(
    finished: Path, make: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    recipe = make(encoder={"layers": 2, "heads": 2, "hidden_size": 16, "max_length": 32}, models__hl2={})
    other = tmp_path / "deeper"
    other.mkdir()
    shutil.copytree(finished / "jobs" / "corpus", other / "jobs" / "corpus")

    def stop(job: Job) -> None:
        raise Interrupted(2)

    with pytest.raises(Interrupted):
        run_here(recipe, other, watcher=Watcher(start=stop))
    compare_runs([finished, other], tmp_path / "page.html")
    (comparison,) = compared
    assert [field.name for field in comparison.fields] == ["encoder.layers", "models.hl2"]
    assert comparison.fields[1].values[0] == ""
    missing = comparison.runs[1].report.missing
    assert any("model/hl2" in each for each in missing) and comparison.runs[0].report.missing == ()
    assert comparison.differences == ()


def test_the_page_is_written(finished: Path, done: Path, tmp_path: Path) -> None:
    shutil.move(done, tmp_path / "copy")
    before = times(finished)
    page = compare_runs([finished, tmp_path / "copy"], tmp_path / "pages" / "both.html")
    text = page.read_text(encoding="utf-8")
    assert "student · copy" in text and "Nothing: the recipes are the same." in text
    assert times(finished) == before
    page.write_text(text + "<!-- earlier -->", encoding="utf-8")
    compare_runs([finished, tmp_path / "copy"], page)
    assert page.read_text(encoding="utf-8") == text


def test_only_a_page_of_this_kind_is_written_over(finished: Path, done: Path, tmp_path: Path) -> None:
    for other in (RunDirectory(finished).report.read_bytes(), "eigene Seite \x80".encode("latin-1")):
        (tmp_path / "mine.html").write_bytes(other)
        with pytest.raises(InputError, match="there already") as caught:
            compare_runs([finished, done], tmp_path / "mine.html")
        assert "--replace" in str(caught.value.fix)
        assert (tmp_path / "mine.html").read_bytes() == other
    compare_runs([finished, done], tmp_path / "mine.html", replace=True)
    assert b"comparison" in (tmp_path / "mine.html").read_bytes()
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InputError, match="a folder stands"):
        compare_runs([finished, done], tmp_path / "folder.html", replace=True)


@pytest.mark.parametrize(
    ("runs", "into", "said"),
    [
        (["run"], "page.html", "one run alone"),
        (["run", "run/../run"], "page.html", "named twice"),
        (["run", "nowhere"], "page.html", "no run folder"),
        (["run", "other"], "recipe.yaml", "HTML file"),
    ],
)
def test_bad_input(done: Path, tmp_path: Path, runs: list[str], into: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        compare_runs([tmp_path / run for run in runs], tmp_path / into)
    assert said in caught.value.what and caught.value.where and caught.value.fix
    assert not (tmp_path / into).exists()


# --- probes


def test_probes_of_repeated_trainings(
    finished_probes: Path, probed: Change, labels: Path, tmp_path: Path, compared: list[Comparison]
) -> None:
    shutil.copytree(labels, tmp_path / "labels")
    changes = {"models__student__training": {"seed": 1}}
    other = tmp_path / "again"
    run_here(probed(changes=changes, folder=tmp_path / "labels"), other, reuse=[finished_probes])
    compare_runs([finished_probes, other], tmp_path / "page.html")
    (comparison,) = compared
    assert {field.name.rsplit(".", 1)[0] for field in comparison.fields} == {
        "evaluation.pos.data", "evaluation.ner.data", "models.student.training",
    }  # fmt: skip
    assert comparison.obstacles == ()
    assert len(comparison.repeated()) == 1  # the same labels in another place
    found = {spread.title: spread for spread in spreads(comparison, merged(comparison), comparison.runs)}
    assert list(found) == ["Masked words", "Part of speech", "Named entities", "Place in its document"]
    table = found["Part of speech"].differences
    values = []
    for root in (finished_probes, other):
        rows = [row for row in read_scores(RunDirectory(root).scores) if row.task == "pos" and row.source == ZERO_SHOT]
        student, hl = (_row(rows, model, "accuracy", "group:all").value for model in ("student", "hl"))
        values.append(student - hl)
    cell = table.rows[0][table.titles.index("zero-shot, All languages")]
    assert cell.text == signed(fmean(values))
    assert cell.note.startswith(f"{signed(min(values))} to {signed(max(values))}\n")
    # Of entities there are those of one language: nothing is zero-shot.
    assert not any("zero-shot" in title for title in found["Named entities"].differences.titles)


def _with_labels(labels: Path, into: Path, file: str, old: str, new: str) -> Path:
    """The labels with a tag exchanged in one file."""
    shutil.copytree(labels, into)
    text = (into / file).read_text(encoding="utf-8")
    (into / file).write_text(text.replace(old, new), encoding="utf-8")
    return into


@pytest.mark.parametrize("split", ["test", "train"])
def test_probes_of_other_labels_are_not_comparable(
    split: str, finished_probes: Path, probed: Change, labels: Path, tmp_path: Path, compared: list[Comparison]
) -> None:
    folder = _with_labels(labels, tmp_path / "labels", f"ud/ru_sample-{split}.conllu", "\tVERB\t", "\tAUX\t")
    run_here(probed(folder=folder), tmp_path / "other", reuse=[finished_probes])
    compare_runs([finished_probes, tmp_path / "other"], tmp_path / "page.html")
    (comparison,) = compared
    own, *means = comparison.obstacles
    assert own == "Part of speech of run and other is not comparable in ru: their labelled data differ."
    said = "Part of speech, zero-shot, of run and other is not comparable in en: "
    assert means == ([] if split == "test" else [f"{said}some of the probes are trained on other labelled data."])
    assert "the labels of pos in ru themselves" in {field.name for field in comparison.fields}
    assert comparison.repeated() == () and comparison.differences  # of masked words


def test_other_languages_are_other_means(
    finished_probes: Path, probed: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    run_here(probed(changes=SETS), tmp_path / "other", reuse=[finished_probes])
    compare_runs([finished_probes, tmp_path / "other"], tmp_path / "page.html")
    said = "zero-shot, of run and other is not comparable: their probes are trained on other languages."
    assert compared[0].obstacles == (f"Part of speech, {said}", f"Place in its document, {said}")
    assert compared[0].groups == {"high": ("en",), "all": ("en",)}


def test_other_probes_are_not_comparable_and_other_starts_are(
    finished_probes: Path, probed: Change, tmp_path: Path, compared: list[Comparison]
) -> None:
    fixed = {"kind": "fixed", "epochs": 1, "learning_rate": 0.01}
    changed = {
        "layers": {"layers": "all"},
        "fixed": {"probe": {**fixed, "seeds": 1}},
        "starts": {"probe": {**fixed, "seeds": 2}, "seed": 1, "resamples": 150},
    }
    for name, fields in changed.items():
        run_here(probed(**fields), tmp_path / name, reuse=[finished_probes])
    for one, two in (("layers", None), ("fixed", None), ("fixed", "starts")):
        compare_runs([tmp_path / one, tmp_path / two if two else finished_probes], tmp_path / "page.html")
    layers, probe, starts = compared
    assert "Part of speech of layers and run is not comparable: their probes read other layers." in layers.obstacles
    assert "Part of speech of fixed and run is not comparable: their probes are trained otherwise." in probe.obstacles
    assert starts.obstacles == ()
    names = {field.name.split(".", 2)[2] for field in starts.fields}
    assert names == {"probe.seeds", "seed", "resamples"} and len(starts.fields) == 9


def test_a_run_without_probes_beside_one_with_them(
    finished: Path, finished_probes: Path, tmp_path: Path, compared: list[Comparison]
) -> None:
    half = tmp_path / "half"
    shutil.copytree(finished_probes, half)
    (half / "jobs" / "task" / "pos.json").unlink()
    compare_runs([finished, finished_probes], tmp_path / "page.html")
    compare_runs([half, finished_probes], tmp_path / "page.html")
    without, unfinished = compared
    assert [field.name for field in without.fields] == ["evaluation.pos", "evaluation.ner", "evaluation.place"]
    assert without.fields[0].values == ("", "there") and without.obstacles == ()
    assert shared_tasks(without.runs) == []
    assert unfinished.obstacles == () and shared_tasks(unfinished.runs) == ["ner", "place"]


def test_the_page_has_every_task_that_two_runs_have(finished_probes: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_probes, tmp_path / "copy")
    text = compare_runs([finished_probes, tmp_path / "copy"], tmp_path / "page.html").read_text(encoding="utf-8")
    assert [task for task in ("pos", "ner", "topic", "place") if f'<section id="{task}"' in text] == [
        "pos", "ner", "place",
    ]  # fmt: skip


# --- what a run shows of itself


def test_a_run_has_tables_figures_and_cards(finished: Path) -> None:
    with (finished / "report" / "tables" / "mrr.csv").open(encoding="utf-8") as file:
        rows = {row["Language code"]: row for row in csv.DictReader(file)}
    scores = read_scores(finished / "scores.jsonl")
    score = _row(scores, "student", "mrr", "ru")
    assert float(rows["ru"]["student"]) == pytest.approx(score.value, abs=1e-6)
    assert float(rows["ru"]["student low"]) == pytest.approx(score.low, abs=1e-6)
    assert {"scores.svg", "distance.svg", "trade-off.svg"} < {
        path.name for path in (finished / "report/figures").iterdir()
    }
    cards = {path.parent.name for path in finished.glob("models/*/README.md")}
    assert cards == {"mono-en", "mono-ru", "hl", "student"}
    assert "- Seed: 0" in (finished / "models/hl/README.md").read_text(encoding="utf-8")


def test_what_a_card_says_to_type_works(finished: Path) -> None:
    card = (finished / "models" / "student" / "README.md").read_text(encoding="utf-8")
    program = card.split("```python\n")[1].split("```")[0]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=finished / "models" / "student", env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 5


def test_cards_are_no_part_of_what_was_trained(done: Path, finished: Path, make: Change, tmp_path: Path) -> None:
    started: list[str] = []
    watcher = Watcher(start=lambda job: started.append(job.name))
    (done / "models" / "hl" / "README.md").write_text("My own words.")
    run_here(make(), done, watcher=watcher)
    run_here(make(), tmp_path / "new", reuse=[done], watcher=watcher)
    assert started == []
    assert (done / "models/hl/README.md").read_text() == "My own words."
    assert "made by Equiglot" in (tmp_path / "new/models/hl/README.md").read_text()


def test_cards_do_not_change_what_starts_from_a_model(done: Path, make: Change) -> None:
    fields = {"models__tuned": {"from": {"folder": str(done / "models" / "hl")}}}
    started: list[str] = []
    watcher = Watcher(start=lambda job: started.append(job.name))
    run_here(make(**fields), done, watcher=watcher)
    assert started == ["model/tuned", "scores/tuned"]
    (done / "models" / "hl" / "README.md").write_text("My own words.")
    run_here(make(**fields), done, watcher=watcher)
    assert len(started) == 2


def test_jobs_of_another_recipe_are_named(done: Path, make: Change) -> None:
    text = (done / "recipe.yaml").read_text().replace("updates: 20", "updates: 30")
    (done / "recipe.yaml").write_text(text)
    publish(RunDirectory(done), read_run(done))
    page = (done / "report" / "index.html").read_text(encoding="utf-8")
    assert "done with another recipe or version, and left out here: model/mono-en" in page


def test_a_model_of_one_run_only_is_named_not_spelt_out() -> None:
    trees: list[Any] = [
        {"models": {"hl": {"balance": {"kind": "all"}}}},
        {"models": {"hl": {"balance": {"kind": "truncate"}}}},
    ]
    trees[0]["models"]["student"] = {"balance": {"kind": "all"}}
    found = {field.name: field.values for field in changed_fields(trees)}
    assert found == {"models.hl.balance.kind": ("all", "truncate"), "models.student": ("there", "")}
