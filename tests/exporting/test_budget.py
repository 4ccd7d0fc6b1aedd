"""What an export in int8 weighs, told from shapes alone, against what is written."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoModelForTokenClassification

from equiglot.errors import InputError
from equiglot.exporting.exporting import batch_tokenizer, longest_input
from equiglot.exporting.graph import quantize, save_graph, trace
from equiglot.models.budget import MOST_LABELS, exported_bytes, exported_bytes_with, fit_layers, half_bytes
from equiglot.models.settings import Part
from equiglot.models.whole import load_whole
from equiglot.vocabulary import load_tokenizer, tokenizer_bytes
from tests.stock import save_stock

KINDS = {"tokens": AutoModelForTokenClassification, "texts": AutoModelForSequenceClassification, "bare": AutoModel}
SLACK = 20_000
"""Bytes by which a bound may be too high: of two layers, and of what stands beside them."""


def finished(folder: Path, architecture: str, head: str, **fields: Any) -> Path:
    """A model folder whose weights are all different, as training leaves them: an export writes equal ones once."""
    masked = save_stock(folder, architecture)
    torch.manual_seed(1)
    model = KINDS[head].from_config(AutoConfig.from_pretrained(masked, **fields))
    with torch.no_grad():
        for weights in model.parameters():
            weights.normal_(0, 0.1)
    model.save_pretrained(folder)
    return folder


def exported(folder: Path) -> int:
    """The bytes of the graph and of the tokenizer as `export_onnx` writes them; what it compares is not looked at."""
    model, tokenizer = load_whole(folder), load_tokenizer(folder)
    save_graph(quantize(trace(model), reduce_range=False), folder / "model_int8.onnx")
    batch_tokenizer(tokenizer, longest_input(model, tokenizer)).save(str(folder / "batches.json"))
    return sum((folder / name).stat().st_size for name in ("model_int8.onnx", "batches.json"))


@pytest.mark.parametrize(
    ("architecture", "head"),
    [
        ("bert", "texts"),
        ("modernbert", "tokens"),
        ("xlm-roberta", "tokens"),
        ("electra", "texts"),
        ("distilbert", "bare"),
    ],
)
def test_no_export_is_larger_than_was_told(architecture: str, head: str, tmp_path: Path) -> None:
    folder = finished(tmp_path, architecture, head, num_labels=MOST_LABELS)
    told = exported_bytes(AutoConfig.from_pretrained(folder)) + tokenizer_bytes(load_tokenizer(folder))
    assert told - SLACK <= exported(folder) <= told


def test_weights_are_counted_to_the_byte(tmp_path: Path) -> None:
    """An entry more, or a label, takes just what its weights take: one byte, and five of each output of a product."""
    config = AutoConfig.from_pretrained(finished(tmp_path, "bert", "texts"))
    size, width = exported_bytes(config), config.hidden_size
    assert exported_bytes_with(tmp_path, config.vocab_size + 10) - size == 10 * width
    config.num_labels = MOST_LABELS
    assert exported_bytes(config) == size
    config.num_labels = MOST_LABELS + 1
    assert exported_bytes(config) - size == width + 5 + 4


def test_layers_are_chosen_for_an_export(tmp_path: Path) -> None:
    config = AutoConfig.from_pretrained(finished(tmp_path, "bert", "tokens"))
    whole = exported_bytes(config)
    fitted = fit_layers(tmp_path, Part(fit=whole + 7, precision="int8"), beside=7, where="")
    assert (fitted.layers, fitted.needed, fitted.precision) == ((0, 1), whole + 7, "int8")
    fitted = fit_layers(tmp_path, Part(fit=whole - 1, precision="int8"), beside=0, where="")
    assert fitted.layers == (0,) and fitted.part == Part(layers=(0,))
    assert half_bytes(tmp_path, Part(fit=1, precision="int8"), config.vocab_size) == fitted.needed < whole


def test_a_model_whose_exports_are_not_known_is_refused(tmp_path: Path) -> None:
    """DeBERTa: products of its weights with each other are written, which shapes do not tell."""
    save_stock(tmp_path, "deberta-v2")
    with pytest.raises(InputError, match="'deberta-v2' is in int8 is not known") as refused:
        fit_layers(tmp_path, Part(fit=10**6, precision="int8"), beside=0, where="models.student.from.fit")
    assert refused.value.where == "models.student.from.fit" and "leave out the precision" in str(refused.value.fix)


def test_a_precision_needs_a_size() -> None:
    with pytest.raises(ValueError, match="`precision` says what `fit` counts"):
        Part(precision="int8")
