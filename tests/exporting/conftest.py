"""Models of every architecture, bare and with heads, as folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from tests.stock import SCRIPTS, save_stock

HEADS: dict[str, Any] = {
    "masked": AutoModelForMaskedLM,
    "tokens": AutoModelForTokenClassification,
    "texts": AutoModelForSequenceClassification,
    "bare": AutoModel,
}
Model = Callable[..., Path]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Architecture, head and fields of the configuration -> a folder with such a model."""
    place = tmp_path_factory.mktemp("models")

    def saved(architecture: str, head: str = "masked", **fields: Any) -> Path:
        folder = place / "-".join(map(str, (architecture, head, *fields.values())))
        if folder.is_dir():
            return folder
        masked = save_stock(folder, architecture)
        if head != "masked" or fields:
            torch.manual_seed(1)
            labels = {"num_labels": 3} | fields if head in ("tokens", "texts") else fields
            HEADS[head].from_config(AutoConfig.from_pretrained(masked, **labels)).save_pretrained(folder)
            AutoTokenizer.from_pretrained(masked).save_pretrained(folder)
        return folder

    return saved


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a sentence in each of seven scripts, and parts of them."""
    path = tmp_path_factory.mktemp("text") / "scripts.txt"
    lines = [line for sentence in SCRIPTS.values() for line in (sentence, " ".join(sentence.split()[:4]))]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
