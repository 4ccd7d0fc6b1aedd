"""Encoders with a new head, for fine-tuning: a classifier of tokens or of whole sequences, or one of answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)

from equiglot.models.building import load_weights
from equiglot.models.validation import check_finite, check_unasked, missing_weights

PARSER_CONFIG, PARSER_WEIGHTS = "parser.json", "parser.safetensors"
"""The files of a parser, beside those of its encoder."""
_CLASSES = {"token": AutoModelForTokenClassification, "sequence": AutoModelForSequenceClassification}
_HEADS = ("classifier", "qa_outputs")  # what transformers' encoders call them


def load_classifier(
    folder: Path, unit: Literal["token", "sequence"], labels: Sequence[str], *, seed: int
) -> PreTrainedModel:
    """The encoder in a Hugging Face folder, with a new classifier: safetensors only, no code of the folder, no network.

    What the folder has besides its encoder is used where transformers uses it (ModernBERT's dense layer), and its
    masked-LM head is left out. What it lacks (BERT's pooler) is drawn from `seed`; so is the classifier, also where the
    folder has one: normal with the configuration's `initializer_range`, biases 0 (Devlin et al., 2019).

    Args:
        folder: a masked language model, a bare encoder, or one that was fine-tuned.
        unit: what is classified.
        labels: names, written to the configuration.
        seed: of the new weights.

    Raises:
        InputError: no model folder or one that asks for code, no encoder or an incomplete one, pickled, damaged or
            infinite weights, weights that the configuration has no place for.
    """
    names = {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
        "problem_type": "single_label_classification",
    }
    return _load(_CLASSES[unit], folder, seed, **names)


def load_answerer(folder: Path, *, seed: int) -> PreTrainedModel:
    """The encoder in a folder, with a new layer that says of each token how well an answer begins and ends there.

    Args:
        folder: as for `load_classifier`; so are the new weights.
        seed: of the new weights.

    Raises:
        InputError: as `load_classifier`.
    """
    return _load(AutoModelForQuestionAnswering, folder, seed, num_labels=2)


def _load(kind: Any, folder: Path, seed: int, **options: Any) -> PreTrainedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, info = load_weights(kind, folder, ignore_mismatched_sizes=True, **options)  # a head of other labels
        inside = f"{model.base_model_prefix}."
        unfit = {name for name in info["missing_keys"] if name.startswith(inside) and "pooler" not in name.split(".")}
        unfit |= {name for name, *_ in info["mismatched_keys"] if name.split(".")[0] not in _HEADS}
        if unfit:
            raise missing_weights(model, unfit, folder)
        check_unasked(model, [name for name in info["unexpected_keys"] if not name.startswith(_HEADS)], folder)
        _draw(model)
    check_finite(model, folder)
    return model


def _draw(model: PreTrainedModel) -> None:
    """Draws the weights of the head, from torch's generator."""
    heads = [head for name in _HEADS if isinstance(head := getattr(model, name, None), nn.Module)]
    for module in (module for head in heads for module in head.modules()):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=float(getattr(model.config, "initializer_range", 0.02)))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
