"""Encoders: built from a recipe, loaded from a folder, saved as an ordinary Hugging Face folder."""

from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM, PreTrainedModel, PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.models.checking import check_config
from equiglot.models.settings import EncoderSettings
from equiglot.vocabulary import write_tokenizer

# What a folder of weights may hold: nothing that is executed when it is read.
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def device() -> torch.device:
    """Where models run: the GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def on_device(model: PreTrainedModel) -> PreTrainedModel:
    """`model`, moved to where models run."""
    nn.Module.to(model, device())
    return model


def build_model(settings: EncoderSettings, vocabulary_size: int, *, padding: int, seed: int) -> PreTrainedModel:
    """A masked language model as `settings` say: freshly initialised from `seed`, or loaded from `settings.folder`.

    Raises:
        InputError: the folder does not hold a masked language model of this vocabulary and length.
    """
    if settings.folder is not None:
        return _start_from(Path(settings.folder), settings.max_length, vocabulary_size)
    config = BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=settings.hidden_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.feed_forward or 4 * settings.hidden_size,
        max_position_embeddings=settings.max_length,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=settings.dropout,
        initializer_range=settings.initializer_range,
        type_vocab_size=2,
        pad_token_id=padding,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertForMaskedLM(config)


def _start_from(folder: Path, max_length: int, vocabulary_size: int) -> PreTrainedModel:
    model = load_model(folder, vocabulary_size=vocabulary_size)
    positions = int(model.config.max_position_embeddings)
    if positions < max_length:
        raise InputError(
            f"the model has {positions} positions, fewer than encoder.max_length {max_length}",
            where=folder,
            fix=f"set encoder.max_length to {positions}",
        )
    return model


def count_parameters(settings: EncoderSettings, vocabulary_size: int) -> int:
    """Parameters of the model that `build_model` would build, without building it (shared ones once)."""
    if settings.folder is not None:
        return load_model(Path(settings.folder)).num_parameters()
    with torch.device("meta"):
        return build_model(settings, vocabulary_size, padding=0, seed=0).num_parameters()


def load_model(folder: Path, *, vocabulary_size: int | None = None) -> PreTrainedModel:
    """The masked language model in a Hugging Face folder: safetensors only, no code from the folder, no network.

    Raises:
        InputError: no such folder, no config.json or one that asks for code, pickled or damaged weights, no masked-LM
            weights, another vocabulary size.
    """
    check_config(folder)
    if not any(folder.glob("*.safetensors")):
        pickled = [path.name for pattern in _PICKLES for path in folder.glob(pattern)]
        raise InputError(
            f"the weights are pickled ({', '.join(pickled)})" if pickled else "the folder has no weights",
            where=folder,
            fix="save the model with `save_pretrained`, which writes model.safetensors",
        )
    try:
        loaded = AutoModelForMaskedLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,
        )
    except Exception as error:  # a damaged folder makes transformers raise anything
        what = f"the model cannot be loaded: {str(error).strip() or type(error).__name__}"
        raise InputError(what, where=folder, fix="get or make the folder again") from error
    model, info = cast(tuple[PreTrainedModel, dict[str, Any]], loaded)
    if info["missing_keys"]:
        names = ", ".join(sorted(info["missing_keys"])[:3])
        raise InputError(f"the folder lacks weights of a masked language model ({names})", where=folder)
    size = int(model.config.vocab_size)
    if vocabulary_size is not None and size != vocabulary_size:
        raise InputError(
            f"the model knows {size:,} ids, the vocabulary has {vocabulary_size:,}",
            where=folder,
            fix="use the vocabulary that the model was trained with",
        )
    return model


def export_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes weights, configuration and tokenizer to `folder`, for `from_pretrained` to load."""
    model.save_pretrained(folder, safe_serialization=True)
    write_tokenizer(tokenizer, folder, max_length=model.config.max_position_embeddings)
