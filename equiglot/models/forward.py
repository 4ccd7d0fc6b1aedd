"""The forward pass: hidden states for every token, logits only where they count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from equiglot.errors import InputError
from equiglot.masking import Batch
from equiglot.models.devices import move_array

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_GELU = nn.GELU()  # RoBERTa applies it as a function, which has no name to be found by

# Where each architecture keeps what turns hidden states into logits: a transformation in parts, then the projection.
_BERT = (("cls.predictions.transform",), "cls.predictions.decoder")
_ROBERTA = (("lm_head.dense", _GELU, "lm_head.layer_norm"), "lm_head.decoder")
_HEADS = {
    "bert": _BERT,
    "camembert": _ROBERTA,
    "deberta-v2": _BERT,
    "distilbert": (("vocab_transform", "activation", "vocab_layer_norm"), "vocab_projector"),
    "electra": (("generator_predictions",), "generator_lm_head"),
    "modernbert": (("head",), "decoder"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}


# Where each architecture's layers stand, and what makes queries, keys and values in each: three projections or one.
_QKV = ("attention.self.query", "attention.self.key", "attention.self.value")
_ATTENTION = {
    "bert": ("encoder.layer", _QKV),
    "camembert": ("encoder.layer", _QKV),
    "deberta-v2": ("encoder.layer", tuple(f"{name}_proj" for name in _QKV)),
    "distilbert": ("transformer.layer", ("attention.q_lin", "attention.k_lin", "attention.v_lin")),
    "electra": ("encoder.layer", _QKV),
    "modernbert": ("layers", ("attn.Wqkv",)),
    "roberta": ("encoder.layer", _QKV),
    "xlm-roberta": ("encoder.layer", _QKV),
}

SHAPE_STEP = 16
"""Rows of a matrix product are filled up to a multiple of this: products are compiled for each shape, and few shapes
are compiled once and kept. On a CPU that makes a step of a small model a third faster, and keeps memory flat."""


@dataclass(frozen=True)
class TensorBatch:
    """A `Batch` as tensors on the model's device.

    Attributes:
        inputs: int64 [rows, width].
        attention: bool [rows, width], true at real tokens; None where nothing is padding.
        targets: int64 [m], indices into the flattened inputs.
        gold: int64 [m].
        languages: int64 [m], the language of each target.
    """

    inputs: Tensor
    attention: Tensor | None
    targets: Tensor
    gold: Tensor
    languages: Tensor


def to_tensors(batch: Batch, device: torch.device) -> TensorBatch:
    """Moves a batch to `device`."""
    attention = None
    if batch.padded:
        attention = move_array(np.arange(batch.inputs.shape[1]) < batch.lengths[:, None], device)
    return TensorBatch(
        inputs=move_array(batch.inputs, device),
        attention=attention,
        targets=move_array(batch.targets, device),
        gold=move_array(batch.gold, device),
        languages=move_array(batch.languages[batch.target_rows], device),
    )


@dataclass(frozen=True)
class Inside:
    """What stands inside of a model when it has read a batch.

    Attributes:
        layers: float [rows, width, hidden] each: the embeddings, and the hidden states after each layer.
        attention: float [rows, width, hidden] each: queries, keys and values of the last layer, all heads side by side,
            before positions are rotated into them.
    """

    layers: tuple[Tensor, ...]
    attention: tuple[Tensor, ...]


@dataclass(frozen=True)
class Outputs:
    """What a model makes of a batch.

    Attributes:
        logits: float32 [m, |V|], at the targets only.
        states: float [rows, width, hidden], the last hidden states; None of models whose head is not known.
        inside: where it is asked for.
    """

    logits: Tensor
    states: Tensor | None
    inside: Inside | None = None


def hidden_states(model: PreTrainedModel, batch: TensorBatch) -> Tensor:
    """Last hidden states, float [rows, width, hidden]."""
    output = model.base_model(input_ids=batch.inputs, attention_mask=batch.attention)
    states: Tensor = output.last_hidden_state
    return states


def states_inside(model: PreTrainedModel, batch: TensorBatch) -> tuple[Tensor, Inside]:
    """Last hidden states, float [rows, width, hidden], and what stands before them.

    Raises:
        InputError: an architecture that we do not know.
    """
    kind, base = model.config.model_type, model.base_model
    if kind not in _ATTENTION:
        what = f"the inside of models of type {kind!r} is not known"
        raise InputError(
            what, fix=f"leave the terms `layers` and `relations` out, or use one of: {', '.join(_ATTENTION)}"
        )
    place, names = _ATTENTION[kind]
    last = base.get_submodule(f"{place}.{int(model.config.num_hidden_layers) - 1}")
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda module, inputs, output: seen.__setitem__(name, output)

    handles = [last.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    try:
        output = base(input_ids=batch.inputs, attention_mask=batch.attention, output_hidden_states=True)
    finally:
        for handle in handles:
            handle.remove()
    attention = tuple(seen[name] for name in names)
    if len(attention) == 1:
        attention = attention[0].chunk(3, dim=-1)
    return output.last_hidden_state, Inside(tuple(output.hidden_states), attention)


def outputs(model: PreTrainedModel, batch: TensorBatch, *, inside: bool = False) -> Outputs:
    """Hidden states, and logits at the targets: the projection to the vocabulary is skipped everywhere else.

    Args:
        model: a masked language model.
        batch: what it reads.
        inside: whether what stands inside of it is asked for, too (`states_inside`).
    """
    if not _has_known_head(model):
        return Outputs(_selected_logits(model, batch).float(), None)
    prepare, project = head_parts(model)
    count = len(batch.targets)
    targets = functional.pad(batch.targets, (0, -count % SHAPE_STEP))
    states, known = states_inside(model, batch) if inside else (hidden_states(model, batch), None)
    logits: Tensor = project(prepare(states.flatten(0, 1)[targets]))[:count]
    return Outputs(logits.float(), states, known)


def target_logits(model: PreTrainedModel, batch: TensorBatch) -> Tensor:
    """Logits at the targets, float32 [m, |V|]."""
    return outputs(model, batch).logits


def _selected_logits(model: PreTrainedModel, batch: TensorBatch) -> Tensor:
    """The same for any architecture: whatever enters the projection is first cut down to the targets.

    A model without a projection of its own, or one that uses it otherwise, makes all its logits.
    """

    def select(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        states, *others = inputs
        at_every_token = states.shape[:-1] == batch.inputs.shape
        return (states.flatten(0, 1)[batch.targets] if at_every_token else states, *others)

    projection = model.get_output_embeddings()
    handle = None if projection is None else projection.register_forward_pre_hook(select)
    try:
        logits: Tensor = model(input_ids=batch.inputs, attention_mask=batch.attention).logits
    finally:
        if handle is not None:
            handle.remove()
    return logits.flatten(0, 1)[batch.targets] if logits.shape[:-1] == batch.inputs.shape else logits


def head_parts(model: PreTrainedModel) -> tuple[nn.Module, nn.Linear]:
    """The masked-LM head in its two parts: what prepares a hidden state, and the projection to the vocabulary.

    What is prepared has the projection's `in_features`, not always the width of the hidden states.

    Raises:
        InputError: an architecture that we do not know.
    """
    if not _has_known_head(model):
        raise InputError(
            f"masked language models of type {model.config.model_type!r} are not supported",
            fix=f"use one of: {', '.join(_HEADS)}",
        )
    prepare, project = _HEADS[model.config.model_type]
    parts = (part if isinstance(part, nn.Module) else model.get_submodule(part) for part in prepare)
    return nn.Sequential(*parts), cast(nn.Linear, model.get_submodule(project))


def _has_known_head(model: PreTrainedModel) -> bool:
    """Whether `head_parts` knows it; the newer of DeBERTa's two heads projects without a module."""
    return model.config.model_type in _HEADS and getattr(model.config, "legacy", True)
