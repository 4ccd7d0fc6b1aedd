"""Models with more entries, as a whole: what is written, what is fitted, and what is said of it."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from equiglot.errors import InputError
from equiglot.revising import ExtensionRecord, ExtensionText, extend_model
from equiglot.training import CheckpointFolder, FittingSettings, Stopped
from equiglot.vocabulary import ExtensionSettings
from tests.stock import SCRIPTS, save_stock

_WORDS = [*SCRIPTS["ru"].split(), *SCRIPTS["en"].split()]
LINES = [" ".join(random.Random(number).choices(_WORDS, k=5)) for number in range(120)]
TEXT = ExtensionText(lambda: iter(LINES[:90]), LINES[90:])
FITTING = FittingSettings(updates=40, sentences=8, learning_rate=0.01)


def _extend(folder: Path, into: Path, start: str = "fitted", **others: object) -> ExtensionRecord:
    asked = ExtensionSettings(entries=20, min_frequency=5)
    return extend_model(str(folder), {"ru": TEXT}, into, asked, start=start, fitting=FITTING, **others)  # type: ignore[arg-type]


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "deberta-v2"])
def test_only_the_new_rows_of_the_embeddings_are_fitted(architecture: str, tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "before", architecture)
    record = _extend(folder, tmp_path / "fitted")
    _extend(folder, tmp_path / "mean", "mean")
    before, mean, fitted = (load_file(tmp_path / name / "model.safetensors") for name in ("before", "mean", "fitted"))
    size = record.entries_before
    changed = [name for name in fitted if not torch.equal(mean[name], fitted[name])]
    assert len(changed) == 1 and "word_embeddings" in changed[0]
    for name, tensor in fitted.items():
        assert torch.equal(tensor[:size] if tensor.shape != before[name].shape else tensor, before[name]), name
    assert record.distances["fitted"]["ru"] < record.distances["mean"]["ru"]
    assert 0 < record.fitted_on["ru"] <= 90


def test_what_is_written(tmp_path: Path) -> None:
    folder, into = save_stock(tmp_path / "before", "roberta"), tmp_path / "after"
    record = _extend(folder, into, "mean")
    assert record == ExtensionRecord.model_validate(json.loads((into / "extend.json").read_text()))
    assert record.entries_after == record.entries_before + 20 == len(AutoTokenizer.from_pretrained(into))
    (text,) = record.texts
    assert text.sentences == 30 >= text.changed > 0 and text.fertilities[1] < text.fertilities[0]
    assert text.words == 150 and text.unknown_before == text.unknown_after
    assert len(record.entries) == 20 and all(len(entry.parts) > 1 for entry in record.entries)
    assert record.distances.keys() == {"mean"} and record.fitted_on == {}
    card = (into / "README.md").read_text()
    assert card.startswith("---\nlanguage:\n- ru\n") and str(tmp_path) not in card
    old, new = (AutoModelForMaskedLM.from_pretrained(each).eval() for each in (folder, into))
    with torch.no_grad():
        ids = torch.tensor([AutoTokenizer.from_pretrained(into)("मनुष्यों")["input_ids"]])
        assert torch.equal(old.base_model(ids)[0], new.base_model(ids)[0])


def test_a_fitting_that_is_stopped_continues_to_the_same_rows(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "before", "distilbert")
    _extend(folder, tmp_path / "whole")
    checkpoints, left = CheckpointFolder(tmp_path / "checkpoints"), 5

    def stop() -> bool:
        nonlocal left
        left -= 1
        return not left

    with pytest.raises(Stopped):
        _extend(folder, tmp_path / "after", checkpoints=checkpoints, stop=stop)
    assert not (tmp_path / "after").exists()
    _extend(folder, tmp_path / "after", checkpoints=checkpoints)
    assert (tmp_path / "after/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


def test_a_model_without_a_head(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "before", "electra")
    AutoModel.from_pretrained(folder).save_pretrained(tmp_path / "bare")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "bare")
    record = _extend(tmp_path / "bare", tmp_path / "after")
    assert AutoModel.from_pretrained(tmp_path / "after").config.vocab_size == record.entries_after


@pytest.mark.parametrize("learning", [lambda: iter(()), lambda: iter(["a b c"])])
def test_text_with_nothing_to_learn(learning: Callable[[], object], tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "before", "bert")
    text = ExtensionText(learning, [])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no entry can be learnt"):
        extend_model(
            str(folder), {"ru": text}, tmp_path / "after", ExtensionSettings(entries=5), start="mean", fitting=FITTING
        )
    assert not (tmp_path / "after").exists()
