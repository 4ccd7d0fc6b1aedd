"""Probes as part of a run: from text and labels to the page, on tiny models; what changed is done again, no more."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equiglot.errors import InputError
from equiglot.evaluation import ALL, IN_LANGUAGE, ZERO_SHOT, Score, group_language, primary_of, read_scores
from equiglot.files import checksum, read_sealed, write_sealed
from equiglot.outputs import output_checksums
from equiglot.pipeline import Graph, Watcher, publish, read_run, read_status
from equiglot.pipeline.steps import Corpus
from equiglot.probing import read_predictions
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from equiglot.tasks import open_task
from tests.pipeline.conftest import Change, half_written, run_here


@pytest.fixture
def done(finished_probes: Path, tmp_path: Path) -> Path:
    """A copy of it, to be touched."""
    shutil.copytree(finished_probes, tmp_path / "run")
    return tmp_path / "run"


def run(recipe: Recipe, into: Path, **options: Any) -> list[str]:
    """Runs a recipe; which jobs it did."""
    started: list[str] = []
    watcher = Watcher(start=lambda job: started.append(job.name))
    run_here(recipe, into, watcher=watcher, **options)
    assert half_written(into) == []
    return started


def results(root: Path) -> dict[str, str]:
    """Checksums of all that probes make."""
    made = [path for folder in ("tasks", "features", "probes") for path in (root / folder).rglob("*")]
    files = [path for path in made if path.is_file()]
    return {str(path.relative_to(root)): checksum(path) for path in [*files, root / "scores.jsonl"]}


def numbers(root: Path, task: str, **wanted: Any) -> list[Score]:
    """The scores of a task that are so."""
    found = [score for score in read_scores(root / "scores.jsonl") if score.task == task]
    return [score for score in found if all(getattr(score, name) == value for name, value in wanted.items())]


def test_the_page_and_the_scores_have_every_task(finished_probes: Path) -> None:
    page = (finished_probes / "report" / "index.html").read_text(encoding="utf-8")
    for task in ("pos", "ner", "place"):
        assert f'<section id="{task}"' in page
        assert (finished_probes / "report" / "tables" / f"{task}-data.csv").is_file()
    for language in ("en", "ru"):
        for source in (IN_LANGUAGE, ZERO_SHOT):
            (row,) = numbers(
                finished_probes, "pos", model="student", language=language, source=source, metric="accuracy"
            )
            assert row.low is not None and row.high is not None and row.low <= row.value <= row.high
    assert {score.source for score in numbers(finished_probes, "pos", model="mono-en")} == {IN_LANGUAGE}
    assert numbers(finished_probes, "pos", model="mono-{language}", language=ALL, metric="accuracy")
    assert numbers(finished_probes, "pos", model="hl", reference="student") or numbers(
        finished_probes, "pos", model="student", reference="hl"
    )


def test_every_word_of_the_files_is_scored(finished_probes: Path, labels: Path) -> None:
    task = open_task(RunDirectory(finished_probes).task("pos"))
    for pair in read_predictions(RunDirectory(finished_probes).probes("pos.student")):
        file = labels / "ud" / f"{pair.target}_sample-test.conllu"
        words = sum(line[:1].isdigit() for line in file.read_text(encoding="utf-8").splitlines())
        split = task.split(pair.target, "test")
        assert split is not None
        assert len(pair.predicted) == len(split.labels) == words
    for score in numbers(finished_probes, "pos", metric="accuracy", source=IN_LANGUAGE, model="student", language="ru"):
        assert score.n == sum(each.items["test"] for each in task.summary.languages if each.code == "ru")


def test_a_score_is_what_its_predictions_say(finished_probes: Path) -> None:
    run_folder = RunDirectory(finished_probes)
    task = open_task(run_folder.task("pos"))
    pairs = {(pair.source, pair.target): pair.predicted for pair in read_predictions(run_folder.probes("pos.hl"))}
    for (source, target), predicted in pairs.items():
        split = task.split(target, "test")
        assert split is not None
        place = IN_LANGUAGE if source == target else source
        (row,) = numbers(finished_probes, "pos", model="hl", language=target, source=place, metric="accuracy")
        assert row.value == pytest.approx(100 * np.mean(predicted == split.labels))


def test_a_language_without_labels_is_reported(finished_probes: Path) -> None:
    summary = open_task(RunDirectory(finished_probes).task("ner")).summary
    assert {each.code: bool(each.items) for each in summary.languages} == {"en": True, "ru": False}
    table = (finished_probes / "report" / "tables" / "ner-data.csv").read_text(encoding="utf-8")
    assert "no data" in table and "Russian" in table
    # The mean over all languages is that over those with labels, and zero-shot there is none.
    (row,) = numbers(
        finished_probes, "ner", model="student", language=ALL, metric=primary_of("ner").name, source=IN_LANGUAGE
    )
    (single,) = numbers(finished_probes, "ner", model="student", language="en", metric=row.metric, source=IN_LANGUAGE)
    assert row.value == single.value
    assert not numbers(finished_probes, "ner", source=ZERO_SHOT)
    assert not numbers(finished_probes, "ner", language=group_language("low"))


def test_the_same_command_again_does_nothing(done: Path, probed: Change) -> None:
    before = results(done)
    assert run(probed(), done) == []
    assert results(done) == before


def test_another_run_gives_the_same_to_the_byte(finished_probes: Path, probed: Change, tmp_path: Path) -> None:
    started = run(probed(), tmp_path / "again")
    assert "probes/pos.student" in started
    one, two = results(finished_probes), results(tmp_path / "again")
    assert one == two


def test_another_probe_reads_the_same_features(done: Path, probed: Change) -> None:
    fixed = {"kind": "fixed", "epochs": 1, "seeds": 3, "learning_rate": 0.01}
    with pytest.raises(InputError, match="jobs of another recipe"):
        run(probed(probe=fixed), done)
    started = run(probed(probe=fixed), done, replace=True)
    assert started and all(name.startswith("probes/") for name in started)
    (row,) = numbers(done, "pos", model="student", language=ALL, source=ZERO_SHOT, metric="accuracy")
    assert row.repeats == 3 and row.deviation is not None
    assert "three probes" in (done / "report" / "index.html").read_text(encoding="utf-8")


def test_other_layers_read_the_same_labels(done: Path, probed: Change) -> None:
    started = run(probed(layers="mix"), done, replace=True)
    assert {name.split("/")[0] for name in started} == {"features", "probes"}
    # A mean of layers that is learnt with the probe is no convex problem, and is not called one.
    assert "A converged probe has nearly no noise" not in (done / "report" / "index.html").read_text(encoding="utf-8")


def test_places_are_made_again_when_text_is_read_otherwise(probed: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Graph(probed()).jobs
    monkeypatch.setattr(Corpus, "version", 99)
    after = Graph(probed()).jobs
    changed = {name for name in before if before[name].fingerprint != after[name].fingerprint}
    assert "task/place" in changed and not {"task/pos", "task/ner"} & changed


def test_changed_labels_are_read_again(done: Path, probed: Change, labels: Path) -> None:
    file = labels / "ud" / "ru_sample-train.conllu"
    before = file.read_text(encoding="utf-8")
    try:
        file.write_text(before.replace("\tVERB\t", "\tAUX\t"), encoding="utf-8")
        with pytest.raises(InputError, match="task/pos: the labels themselves"):
            run(probed(), done)
        started = run(probed(), done, replace=True)
    finally:
        file.write_text(before, encoding="utf-8")
    assert started[0] == "task/pos"
    assert all(name.split("/")[1].startswith("pos") for name in started)


def test_what_is_wrong_with_labels_stops_before_anything_is_trained(make: Change, labels: Path, tmp_path: Path) -> None:
    bad = tmp_path / "ru-train.conllu"
    bad.write_text("1\tДом\t_\tHOUSE\t_\t_\t0\troot\t_\t_\n\n", encoding="utf-8")
    data = {
        "en": {"kind": "conllu", "train": f"{labels}/ud/en_*-train.conllu", "test": f"{labels}/ud/en_*-test.conllu"},
        "ru": {"kind": "conllu", "train": str(bad), "test": f"{labels}/ud/ru_*-test.conllu"},
    }
    into = tmp_path / "run"
    with pytest.raises(InputError) as caught:
        run(make(evaluation=[{"task": "mlm"}, {"task": "pos", "data": data}]), into)
    assert f"{bad}:1" in str(caught.value.where)
    assert "HOUSE" in caught.value.what and caught.value.fix
    assert not (into / "models").exists()


def test_status_tells_probes_too(finished_probes: Path) -> None:
    status = read_status(finished_probes)
    found = {(score.task, score.source) for score in status.scores}
    assert {("mlm", None), ("pos", IN_LANGUAGE), ("pos", ZERO_SHOT), ("place", ZERO_SHOT)} <= found


def test_a_half_done_run_shows_what_there_is(done: Path) -> None:
    for path in (done / "jobs" / "probes").glob("pos.*.json"):
        path.unlink()
    publish(RunDirectory(done), read_run(done))
    page = (done / "report" / "index.html").read_text(encoding="utf-8")
    assert '<section id="pos"' in page and '<section id="place"' in page
    assert not numbers(done, "pos") and numbers(done, "place")


def test_a_run_without_its_labels_can_be_looked_at(done: Path, labels: Path, tmp_path: Path) -> None:
    recipe = (done / "recipe.yaml").read_text(encoding="utf-8")
    (done / "recipe.yaml").write_text(recipe.replace(str(labels), str(tmp_path / "gone")), encoding="utf-8")
    assert set(read_status(done).states.values()) == {"done"}
    publish(RunDirectory(done), read_run(done))
    assert numbers(done, "pos")


def test_facts_of_the_probes_are_kept(finished_probes: Path) -> None:
    for path in (finished_probes / "probes").glob("pos.*/facts.json"):
        for fact in json.loads(path.read_text(encoding="utf-8")):
            assert fact["items"] > 0 and fact["penalty"] is not None


def test_probes_that_had_to_stop_are_named(done: Path) -> None:
    file = done / "probes" / "pos.student" / "facts.json"
    facts = json.loads(file.read_text(encoding="utf-8"))
    facts[0]["converged"] = False
    file.write_text(json.dumps(facts), encoding="utf-8")
    record = RunDirectory(done).job("probes/pos.student")
    sealed = read_sealed(record)
    write_sealed(record, {**sealed, "outputs": output_checksums(file.parent)})
    publish(RunDirectory(done), read_run(done))
    assert "(but 1 of 6 probes had to stop before)" in (done / "report" / "index.html").read_text(encoding="utf-8")
