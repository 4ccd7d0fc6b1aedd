"""A fine-tuned model is scored in every form, and one that int8 harms is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir
import pytest
import torch
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

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


def test_what_task_json_says_need_not_be_typed(
    export: Callable[..., Any], tagger: Path, program: Call, tmp_path: Path
) -> None:
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    for path in tagger.iterdir():
        (tuned / path.name).write_bytes(path.read_bytes())
    languages = [{"code": "ru", "sentences": {"train": 1, "test": 1}}, {"code": "tr", "sentences": {"train": 1}}]
    summary = {"task": "pos", "unit": "word", "labels": LABELS, "languages": languages}
    (tuned / "task.json").write_text(json.dumps(summary))
    code, _, err = program("export", tuned, "--data", "data/{language}-*.tsv", "--into", "new")
    assert code == 0, err
    record = ExportRecord.model_validate_json((tmp_path / "new" / "export.json").read_text())
    assert {each.language for each in record.scores} == {"ru"} and record.loss is None
    assert {each.model for each in record.scores} == {PYTORCH, FP32}
    (tuned / "task.json").write_text("{}")
    code, _, err = program("export", tuned, "--data", "data/{language}-*.tsv", "--into", "other")
    assert code == 2 and "task.json is damaged" in err
