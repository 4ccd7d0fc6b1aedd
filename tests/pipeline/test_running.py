"""What is done stays; what changed is listed; what is damaged is noticed; what stops a run loses nothing."""

import functools
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file

from equiglot.corpus import HubSource, LanguageText, SampleSource
from equiglot.errors import InputError, Interrupted
from equiglot.files import read_json
from equiglot.labels import open_store
from equiglot.masking import special_tokens_of
from equiglot.pipeline import Job, Machine, Watcher, publish, read_run, read_status
from equiglot.pipeline.execution.folder import held
from equiglot.pipeline.steps import Corpus, corpus, step
from equiglot.pipeline.steps.material import material_of, randomness
from equiglot.recipe import Recipe, load_recipe
from equiglot.run import RunDirectory
from equiglot.training import plan_data
from equiglot.vocabulary import load_tokenizer
from tests.pipeline.conftest import Change, half_written, results, run_here, times


def run(recipe: Recipe, into: Path, **options: object) -> list[str]:
    """Runs a recipe; which jobs it did."""
    started: list[str] = []
    watcher = Watcher(start=lambda job: started.append(job.name))
    run_here(recipe, into, watcher=watcher, **options)  # type: ignore[arg-type]
    assert half_written(into) == []
    return started


def refused(recipe: Recipe, into: Path, **options: object) -> InputError:
    with pytest.raises(InputError) as caught:
        run(recipe, into, **options)
    assert caught.value.what and caught.value.fix, str(caught.value)
    return caught.value


# --- a run


def test_a_run_from_text_to_page(finished: Path, make: Change) -> None:
    assert (finished / "report" / "index.html").stat().st_size > 10_000
    events = [json.loads(line)["event"] for line in (finished / "log.jsonl").read_text().splitlines()]
    assert events[0] == "start" and events[-1] == "end"
    assert events.count("job") == events.count("done") == 16
    assert read_run(finished) == make()
    assert load_recipe(finished / "recipe.yaml") == make()
    assert not (finished / "checkpoints").exists() or not list((finished / "checkpoints").iterdir())
    assert list((finished / "tensorboard").glob("*/events*"))
    assert half_written(finished) == []


def test_models_are_ordinary_folders(finished: Path) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    folder = finished / "models" / "student"
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model(**tokenizer("Тест", return_tensors="pt")).logits.shape[-1] == len(tokenizer)


def test_the_same_command_again_does_nothing(done: Path, make: Change) -> None:
    before = times(done)
    assert run(make(), done) == []
    assert times(done) == before


def test_a_run_without_its_text_can_be_looked_at(done: Path, make: Change, tmp_path: Path, text_files: Path) -> None:
    gone = tmp_path / "gone"
    shutil.copytree(text_files, gone)
    text = (done / "recipe.yaml").read_text().replace(str(text_files), str(gone))
    (done / "recipe.yaml").write_text(text)
    shutil.rmtree(gone)
    assert set(read_status(done).states.values()) == {"done"}
    publish(RunDirectory(done), read_run(done))


# --- changed recipes


def test_a_changed_recipe_is_refused_and_then_replaced(done: Path, make: Change) -> None:
    before, recipe = times(done), make(models__hl__training={"updates": 30})
    error = refused(recipe, done)
    lines = error.what.splitlines()[1:]
    assert [line.strip() for line in lines] == ["model/hl: training.updates: 20 -> 30", "scores/hl: after model/hl"]
    assert "--replace" in str(error.fix)
    assert times(done) == before
    assert run(recipe, done, replace=True) == ["model/hl", "scores/hl"]
    after = times(done)
    changed = {
        name.replace(".json", "").split("/")[-1 if "jobs" in name else 1]
        for name in before
        if before[name] != after[name]
    }
    assert changed == {"hl"}
    assert run(recipe, done) == []


def test_another_tokenizers_library_is_a_change(done: Path, make: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    real = step.version
    monkeypatch.setattr(step, "version", lambda tool: "99" if tool == "tokenizers" else real(tool))
    assert f"tools.tokenizers: '{real('tokenizers')}' -> '99'" in refused(make(), done).what


def test_changed_text_is_said_so(done: Path, make: Change, text_files: Path, tmp_path: Path) -> None:
    shutil.copy(text_files / "ru.txt", tmp_path / "ru.txt")
    moved = make(languages__ru__text=str(tmp_path / "ru.txt"))
    assert run(moved, done) == []  # the same text at another place
    with (tmp_path / "ru.txt").open("a") as file:
        file.write("Ещё одна строка текста.\n")
    error = refused(make(languages__ru__text=str(tmp_path / "ru.txt")), done)
    assert "corpus/ru: the text itself" in error.what
    assert "vocabulary/shared: after corpus/ru" in error.what


def test_more_models_and_fewer(done: Path, make: Change) -> None:
    before = times(done)
    assert run(make(models__hl2={"balance": "truncate"}), done) == ["model/hl2", "scores/hl2"]
    after = times(done)
    assert all(after[name] == before[name] for name in before)
    assert run(make(), done) == []


def test_a_page_tells_nothing_of_an_earlier_recipe(done: Path, make: Change) -> None:
    recipe = make(models__hl__training={"updates": 30})

    def interrupt(job: Job) -> None:
        raise Interrupted(signal.SIGINT)

    with pytest.raises(Interrupted):
        run_here(recipe, done, replace=True, watcher=Watcher(start=interrupt))
    publish(RunDirectory(done), recipe)
    assert '"hl"' not in (done / "scores.jsonl").read_text()
    assert read_status(done).states["scores/hl"] == "changed"
    assert {score.model for score in read_status(done).scores} == {"mono-en", "mono-ru", "student", "frequency"}


# --- another run's jobs


def test_jobs_are_taken_from_another_run(finished: Path, tmp_path: Path, make: Change) -> None:
    recipe = make(models__student__training={"updates": 30}, name="other")
    taken: list[str] = []
    watcher = Watcher(reuse=lambda job, source: taken.append(job.name))
    run_here(recipe, tmp_path / "new", reuse=[finished], watcher=watcher)
    assert "vocabulary/shared" in taken and "model/mono-ru" in taken
    assert "model/student" not in taken
    old, new = results(finished), results(tmp_path / "new")
    assert {name for name in old if old[name] != new[name] and "student" not in name} == {"scores.jsonl"}
    assert read_json(tmp_path / "new/jobs/model/mono-ru.json")["source"] == str(finished)


def test_damaged_jobs_are_not_taken(done: Path, tmp_path: Path, make: Change, finished: Path) -> None:
    flip(done / "models/mono-ru/model.safetensors")
    assert run(make(), tmp_path / "new", reuse=[tmp_path / "run"]) == ["model/mono-ru"]
    assert results(tmp_path / "new") == results(finished)


def test_only_runs_are_reused(tmp_path: Path, make: Change) -> None:
    assert "no run folder" in refused(make(), tmp_path / "new", reuse=[tmp_path / "nowhere"]).what
    assert not (tmp_path / "new").exists()


# --- damage


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "job"),
    [
        ("models/mono-ru/model.safetensors", "model/mono-ru"),
        ("corpus/ar/train.arrow", "corpus/ar"),
        ("scores/hl/estimates.safetensors", "scores/hl"),
    ],
)
def test_damage_is_noticed(done: Path, make: Change, file: str, job: str) -> None:
    flip(done / file)
    error = refused(make(), done)
    assert error.what.startswith(f"files of {job} have changed")
    assert Path(file).name in error.what
    shutil.rmtree(str(error.where))
    assert run(make(), done) == [job]


@pytest.mark.parametrize(
    ("file", "job"),
    [
        ("models/mono-ru/model.safetensors", "model/mono-ru"),
        ("models/student/training.json", "model/student"),
        ("vocabulary/tokenizer.json", "vocabulary/shared"),
        ("tokens/en/valid/ids.npy", "tokens/en"),
        ("jobs/corpus/ru.json", "corpus/ru"),
    ],
)
def test_what_is_deleted_is_made_again(done: Path, make: Change, finished: Path, file: str, job: str) -> None:
    (done / file).unlink()
    assert run(make(), done) == [job]
    assert results(done) == results(finished)


def test_a_record_that_cannot_be_read_is_none(done: Path, make: Change) -> None:
    (done / "jobs/model/hl.json").write_text('{"name": "model/hl", ')
    assert run(make(), done) == ["model/hl"]


def test_a_recipe_that_cannot_be_read(done: Path) -> None:
    for text in ("name: [", "name: tiny\nlanguages: {}\n", "5", ""):
        (done / "recipe.yaml").write_text(text)
        with pytest.raises(InputError) as caught:
            read_status(done)
        assert "recipe.yaml" in str(caught.value.where)


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("models.student.labels.teachers", "nobody", "no model 'nobody' is trained on it"),
        ("models.student.labels.teachers", "student", "a circle"),
        ("models.hl.vocabulary", "nobody", "no model 'nobody' has a vocabulary of its own"),
        ("models.hl.languages", ["xx"], "no language 'xx'"),
        ("report", {"reference": "nobody"}, "no model is called 'nobody'"),
        ("languages", {"no-language-at-all": {"text": "x.txt"}}, "is not a language code"),
    ],
)
def test_a_strangers_recipe_is_checked_as_any(done: Path, path: str, value: Any, what: str) -> None:
    tree = yaml.safe_load((done / "recipe.yaml").read_text())
    *above, last = path.split(".")
    functools.reduce(lambda node, step: node[step], above, tree)[last] = value
    (done / "recipe.yaml").write_text(yaml.safe_dump(tree))
    for read in (read_status, read_run):
        with pytest.raises(InputError, match="the run's recipe contradicts itself") as caught:
            read(done)
        assert what in caught.value.what and str(caught.value.where).startswith(f"{done}/recipe.yaml: ")


def test_what_a_killed_command_left_is_swept(done: Path, make: Change) -> None:
    (done / "models" / ".hl.tmp").mkdir()
    (done / "models" / ".hl.tmp" / "model.safetensors").write_bytes(b"half")
    (done / ".scores.jsonl.123.tmp").write_text("half")
    (done / "corpus" / ".en.old").mkdir()
    assert run(make(), done) == []


def test_what_stood_there_before_a_kill_between_two_renames_comes_back(done: Path, make: Change) -> None:
    (done / "models" / "hl").rename(done / "models" / ".hl.old")
    assert run(make(), done) == []
    assert (done / "models" / "hl" / "model.safetensors").is_file()


def test_a_student_sees_other_masks_than_its_teacher(finished: Path, make: Change) -> None:
    recipe = make()
    plans, special = recipe.plans(), special_tokens_of(load_tokenizer(finished / "vocabulary"))
    streams = [
        plan_data(
            material_of(RunDirectory(finished), recipe, plan).sources,
            plan.balance,
            plan.training,
            special=special,
            seed=randomness(recipe, plan),
        ).stream
        for plan in plans.values()
    ]
    inputs = [{tuple(row) for index in range(20) for row in stream[index].inputs.tolist()} for stream in streams]
    assert len({randomness(recipe, plan) for plan in plans.values()}) == len(plans)
    teacher, student = (inputs[list(plans).index(name)] for name in ("mono-en", "student"))
    assert len(teacher & student) < len(student) / 2


def test_the_page_tells_when_and_on_what_it_was_run(finished: Path) -> None:
    page = (finished / "report" / "index.html").read_text(encoding="utf-8")
    begun = min(json.loads(path.read_text())["begun"] for path in finished.glob("jobs/*/*.json"))
    assert begun.replace("T", " ").replace("+00:00", " UTC") in page
    assert f"--into {finished}" in page
    assert json.loads((finished / "jobs/model/hl.json").read_text())["hardware"]["cores"]


def test_a_saved_recipe_can_be_changed(finished: Path) -> None:
    again = load_recipe(finished / "recipe.yaml", ["training.updates=7"])
    assert {plan.training.updates for plan in again.plans().values()} == {7}


# --- folders


def test_folders_that_are_no_runs(tmp_path: Path, make: Change) -> None:
    (tmp_path / "file").write_text("mine")
    assert "a file stands" in refused(make(), tmp_path / "file").what
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "recipe.yaml").write_text("mine")
    assert "not empty" in refused(make(), foreign).what
    assert [path.name for path in foreign.iterdir()] == ["recipe.yaml"]
    assert (foreign / "recipe.yaml").read_text() == "mine"
    with pytest.raises(InputError, match="no run folder"):
        read_status(tmp_path)


def test_a_second_command_is_refused(done: Path, make: Change) -> None:
    before = times(done)
    with held(RunDirectory(done)):
        assert f"process {os.getpid()} works on this folder" in refused(make(), done).what
        owner = read_status(done).owner
        assert owner is not None and owner.pid == os.getpid()
    assert read_status(done).owner is None
    assert times(done) == before
    assert run(make(), done) == []


# --- what stops a run


def test_a_signal_between_jobs(tmp_path: Path, make: Change, finished: Path) -> None:
    into, before = tmp_path / "run", signal.getsignal(signal.SIGTERM)

    def stop(job: Job) -> None:
        if job.name == "model/hl":
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        run_here(make(), into, watcher=Watcher(start=stop))
    assert caught.value.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before
    assert json.loads((into / "log.jsonl").read_text().splitlines()[-1])["event"] == "interrupted"
    assert "corpus/en" not in run(make(), into)
    assert results(into) == results(finished)


def test_a_half_done_run_gives_a_page(tmp_path: Path, make: Change) -> None:
    def stop(job: Job) -> None:
        if job.name == "model/student":
            raise Interrupted(signal.SIGINT)

    into = tmp_path / "run"
    with pytest.raises(Interrupted):
        run_here(make(), into, watcher=Watcher(start=stop))
    publish(RunDirectory(into), read_run(into))
    assert re.search(r"not done: [^<]*\bmodel/student\b", (into / "report" / "index.html").read_text())
    states = read_status(into).states
    assert (states["model/mono-en"], states["model/student"]) == ("done", "left")


def test_a_run_of_which_nothing_is_done_gives_a_page(tmp_path: Path, make: Change) -> None:
    def stop(job: Job) -> None:
        raise Interrupted(signal.SIGINT)

    into = tmp_path / "run"
    with pytest.raises(Interrupted):
        run_here(make(), into, watcher=Watcher(start=stop))
    publish(RunDirectory(into), read_run(into))
    assert (into / "report" / "index.html").is_file()


def test_a_run_at_work_makes_its_page_itself(done: Path) -> None:
    page = (done / "report" / "index.html").read_bytes()
    with held(RunDirectory(done)), pytest.raises(InputError, match=f"process {os.getpid()} works") as caught:
        publish(RunDirectory(done), read_run(done))
    assert "equiglot status" in str(caught.value.fix)
    assert (done / "report" / "index.html").read_bytes() == page


def test_a_page_is_not_lost_to_another_version(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in (done / "report").rglob("*.*")}
    monkeypatch.setattr(Corpus, "version", 99)
    with pytest.raises(InputError, match="all scores of this run were made with another recipe or version") as caught:
        publish(RunDirectory(done), read_run(done))
    assert "--replace" in str(caught.value.fix)
    assert {path: path.read_bytes() for path in (done / "report").rglob("*.*")} == before


@pytest.mark.parametrize(("old", "new"), [("  hl:", "  ../../hl:"), ("  ru:", "  ..:"), ("mono-{", "/tmp/mono-{")])
def test_a_stranger_s_run_leads_nowhere_else(done: Path, old: str, new: str) -> None:
    text = (done / "recipe.yaml").read_text()
    (done / "recipe.yaml").write_text(text.replace(old, new))
    with pytest.raises(InputError, match="cannot be the name of a model or a language") as caught:
        read_run(done)
    assert caught.value.where == str(done / "recipe.yaml")


def test_workers_read_the_commit_of_the_fingerprint(
    tmp_path: Path, make: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HubSource, "_commit", lambda *_: "a" * 40)
    monkeypatch.setattr(HubSource, "origins", lambda *_: [("o/n", "dataset")])
    read: list[str | None] = []

    def build(language: str, settings: LanguageText, *_: Any) -> None:
        read.append(getattr(settings.text, "revision", None))
        raise InputError("enough")

    monkeypatch.setattr(corpus, "build_corpus", build)
    recipe = make(languages__en__text={"kind": "hub", "dataset": "o/n"})
    with pytest.raises(InputError, match="enough"):
        run_here(recipe, tmp_path / "run")
    assert read == ["a" * 40]
    assert "revision" not in (tmp_path / "run" / "recipe.yaml").read_text()


def test_a_loss_that_is_no_number(done: Path, make: Change, tmp_path: Path) -> None:
    shutil.copytree(done / "models" / "hl", tmp_path / "wild")
    weights = load_file(tmp_path / "wild" / "model.safetensors")
    weights["bert.embeddings.word_embeddings.weight"] *= 1e30  # whose variance overflows
    save_file(weights, tmp_path / "wild" / "model.safetensors", metadata={"format": "pt"})
    before = times(done)
    error = refused(make(models__wild={"from": {"folder": str(tmp_path / "wild")}}), done)
    assert "not a number in update" in error.what
    assert "batch" in str(error.where)
    after = times(done)
    assert all(after[name] == before[name] for name in before)
    assert not (done / "models" / "wild").exists()


def test_a_training_that_grows_wild(done: Path, make: Change) -> None:
    before = times(done)
    error = refused(make(models__wild={"training": {"learning_rate": 10, "weight_decay": 10}}), done)
    assert any(words in error.what for words in ("weights have grown beyond all bounds", "gradient is not a number"))
    assert "learning_rate (now 10)" in str(error.fix)
    after = times(done)
    assert all(after[name] == before[name] for name in before)
    assert not (done / "models" / "wild").exists()


def test_less_text_than_a_batch(done: Path, make: Change) -> None:
    error = refused(make(models__big={"training": {"batch": {"sentences": 100_000}}}), done)
    assert "less than one batch" in error.what
    assert "make the batch smaller" in str(error.fix)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\xff\xfe\x00H\x00i\x00", "NUL bytes"),
        ("Größe und Höhe\n".encode("latin-1") * 100, "not UTF-8"),
        (b"\n\n\n", "all lines are blank"),
        (b"One sentence of English text.\n", "more than half"),
    ],
)
def test_text_that_cannot_be_used(tmp_path: Path, make: Change, content: bytes, what: str) -> None:
    file = tmp_path / "bad.txt"
    file.write_bytes(content)
    error = refused(make(languages__en__text=str(file), text={"valid": 5, "test": 5}), tmp_path / "run")
    assert what in error.what
    assert error.where and ("bad.txt" in error.where or "languages.en" in error.where)


def test_bugs_are_no_bad_input(tmp_path: Path, make: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    from equiglot.pipeline import WorkerFailed

    monkeypatch.setattr("equiglot.vocabulary.train_vocabulary", lambda *_: int("a bug"))
    with pytest.raises(WorkerFailed, match=r"vocabulary/shared failed:\n(.|\n)*ValueError: invalid literal"):
        run(make(), tmp_path / "run")
    assert read_status(tmp_path / "run").states["corpus/ru"] == "done"


# --- a full disk


def test_a_full_disk(small_disk: Path, make: Change, finished: Path) -> None:
    into, ballast = small_disk / "run", small_disk / "ballast"
    for kilobytes in (520, 350, 100, 0):
        with ballast.open("wb") as file:
            file.write(os.urandom(1024 * kilobytes))
        with pytest.raises(InputError) as caught:
            run_here(make(), into, machine=Machine(checkpoint_seconds=0))
        assert "No space left on device" in caught.value.what
        assert "make room" in str(caught.value.fix)
        assert caught.value.where
        ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    run(make(), into)
    assert results(into) == results(finished)


def test_a_disk_that_refuses(tmp_path: Path, make: Change, monkeypatch: pytest.MonkeyPatch, finished: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr("equiglot.models.export_model", full)
        error = refused(make(), tmp_path / "run")
    assert error.what == "No space left on device"
    assert error.where == "job model/mono-en"
    assert "corpus/en" not in run(make(), tmp_path / "run")
    assert results(tmp_path / "run") == results(finished)


def test_a_training_goes_on_under_other_conditions_where_that_is_said(
    tmp_path: Path, make: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    recipe, into = make(models={"both": {}}), tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("equiglot.models.export_model", full)
        refused(recipe, into, only="model", machine=Machine(checkpoint_seconds=0))
    error = refused(recipe, into, only="model", machine=Machine(threads=2))
    assert error.what == "the training was begun under other conditions: threads was 1, is 2"
    assert "--other-conditions" in str(error.fix)
    run_here(recipe, into, only="model", machine=Machine(threads=2), other_conditions=True)
    record = json.loads((into / "models/both/training.json").read_text())
    assert record["other_conditions"] == ["after update 20: threads was 1, is 2"]
    assert "goes on under other conditions, after update 20" in (into / "log.jsonl").read_text()


# --- what a run does not depend on


def test_results_do_not_depend_on_checkpoints(tmp_path: Path, make: Change, finished: Path) -> None:
    run_here(make(), tmp_path / "run", machine=Machine(checkpoint_seconds=0))
    assert results(tmp_path / "run") == results(finished)


def test_the_sample_has_the_identity_of_its_text() -> None:
    try:
        identity = SampleSource(kind="sample").identity("ru")
    except InputError as error:
        pytest.skip(str(error))
    assert identity != SampleSource(kind="sample").identity("tr")


def test_validation_is_kept_by_sentence(finished: Path) -> None:
    from safetensors.numpy import load_file

    ranks = load_file(finished / "models/hl/validation.safetensors")
    assert ranks["en"].shape[0] == 4
    assert np.isfinite(ranks["ru"]).all()


def test_teachers_that_are_trained_here_store_labels_too(make: Change, finished: Path, tmp_path: Path) -> None:
    labels = {"kind": "stored", "teachers": "mono-{language}"}
    did = run(make(models__taught={"labels": labels}), tmp_path / "run", reuse=[finished])
    assert {job for job in did if not job.startswith("scores/")} == {
        "labels/mono-en.en.k8",
        "labels/mono-ru.ru.k8",
        "model/taught",
    }
    assert open_store(RunDirectory(tmp_path / "run").labels("mono-ru.ru.k8")).positions > 100


def test_a_student_whose_hidden_states_are_its_teachers_too(make: Change, tmp_path: Path) -> None:
    labels = {"kind": "soft", "teachers": "mono-{language}", "weight": 0.7, "temperature": 2, "states": 0.2}
    into = tmp_path / "run"
    run(make(models__student__labels=labels, name="states"), into)
    about = read_json(into / "models/student/training.json")
    terms = {name for point in about["losses"] for name in point["losses"]}
    assert terms == {f"{term}/{code}" for term in ("soft", "hard", "states") for code in ("en", "ru")}
    first, last = (about["losses"][place]["losses"]["states/en"] for place in (0, -1))
    assert 0 < last < first < 2


def test_a_narrow_student_learns_from_relations_and_logits(make: Change, finished: Path, tmp_path: Path) -> None:
    labels = {"kind": "soft", "teachers": "mono-{language}", "weight": 0.7, "relations": 1.0, "squared_error": 0.1}
    narrow = {"balance": "truncate", "labels": labels, "encoder": {"hidden_size": 8}}
    into = tmp_path / "run"
    run(make(models__narrow=narrow), into, reuse=[finished])
    about = read_json(into / "models/narrow/training.json")
    terms = {name.split("/")[0] for point in about["losses"] for name in point["losses"]}
    assert terms == {"soft", "hard", "relations", "squared_error"}
    relations = [point["losses"]["relations/en"] for point in about["losses"]]
    assert 0 < sum(relations[-5:]) < sum(relations[:5])  # a single batch says little


def test_rare_words_frozen_positions_and_the_lowest_loss(make: Change, tmp_path: Path) -> None:
    """All that paper 4 has besides its losses."""
    into, training = tmp_path / "run", {"best_by": "loss", "frozen": ["positions"], "epsilon": 1e-6}
    student = {"labels": {"kind": "soft", "teachers": "hl"}, "from": {"model": "hl"}, "training": training}
    run(make(models={"hl": {}, "student": student}, masking={"smoothing": 0.7}), into)
    about = read_json(into / "models/student/training.json")
    assert about["metric"] == "loss"
    best = min(about["validations"], key=lambda point: sum(point["scores"].values()))
    assert best["update"] == about["best_update"] and best["scores"] == best["losses"]
    before, after = (load_file(into / "models" / name / "model.safetensors") for name in ("hl", "student"))
    same = {name for name, each in after.items() if np.array_equal(each, before[name])}
    assert "bert.embeddings.position_embeddings.weight" in same and "bert.embeddings.word_embeddings.weight" not in same
    stored = {"labels": {"kind": "stored", "teachers": "hl"}, "training": {"best_by": "loss"}}
    with pytest.raises(InputError, match="labels of it"):
        make(models={"hl": {}, "student": stored})
