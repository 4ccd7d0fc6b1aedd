"""Pairs of texts: their files, what a model reads of them, and a model that learns to classify them."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from equiglot.errors import InputError
from equiglot.finetuning import FineTuning, fine_tune, name_data
from equiglot.finetuning.ngrams import ngram_predictions
from equiglot.finetuning.pairs import lay_out_pairs, longest_first, read_pairs
from equiglot.models import load_classifier, with_tokenizer
from equiglot.recipe.auditing import find_labelled
from equiglot.tasks import OpenTask, build_task, open_task
from tests.finetuning.conftest import Model, sentences
from tests.stock import train_tokenizer

QUICK = FineTuning(epochs=15, batch=8, learning_rate=1e-2, warmup=5, precision="fp32", resamples=100)
SIZES = {"train": 60, "dev": 20, "test": 20}
Rows = list[tuple[str, str, str]]


def _rows(language: str, count: int, seed: int, longest: int = 4) -> Rows:
    """Pairs of shuffled sentences of at most so many words; what their class is stands in the second."""
    drawn = random.Random(f"{language} {seed}")
    firsts, seconds = (sentences(language, count, seed + side) for side in (10, 20))
    found = []
    for first, second in zip(firsts, seconds, strict=True):
        label = drawn.choice(["entails", "not"])
        words = ["1948"] * (label == "entails") + [word for word in second if word != "1948"]
        plain = [word for word in first if word != "1948"]
        found.append((" ".join(plain[:longest]), " ".join(words[:longest]), label))
    return found


def _write(file: Path, rows: Rows) -> None:
    names = ("sentence1", "sentence2", "label")
    if file.suffix == ".tsv":
        lines = ["\t".join(names), *map("\t".join, rows)]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif file.suffix == ".jsonl":
        lines = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), file)


def _data(folder: Path, suffix: str = ".tsv", languages: tuple[str, ...] = ("en", "ru"), longest: int = 4) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for code in languages:
        for seed, (split, count) in enumerate(SIZES.items()):
            _write(folder / f"{code}-{split}{suffix}", _rows(code, count, seed, longest))
    return f"{folder}/{{language}}-*{suffix}"


def _task(folder: Path, data: str, **options: Any) -> OpenTask:
    folder.mkdir()
    build_task(name_data("pair", [data], ["en", "ru"], **options), ["en", "ru"], {}, folder)
    return open_task(folder)


def test_tables_json_and_parquet_say_the_same(tmp_path: Path) -> None:
    found = {}
    for suffix in (".tsv", ".jsonl", ".parquet"):
        columns = "sentence1,sentence2,label" if suffix == ".parquet" else None
        task = _task(tmp_path / f"task{suffix}", _data(tmp_path / suffix[1:], suffix), columns=columns)
        split = task.split("ru", "test")
        assert split is not None and task.summary.labels == ("entails", "not") and task.summary.unit == "pair"
        assert task.summary.languages[1].items == SIZES and split.lengths.tolist() == [1] * SIZES["test"]
        found[suffix] = split.words, split.labels.tolist()
    assert found[".tsv"] == found[".jsonl"] == found[".parquet"]
    rows = _rows("ru", SIZES["test"], 2)
    assert found[".tsv"][0] == [[first, second] for first, second, _ in rows]


def test_what_cannot_be_pairs(tmp_path: Path) -> None:
    _data(tmp_path, ".jsonl")
    file = tmp_path / "en-train.jsonl"
    good = file.read_text(encoding="utf-8")
    for bad, message in (
        ("nothing", "no JSON"),
        ("[1]", "no object"),
        ('{"sentence1": "a", "label": "not"}', "the field 'sentence2'"),
        ('{"sentence1": "a", "sentence2": 7, "label": "not"}', "Two texts and their class"),
        ('{"sentence1": "a", "sentence2": "b", "label": [1]}', "is no label"),
    ):
        file.write_text(f"{good}{bad}\n", encoding="utf-8")
        with pytest.raises(InputError, match=message) as refused:
            _task(tmp_path / f"task {len(message)}", f"{tmp_path}/{{language}}-*.jsonl")
        assert f":{good.count(chr(10)) + 1}" in str(refused.value.where)
    file.write_text(good + '{"sentence1": " ", "sentence2": "b", "label": 3}\n', encoding="utf-8")
    task = _task(tmp_path / "task", f"{tmp_path}/{{language}}-*.jsonl")
    assert "empty sentences left out: 1" in task.summary.languages[0].notes
    with pytest.raises(InputError, match="no three columns"):
        name_data("pair", [f"{tmp_path}/{{language}}-*.jsonl"], ["en"], columns="a,b")


@given(first=st.integers(0, 30), second=st.integers(0, 30), room=st.integers(2, 40))
def test_texts_are_cut_as_tokenizers_cut_them(first: int, second: int, room: int) -> None:
    backend = train_tokenizer("wordpiece").backend_tokenizer
    special = backend.num_special_tokens_to_add(True)
    backend.enable_truncation(room + special, strategy="longest_first")
    sides = backend.encode("a " * first, "b " * second).sequence_ids
    backend.no_truncation()
    left = longest_first(np.array([first]), np.array([second]), room)
    assert [int(each[0]) for each in left] == [sides.count(0), sides.count(1)]


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "modernbert", "deberta-v2"])
def test_a_model_reads_what_its_tokenizer_writes(architecture: str, model: Model, tmp_path: Path) -> None:
    task, place = _task(tmp_path / "task", _data(tmp_path / "data", longest=99)), Path(model(architecture))
    opened = with_tokenizer("m", load_classifier(place, "sequence", ("a", "b"), seed=0), place, "m")
    pairs = read_pairs(opened, task, "train", ["en", "ru"])
    assert len(pairs) == 2 * SIZES["train"] and pairs.languages.tolist() == [0] * 60 + [1] * 60
    batch = lay_out_pairs(pairs, np.array([0, 61, 3]), opened)
    assert int(pairs.lengths.max()) == opened.max_tokens + 2  # some are cut
    tokenizer, longest = AutoTokenizer.from_pretrained(place), opened.max_tokens + 2
    words = [each for code in ("en", "ru") if (split := task.split(code, "train")) for each in split.words]
    for row, number in enumerate((0, 61, 3)):
        right = tokenizer(*words[number], truncation="longest_first", max_length=longest)
        size = int(batch.lengths[row])
        assert batch.texts.inputs[row, :size].tolist() == right["input_ids"] and not batch.texts.real[row, size:].any()
        if batch.texts.kinds is not None:
            assert batch.texts.kinds[row, :size].tolist() == right["token_type_ids"]
    assert (batch.texts.kinds is not None) == ("token_type_ids" in right and opened.model.config.type_vocab_size > 1)


def test_it_learns_and_is_tested_on_others(model: Model, tmp_path: Path) -> None:
    data = _data(tmp_path / "data", languages=("en", "ru", "ko"))
    task = name_data("pair", [data], ["en", "ru"], zero_shot=["ko"])
    done = fine_tune(model("modernbert"), task, ["en", "ru", "ko"], QUICK, tmp_path / "model")
    scores = {(row.language, row.metric, row.source): row for row in done.scores}
    assert scores["group:all", "accuracy", "in-language"].value > 80
    assert scores["ko", "accuracy", "zero-shot"].n == SIZES["test"]


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_others_get_the_same_from_the_model(architecture: str, model: Model, tmp_path: Path) -> None:
    data, brief = _data(tmp_path / "data"), QUICK.model_copy(update={"epochs": 2.0, "learning_rate": 1e-3})
    done = fine_tune(model(architecture), name_data("pair", [data], ["en"]), ["en"], brief, tmp_path / "model")
    kept = AutoModelForSequenceClassification.from_pretrained(done.folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(done.folder)
    longest = with_tokenizer("m", kept, done.folder, "m").max_tokens
    predicted = load_file(done.folder / "predictions.safetensors")["en"][0]
    for (first, second, _), number in zip(_rows("en", SIZES["test"], 2), predicted, strict=True):
        read = tokenizer(first, second, truncation="longest_first", max_length=longest + 2, return_tensors="pt")
        logits = kept(**read).logits[0]
        assert logits[number] >= logits.max() - 1e-4  # in batches sums are rounded otherwise


def test_the_baseline_and_the_audit_know_pairs(tmp_path: Path) -> None:
    task = _task(tmp_path / "task", _data(tmp_path / "data"))
    split = task.split("en", "test")
    assert split is not None
    predicted = ngram_predictions(task, ["en", "ru"], ["en"])["en"][0]
    assert (predicted == split.labels).mean() > 0.8
    _data(tmp_path / "data", ".jsonl", languages=("ko",))
    found = find_labelled(tmp_path / "data", ["en", "ru", "ko"])
    assert found.data.keys() == {"pair"} and not found.others
    assert {code: (each["kind"], each["second"]) for code, each in found.data["pair"].items()} == {
        "en": ("tsv", "sentence2"), "ru": ("tsv", "sentence2"), "ko": ("jsonl", "sentence2"),
    }  # fmt: skip
