"""Encoders: built from a recipe, loaded from a folder, saved as an ordinary Hugging Face folder."""

from bisect import bisect_right
from collections.abc import Iterable
from inspect import signature
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModelForMaskedLM, PreTrainedModel, PreTrainedTokenizerFast

from equiglot.errors import InputError, known_refusal
from equiglot.models.configuring import configure
from equiglot.models.cpu import prepare_for_cpu
from equiglot.models.devices import device
from equiglot.models.settings import EncoderSettings
from equiglot.models.validation import (
    check_config,
    check_finite,
    check_kind,
    check_unasked,
    missing_weights,
    position_count,
    position_table,
    weight_files,
)
from equiglot.vocabulary import write_tokenizer

_WIDTH_STEP = 8


def prepare(model: PreTrainedModel) -> PreTrainedModel:
    """`model`, with what makes its training quick where models run."""
    if device().type == "cpu":
        prepare_for_cpu(model)
    return model


def build_model(settings: EncoderSettings, vocabulary_size: int, *, padding: int, seed: int) -> PreTrainedModel:
    """A masked language model as `settings` say, freshly initialised from `seed`.

    Raises:
        InputError: as `resolve_encoder`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return prepare(_fresh(resolve_encoder(settings, vocabulary_size), vocabulary_size, padding))


def _fresh(settings: EncoderSettings, vocabulary_size: int, padding: int) -> PreTrainedModel:
    config = configure(settings, vocabulary_size, padding)
    return cast(PreTrainedModel, AutoModelForMaskedLM.from_config(config))


def count_parameters(settings: EncoderSettings, vocabulary_size: int) -> int:
    """Parameters of the model that `build_model` would build, without building it (shared ones once)."""
    with torch.device("meta"):
        return _fresh(resolve_encoder(settings, vocabulary_size), vocabulary_size, 0).num_parameters()


def resolve_encoder(settings: EncoderSettings, vocabulary_size: int) -> EncoderSettings:
    """The settings with `embedding_size` in place of `parameters`; they stay as they are where that is not given.

    The embeddings are as wide as the number of parameters allows, never wider than the layers: a multiple of 8, which
    matrix products like, or `hidden_size`.

    Raises:
        InputError: the encoder is too large even with the narrowest embeddings.
    """
    if settings.parameters is None:
        return settings
    widths = [*range(_WIDTH_STEP, settings.hidden_size, _WIDTH_STEP), settings.hidden_size]
    choices = [settings.model_copy(update={"embedding_size": width, "parameters": None}) for width in widths]
    # The widest is tried by itself: it needs no projection to the layers' width and can be smaller than the next.
    if count_parameters(choices[-1], vocabulary_size) <= settings.parameters:
        return choices[-1]
    fitting = bisect_right(choices[:-1], settings.parameters, key=lambda each: count_parameters(each, vocabulary_size))
    if not fitting:
        least = count_parameters(choices[0], vocabulary_size)
        raise InputError(
            f"an encoder of these layers and {vocabulary_size:,} entries has {least:,} parameters even with embeddings "
            f"of width {widths[0]}",
            where=f"encoder.parameters {settings.parameters:,}",
            fix=f"give {least:,} or more, or make the layers or the vocabulary smaller",
        )
    return choices[fitting - 1]


def load_weights(kind: Any, folder: Path, **options: Any) -> tuple[PreTrainedModel, dict[str, Any]]:
    """A model in a Hugging Face folder, float32, and what transformers says of names that are missing or left over.

    Args:
        kind: the class of transformers that is asked for it.
        folder: safetensors only, no code is run from it, no network asked.
        options: given to `from_pretrained` besides.

    Raises:
        InputError: no such folder, no config.json or one that asks for code, a model of another kind, pickled or
            damaged weights.
    """
    check_config(folder)
    check_kind(folder)
    weight_files(folder)
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    try:
        loaded = kind.from_pretrained(folder, **safe, output_loading_info=True, dtype=torch.float32, **options)
    except Exception as error:  # a damaged folder makes transformers raise anything
        what = f"the model cannot be loaded: {str(error).strip() or type(error).__name__}"
        fix = "get or make the folder again"
        raise known_refusal(error, folder) or InputError(what, where=folder, fix=fix) from error
    return cast(tuple[PreTrainedModel, dict[str, Any]], loaded)


def load_model(folder: Path, *, vocabulary_size: int | None = None) -> PreTrainedModel:
    """The masked language model in a Hugging Face folder: safetensors only, no code from the folder, no network.

    Raises:
        InputError: no such folder, no config.json or one that asks for code, a model of another kind, pickled or
            damaged weights, no masked-LM head, weights that the configuration has no place for, an infinite one,
            another vocabulary size.
    """
    model, info = load_weights(AutoModelForMaskedLM, folder)
    if info["missing_keys"]:
        raise missing_weights(model, info["missing_keys"], folder)
    check_unasked(model, info["unexpected_keys"], folder)
    check_finite(model, folder)
    size = int(model.config.vocab_size)
    if vocabulary_size is not None and size != vocabulary_size:
        raise InputError(
            f"the model knows {size:,} ids, the vocabulary has {vocabulary_size:,}",
            where=folder,
            fix="use the vocabulary that the model was trained with",
        )
    return model


def freeze_parts(model: PreTrainedModel, parts: Iterable[str]) -> None:
    """Takes `positions`, or all `embeddings` and what is tied to them, out of a model's training.

    Raises:
        InputError: the model has no embeddings of positions.
    """
    for part in parts:
        frozen = position_table(model) if part == "positions" else model.base_model.get_submodule("embeddings")
        if frozen is None:
            what = f"models of type {model.config.model_type!r} have no embeddings of positions that could be frozen"
            raise InputError(what, fix="leave positions out")
        frozen.requires_grad_(False)


def export_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes weights, configuration and tokenizer to `folder`, for `from_pretrained` to load."""
    model.save_pretrained(folder, safe_serialization=True)
    inputs = [name for name in tokenizer.model_input_names if name in signature(model.forward).parameters]
    write_tokenizer(tokenizer, folder, max_length=position_count(model), inputs=inputs)
