"""Weights to start from: a masked language model's, all of its layers or some, in all of their width or less."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModelForMaskedLM, PretrainedConfig, PreTrainedModel

from equiglot.errors import InputError
from equiglot.models.building import load_model, prepare
from equiglot.models.narrowing import check_narrowing, narrow_config, narrow_model
from equiglot.models.settings import LayerChoice, Part, check_layers, chosen_layers
from equiglot.models.validation import position_count

_LAYERS = {"modernbert": "layers", "distilbert": "transformer.layer"} | dict.fromkeys(
    ("bert", "electra", "roberta", "xlm-roberta", "camembert", "deberta-v2"), "encoder.layer"
)
"""Type of a model -> where in its encoder the layers stand, for those that layers can be taken from."""


def start_from(folder: Path, part: Part, *, vocabulary_size: int | None = None, max_length: int = 0) -> PreTrainedModel:
    """The masked language model in a folder, or one of a part of it, with its embeddings, norms and head.

    Args:
        folder: of the model.
        part: what is taken.
        vocabulary_size: entries that it must have.
        max_length: positions that it must have.

    Raises:
        InputError: the folder holds no masked language model, or one of another vocabulary, with fewer positions or
            without such a part.
    """
    model = load_model(folder, vocabulary_size=vocabulary_size)
    positions = position_count(model)
    if positions < max_length:
        raise InputError(
            f"the model has {positions} positions, fewer than encoder.max_length {max_length}",
            where=folder,
            fix=f"set encoder.max_length to {positions}",
        )
    return take_part(model, part, where=str(folder))


def take_part(model: PreTrainedModel, part: Part, *, where: str) -> PreTrainedModel:
    """A part of a model as a model: some of its layers, some of their width.

    Raises:
        InputError: its type is one of which no such part can be taken, or it does not have it.
    """
    check_part(model.config, part, where=where)
    taken = _take_layers(model, part.layers)
    return prepare(taken if part.width is None else narrow_model(taken, part.width, part.by, where=where))


def check_part(config: PretrainedConfig, part: Part, *, where: str) -> None:
    """Refuses a part that cannot be taken of a model, whose weights are not looked at.

    Raises:
        InputError: as `take_part`.
    """
    if part.layers != "all":
        kind = config.model_type
        if kind not in _LAYERS:
            what, fix = f"single layers cannot be taken from a model of type {kind!r}", "take `layers: all`"
            raise InputError(what, where=where, fix=f"{fix}, or one of: {', '.join(_LAYERS)}")
        check_layers(part.layers, int(config.num_hidden_layers), kind, where=where)
    if part.width is not None:
        check_narrowing(config, part.width, where=where)


def part_config(config: PretrainedConfig, part: Part) -> PretrainedConfig:
    """The configuration of a part that can be taken (`check_part`)."""
    chosen = chosen_layers(part.layers, int(config.num_hidden_layers))
    taken = config if part.layers == "all" else _config_of(config, chosen)
    return taken if part.width is None else narrow_config(taken, part.width)


def _take_layers(model: PreTrainedModel, layers: LayerChoice) -> PreTrainedModel:
    """A model of some of a model's layers; all else is the same, also which of ModernBERT's see all of the text."""
    if layers == "all":
        return model
    kind, count = model.config.model_type, int(model.config.num_hidden_layers)
    chosen = chosen_layers(layers, count)
    config = _config_of(model.config, chosen)
    with torch.random.fork_rng(devices=[]):
        student = cast(PreTrainedModel, AutoModelForMaskedLM.from_config(config))
    student.load_state_dict(_renumbered(model, f"{model.base_model_prefix}.{_LAYERS[kind]}.", chosen))
    return student


def _config_of(config: PretrainedConfig, chosen: Sequence[int]) -> PretrainedConfig:
    changed: dict[str, Any] = {"num_hidden_layers": len(chosen)}
    if types := getattr(config, "layer_types", None):
        changed["layer_types"] = [types[number] for number in chosen]
    return type(config).from_dict({**config.to_dict(), **changed})


def _renumbered(model: PreTrainedModel, prefix: str, chosen: Sequence[int]) -> dict[str, torch.Tensor]:
    """A model's weights without the layers that are not chosen, the others numbered anew."""
    weights = model.state_dict()
    kept = {name: each for name, each in weights.items() if not name.startswith(prefix)}
    for place, number in enumerate(chosen):
        old = f"{prefix}{number}."
        kept |= {f"{prefix}{place}.{name[len(old) :]}": weights[name] for name in weights if name.startswith(old)}
    return kept
