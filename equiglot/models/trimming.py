"""A model folder with fewer vocabulary entries: tensors that have a row for each are cut, all others stay as they are.

Weights are cut file by file and tensor by tensor, without building the model: a head of whatever kind stays, in its
precision, and nothing is initialised anew.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from equiglot.errors import InputError
from equiglot.files import write_json
from equiglot.models.config import read_config
from equiglot.models.heads import PARSER_CONFIG, PARSER_WEIGHTS
from equiglot.models.validation import (
    check_config,
    check_kind,
    position_count,
    position_table,
    weight_files,
)
from equiglot.models.whole import empty_models, load_config
from equiglot.reading import read_json_object

Integers = npt.NDArray[np.int64]
# DeBERTa-v3 was published with a head under names that transformers' own model does not have.
_BESIDE = {"lm_predictions.lm_head.bias": 0}
_OF_SENTENCE_TRANSFORMERS = ("config_sentence_transformers.json", "sentence_bert_config.json", "modules.json")
_FIX = "use a model of an architecture that transformers has, as `save_pretrained` writes it"


def check_trimmable(folder: Path) -> None:
    """Refuses a folder whose model cannot be trimmed, before anything is read of any text.

    Raises:
        InputError: what `check_config`, `check_kind` and `weight_files` refuse; or a tensor that has to do with the
            vocabulary, and in what way is not known.
    """
    check_config(folder)
    check_kind(folder)
    known, size = _known_axes(folder), vocabulary_size(folder)
    for path in _weights(folder):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - the file is no mapping
                _axis(name, file.get_slice(name).get_shape(), known, size, path)


def ids_that_stay(folder: Path) -> range:
    """The ids that must keep their numbers: models of RoBERTa's kind count positions from their padding's id on."""
    table = position_table(next(empty_models(load_config(folder))))
    return range(0) if table is None or table.padding_idx is None else range(table.padding_idx + 1)


def longest_input(folder: Path) -> int:
    """How many tokens a model reads at once, as far as its configuration says it."""
    return position_count(next(empty_models(load_config(folder))))


def vocabulary_bytes(folder: Path) -> tuple[int, int]:
    """The bytes of a model's files of weights: for each vocabulary entry, and of all that does not depend on them."""
    known, size = _known_axes(folder), vocabulary_size(folder)
    rows = others = 0
    for path in _weights(folder):
        others += path.stat().st_size
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118
                tensor = file.get_tensor(name)
                axis = _axis(name, list(tensor.shape), known, size, path)
                if axis is not None:
                    rows += tensor.nbytes // size
                    others -= tensor.nbytes
    return rows, others


def trim_weights(folder: Path, kept: Integers, into: Path) -> None:
    """Writes the weights and the configuration of `folder` to `into`, with the rows of the entries `kept` alone.

    Row i of the new embeddings is row `kept[i]` of the old ones, bit by bit; so are the rows of a masked-LM head and of
    its bias, tied to the embeddings or not. Every other tensor is written as it was read. Special ids in the
    configuration are renumbered; one that no entry has any more becomes null.

    Args:
        folder: as `check_trimmable` takes it.
        kept: int64 [new], the old id of each new one.
        into: a folder that is there.

    Raises:
        InputError: what `check_trimmable` refuses; or the padding would get another id in a model that counts
            positions from there on.
    """
    stay = np.arange(len(ids_that_stay(folder)))
    if not np.array_equal(kept[: len(stay)], stay):
        what = "the model counts positions from its padding's id on, and ids before that one have no entry"
        raise InputError(what, where=folder, fix=_FIX)
    check_known_ids(folder, int(kept.max(initial=0)))
    rows = torch.from_numpy(kept)
    rewrite_weights(folder, lambda name, tensor, axis: tensor.index_select(axis, rows), into)
    _write_config(folder, kept, into)


def check_known_ids(folder: Path, largest: int) -> None:
    """Refuses a tokenizer that gives ids which the model does not have.

    Raises:
        InputError: `largest` is such.
    """
    if largest >= vocabulary_size(folder):
        what = f"the tokenizer has ids up to {largest:,}, the model knows only {vocabulary_size(folder):,}"
        raise InputError(what, where=folder, fix="get the tokenizer that the model was trained with")


def rewrite_weights(folder: Path, change: Callable[[str, Tensor, int], Tensor], into: Path) -> None:
    """Writes the weights of `folder` to `into`, file by file.

    Args:
        folder: as `check_trimmable` takes it.
        change: given the name of a tensor that has a place for each entry, the tensor, and on which axis, gives what is
            written for it; every other tensor is written as it was read.
        into: a folder that is there.
    """
    known, size = _known_axes(folder), vocabulary_size(folder)
    total = 0
    for path in _weights(folder):
        tensors = {}
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118
                tensor = file.get_tensor(name)
                axis = _axis(name, tensor.shape, known, size, path)
                tensors[name] = tensor if axis is None else change(name, tensor, axis)
            metadata = file.metadata()
        save_file(tensors, into / path.name, metadata)
        total += sum(tensor.nbytes for tensor in tensors.values())
    for name in weight_files(folder):
        if name.endswith(".json"):
            index = read_json_object(folder / name)
            write_json(into / name, index | {"metadata": {**index.get("metadata", {}), "total_size": total}})


def copy_modules(folder: Path, into: Path) -> None:
    """Copies what a folder has besides its encoder and the vocabulary: a parser; of sentence-transformers, how vectors
    are pooled, and other layers.

    Raises:
        InputError: one of them has pickled weights, or lies elsewhere.
    """
    for name in (*_OF_SENTENCE_TRANSFORMERS, PARSER_CONFIG, PARSER_WEIGHTS):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, into / name)
    for place, kind in _modules(folder).items():
        if kind == "Normalize" and not (folder / place).exists():  # it has no file, and git keeps no empty folder
            continue
        if (folder / place).resolve().parent != folder.resolve() or not (folder / place).is_dir():
            what = f"a part of the model is not in its folder: {place}"
            raise InputError(what, where=folder / "modules.json", fix="get the folder again")
        files = [path for path in sorted((folder / place).iterdir()) if path.is_file()]
        if pickled := [path for path in files if path.suffix not in (".json", ".safetensors", ".txt", ".md")]:
            fix = "save the model with the sentence-transformers of today, which writes safetensors"
            raise InputError("a part of the model is no safetensors", where=pickled[0], fix=fix)
        (into / place).mkdir()
        for path in files:
            shutil.copyfile(path, into / place / path.name)


def _modules(folder: Path) -> dict[str, str]:
    """Folder -> kind, of the modules that are no encoder."""
    path = folder / "modules.json"
    modules = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return {str(each["path"]): str(each.get("type", "")).rpartition(".")[2] for each in modules if each.get("path")}


def vocabulary_size(folder: Path) -> int:
    """The entries that a model has rows for."""
    return int(load_config(folder).vocab_size)


def _weights(folder: Path) -> list[Path]:
    return [folder / name for name in weight_files(folder) if not name.endswith(".json")]


def _known_axes(folder: Path) -> dict[str, int | None]:
    """Name of a tensor -> the axis on which it has a place for each entry, None if on none.

    What changes when the model is built with one entry more: so a layer that is by chance as wide as the vocabulary is
    large is not taken for a part of it.
    """
    config = load_config(folder)
    larger = deepcopy(config)
    larger.vocab_size += 1
    axes: dict[str, int | None] = {}
    for one, two in zip(empty_models(config), empty_models(larger), strict=True):
        others = two.state_dict()
        for name, tensor in one.state_dict().items():
            changed = [axis for axis, (a, b) in enumerate(zip(tensor.shape, others[name].shape, strict=True)) if a != b]
            for alias in (name, name.removeprefix(f"{one.base_model_prefix}.")):
                axes.setdefault(alias, changed[0] if changed else None)
    return {**_BESIDE, **axes}


def _axis(name: str, shape: Iterable[int], known: Mapping[str, int | None], size: int, path: Path) -> int | None:
    shape = list(shape)
    if name not in known and size in shape:
        what = f"a tensor is as large as the vocabulary ({size:,}), and what it is for is not known: {name} {shape}"
        raise InputError(what, where=path, fix=_FIX)
    axis = known.get(name)
    if axis is not None and shape[axis] != size:
        what = f"{name} has {shape[axis]:,} entries, and config.json says {size:,}"
        raise InputError(what, where=path, fix="correct config.json, or get the folder again")
    return axis


def _write_config(folder: Path, kept: Integers, into: Path) -> None:
    new = {old: number for number, old in enumerate(kept.tolist())}
    changed = {
        name: _renumbered(value, new)
        for name, value in load_config(folder).to_dict().items()
        if name.endswith("_token_id") and value is not None
    }
    write_json(into / "config.json", read_config(folder) | changed | {"vocab_size": len(kept)})


def _renumbered(value: Any, new: Mapping[int, int]) -> Any:
    if isinstance(value, list):
        return [new[each] for each in value if each in new] or None
    return new.get(value)
