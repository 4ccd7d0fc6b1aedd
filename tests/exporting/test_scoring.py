"""A fine-tuned model is scored in every form, and one that int8 harms is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT
from equiglot.exporting import FP32, INT8, PYTORCH, ExportRecord
from equiglot.exporting import exporting as exporting_module
from equiglot.exporting import graph as graph_module
from tests.exporting.conftest import Model
from tests.finetuning.conftest import write_data

Call = Callable[..., tuple[int, str, str]]
LABELS = ("X", "ADP", "NOUN", "NUM", "PUNCT", "VERB")  # in another order than the data's, and one more


@pytest.fixture(scope="module")
def tagger(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with labels of words, not trained."""
    masked, folder = model("distilbert"), tmp_path_factory.mktemp("tagger") / "tagger"
    torch.manual_seed(3)
    labels = {"id2label": dict(enumerate(LABELS)), "label2id": {label: n for n, label in enumerate(LABELS)}}
    AutoModelForTokenClassification.from_config(AutoConfig.from_pretrained(masked, **labels)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(masked).save_pretrained(folder)
    return folder


@pytest.fixture
def export(tagger: Path, text: Path, program: Call, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Exports a model with data of three languages."""
    write_data(tmp_path / "data", "pos", ["ru", "hi", "ko"])

    def called(*options: str | Path, source: Path = tagger, languages: str = "ru,hi,ko") -> tuple[int, str, str]:
        words = ["--task", "pos", "--data", "data/{language}-*.tsv", "--languages", languages, "--into", "new"]
        return program("export", source, *words, "--text", text, *options)

    return called


def test_every_form_is_scored_on_the_task(export: Callable[..., Any], tmp_path: Path) -> None:
    code, out, err = export("--quantize", "int8", "--max-loss", "1")
    assert code == 0, err
    record = ExportRecord.model_validate_json((tmp_path / "new" / "export.json").read_text())
    values = {(each.model, each.language, each.metric): each for each in record.scores}
    assert {form for form, *_ in values} == {PYTORCH, FP32, INT8}
    for (form, language, metric), score in values.items():
        assert language in ("ru", "hi", "ko", "group:all") and 0 <= score.value <= 100 and score.n >= 30
        if form == FP32:
            assert score == values[PYTORCH, language, metric].model_copy(update={"model": FP32})
    assert record.loss is not None and values[PYTORCH, "ru", "accuracy"].value > 0
    means = [values[form, "group:all", "accuracy"].value for form in (FP32, INT8)]
    assert record.loss == pytest.approx((means[0] - means[1]) / means[0])
    assert PYTORCH in out and INT8 in out and "accuracy" in out
    assert f"| {INT8} | ru | accuracy |" in (tmp_path / "new" / "README.md").read_text()


def test_int8_that_loses_too_much_is_refused(
    export: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def harmful(program: Any, *, reduce_range: bool) -> Any:
        """A graph that calls everything X, which nothing is."""
        bias = program.graph.initializers["classifier.bias"]
        bias.const_value = onnx_ir.tensor(np.array([1000, 0, 0, 0, 0, 0], np.float32), name=bias.name)
        return graph_module.quantize(program, reduce_range=reduce_range)

    monkeypatch.setattr(exporting_module, "quantize", harmful)
    code, out, err = export("--quantize", "int8", "--max-loss", "0.5")
    assert (code, out) == (2, "") and "int8 loses 100.0% of the score" in err
    assert "leave out --quantize, or allow it: --max-loss 1.0" in err
    assert not (tmp_path / "new").exists() and not (tmp_path / ".new.tmp").exists()
    code, out, err = export("--quantize", "int8", "--max-loss", "1")
    assert code == 0 and "Warning: int8 loses 100.00% of the score" in out


def test_data_that_the_model_cannot_be_scored_on(
    export: Callable[..., Any], model: Model, tagger: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    AutoTokenizer.from_pretrained(tagger).save_pretrained(few)
    config = AutoConfig.from_pretrained(tagger, id2label={0: "NOUN", 1: "VERB"}, label2id={"NOUN": 0, "VERB": 1})
    AutoModelForTokenClassification.from_config(config).save_pretrained(few)
    for source, words in (
        (model("distilbert"), "the model is a masked language model, and the task pos needs a token classifier"),
        (few, "the data has labels that the model has not: ADP, NUM, PUNCT"),
    ):
        code, out, err = export(source=source)
        assert (code, out) == (2, "") and words in err and "Traceback" not in err
        assert not (tmp_path / "new").exists()
    code, _, err = export(languages="sl")
    assert code == 2 and "there is no file of sl" in err


@pytest.fixture
def tuned(tagger: Path, tmp_path: Path) -> Path:
    """The model as if fine-tuned on Russian and Turkish and tested on Russian and Hindi; data of the latter two."""
    folder, data = tmp_path / "tuned", tmp_path / "data"
    shutil.copytree(tagger, folder)
    splits = {"ru": {"train": 1, "test": 1}, "tr": {"train": 1}, "hi": {"test": 1}}
    languages = [{"code": code, "sentences": sentences} for code, sentences in splits.items()]
    summary = {"task": "pos", "unit": "word", "labels": LABELS, "languages": languages}
    (folder / "task.json").write_text(json.dumps(summary))
    write_data(data, "pos", ["ru", "hi"])
    for split in ("train", "dev"):
        (data / f"hi-{split}.tsv").unlink()
    return folder


def test_what_task_json_says_need_not_be_typed(tuned: Path, program: Call, tmp_path: Path) -> None:
    code, out, err = program("export", tuned, "--data", "data/{language}-*.tsv", "--into", "new")
    assert code == 0, err
    record = ExportRecord.model_validate_json((tmp_path / "new" / "export.json").read_text())
    assert {(each.language, each.source) for each in record.scores} == {("ru", IN_LANGUAGE), ("hi", ZERO_SHOT)}
    assert {each.model for each in record.scores} == {PYTORCH, FP32} and record.loss is None
    assert "hi, zero-shot" in out and "ru, zero-shot" not in out
    assert f"| {FP32} | hi, zero-shot | accuracy |" in (tmp_path / "new" / "README.md").read_text()
    (tuned / "task.json").write_text("{}")
    code, _, err = program("export", tuned, "--data", "data/{language}-*.tsv", "--into", "other")
    assert code == 2 and "task.json is damaged" in err


def test_means_of_languages_with_and_without_training_data_stand_apart(
    tuned: Path, program: Call, tmp_path: Path
) -> None:
    write_data(tmp_path / "data", "pos", ["ko"])
    given = ("--data", "data/{language}-*.tsv", "--languages", "ru,hi,ko")
    code, out, err = program("export", tuned, *given, "--into", "new")
    assert code == 0, err
    record = ExportRecord.model_validate_json((tmp_path / "new" / "export.json").read_text())
    found = {(each.language, each.source): each.value for each in record.scores if each.model == FP32}
    assert found["group:all", ZERO_SHOT] == pytest.approx((found["hi", ZERO_SHOT] + found["ko", ZERO_SHOT]) / 2)
    assert ("group:all", IN_LANGUAGE) not in found and "mean, zero-shot" in out


@pytest.mark.parametrize("task", ["pos", "topic", "ner"])
def test_test_data_alone_is_scored(task: str, model: Model, program: Call, tmp_path: Path) -> None:
    """Whatever its labels are: one class in one language, and another in the next."""
    folder, data = tmp_path / "labels", tmp_path / "data"
    data.mkdir()
    blocks = {
        "pos": ("свободны\tVERB\n", "स्वतन्त्र\tNOUN\n"),
        "topic": ("text\tcategory\nсвободны\tVERB\n", "text\tcategory\nस्वतन्त्र\tNOUN\n"),
        "ner": ("Россия\tB-LOC\n", "भारत\tB-PER\n"),
    }[task]
    for code, block in zip(("ru", "hi"), blocks, strict=True):
        (data / f"{code}.tsv").write_text(block, encoding="utf-8")
    kind = AutoModelForSequenceClassification if task == "topic" else AutoModelForTokenClassification
    names = ("O", "B-LOC", "B-PER") if task == "ner" else LABELS
    labels = {"id2label": dict(enumerate(names)), "label2id": {label: n for n, label in enumerate(names)}}
    kind.from_config(AutoConfig.from_pretrained(model("distilbert"), **labels)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model("distilbert")).save_pretrained(folder)
    given = ("--task", task, "--languages", "ru,hi", "--data", "test=data/{language}.tsv")
    types = ("--types", "LOC,PER") if task == "ner" else ()
    code, _, err = program("export", folder, *given, *types, "--into", "new")
    assert code == 0, err
    record = ExportRecord.model_validate_json((tmp_path / "new" / "export.json").read_text())
    assert {"ru", "hi"} <= {each.language for each in record.scores} and all(each.n for each in record.scores)
    if task == "ner":
        code, _, err = program("export", folder, *given, "--types", "LOC,PERSON", "--into", "other")
        assert code == 2 and "the model knows no entities of the type PERSON" in err
        assert "--types" in err and not (tmp_path / "other").exists()
