"""What a model will weigh on disk, told from its shapes alone; and how many of another one's layers fit into a size."""

import json
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from transformers import AutoModelForMaskedLM, PretrainedConfig

from equiglot.errors import InputError
from equiglot.models.settings import Part, spread_layers
from equiglot.models.starting import check_part, part_config
from equiglot.models.trimming import load_config

_BYTES = 4  # of a float32
_ALIGNED = 8  # bytes, of a safetensors header


@dataclass(frozen=True)
class FittedPart:
    """A part of a model whose layers were chosen to fit into a size.

    Attributes:
        part: with its layers by number.
        layers: their numbers, from 0.
        of: how many there were.
        entries: of the vocabulary.
        needed: bytes of model.safetensors and tokenizer.json together.
        budget: bytes that they may have.
    """

    part: Part
    layers: tuple[int, ...]
    of: int
    entries: int
    needed: int
    budget: int


def saved_bytes(config: PretrainedConfig) -> int:
    """The bytes of model.safetensors of a masked language model in float32, as `save_pretrained` writes it.

    A safetensors file is the length of a header in 8 bytes, the header, a JSON object padded with spaces, and the
    tensors; of those that are tied the first alone is written. No memory is taken for the weights.
    """
    with torch.device("meta"):
        model = AutoModelForMaskedLM.from_config(deepcopy(config), dtype=torch.float32)
    tied = model.all_tied_weights_keys
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items() if name not in tied}
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(shapes):
        begin, end = end, end + _BYTES * prod(shapes[name])
        header[name] = {"dtype": "F32", "shape": shapes[name], "data_offsets": [begin, end]}  # type: ignore[dict-item]
    written = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-written // _ALIGNED) * _ALIGNED + end


def half_bytes(folder: Path, part: Part, entries: int) -> int:
    """The bytes of model.safetensors of a part that has every second layer, or all where none can be left out.

    Args:
        folder: of the model that it is a part of; only its configuration is read.
        part: its width.
        entries: of its vocabulary.
    """
    config = load_config(folder)
    least = part.model_copy(update={"layers": "alternate", "fit": None})
    try:
        check_part(config, least, where="")
    except InputError:
        least = least.model_copy(update={"layers": "all"})
    return saved_bytes(part_config(_with_entries(config, entries), least))


def fit_layers(folder: Path, part: Part, *, beside: int, where: str) -> FittedPart:
    """The largest number of a model's layers with which a part of it fits into `part.fit` bytes; spread evenly.

    Args:
        folder: of the model; only its configuration is read.
        part: what is taken of it; `fit` is given.
        beside: bytes of tokenizer.json.
        where: the field that is named in messages.

    Raises:
        InputError: not even one layer fits, or the model is one of which no single layers, or no such width, can be
            taken.
    """
    assert part.fit is not None
    config = load_config(folder)
    count = int(config.num_hidden_layers)
    for number in range(count, 0, -1):
        layers = spread_layers(number, count)
        fitted = part.model_copy(update={"layers": layers if number < count else "all", "fit": None})
        check_part(config, fitted, where=where)
        needed = saved_bytes(part_config(config, fitted)) + beside
        if needed <= part.fit:
            return FittedPart(fitted, layers, count, int(config.vocab_size), needed, part.fit)
    raise InputError(
        f"the model does not fit into {part.fit:,} bytes: with one layer and {int(config.vocab_size):,} entries "
        f"{needed:,} are the least",
        where=where,
        fix=f"give {needed:,} or more, a smaller width, or start from a model that is trimmed to fewer entries",
    )


def _with_entries(config: PretrainedConfig, entries: int) -> PretrainedConfig:
    changed = deepcopy(config)
    changed.vocab_size = entries
    return changed
