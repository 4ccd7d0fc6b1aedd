"""From a command to a folder: scores, seeds, a kill at any update, and what is refused."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    pipeline,
)

from equiglot.errors import InputError
from equiglot.evaluation import read_scores
from equiglot.files import checksums, write_json
from equiglot.finetuning import FineTuned, FineTuning, fine_tune, name_data
from equiglot.finetuning.tuning import _shorten
from equiglot.lease import lease_owner, leases_of, take_lease
from equiglot.training import Progress, Stopped
from tests.finetuning.conftest import SIZES, Model, sentences, write_data

QUICK = FineTuning(epochs=3, batch=16, learning_rate=5e-3, warmup=5, precision="fp32", resamples=100)


def _tuned(
    folder: Path, model: str, task: str = "pos", settings: FineTuning = QUICK, stop_at: int = -1, **options: Any
) -> FineTuned:
    data = [write_data(folder / "data", task)]
    trained, tested = ["en", "hi", "ru"], ["ko", "ar"]
    named = name_data(task, data, trained, zero_shot=tested)
    made, seen = folder / "model", list[Progress]()
    return fine_tune(
        model,
        named,
        [*trained, *tested],
        settings,
        made,
        watch=lambda seed, progress: seen.append(progress),
        stop=lambda: len(seen) == stop_at,
        **options,
    )


def test_words_in_five_scripts(model: Model, tmp_path: Path) -> None:
    learning = QUICK.model_copy(update={"epochs": 10, "batch": 8, "learning_rate": 1e-2})
    done = _tuned(tmp_path, model("modernbert"), settings=learning)
    assert list(done.scores) == read_scores(done.folder / "scores.jsonl")
    accuracy = {(row.language, row.source): row for row in done.scores if row.metric == "accuracy"}
    trained = ("en", "hi", "ru")
    sources = {**dict.fromkeys(trained, "in-language"), "ko": "zero-shot", "ar": "zero-shot"}
    assert {(code, source) for code, source in sources.items()} < accuracy.keys() and len(accuracy) == 7
    predicted = load_file(done.folder / "predictions.safetensors")
    for code, source in sources.items():
        row, words = accuracy[code, source], sum(map(len, sentences(code, SIZES["test"], 2)))
        assert row.n == words == predicted[code].shape[1] and row.low is not None and row.low <= row.value <= row.high
    values = [accuracy[code, "in-language"].value for code in trained]
    assert min(values) > 70  # the most frequent tag: 34 to 43
    assert accuracy["group:all", "in-language"].value == pytest.approx(np.mean(values))
    tagger = pipeline("token-classification", str(done.folder), device="cpu")
    assert {each["entity"] for each in tagger("human 1948 .")} <= {"NOUN", "NUM", "PUNCT", "VERB", "ADP"}
    loaded = AutoModelForTokenClassification.from_pretrained(done.folder)
    assert (
        set(loaded.config.label2id) >= {"NOUN", "NUM"} and type(loaded).__name__ == "ModernBertForTokenClassification"
    )
    assert not list(tmp_path.glob(".*"))


def test_whoever_loads_it_reads_as_it_was_scored(model: Model, tmp_path: Path) -> None:
    settings = QUICK.model_copy(update={"epochs": 1, "max_length": 8})
    short = _tuned(tmp_path, model("bert"), "topic", settings)
    assert AutoTokenizer.from_pretrained(short.folder).model_max_length == 8
    (tmp_path / "long").mkdir()
    long = _tuned(tmp_path / "long", model("bert"), "topic", QUICK.model_copy(update={"epochs": 1}))
    longest = AutoTokenizer.from_pretrained(long.folder).model_max_length
    assert longest <= AutoConfig.from_pretrained(long.folder).max_position_embeddings


@pytest.mark.parametrize(
    ("written", "read"),
    [({}, 8), ({"model_max_length": None}, 8), ({"model_max_length": 1e30}, 8), ({"model_max_length": 6}, 6)],
)
def test_a_tokenizer_that_names_no_longest_text(written: dict[str, Any], read: int, tmp_path: Path) -> None:
    write_json(tmp_path / "tokenizer_config.json", written)
    _shorten(tmp_path / "tokenizer_config.json", 8)
    assert json.loads((tmp_path / "tokenizer_config.json").read_text()) == {"model_max_length": read}


@pytest.mark.parametrize(("task", "metric"), [("ner", "entity_f1"), ("topic", "accuracy")])
def test_entities_and_topics(task: str, metric: str, model: Model, tmp_path: Path) -> None:
    done = _tuned(tmp_path, model("modernbert"), task)
    record = json.loads((done.folder / "training.json").read_text())
    first = record["seeds"]["0"]
    assert first["metric"] == metric and {"en", "hi", "ru"} == set(first["validations"][0]["scores"])
    assert {row.metric for row in done.scores} >= {metric, "macro_f1"}
    best = max(first["validations"], key=lambda point: sum(point["scores"].values()))
    assert first["best_update"] == best["update"]
    if task == "topic":
        loaded = AutoModelForSequenceClassification.from_pretrained(done.folder)
        assert loaded.config.id2label == {0: "declaration", 1: "other"}


@pytest.mark.parametrize("stop_at", [1, 4, 7])
def test_killed_and_continued_it_ends_the_same(stop_at: int, model: Model, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    _tuned(whole, model("xlm-roberta"))
    with pytest.raises(Stopped):
        _tuned(parts, model("xlm-roberta"), stop_at=stop_at)
    assert [path.name for path in parts.iterdir() if path.name != "data"] == [".model.unfinished"]
    _tuned(parts, model("xlm-roberta"))
    one, other = (checksums(each / "model") for each in (whole, parts))
    assert one.pop("training.json") and other.pop("training.json")  # has seconds
    files = {each.pop("task.json") for each in (one, other)}  # has the names of files
    assert one == other and files


def test_seeds_are_trained_in_turn_and_averaged(model: Model, tmp_path: Path) -> None:
    settings = QUICK.model_copy(update={"seeds": 3})
    with pytest.raises(Stopped):  # in the second training, of 15 updates
        _tuned(tmp_path, model("bert"), settings=settings, stop_at=18)
    done = _tuned(tmp_path, model("bert"), settings=settings)
    predicted = load_file(done.folder / "predictions.safetensors")["en"]
    assert predicted.shape[0] == 3 and not (predicted[0] == predicted[1]).all()
    row = next(row for row in done.scores if (row.language, row.metric) == ("en", "accuracy"))
    assert row.repeats == 3 and row.deviation is not None
    alone = tmp_path / "alone"
    second = _tuned(alone, model("bert"), settings=QUICK.model_copy(update={"seed": 1}))
    assert np.array_equal(load_file(second.folder / "predictions.safetensors")["en"][0], predicted[1])
    record = json.loads((done.folder / "training.json").read_text())
    best = [max(sum(p["scores"].values()) for p in each["validations"]) for each in record["seeds"].values()]
    assert best[record["kept"]] == max(best)
    if record["kept"] == 1:
        one, other = (AutoModelForTokenClassification.from_pretrained(each.folder) for each in (done, second))
        assert torch.equal(one.classifier.weight, other.classifier.weight)


def test_what_is_there_is_not_touched(model: Model, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="there already"):
        _tuned(tmp_path, model("bert"))
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["thesis.txt"]


def test_another_training_is_not_continued(model: Model, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        _tuned(tmp_path, model("bert"), stop_at=2)
    with pytest.raises(InputError, match="other settings"):
        _tuned(tmp_path, model("bert"), settings=QUICK.model_copy(update={"learning_rate": 1e-3}))
    with pytest.raises(InputError, match="other model"):
        _tuned(tmp_path, model("electra"))
    shutil.rmtree(tmp_path / ".model.unfinished")
    _tuned(tmp_path, model("bert"), settings=FineTuning(epochs=1, resamples=100))


@pytest.mark.parametrize("task", ["ner", "topic"])
def test_labels_that_training_lacks_are_refused(task: str, model: Model, tmp_path: Path) -> None:
    pattern = write_data(tmp_path / "data", task, ["en"])
    file = tmp_path / "data" / "en-test.tsv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("B-PER", "B-PERSON").replace("\tother", "\tweather"), encoding="utf-8")
    named = name_data(task, [pattern], ["en"])
    with pytest.raises(InputError, match=r"PERSON|weather") as refused:
        fine_tune(model("bert"), named, ["en"], QUICK, tmp_path / "model")
    assert "--rename" in (refused.value.fix or "") and {each.name for each in tmp_path.iterdir()} == {"data"}
    renamed = name_data(task, [pattern], ["en"], rename=["PERSON=PER", "weather=other"])
    assert fine_tune(model("bert"), renamed, ["en"], QUICK, tmp_path / "model").scores


def test_a_training_that_explodes_names_the_options(model: Model, tmp_path: Path) -> None:
    wild = QUICK.model_copy(update={"learning_rate": 10.0, "weight_decay": 10.0, "warmup": 0})
    with pytest.raises(InputError, match=r"beyond all bounds|not a number") as refused:
        _tuned(tmp_path, model("bert"), settings=wild)
    assert "lower --learning-rate (now 10)" in (refused.value.fix or "") and "teacher" not in str(refused.value)
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_languages_with_other_names_for_the_same_are_refused(model: Model, tmp_path: Path) -> None:
    pattern = write_data(tmp_path / "data", "ner", ["en", "ko"])
    for split in ("train", "dev", "test"):
        file = tmp_path / "data" / f"ko-{split}.tsv"
        file.write_text(file.read_text(encoding="utf-8").replace("-PER", "-PERSON"), encoding="utf-8")
    with pytest.raises(InputError, match="different types of entities") as refused:
        fine_tune(model("bert"), name_data("ner", [pattern], ["en", "ko"]), ["en", "ko"], QUICK, tmp_path / "model")
    assert refused.value.where == "--data" and "--rename OLD=NEW" in (refused.value.fix or "")


def test_two_commands_do_not_work_on_the_same(model: Model, tmp_path: Path) -> None:
    work = tmp_path / ".model.unfinished"
    lease = take_lease(work)
    with pytest.raises(InputError, match=f"process {os.getpid()} works on this folder(?s:.*)another --into$"):
        _tuned(tmp_path, model("bert"))
    owner = lease_owner(work)
    assert owner is not None
    elsewhere = owner.model_copy(update={"host": "node7", "machine": "another"})
    write_json(leases_of(work) / f"{lease.number:06d}" / "owner.json", elsewhere.model_dump())
    with pytest.raises(
        InputError, match=f"on node7 works on this folder(?s:.*)delete {re.escape(str(leases_of(work)))}"
    ):
        _tuned(tmp_path, model("bert"))
    shutil.rmtree(leases_of(work))
    assert _tuned(tmp_path, model("bert")).folder.is_dir() and not work.exists()


def test_folders_without_an_encoder_are_refused(model: Model, tmp_path: Path) -> None:
    for place, words in ((str(tmp_path), "not a model folder"), (str(tmp_path / "nothing"), "no such")):
        with pytest.raises(InputError, match=words):
            _tuned(tmp_path, place)
        assert not (tmp_path / "model").exists()
