"""What a model will weigh on disk, told from its shapes alone; and how many of another one's layers fit into a size."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from equiglot.errors import InputError
from equiglot.models.settings import Part, Precision, spread_layers
from equiglot.models.starting import check_part, part_config
from equiglot.models.whole import load_config

MOST_LABELS = 128
"""Labels that a classifier may have in an export of the size that is told; one that has more already, as many."""
_BYTES = 4  # of a float32
_ALIGNED = 8  # bytes, of a safetensors header
_QUANTISED = 1 + _BYTES  # the zero point and the scale: of a table, and of each output of a product
_TOLD = ("bert", "camembert", "distilbert", "electra", "modernbert", "roberta", "xlm-roberta")
"""Types of models whose exports have their own weights and no others; of DeBERTa's, products of them are written."""
_NODES = 11_000  # bytes of an exported layer besides its weights, at most: operators, names and constants
_NODES_BESIDE = 13_000  # of embeddings and head, at most; and what an export adds to tokenizer.json, to cut and pad


@dataclass(frozen=True)
class FittedPart:
    """A part of a model whose layers were chosen to fit into a size.

    Attributes:
        part: with its layers by number.
        layers: their numbers, from 0.
        of: how many there were.
        entries: of the vocabulary.
        precision: of the weights that were counted.
        needed: bytes of weights and tokenizer together: to the byte in fp32, at most so many in int8.
        budget: bytes that they may have.
    """

    part: Part
    layers: tuple[int, ...]
    of: int
    entries: int
    precision: Precision
    needed: int
    budget: int


def saved_bytes(config: PretrainedConfig) -> int:
    """The bytes of model.safetensors of a masked language model in float32, as `save_pretrained` writes it.

    A safetensors file is the length of a header in 8 bytes, the header, a JSON object padded with spaces, and the
    tensors; of those that are tied the first alone is written. No memory is taken for the weights.
    """
    model = _empty(AutoModelForMaskedLM, config)
    tied = model.all_tied_weights_keys
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items() if name not in tied}
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(shapes):
        begin, end = end, end + _BYTES * prod(shapes[name])
        header[name] = {"dtype": "F32", "shape": shapes[name], "data_offsets": [begin, end]}  # type: ignore[dict-item]
    written = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-written // _ALIGNED) * _ALIGNED + end


def exported_bytes(config: PretrainedConfig) -> int:
    """The bytes, at most, of model_int8.onnx and of what an export adds to tokenizer.json.

    They are those of the model with a classifier of words or of texts, whichever is larger, of `MOST_LABELS` labels; a
    bare encoder has fewer. A masked language model has more: its head is a second table of the vocabulary. Bytes of
    weights are exact, the others a bound, which is kept by the releases of libraries that the tests run with.

    Raises:
        InputError: a type of model whose exports were not compared with this.
    """
    if config.model_type not in _TOLD:
        raise InputError(
            f"how large a model of type {config.model_type!r} is in int8 is not known before it is exported",
            fix=f"leave out the precision int8, or use a model of one of these types: {', '.join(_TOLD)}",
        )
    labelled = deepcopy(config)
    labelled.num_labels = max(MOST_LABELS, config.num_labels or 0)
    kinds = (AutoModelForTokenClassification, AutoModelForSequenceClassification)
    weights = max(sum(_quantised_bytes(_empty(kind, labelled))) for kind in kinds)
    return weights + int(config.num_hidden_layers) * _NODES + _NODES_BESIDE


def exported_bytes_with(folder: Path, entries: int) -> int:
    """`exported_bytes` of the model in a folder if its vocabulary had so many entries."""
    return exported_bytes(_with_entries(load_config(folder), entries))


def half_bytes(folder: Path, part: Part, entries: int) -> int:
    """The bytes of a part that has every second layer, or all where none can be left out: `saved_bytes`, or
    `exported_bytes` where the part is counted in int8.

    Args:
        folder: of the model that it is a part of; only its configuration is read.
        part: its width, and the precision.
        entries: of its vocabulary.
    """
    config = load_config(folder)
    least = part.with_layers("alternate")
    try:
        check_part(config, least, where="")
    except InputError:
        least = part.with_layers("all")
    return _bytes(part_config(_with_entries(config, entries), least), part.precision)


def fit_layers(folder: Path, part: Part, *, beside: int, where: str) -> FittedPart:
    """The largest number of a model's layers with which a part of it fits into `part.fit` bytes; spread evenly.

    Args:
        folder: of the model; only its configuration is read.
        part: what is taken of it; `fit` is given, and `precision` says what is counted.
        beside: bytes of tokenizer.json.
        where: the field that is named in messages.

    Raises:
        InputError: not even one layer fits, the model is one of which no single layers, or no such width, can be
            taken, or one whose size in int8 is not known.
    """
    assert part.fit is not None
    config = load_config(folder)
    count = int(config.num_hidden_layers)
    for number in range(count, 0, -1):
        layers = spread_layers(number, count)
        fitted = part.with_layers(layers if number < count else "all")
        check_part(config, fitted, where=where)
        try:
            needed = _bytes(part_config(config, fitted), part.precision) + beside
        except InputError as error:
            raise InputError(error.what, where=where, fix=error.fix) from None
        if needed <= part.fit:
            return FittedPart(fitted, layers, count, int(config.vocab_size), part.precision, needed, part.fit)
    raise InputError(
        f"the model does not fit into {part.fit:,} bytes: with one layer and {int(config.vocab_size):,} entries "
        f"{needed:,} are the least",
        where=where,
        fix=f"give {needed:,} or more, a smaller width, or start from a model that is trimmed to fewer entries",
    )


def _bytes(config: PretrainedConfig, precision: Precision) -> int:
    return exported_bytes(config) if precision == "int8" else saved_bytes(config)


def _empty(kind: Any, config: PretrainedConfig) -> PreTrainedModel:
    """A model that takes no memory for its weights."""
    with torch.device("meta"):
        model: PreTrainedModel = kind.from_config(deepcopy(config), dtype=torch.float32)
    return model


def _quantised_bytes(model: PreTrainedModel) -> Iterator[int]:
    """The bytes of each tensor in ONNX Runtime's dynamic quantisation: matrices that are multiplied with have one for a
    weight, and a scale and a zero point for each output; tables that are looked up, one of both; others are float32."""
    yield from (each.nbytes for each in model.buffers())
    for module in model.modules():
        for kind, weights in module.named_parameters(recurse=False):
            if isinstance(module, nn.Linear) and kind == "weight":
                yield weights.numel() + _QUANTISED * len(weights)
            elif isinstance(module, nn.Embedding):
                yield weights.numel() + _QUANTISED
            else:
                yield _BYTES * weights.numel()


def _with_entries(config: PretrainedConfig, entries: int) -> PretrainedConfig:
    changed = deepcopy(config)
    changed.vocab_size = entries
    return changed
