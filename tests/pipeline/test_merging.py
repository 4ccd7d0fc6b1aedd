"""Encoders with different vocabularies become one student: whole runs, from the folders to the page."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from transformers import AutoModelForMaskedLM, AutoTokenizer
from typer.testing import CliRunner

from equiglot.cli import app
from equiglot.display import RunDisplay
from equiglot.errors import InputError
from equiglot.files import checksum, checksums, read_json, read_sealed, write_sealed
from equiglot.labels import open_store
from equiglot.masking import special_tokens_of
from equiglot.pipeline import Graph, Job, Watcher, stored_texts
from equiglot.pipeline.steps.material import label_masks_seed, material_of
from equiglot.recipe import Recipe, load_recipe, parse_recipe
from equiglot.run import RunDirectory
from equiglot.terminal import Terminal
from equiglot.vocabulary import load_tokenizer, open_sentences, open_tokens
from tests.pipeline.conftest import run_here, times
from tests.pipeline.merging import merge_tree, teachers_tree
from tests.stock import save_stock

_LANGUAGES = ("en", "ru", "ar")
Merge = Callable[..., Recipe]


@pytest.fixture(scope="module")
def teachers(text_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four encoders, each with its own tokenizer; not to be touched."""
    into = tmp_path_factory.mktemp("teachers") / "run"
    run_here(parse_recipe(teachers_tree(text_files), text_files), into)
    return into


@pytest.fixture(scope="module")
def merge(text_files: Path, teachers: Path) -> Merge:
    def changed(**labels: Any) -> Recipe:
        return parse_recipe(merge_tree(text_files, teachers, **labels), text_files)

    return changed


@pytest.fixture(scope="module")
def merged(merge: Merge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that merges them; not to be touched."""
    into = tmp_path_factory.mktemp("merged") / "run"
    run_here(merge(), into)
    return into


def test_a_run_without_a_vocabulary_of_its_own(teachers: Path) -> None:
    run = RunDirectory(teachers)
    assert not run.vocabulary.exists()
    names = ("english", "bilingual", "russian", "arabic")
    assert len({frozenset(load_tokenizer(run.model(name)).get_vocab()) for name in names}) == 4
    assert "arabic" in run.report.read_text()


def test_what_is_taken_is_what_was_there(teachers: Path, merged: Path) -> None:
    for name in ("english", "bilingual", "russian", "arabic"):
        before, after = (RunDirectory(root).model(name) for root in (teachers, merged))
        assert (before / "model.safetensors").read_bytes() == (after / "model.safetensors").read_bytes()
        assert load_tokenizer(before).get_vocab() == load_tokenizer(after).get_vocab()


def test_the_student_loads_with_nothing_of_ours(merged: Path) -> None:
    folder = RunDirectory(merged).model("student")
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.embedding_size == 8 and model.config.vocab_size == len(tokenizer)
    text = "The people of Москва read القاهرة."
    filled = tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True)
    assert filled.replace(" ", "") == text.replace(" ", "")
    with torch.no_grad():
        assert torch.isfinite(model(**tokenizer(text, return_tensors="pt")).logits).all()


def test_every_masked_position_is_stored(merged: Path, merge: Merge) -> None:
    run, recipe = RunDirectory(merged), merge()
    material = material_of(run, recipe, recipe.plans()["student"])
    assert [source.name for source in material.sources] == [
        "en.english",
        "en.bilingual",
        "ru.bilingual",
        "ru.russian",
        "ar.arabic",
    ]
    assert [source.share for source in material.sources] == [0.5, 0.5, 0.5, 0.5, 1.0]
    for source in material.sources:
        store = open_store(run.labels(f"{source.labels}.{source.language}.k8"))
        every = np.arange(source.size)
        read = source.read(every, np.zeros_like(every))
        rows = np.repeat(every, read.lengths)[read.chosen]
        places = store.places(rows, np.zeros_like(rows)) + read.mask_index[read.chosen]
        assert len(places) == len(np.unique(places)) <= store.positions
        assert source.seed == label_masks_seed(recipe) == store.manifest.seed
        said = store.read(places)
        assert np.allclose(np.exp(said.log_probabilities).sum(axis=1) + said.rest, 1, atol=0.01)


def test_the_page_tells_of_the_merging(merged: Path) -> None:
    page = RunDirectory(merged).report.read_text()
    for words in ("arabic", "byte-level BPE", "WordPiece", "bits"):
        assert words in page, words
    scores = (merged / "scores.jsonl").read_text().splitlines()
    tasks = {(yaml.safe_load(line)["task"], yaml.safe_load(line)["model"]) for line in scores}
    assert ("likelihood", "arabic") in tasks and ("mlm", "arabic") not in tasks and ("mlm", "student") in tasks


def test_other_labels_leave_the_rest_alone(merged: Path, merge: Merge, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(merged, root)
    with pytest.raises(InputError, match=r"labels/|model/student"):
        run_here(merge(temperature=2.0, weight=0.5), root)
    before = times(root)
    run_here(merge(k=4), root, replace=True)
    after = times(root)
    weights = [file for file in after if file.endswith("model.safetensors")]
    assert len(weights) == 5
    assert [file for file in weights if after[file] != before[file]] == ["models/student/model.safetensors"]
    unchanged = [file for file in before if file.startswith(("tokens/", "corpus/", "vocabulary/"))]
    assert unchanged and all(before[file] == after[file] for file in unchanged)
    assert open_store(root / "labels" / "arabic.ar.k4").settings.k == 4


def test_finished_labels_that_were_not_recorded_are_not_made_again(merged: Path, merge: Merge, tmp_path: Path) -> None:
    """A large store takes a while to be recorded: its checksums are computed. Until then its shards stay."""
    root = tmp_path / "run"
    shutil.copytree(merged, root)
    rows = root / "labels" / "arabic.ar.k8" / "shards" / "000000" / "rows.npy"
    written = rows.stat().st_mtime_ns
    job = Graph(merge()).jobs["labels/arabic.ar.k8"]
    shutil.move(job.output(RunDirectory(root)), job.checkpoints(RunDirectory(root)))
    RunDirectory(root).job("labels/arabic.ar.k8").unlink()
    run_here(merge(), root)
    assert rows.stat().st_mtime_ns == written
    assert RunDirectory(root).job("labels/arabic.ar.k8").is_file()


def test_finished_labels_are_compared_with_their_checksums_before_they_are_recorded(
    merged: Path, merge: Merge, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    shutil.copytree(merged, root)
    shard = root / "labels" / "arabic.ar.k8" / "shards" / "000000"
    before = checksums(shard)
    for name in ("rows.npy", "shard.json"):
        content = bytearray((shard / name).read_bytes())
        content[-9] ^= 1
        (shard / name).write_bytes(content)
        RunDirectory(root).job("labels/arabic.ar.k8").unlink()
        run_here(merge(), root)
        assert {file: mark for file, mark in checksums(shard).items() if file != "shard.json"} == {
            file: mark for file, mark in before.items() if file != "shard.json"
        }


def test_a_foreign_model_that_changes_before_it_is_copied(teachers: Path, text_files: Path, tmp_path: Path) -> None:
    shutil.copytree(teachers / "models", tmp_path / "models")
    weights = tmp_path / "models" / "english" / "model.safetensors"

    def touch_up(job: Job) -> None:
        if job.name == "model/english":
            weights.write_bytes(weights.read_bytes()[:-1] + b"?")

    with pytest.raises(InputError, match="the model folder of model/english changed while it was read"):
        recipe = parse_recipe(merge_tree(text_files, tmp_path), tmp_path)
        run_here(recipe, tmp_path / "run", watcher=Watcher(start=touch_up))
    assert not (tmp_path / "run/models/english").exists()


def test_a_finished_run_whose_teachers_are_gone(merged: Path, teachers: Path, text_files: Path, tmp_path: Path) -> None:
    shutil.copytree(teachers / "models", tmp_path / "models")
    recipe, root = tmp_path / "merge.yaml", tmp_path / "run"
    recipe.write_text(yaml.safe_dump(merge_tree(text_files, tmp_path)))
    run_here(load_recipe(recipe), root, reuse=[merged])
    before = times(root)
    shutil.rmtree(tmp_path / "models")
    for command in (["run", str(recipe), "--into", str(root)], ["plan", str(recipe), "--into", str(root)]):
        shown = CliRunner().invoke(app, command)
        assert shown.exit_code == 0, shown.output
        assert command[0] == "plan" or "model/arabic: done, but not compared with where it was taken" in shown.output
    assert times(root) == before
    events = [json.loads(line) for line in (root / "log.jsonl").read_text().splitlines()]
    gone = [each["job"] for each in events if each["event"] == "unchecked"]
    assert gone == [f"model/{name}" for name in ("arabic", "bilingual", "english", "russian")]
    shutil.rmtree(root / "models" / "english")
    with pytest.raises(InputError, match="there is no such model folder"):
        run_here(load_recipe(recipe), root)
    elsewhere = merge_tree(text_files, tmp_path)
    elsewhere["models"]["russian"]["existing"] = str(tmp_path / "nowhere")
    with pytest.raises(InputError, match="there is no such model folder") as caught:
        run_here(parse_recipe(elsewhere, tmp_path), root)
    assert caught.value.where == f"{tmp_path / 'nowhere'} (models.russian.existing)"


def test_the_best_copy_of_each_sentence(merged: Path, merge: Merge, tmp_path: Path) -> None:
    recipe, run = merge(copies="best"), RunDirectory(tmp_path / "run")
    run_here(recipe, run.root, reuse=[merged])
    losses = np.stack([np.load(run.losses(f"{name}.en.words") / "losses.npy") for name in ("english", "bilingual")])
    sources = [each for each in material_of(run, recipe, recipe.plans()["student"]).sources if each.language == "en"]
    assert [source.labels for source in sources] == ["english", "bilingual"]
    for place, source in enumerate(sources):
        sentences = open_sentences(run.tokens("en", source.labels) / "train")[source.choose(np.arange(source.size))]
        assert (losses.argmin(axis=0)[sentences] == place).all()
    covered = np.concatenate(
        [open_sentences(run.tokens("en", each.labels) / "train")[each.choose(np.arange(each.size))] for each in sources]
    )
    assert set(covered) == set(open_sentences(run.tokens("en", "english") / "train"))


def test_the_students_own_segmentation(merged: Path, merge: Merge, tmp_path: Path) -> None:
    """Where a teacher cuts as the student does, its labels; elsewhere the text as the student cuts it, and gold."""
    recipe, run = merge(segmentation="own"), RunDirectory(tmp_path / "run")
    run_here(recipe, run.root, reuse=[merged])
    special = special_tokens_of(load_tokenizer(run.vocabulary))
    material = material_of(run, recipe, recipe.plans()["student"])
    seen: dict[str, list[int]] = {code: [] for code in _LANGUAGES}
    for source in material.sources:
        own = open_tokens(run.tokens(source.language) / "train")
        own_sentences = open_sentences(run.tokens(source.language) / "train")
        folder = run.tokens(source.language, "" if source.labels == "own" else source.labels) / "train"
        chosen = source.choose(np.arange(source.size))
        for sequence, sentence in zip(chosen, open_sentences(folder)[chosen], strict=True):
            ids = source.read(np.array([sequence]), np.array([0])).ids
            mine = np.flatnonzero(own_sentences == sentence)
            cut = np.concatenate([own.ids[own.offsets[each] : own.offsets[each + 1]] for each in mine])
            assert set(ids) <= set(cut) and special.padding not in ids
            seen[source.language].append(int(sentence))
        assert (source.labels == "own") == (source.name not in material.taught)
    assert all(len(set(sentences)) > 50 for sentences in seen.values())


def test_teachers_that_cut_text_differently_are_not_mixed(merged: Path, merge: Merge, tmp_path: Path) -> None:
    """That is said before anything is labelled."""
    recipe = merge(copies="mixed", k=5)
    with pytest.raises(InputError) as caught:
        run_here(recipe, tmp_path / "run", reuse=[merged])
    assert "models.student.labels.copies" in str(caught.value.where)
    assert "english and bilingual cut the text of en differently" in caught.value.what
    assert [path.name for path in (tmp_path / "run" / "labels").glob("*.en.*")] == []


def test_teachers_with_one_tokenizer_are_mixed(teachers: Path, text_files: Path, tmp_path: Path) -> None:
    tree = merge_tree(text_files, teachers, copies="mixed", without_teacher="gold")
    tree["models"]["again"] = {"existing": str(teachers / "models" / "english"), "languages": ["en"]}
    tree["models"]["student"]["labels"]["teachers"] = {"en": ["english", "again"]}
    recipe, run = parse_recipe(tree, text_files), RunDirectory(tmp_path / "run")
    run_here(recipe, run.root)
    material = material_of(run, recipe, recipe.plans()["student"])
    assert {name: len(stores) for name, stores in material.taught.items()} == {"en.english": 2}


def test_one_command_from_four_folders(teachers: Path, text_files: Path, tmp_path: Path) -> None:
    recipe, into = tmp_path / "merge.yaml", tmp_path / "run"
    recipe.write_text(yaml.safe_dump(merge_tree(text_files, teachers)))
    shown = CliRunner().invoke(app, ["label", str(recipe), "--into", str(into)])
    assert shown.exit_code == 0, shown.output
    assert "arabic, ar" in shown.output and "bytes a position" in shown.output
    assert not (into / "models" / "student").exists()
    shown = CliRunner().invoke(app, ["labels", "inspect", str(into / "labels" / "arabic.ar.k8")])
    assert shown.exit_code == 0, shown.output
    shown = CliRunner().invoke(app, ["plan", str(recipe), "--into", str(into)])
    assert shown.exit_code == 0, shown.output
    shown = CliRunner().invoke(app, ["run", str(recipe), "--into", str(into)])
    assert shown.exit_code == 0, shown.output
    assert read_json(into / "models" / "student" / "training.json")["updates_made"] == 12


def test_labels_that_a_model_leaves_unused_are_still_told_of(merged: Path, text_files: Path, teachers: Path) -> None:
    tree = merge_tree(text_files, teachers)
    labels = {**tree["models"]["student"]["labels"], "weight": 0}
    tree["models"]["gold"] = {"labels": labels}
    found = stored_texts(merged, parse_recipe(tree, text_files))
    assert [(each.teacher, each.language) for each in found] == [
        ("english", "en"),
        ("bilingual", "en"),
        ("bilingual", "ru"),
        ("russian", "ru"),
        ("arabic", "ar"),
    ]
    assert all(each.loss is not None and each.unknown is not None for each in found)


def test_a_students_masks_are_those_of_the_model_without_labels(merged: Path, merge: Merge) -> None:
    run, taught, gold = RunDirectory(merged), merge(), merge(weight=0)
    one, two = (material_of(run, each, each.plans()["student"]) for each in (taught, gold))
    assert not two.taught
    for first, second in zip(one.sources, two.sources, strict=True):
        some = np.arange(min(50, first.size))
        assert np.array_equal(first.read(some, some).inputs, second.read(some, some).inputs)


def test_a_word_that_is_cut_goes_on_in_the_next_sequence(merged: Path, merge: Merge) -> None:
    """A sentence in parts is mapped as the whole sentence."""
    run, recipe = RunDirectory(merged), merge()
    checked = 0
    for source in material_of(run, recipe, recipe.plans()["student"]).sources:
        assert source.mapping is not None and source.continues is not None
        sentences = open_sentences(run.tokens(source.language, source.labels) / "train")
        for sentence in np.unique(sentences[source.continues]):
            parts = np.flatnonzero(sentences == sentence)
            whole = np.concatenate(
                [source.text.ids[source.text.offsets[p] : source.text.offsets[p + 1]] for p in parts]
            )
            begins = source.mapping.begins(whole.astype(np.int64), np.array([len(whole)]))
            assert np.array_equal(
                source.read(parts, np.zeros_like(parts)).ids, source.mapping.targets(whole.astype(np.int64), begins)
            )
            checked += 1
    assert checked > 20


def test_the_teacher_of_the_fewest_languages_is_what_others_are_measured_from(merge: Merge) -> None:
    recipe = merge()
    assert [recipe.reference(code) for code in _LANGUAGES] == ["english", "russian", "arabic"]


def test_losses_by_word_and_by_token_are_not_taken_for_each_other(merge: Merge) -> None:
    words, tokens = (Graph(merge(copies=copies)).jobs for copies in ("best", "best-by-token"))
    assert "losses/arabic.ar.words" not in words  # a language with one teacher has no choice
    one, two = words["losses/english.en.words"], tokens["losses/english.en.tokens"]
    assert one.fingerprint != two.fingerprint


def test_a_teacher_that_knows_nothing_of_a_sentence_is_not_its_best(
    merged: Path, merge: Merge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, run = merge(copies="best-by-token"), RunDirectory(tmp_path / "run")
    shutil.copytree(merged, run.root)
    for teacher, loss in {"english": np.nan, "bilingual": 9.0}.items():
        folder = run.losses(f"{teacher}.en.tokens")
        folder.mkdir(parents=True)
        count = 1 + int(open_sentences(run.tokens("en", "english") / "train").max())
        np.save(folder / "losses.npy", np.full(count, loss, dtype=np.float32))
    monkeypatch.setattr("equiglot.pipeline.steps.material._Seen.stored", lambda *_: None)
    plan = recipe.plans()["student"].model_copy(update={"languages": ("en",)})
    sizes = {source.labels: source.size for source in material_of(run, recipe, plan).sources}
    assert sizes["english"] == 0 and sizes["bilingual"] == len(open_tokens(run.tokens("en", "bilingual") / "train"))


def test_labels_of_another_text_are_refused(merged: Path, merge: Merge, tmp_path: Path) -> None:
    root, recipe = tmp_path / "run", merge()
    shutil.copytree(merged, root)
    record = RunDirectory(root).job("tokens/en.english")
    value = read_sealed(record)
    value["outputs"]["train/ids.npy"] = "0"
    write_sealed(record, value)
    with pytest.raises(InputError, match="belong to something else: text"):
        material_of(RunDirectory(root), recipe, recipe.plans()["student"])


def test_labels_of_a_teacher_are_made_once(merge: Merge) -> None:
    jobs = [job for job in Graph(merge()).jobs if job.startswith(("labels/", "losses/", "agreement/"))]
    assert len(jobs) == 10 and len(set(jobs)) == 10


def test_text_of_another_language_is_told_before_it_is_labelled(
    merged: Path, text_files: Path, teachers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = merge_tree(text_files, teachers)
    texts = {code: language["text"] for code, language in tree["languages"].items()}
    tree["languages"]["en"]["text"], tree["languages"]["ru"]["text"] = texts["ru"], texts["en"]
    display = RunDisplay(Terminal(width=140))
    options = {"only": "tokens", "reuse": [merged], "watcher": display.watcher()}
    run_here(parse_recipe(tree, text_files), tmp_path / "run", **options)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("tokens/ru.russian: ")]
    assert said[0].startswith(
        "tokens/ru.russian: russian predicts the Russian text no better than counts of its tokens"
    )
    assert said[-1].startswith("tokens/ru.russian: done in")
    events = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {event["job"] for event in events if event["event"] == "remark"} >= {"tokens/ru.russian"}
    assert not any(event.get("job", "").startswith("labels/") for event in events)


def test_students_share_labels_whichever_comes_first(text_files: Path, tmp_path: Path) -> None:
    tree = merge_tree(text_files, tmp_path, copies="mixed", without_teacher="gold")
    teachers = {"en": ["english", "bilingual"], "ru": "bilingual", "ar": "arabic"}
    tree["models"]["student"]["labels"]["teachers"] = teachers
    labels = {**tree["models"]["student"]["labels"], "copies": "best"}
    tree["models"]["second"] = {**tree["models"]["student"], "labels": labels}
    *names, first, second = tree["models"]
    graphs = []
    for order in ((*names, first, second), (*names, second, first)):
        recipe = parse_recipe({**tree, "models": {name: tree["models"][name] for name in order}}, text_files)
        graphs.append(Graph(recipe, lambda step: step.name))
    marks = [{name: job.fingerprint for name, job in graph.jobs.items()} for graph in graphs]
    assert marks[0] == marks[1]
    # The student that mixes needs texts that can be mixed, whatever the other one needs.
    shared = graphs[0].jobs["labels/english.en.k8"]
    assert {"tokens/en.english", "tokens/en.bilingual"} <= {*shared.needs}


def test_labels_made_in_parts_are_the_same(merged: Path, merge: Merge, tmp_path: Path) -> None:
    """The tiny text is one shard: the second part of each has none."""
    into, recipe = tmp_path / "run", merge(parts=2)
    assert "labels-part/arabic.ar.k8.2-of-2" in Graph(recipe).jobs["labels/arabic.ar.k8"].needs
    run_here(recipe, into, reuse=[merged])
    for store in sorted((merged / "labels").iterdir()):
        one, other = (sorted(each.rglob("*.npy")) for each in (store, into / "labels" / store.name))
        assert [checksum(path) for path in one] == [checksum(path) for path in other] != []
        open_store(into / "labels" / store.name)
    one, other = (each / "models" / "student" / "model.safetensors" for each in (merged, into))
    assert checksum(one) == checksum(other)


def test_a_teacher_whose_ids_have_gaps_and_whose_table_is_larger(text_files: Path, tmp_path: Path) -> None:
    """Its students have a row for each of its ids, and none behind; a word may stand behind the gap."""
    folder = save_stock(tmp_path / "old", "bert")
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    size = len(vocabulary)
    vocabulary[max(vocabulary, key=vocabulary.__getitem__)], vocabulary["a"] = size + 7, size + 5
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    model = AutoModelForMaskedLM.from_pretrained(folder)
    model.resize_token_embeddings(size + 10)
    model.save_pretrained(folder)
    stored = {"kind": "stored", "teachers": "old", "k": 4, "samples": 3, "reading": "sampled", "weight": 1}
    taught = {"hard": "hard", "soft": {"kind": "soft", "teachers": "old"}, "stored": stored}
    students = {name: {"vocabulary": "old", "labels": labels} for name, labels in taught.items()}
    tree = teachers_tree(text_files)
    del tree["languages"]["ar"]
    tree["models"] = {"old": {"existing": str(folder), "languages": ["en", "ru"]}} | students
    tree["evaluation"] = [{"task": "likelihood", "sentences": 6}]
    run_here(parse_recipe(tree, text_files), tmp_path / "run")
    for name in taught:
        config = json.loads((tmp_path / "run" / "models" / name / "config.json").read_text(encoding="utf-8"))
        assert config["vocab_size"] == size + 8
    assert (tmp_path / "run" / "report" / "index.html").is_file()
