"""Weights to start from: a masked language model's, all of its layers or some of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModelForMaskedLM, PreTrainedModel

from equiglot.errors import InputError
from equiglot.models.building import load_model, prepare
from equiglot.models.settings import LayerChoice, check_layers, chosen_layers
from equiglot.models.validation import position_count

_LAYERS = {"bert": "encoder.layer", "electra": "encoder.layer", "modernbert": "layers"} | dict.fromkeys(
    ("roberta", "xlm-roberta", "camembert"), "encoder.layer"
)
"""Type of a model -> where in its encoder the layers stand, for those that layers can be taken from."""


def start_from(
    folder: Path, layers: LayerChoice, *, vocabulary_size: int | None = None, max_length: int = 0
) -> PreTrainedModel:
    """The masked language model in a folder, or one of some of its layers, with its embeddings, norms and head.

    Args:
        folder: of the model.
        layers: which are taken.
        vocabulary_size: entries that it must have.
        max_length: positions that it must have.

    Raises:
        InputError: the folder holds no masked language model, or one of another vocabulary, with fewer positions or
            without these layers.
    """
    model = load_model(folder, vocabulary_size=vocabulary_size)
    positions = position_count(model)
    if positions < max_length:
        raise InputError(
            f"the model has {positions} positions, fewer than encoder.max_length {max_length}",
            where=folder,
            fix=f"set encoder.max_length to {positions}",
        )
    return take_layers(model, layers, where=str(folder))


def take_layers(model: PreTrainedModel, layers: LayerChoice, *, where: str) -> PreTrainedModel:
    """A model of some of a model's layers; all else is the same, also which of ModernBERT's layers see all of the text.

    Raises:
        InputError: it is of a type whose layers are not known, or does not have these.
    """
    if layers == "all":
        return prepare(model)
    kind, count = model.config.model_type, int(model.config.num_hidden_layers)
    if kind not in _LAYERS:
        what, fix = f"single layers cannot be taken from a model of type {kind!r}", "take `layers: all`"
        raise InputError(what, where=where, fix=f"{fix}, or one of: {', '.join(_LAYERS)}")
    check_layers(layers, count, kind, where=where)
    chosen = chosen_layers(layers, count)
    config = _config_of(model, chosen)
    with torch.random.fork_rng(devices=[]):
        student = cast(PreTrainedModel, AutoModelForMaskedLM.from_config(config))
    student.load_state_dict(_renumbered(model, f"{model.base_model_prefix}.{_LAYERS[kind]}.", chosen))
    return prepare(student)


def _config_of(model: PreTrainedModel, chosen: Sequence[int]) -> Any:
    changed: dict[str, Any] = {"num_hidden_layers": len(chosen)}
    if types := getattr(model.config, "layer_types", None):
        changed["layer_types"] = [types[number] for number in chosen]
    return type(model.config).from_dict({**model.config.to_dict(), **changed})


def _renumbered(model: PreTrainedModel, prefix: str, chosen: Sequence[int]) -> dict[str, torch.Tensor]:
    """A model's weights without the layers that are not chosen, the others numbered anew."""
    weights = model.state_dict()
    kept = {name: each for name, each in weights.items() if not name.startswith(prefix)}
    for place, number in enumerate(chosen):
        old = f"{prefix}{number}."
        kept |= {f"{prefix}{place}.{name[len(old) :]}": weights[name] for name in weights if name.startswith(old)}
    return kept
