"""A model folder as the model that was saved there, whatever its head: for what concerns a model as a whole."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, PretrainedConfig, PreTrainedModel

from equiglot.errors import InputError
from equiglot.models.building import load_weights
from equiglot.models.validation import check_finite, check_unasked, is_beside


def load_config(folder: Path) -> PretrainedConfig:
    """The configuration of a model folder, with all that its class adds to config.json.

    Raises:
        InputError: it is damaged.
    """
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged file makes transformers raise anything
        what, fix = f"the configuration cannot be read: {error}", "get or make the folder again"
        raise InputError(what, where=folder / "config.json", fix=fix) from error
    return config


def model_classes(config: PretrainedConfig) -> list[Any]:
    """The classes that can stand for a model: what its configuration names, with a masked-LM head, bare."""
    named = [getattr(transformers, str(name), None) for name in config.architectures or ()]
    own = [each for each in named if isinstance(each, type) and issubclass(each, PreTrainedModel)]
    return [*own, AutoModelForMaskedLM, AutoModel]


def empty_models(config: PretrainedConfig) -> Iterator[PreTrainedModel]:
    """The model in each of its forms, without memory for its weights."""
    for each in model_classes(config):
        build = each.from_config if hasattr(each, "from_config") else each._from_config
        with torch.device("meta"):
            yield build(deepcopy(config))


def load_whole(folder: Path) -> PreTrainedModel:
    """A model as `load_as_saved` gives it, its weights aligned in memory and looked at.

    Raises:
        InputError: as `load_as_saved`; or a weight is infinite.
    """
    model = load_as_saved(folder)
    check_finite(model, folder)
    _realign(model)
    return model


def load_as_saved(folder: Path) -> PreTrainedModel:
    """A model as the class that its weights fill: its own, else with a masked-LM head, else bare; fp32, evaluating.

    A bare model may lack its pooler: hidden states do not depend on it.

    Raises:
        InputError: none fits; a head is there in part; or weights that the configuration has no place for.
    """
    refused: InputError | None = None
    heads: set[str] = set()
    for each in model_classes(load_config(folder)):
        try:
            model, info = load_weights(each, folder)
        except InputError as error:
            refused = refused or error
            continue
        bare = model is model.base_model
        missing = sorted(name for name in info["missing_keys"] if not (bare and "pooler" in name))
        if missing:
            what = f"the folder lacks weights of its {type(model).__name__} ({missing[0]})"
            refused = refused or InputError(what, where=folder, fix="get or make the folder again")
            heads |= {name for name, _ in model.named_children()} - {model.base_model_prefix}
            continue
        if refused and any(name.split(".")[0] in heads and not is_beside(name) for name in info["unexpected_keys"]):
            raise refused
        check_unasked(model, info["unexpected_keys"], folder)
        model.eval()
        return model
    assert refused is not None  # there are always classes to try
    raise refused


def _realign(model: PreTrainedModel) -> None:
    """Where a file puts weights in memory decides which kernels compute with them, and so how sums are rounded. The
    largest table is only looked up, and need not be in memory twice."""
    table = model.get_input_embeddings().weight
    for weights in model.parameters():
        if weights is not table:
            weights.data = weights.data.clone()
