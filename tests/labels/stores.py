"""Small stores of labels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from equiglot.labels import LabelStore, StoreSettings, freeze, label_text, open_store
from equiglot.masking import MaskSettings, Source
from tests.tiny import SPECIAL, make_model, make_text

FACTS = {"teacher": {"weights": "3f"}, "text": "77"}
SHARD_TOKENS = 400
"""Some ten shards of `source`."""


def source(draws: int = 1, **changes: Any) -> Source:
    """120 sequences of text, some of them without a masked position."""
    text = make_text(120, shortest=1)
    return replace(Source("eu", text, SPECIAL, MaskSettings(), seed=3, draws=draws), **changes)


def teacher(seed: int = 1) -> PreTrainedModel:
    """One that has opinions."""
    model = make_model(seed)
    for parameter in model.parameters():
        parameter.data *= 3
    return freeze(model, torch.device("cpu"))


def make_store(path: Path, settings: StoreSettings, text: Source, **changes: Any) -> LabelStore:
    """The labels of a text."""
    assert label_text(teacher(), text, SPECIAL, settings, FACTS, path, **{"shard_tokens": SHARD_TOKENS, **changes})
    return open_store(path)
