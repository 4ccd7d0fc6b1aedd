"""A narrower model out of a wide one: fewer numbers a token, fewer heads of the same width, and fewer inner units."""

import re
from typing import Any, Literal, cast

import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM, PretrainedConfig, PreTrainedModel

from equiglot.errors import InputError
from equiglot.models.settings import check_width_of

_ROBERTA = ("roberta", "xlm-roberta", "camembert")
NARROWED = ("bert", "modernbert", *_ROBERTA)
"""The architectures whose matrices are known."""

# Ends of names -> what the rows and the columns of the matrix stand for; the first that fits counts. A bias, and the
# weight of a norm, stand for what the rows do.
_STREAM, _HEADS, _INNER = "stream", "heads", "inner"
_AXES: tuple[tuple[str, str | None, str | None], ...] = (
    (r"\w*[Nn]orm\.(weight|bias)", _STREAM, None),
    (r"embeddings\.\w+_embeddings\.weight", None, _STREAM),
    (r"attention\.self\.(query|key|value)\.(weight|bias)", _HEADS, _STREAM),
    (r"attention\.output\.dense\.(weight|bias)", _STREAM, _HEADS),
    (r"attn\.Wqkv\.(weight|bias)", _HEADS, _STREAM),
    (r"attn\.Wo\.(weight|bias)", _STREAM, _HEADS),
    (r"(intermediate\.dense|mlp\.Wi)\.(weight|bias)", _INNER, _STREAM),
    (r"(output\.dense|mlp\.Wo)\.(weight|bias)", _STREAM, _INNER),
    (r"(transform\.dense|lm_head\.dense|head\.dense|pooler\.dense)\.(weight|bias)", _STREAM, _STREAM),
    (r"decoder\.weight", None, _STREAM),
    (r"(predictions|decoder|lm_head)\.bias", None, None),
    (r"position_ids|token_type_ids", None, None),
)


def narrow_model(model: PreTrainedModel, width: int, by: Literal["cut", "svd"], *, where: str) -> PreTrainedModel:
    """A model whose hidden states are `width` wide, to be trained further.

    Heads keep their width, and the first are taken, as are the first units inside of layers. Of a token's numbers

    - `cut` takes the first, in embeddings, layers and norms alike;
    - `svd` takes the directions in which the embeddings of the vocabulary vary most (their right singular vectors):
      every matrix that reads or writes hidden states is rotated, so that embeddings are the best ones of this width in
      the sense of least squares. The norms, which know no directions, get the nearest gains; that is an approximation.

    Args:
        model: of one of the architectures `NARROWED`.
        width: a multiple of the width of its heads, at most its own.
        by: see above.
        where: what names the model in messages.

    Raises:
        InputError: another architecture, or a width that does not fit its heads.
    """
    config, old = model.config, int(model.config.hidden_size)
    check_narrowing(config, width, where=where)
    changed = narrow_config(config, width)
    with torch.random.fork_rng(devices=[]):
        narrower = cast(PreTrainedModel, AutoModelForMaskedLM.from_config(changed))
    basis = _basis(cast(Tensor, model.get_input_embeddings().weight).detach(), width) if by == "svd" else None
    cuts = {_HEADS: (old, width), _INNER: (int(config.intermediate_size), int(changed.intermediate_size))}
    narrower.load_state_dict(
        {name: _narrowed(name, value, width, basis, cuts, where) for name, value in model.state_dict().items()}
    )
    return narrower


def check_narrowing(config: PretrainedConfig, width: int, *, where: str) -> None:
    """Refuses to make a model of an unknown kind narrower, or one whose heads do not fit that width.

    Raises:
        InputError: as `narrow_model`.
    """
    if config.model_type not in NARROWED:
        what, fix = f"models of type {config.model_type!r} cannot be made narrower", "leave width out"
        raise InputError(what, where=where, fix=f"{fix}, or take one of: {', '.join(NARROWED)}")
    check_width_of(width, int(config.hidden_size), int(config.num_attention_heads), where=where)


def narrow_config(config: PretrainedConfig, width: int) -> PretrainedConfig:
    """The configuration of a narrower model; one that can be made (`check_narrowing`)."""
    old = int(config.hidden_size)
    changed: dict[str, Any] = {
        "hidden_size": width,
        "num_attention_heads": width * int(config.num_attention_heads) // old,
        "intermediate_size": max(1, round(int(config.intermediate_size) * width / old)),
    }
    return type(config).from_dict({**config.to_dict(), **changed})


def _basis(embeddings: Tensor, width: int) -> Tensor:
    """The `width` directions in which rows vary most, float32 [hidden, width], orthonormal; signs are fixed."""
    _, vectors = torch.linalg.eigh(embeddings.double().T @ embeddings.double())
    largest = vectors.flip(-1)[:, :width]
    signs = largest.gather(0, largest.abs().argmax(dim=0, keepdim=True)).sign()
    basis: Tensor = (largest * signs).float()
    return basis


def _narrowed(
    name: str, value: Tensor, width: int, basis: Tensor | None, cuts: dict[str, tuple[int, int]], where: str
) -> Tensor:
    found = next((axes for pattern, *axes in _AXES if re.search(rf"(^|[._]){pattern}$", name)), None)
    if found is None:
        what = f"what the tensor {name} stands for is not known"
        raise InputError(what, where=where, fix="leave width out")
    for axis, kind in enumerate(found[: value.dim()]):
        if kind == _STREAM:
            value = _narrow_stream(name, value, axis, width, basis)
        elif kind is not None:
            value = _cut(value, axis, *cuts[kind])
    return value.clone()


def _narrow_stream(name: str, value: Tensor, axis: int, width: int, basis: Tensor | None) -> Tensor:
    if basis is None:
        return value.narrow(axis, 0, width)
    if re.search(r"norm\.weight$", name, re.IGNORECASE):
        return basis.square().T @ value  # the diagonal of the rotated gains
    return (value.movedim(axis, -1) @ basis).movedim(-1, axis)


def _cut(value: Tensor, axis: int, old: int, new: int) -> Tensor:
    """The first of each part; queries, keys and values, or a gate and what it opens, may stand in one matrix."""
    parts = value.unflatten(axis, (-1, old))
    first: Tensor = parts.narrow(axis + 1, 0, new).flatten(axis, axis + 1)
    return first
