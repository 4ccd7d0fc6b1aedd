"""What a model folder must have, and what it may not: code, pickles, weights laid over the model's own, another kind of
model.

transformers follows several fields of config.json to such things, `use_safetensors` and `trust_remote_code` or not.
"""

import json
import math
import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import CONFIG_MAPPING, PreTrainedModel, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)

from equiglot.errors import InputError
from equiglot.models.config import read_config
from equiglot.reading import read_json_object
from equiglot.settings import MOST_LAYERS
from equiglot.vocabulary import id_count

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
# Tensor by tensor: loading and saving the model would add random weights where some are missing.
_CONVERT = (
    "import glob, torch, safetensors.torch; "
    'files = [torch.load(each, "cpu", weights_only=True) for each in glob.glob("/model/pytorch_model*.bin")]; '
    "weights = {name: each.clone() for file in files for name, each in file.items()}; "
    'safetensors.torch.save_file(weights, "/model/model.safetensors", {"format": "pt"})'
)
_SAFE = (".safetensors", ".safetensors.index.json")
# What is built one by one, in whatever architecture, and so many of it at most.
_BOUNDS = {r"layers|blocks|block_sizes|repeats|group|networks": MOST_LAYERS, r"labels|label2id|id2label": 100_000}
_CORRECT = "correct config.json, or get the folder again"
_KERNELS = ("attn_implementation", "experts_implementation")  # owner/name is native code, fetched from the hub
_POSITIONS = 512  # of a model that says nothing of them
_SPARE = 512  # ids without a token, or a hundredth of all: embeddings are filled up to round numbers
_PART = 1 << 22  # weights that are looked at together: what is computed of them takes memory, too
_RESAVE = "save the model with `save_pretrained`, which writes model.safetensors"


def check_config(folder: Path) -> None:
    """Refuses a model folder that asks for more than safetensors and the code of transformers.

    Raises:
        InputError: no config.json or one that is no JSON object; it names code, native kernels, quantisation or weights
            of another form; pickled shards; an adapter; more layers or labels than are ever built.
    """
    config = folder / "config.json"
    if not config.is_file():
        fix = "give a Hugging Face folder, as `save_pretrained` writes it"
        raise InputError("this is not a model folder: it has no config.json", where=folder, fix=fix)
    if (folder / "adapter_config.json").exists():
        what, fix = "this folder holds an adapter, no whole model", "merge it into its model, and save that"
        raise InputError(what, where=folder / "adapter_config.json", fix=fix)
    for field, value in _fields(read_config(folder)):
        if found := _refused(field, value):
            what, fix = found
            raise InputError(what, where=f"{config}, field {field}", fix=fix)
    for index in folder.glob("*.index.json"):
        shards = read_json_object(index).get("weight_map")
        pickled = [str(each) for each in shards.values() if not _is_safe(each)] if isinstance(shards, dict) else []
        if index.name.endswith(_SAFE) and pickled:
            raise InputError(f"the weights are no safetensors: {pickled[0]}", where=index, fix=_RESAVE)


def weight_files(folder: Path) -> list[str]:
    """The names of the files in a model folder that its weights are read from, the index of shards among them.

    Raises:
        InputError: there are none; they are pickled; a shard is missing or lies elsewhere.
    """
    named = read_config(folder).get("transformers_weights")
    usual = ("model.safetensors", "model.safetensors.index.json")
    file = next((name for name in ([named] if named else usual) if (folder / name).is_file()), None)
    if file is None:
        raise _no_weights(folder)
    shards = read_json_object(folder / file).get("weight_map") if file.endswith(".json") else {}
    names = [file, *sorted({str(name) for name in shards.values()} if isinstance(shards, dict) else ())]
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise InputError(f"some of the weights are not in the folder itself: {name}", where=folder, fix=_RESAVE)
    return names


def weight_bytes(folder: Path) -> int:
    """The bytes of `weight_files`: of the model's own weights, whatever else its folder has."""
    return sum((folder / name).stat().st_size for name in weight_files(folder))


def _no_weights(folder: Path) -> InputError:
    if (folder / "export.json").is_file():
        what, fix = "this folder is an export, without a model's weights", "name the model that it was exported from"
        return InputError(what, where=folder, fix=fix)
    pickled = [path.name for pattern in _PICKLES for path in sorted(folder.glob(pattern))]
    if not pickled:
        return InputError("the folder has no weights", where=folder, fix=_RESAVE)
    fix = conversion(folder) if any(folder.glob("pytorch_model*.bin")) else _RESAVE
    return InputError(f"the weights are pickled ({', '.join(pickled)})", where=folder, fix=fix)


def conversion(folder: Path) -> str:
    """How pickled weights become safetensors where what a pickle does can do no harm."""
    sandbox = ["docker", "run", "--rm", "--network", "none", "-v", f"{folder.resolve()}:/model", "IMAGE"]
    command = shlex.join([*sandbox, "python", "-c", _CONVERT])
    return f"convert them in a sandbox, such as (IMAGE: any with torch and safetensors)\n         {command}"


def check_ids(tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel, where: str | Path) -> None:
    """Refuses a tokenizer that the model was not trained with, as far as numbers show it.

    Raises:
        InputError: it has ids that the model does not know, or far fewer; it pads with another id than the model, which
            counts positions from behind it.
    """
    fix = "get the tokenizer that the model was trained with"
    largest, known = id_count(tokenizer) - 1, int(model.config.vocab_size)
    if largest >= known:
        what = f"the tokenizer has ids up to {largest:,}, the model knows only {known:,}"
        raise InputError(what, where=where, fix=fix)
    if known - largest - 1 > max(_SPARE, known // 100):
        what = f"the tokenizer has ids only up to {largest:,}, the model knows {known:,}"
        raise InputError(what, where=where, fix=fix)
    positions, padding = position_table(model), tokenizer.pad_token_id
    if positions is not None and padding is not None and positions.padding_idx not in (None, padding):
        what = f"the tokenizer pads with id {padding}, the model with id {positions.padding_idx}"
        raise InputError(what, where=where, fix=fix)


def position_table(model: PreTrainedModel) -> nn.Embedding | None:
    """The embeddings of a model's positions, where it has them (not all do); RoBERTa counts from behind its padding."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return module
    return None


def position_count(model: PreTrainedModel) -> int:
    """How many tokens the model has positions for: RoBERTa fewer than it has embeddings of them."""
    table = position_table(model)
    if table is None:
        return int(getattr(model.config, "max_position_embeddings", _POSITIONS))
    return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)


def _refused(field: str, value: Any) -> tuple[str, str] | None:
    """What is wrong with a field, and what to do; None where nothing is."""
    if field == "auto_map":
        return "the model wants code of its own to be run", "use a model of an architecture that transformers has"
    if field == "quantization_config" and value is not None:
        return "the weights are quantised", "use the model as it was before, or save it dequantised"
    if field == "transformers_weights" and value is not None and not _is_safe(value):
        return f"the weights are no safetensors: {value}", _RESAVE
    if isinstance(value, float) and not math.isfinite(value):
        return f"a number is infinite or none: {value}", _CORRECT
    if found := next((most for words, most in _BOUNDS.items() if re.search(words, field)), None):
        counts = value if isinstance(value, list) else [len(value)] if isinstance(value, dict) else [value]
        if len(counts) > found or any(isinstance(each, int | float) and each > found for each in counts):
            return f"more than {found:,} of these are not built", _CORRECT
    if any(each in field for each in _KERNELS) and "/" in json.dumps(value):
        return f"the model wants native code from the hub to be run: {value}", f"write null for {field}"
    return None


def _is_safe(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(_SAFE)


def _fields(tree: Any) -> Iterator[tuple[str, Any]]:
    """Every field and its value, those of configurations inside of it, too."""
    inside = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    yield from tree.items() if isinstance(tree, dict) else ()
    for each in inside:
        yield from _fields(each)


def check_finite(model: PreTrainedModel, where: str | Path) -> None:
    """Refuses a model with a weight that is infinite or no number.

    Raises:
        InputError: there is one.
    """
    for name, weights in model.state_dict().items():
        parts = weights.flatten().split(_PART) if weights.is_floating_point() else ()
        if not all(torch.isfinite(part).all() for part in parts):
            what, fix = f"a weight is infinite or not a number: {name}", "get or make the folder again"
            raise InputError(what, where=where, fix=fix)


# What checkpoints of masked language models have beside them: a layer on [CLS], the other half of BERT's and ALBERT's
# pretraining (is this the next sentence?), and buffers that older versions of transformers saved.
_BESIDE = ("pooler", "seq_relationship", "sop_classifier", "position_ids", "token_type_ids", "inv_freq")
_INSTEAD = "use a masked language model (BERT, RoBERTa, ModernBERT and their like)"


def check_kind(folder: Path) -> None:
    """Refuses a model that is no masked language model by what its config.json says.

    Raises:
        InputError: a model that writes, an encoder with a decoder, or one that transformers does not know.
    """
    config = read_config(folder)
    kind, where = config.get("model_type"), f"{folder / 'config.json'}, field model_type"
    if not isinstance(kind, str):
        fix = 'write it there if you know it, such as "model_type": "bert"'
        raise InputError("the configuration does not say what kind of model it is", where=where, fix=fix)
    if config.get("is_encoder_decoder") or kind in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        raise InputError(f"this model ({kind}) is an encoder with a decoder", where=where, fix=_INSTEAD)
    writes = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if config.get("is_decoder") or writes:
        what = f"this model ({kind}) is a decoder: it reads from left to right and cannot fill a gap"
        raise InputError(what, where=where, fix=_INSTEAD)
    if kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        known = kind in CONFIG_MAPPING
        what = (
            "models of type {!r} are no masked language models"
            if known
            else "transformers knows no models of type {!r}"
        )
        raise InputError(what.format(kind), where=where, fix=_INSTEAD)


def missing_weights(model: PreTrainedModel, missing: Collection[str], folder: Path) -> InputError:
    """What to say of a folder that lacks weights of `model`: usually those that turn hidden states into words."""
    first, *others = sorted(missing)
    some = f"{first} and {len(others)} more" if others else first
    if any(name.startswith(f"{model.base_model_prefix}.") for name in missing):
        what = f"the folder lacks weights of its model ({some})"
        return InputError(what, where=folder, fix="get or make the folder again")
    named = read_config(folder).get("architectures") or ["encoder"]
    return InputError(
        f"the head of a masked language model is missing ({some}): the configuration names a {named[0]}",
        where=folder,
        fix=f"get the model as it was pretrained, with its head (a {type(model).__name__})",
    )


def is_beside(name: str) -> bool:
    """Whether weights of this name may be dropped: a pooler's, a head's for pairs of sentences, a buffer."""
    return bool({*name.split(".")} & {*_BESIDE})


def check_unasked(model: PreTrainedModel, unexpected: Iterable[str], folder: Path) -> None:
    """Refuses weights in a folder that `model`, which its configuration describes, has no place for.

    They would be dropped, and the model would not be the one that was saved: layers beyond `num_hidden_layers`, say.
    Dropped in silence are a pooler, BERT's and ALBERT's heads for pairs of sentences, buffers, and other heads: what
    masked words do not depend on.

    Raises:
        InputError: there are such weights, in the encoder or in its masked-LM head.
    """
    parts = {name for each in (model, model.base_model) for name, _ in each.named_children()}
    within = {name: name.removeprefix(f"{model.base_model_prefix}.") for name in sorted(unexpected)}
    own = [name for name, inside in within.items() if inside.split(".")[0] in parts and not is_beside(name)]
    if own:
        some = f"{own[0]} and {len(own) - 1} more" if len(own) > 1 else own[0]
        raise InputError(
            f"the folder has weights that its config.json does not ask for ({some})",
            where=folder,
            fix="correct config.json (the number of layers, say), or get the folder again",
        )
