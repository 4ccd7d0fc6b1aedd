"""Encoders with a classifier on top, for fine-tuning: of tokens or of whole sequences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, PreTrainedModel

from equiglot.models.building import load_weights
from equiglot.models.validation import check_finite, check_unasked, missing_weights

_CLASSES = {"token": AutoModelForTokenClassification, "sequence": AutoModelForSequenceClassification}
_CLASSIFIER = "classifier"  # what all of transformers' encoders call it


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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, info = load_weights(
            _CLASSES[unit],
            folder,
            id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
            problem_type="single_label_classification",
            ignore_mismatched_sizes=True,  # a classifier of other labels
        )
        inside = f"{model.base_model_prefix}."
        unfit = {name for name in info["missing_keys"] if name.startswith(inside) and "pooler" not in name.split(".")}
        unfit |= {name for name, *_ in info["mismatched_keys"] if name.split(".")[0] != _CLASSIFIER}
        if unfit:
            raise missing_weights(model, unfit, folder)
        check_unasked(model, [name for name in info["unexpected_keys"] if not name.startswith(_CLASSIFIER)], folder)
        _draw(model)
    check_finite(model, folder)
    return model


def _draw(model: PreTrainedModel) -> None:
    """Draws the weights of the classifier, from torch's generator."""
    classifier = getattr(model, _CLASSIFIER, None)
    for module in classifier.modules() if isinstance(classifier, nn.Module) else ():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=float(getattr(model.config, "initializer_range", 0.02)))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
