"""What a run has made is used only while it is what was made: whoever reads it, and whatever has happened to it."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from equiglot.corpus import LanguageText
from equiglot.corpus.building import build_corpus
from equiglot.errors import InputError, Interrupted
from equiglot.models import copy_checkpoint, find_model
from equiglot.pipeline import (
    Job,
    Watcher,
    compare_runs,
    publish,
    read_run,
    read_status,
)
from equiglot.pipeline.execution.folder import held
from equiglot.pipeline.execution.pool import StopSignals
from equiglot.pipeline.steps import corpus, probe
from equiglot.recipe import ProbedTask
from equiglot.run import RunDirectory
from equiglot.tasks import build_task
from tests.pipeline.conftest import Change, results, run_here
from tests.pipeline.test_running import flip, refused, run


def cut_lines(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[2:]))


def break_json(path: Path) -> None:
    path.write_text(path.read_text()[:40])


def add(path: Path) -> None:
    path.write_text("{}")


def swap_weights(path: Path) -> None:
    shutil.copyfile(path.parent.parent / "student" / path.name, path)


DAMAGE: list[tuple[str, Callable[[Path], None]]] = [
    ("scores/hl/estimates.safetensors", flip),
    ("scores/hl/scores.jsonl", cut_lines),
    ("corpus/en/corpus.json", break_json),
    ("tokens/ru/tokens.json", break_json),
    ("models/hl/training.json", break_json),
    ("models/mono-ru/model.safetensors", swap_weights),
    ("vocabulary/added_tokens.json", add),
    ("models/hl/special_tokens_map.json", add),
]


# --- every reader of outputs


@pytest.mark.parametrize(("file", "damage"), DAMAGE, ids=[file for file, _ in DAMAGE])
def test_no_page_is_made_of_what_has_changed(done: Path, file: str, damage: Callable[[Path], None]) -> None:
    before = {path: path.read_bytes() for path in (done / "report").rglob("*.*")}
    damage(done / file)
    with pytest.raises(InputError, match=f"have changed since they were made: {Path(file).name}") as caught:
        publish(RunDirectory(done), read_run(done))
    assert str(caught.value.where) == str(done / Path(file).parent)
    assert "`equiglot run` makes" in str(caught.value.fix)
    assert {path: path.read_bytes() for path in (done / "report").rglob("*.*")} == before


@pytest.mark.parametrize(("file", "damage"), DAMAGE, ids=[file for file, _ in DAMAGE])
def test_a_run_does_not_go_on_with_what_has_changed(
    done: Path, make: Change, file: str, damage: Callable[[Path], None]
) -> None:
    damage(done / file)
    assert Path(file).name in refused(make(), done).what


def test_runs_that_have_changed_are_not_compared(done: Path, finished: Path, tmp_path: Path) -> None:
    flip(done / "scores/hl/estimates.safetensors")
    with pytest.raises(InputError, match="files of scores/hl have changed"):
        compare_runs([finished, done], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_the_status_shows_no_scores_that_have_changed(done: Path) -> None:
    cut_lines(done / "scores/hl/scores.jsonl")
    add(done / "vocabulary/added_tokens.json")
    status = read_status(done)
    assert {name for name, state in status.states.items() if state == "damaged"} == {"scores/hl", "vocabulary/shared"}
    assert {score.model for score in status.scores} == {"mono-en", "mono-ru", "student", "frequency"}


@pytest.mark.parametrize(("file", "damage"), [DAMAGE[5], DAMAGE[7]])
def test_models_that_have_changed_are_not_opened(done: Path, file: str, damage: Callable[[Path], None]) -> None:
    damage(done / file)
    folder = (done / file).parent
    for source in (folder, done / folder.name):
        with pytest.raises(InputError, match="files of this model have changed since they were made"):
            find_model(str(source))
        with pytest.raises(InputError, match="files of this model have changed since they were made"):
            copy_checkpoint(str(source), done.parent / "taken")
    assert not (done.parent / "taken").exists()


def test_a_training_does_not_start_from_a_model_that_has_changed(done: Path, make: Change, tmp_path: Path) -> None:
    add(done / "models/hl/special_tokens_map.json")
    error = refused(make(models__next={"from": {"folder": str(done / "models/hl")}}), tmp_path / "new")
    assert "files of this model have changed" in error.what


def test_cards_and_hidden_files_are_no_change(done: Path, make: Change) -> None:
    (done / "models/hl/README.md").write_text("mine")
    (done / "models/hl/.DS_Store").write_text("the system's")
    assert run(make(), done) == []
    assert find_model(str(done / "hl")) == done / "models" / "hl"


# --- records


def test_every_flip_in_a_record_is_noticed(done: Path, make: Change, finished: Path) -> None:
    record = done / "jobs/scores/hl.json"
    content = record.read_bytes()
    digits = [place for place, sign in enumerate(content) if chr(sign).isalnum()]
    for place in digits[:: len(digits) // 40]:
        record.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert read_status(done).states["scores/hl"] == "left", content[place - 20 : place + 20]
    assert run(make(), done) == ["scores/hl"]
    assert results(done) == results(finished)


def test_a_model_with_a_damaged_record_is_not_opened(done: Path) -> None:
    record = done / "jobs/model/hl.json"
    record.write_text(record.read_text().replace('"cores": "', '"cores": "1'))
    with pytest.raises(InputError, match="the record of this model is damaged"):
        find_model(str(done / "hl"))


# --- what is read is what was fingerprinted


def copied_text(text_files: Path, tmp_path: Path) -> Path:
    shutil.copytree(text_files, tmp_path / "text", dirs_exist_ok=True)
    return tmp_path / "text"


def test_text_that_changes_while_it_is_read(
    tmp_path: Path, make: Change, text_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = copied_text(text_files, tmp_path) / "ru.txt"
    recipe = make(languages__ru__text=str(text))

    def build(language: str, settings: LanguageText, *rest: Any) -> Any:
        if language == "ru":
            with text.open("a") as file:
                file.write("Ещё одна строка текста.\n")
        return build_corpus(language, settings, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(corpus, "build_corpus", build)
        error = refused(recipe, tmp_path / "run")
    assert error.what == "the text of corpus/ru changed while it was read"
    assert not (tmp_path / "run/corpus/ru").exists() and not (tmp_path / "run/jobs/corpus/ru.json").exists()
    assert "corpus/ru" in run(recipe, tmp_path / "run")
    assert '"Ещё одна строка текста."' not in (tmp_path / "run/jobs/corpus/ru.json").read_text()


def test_labels_that_change_while_they_are_read(
    finished: Path, tmp_path: Path, probed: Change, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(labels, tmp_path / "labels")
    recipe = probed(folder=tmp_path / "labels")

    def build(settings: ProbedTask, *rest: Any) -> None:
        build_task(settings, *rest)
        if settings.task == "pos":
            (tmp_path / "labels/ud").joinpath("en_x-train.conllu").touch()
            for file in (tmp_path / "labels/ud").glob("en_*-train.conllu"):
                file.write_bytes(file.read_bytes() + b"\n")

    monkeypatch.setattr(probe, "build_task", build)
    error = refused(recipe, tmp_path / "run", reuse=[finished])
    assert error.what == "the labelled data of task/pos changed while it was read"


def test_an_earlier_output_that_changes_before_it_is_read(done: Path, make: Change) -> None:
    recipe = make(models__more={"balance": "truncate"})

    def change(job: Job) -> None:
        if job.name == "model/more":
            flip(done / "tokens/en/train/ids.npy")

    with pytest.raises(InputError, match=r"files of tokens/en have changed since they were made: train/ids\.npy"):
        run_here(recipe, done, watcher=Watcher(start=change))
    assert not (done / "models/more").exists() and not list((done / "checkpoints").glob("more-*"))
    flip(done / "tokens/en/train/ids.npy")  # as it was
    assert run(recipe, done) == ["model/more", "scores/more"]


def test_an_output_that_was_touched_and_not_changed(done: Path, make: Change) -> None:
    watcher = Watcher(start=lambda job: (done / "tokens/en/train/ids.npy").touch())
    run_here(make(models__more={"balance": "truncate"}), done, watcher=watcher)
    assert set(read_status(done).states.values()) == {"done"}


# --- what a finished run was made from may be gone


def test_a_finished_run_whose_start_weights_are_gone(done: Path, make: Change, tmp_path: Path) -> None:
    shutil.copytree(done / "models/hl", tmp_path / "start")
    recipe = make(models__next={"from": {"folder": str(tmp_path / "start")}})
    assert run(recipe, done) == ["model/next", "scores/next"]
    shutil.rmtree(tmp_path / "start")
    assert set(read_status(done).states.values()) == {"done"}
    publish(RunDirectory(done), read_run(done))


# --- strangers' folders


@pytest.mark.parametrize("name", [".lease", "log.jsonl", "report", "tensorboard", "scores.jsonl", "models/hl"])
@pytest.mark.parametrize("command", ["run", "report"])
def test_nothing_is_written_through_a_link(done: Path, make: Change, name: str, command: str, tmp_path: Path) -> None:
    outside, place = tmp_path / "outside", done / name
    if place.is_dir():
        shutil.copytree(place, outside)
        shutil.rmtree(place)
    else:
        outside.write_text("mine")
        place.unlink(missing_ok=True)
    place.symlink_to(outside)
    before = {path: path.read_bytes() for path in (outside, *outside.rglob("*")) if path.is_file()}
    with pytest.raises(InputError, match=f"{Path(name).name} is a link") as caught:
        run_here(make(), done) if command == "run" else publish(RunDirectory(done), read_run(done))
    assert str(caught.value.where) == str(place)
    assert {path: path.read_bytes() for path in (outside, *outside.rglob("*")) if path.is_file()} == before
    assert place.is_symlink()


def test_a_run_folder_may_be_a_link_itself(done: Path, make: Change, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(done)
    assert run(make(models__more={"balance": "truncate"}), tmp_path / "linked") == ["model/more", "scores/more"]


@pytest.mark.parametrize(
    "name", ["jobs/model/hl.json", ".lease/000009/owner.json", ".progress.json", "models/hl/added_tokens.json"]
)
def test_pipes_are_not_waited_for(done: Path, make: Change, name: str) -> None:
    (done / name).unlink(missing_ok=True)
    (done / name).parent.mkdir(exist_ok=True)
    os.mkfifo(done / name)
    assert "no plain file" in refused(make(), done).what
    if name.startswith("models"):
        assert read_status(done).states["model/hl"] == "damaged"
    elif name != ".progress.json":  # which is looked at only while a command is at work
        with pytest.raises(InputError, match="no plain file"):
            read_status(done)


# --- signals,


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            signals.check()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_signals_are_heeded() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    try:
        with StopSignals() as signals, pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGHUP)
            signals.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_run_is_free_after_a_refusal(done: Path) -> None:
    (done / "report/link").symlink_to(done)
    with pytest.raises(InputError), held(RunDirectory(done)):
        raise AssertionError
    assert read_status(done).owner is None
