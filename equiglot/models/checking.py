"""What a model folder may not ask for: code, pickles, or weights that are laid over the model's own.

transformers follows several fields of config.json to such things, `use_safetensors` and `trust_remote_code` or not.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from equiglot.errors import InputError

_SAFE = (".safetensors", ".safetensors.index.json")
_KERNELS = ("attn_implementation", "experts_implementation")  # owner/name is native code, fetched from the hub
_RESAVE = "save the model with `save_pretrained`, which writes model.safetensors"
_AGAIN = "get or make the folder again"


def check_config(folder: Path) -> None:
    """Refuses a model folder that asks for more than safetensors and the code of transformers.

    Raises:
        InputError: no config.json or one that is no JSON object; it names code, native kernels, quantisation or weights
            of another form; pickled shards; an adapter.
    """
    config = folder / "config.json"
    if not config.is_file():
        raise InputError("this is not a model folder: it has no config.json", where=folder)
    if (folder / "adapter_config.json").exists():
        what, fix = "this folder holds an adapter, no whole model", "merge it into its model, and save that"
        raise InputError(what, where=folder / "adapter_config.json", fix=fix)
    for field, value in _fields(_read(config)):
        if found := _refused(field, value):
            what, fix = found
            raise InputError(what, where=f"{config}, field {field}", fix=fix)
    for index in folder.glob("*.index.json"):
        shards = _read(index).get("weight_map")
        pickled = [str(each) for each in shards.values() if not _is_safe(each)] if isinstance(shards, dict) else []
        if index.name.endswith(_SAFE) and pickled:
            raise InputError(f"the weights are no safetensors: {pickled[0]}", where=index, fix=_RESAVE)


def check_ids(tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel, where: str | Path) -> None:
    """Refuses a tokenizer with ids that the model does not know.

    Raises:
        InputError: there are such.
    """
    largest, known = max(tokenizer.get_vocab().values()), int(model.config.vocab_size)
    if largest >= known:
        what = f"the tokenizer has ids up to {largest:,}, the model knows only {known:,}"
        raise InputError(what, where=where, fix="get the tokenizer that the model was trained with")


def _refused(field: str, value: Any) -> tuple[str, str] | None:
    """What is wrong with a field, and what to do; None where nothing is."""
    if field == "auto_map":
        return "the model wants code of its own to be run", "use a model of an architecture that transformers has"
    if field == "quantization_config" and value is not None:
        return "the weights are quantised", "use the model as it was before, or save it dequantised"
    if field == "transformers_weights" and value is not None and not _is_safe(value):
        return f"the weights are no safetensors: {value}", _RESAVE
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


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is not JSON: {error}", where=path, fix=_AGAIN) from None
    if not isinstance(tree, dict):
        raise InputError("this is not a JSON object", where=path, fix=_AGAIN)
    return tree
