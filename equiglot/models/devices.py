"""Where models run, how numbers come there, and what a CUDA card needs that a CPU does not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from equiglot.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

_ATTENTION = "on_gpu"
_WORKSPACE, _FIXED = "CUBLAS_WORKSPACE_CONFIG", (":4096:8", ":16:8")


def device() -> torch.device:
    """Where models run: the GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def on_device(model: PreTrainedModel) -> PreTrainedModel:
    """`model`, moved to where models run."""
    return move_model(model, device())


def move_model(model: PreTrainedModel, to: torch.device) -> PreTrainedModel:
    """`model`, moved to a device, with what lets its forward pass run there without a look back."""
    nn.Module.to(model, to)
    if to.type == "cuda" and model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(_ATTENTION)
    return model


def move_array(array: npt.NDArray[Any], to: torch.device) -> Tensor:
    """An array as a tensor on a device; on a CPU it shares the array's memory.

    To a CUDA card it goes from memory that the system does not move: only then the copy runs while the program goes on.
    """
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(to, non_blocking=True) if to.type == "cuda" else tensor.to(to)


def seed_device(to: torch.device, seed: int) -> None:
    """Seeds what dropout draws on a device, as `torch.manual_seed` does.

    That one also notes, for every kind of device that has not begun, that it is to be seeded then: with a stack trace
    each, which takes a millisecond, into lists that grow with every call.
    """
    torch.default_generator.manual_seed(seed)
    if to.type == "cuda":
        torch.cuda.manual_seed(seed)


def fix_workspace() -> None:
    """Lets cuBLAS add up in one order: it reads this variable of the environment once, when it begins.

    Done when this module is imported, too; nothing happens where CUDA is at work already.
    """
    if not torch.cuda.is_initialized():
        os.environ.setdefault(_WORKSPACE, _FIXED[0])


def use_deterministic_algorithms(to: torch.device) -> None:
    """Lets PyTorch compute the same bits every time, on this device.

    Raises:
        InputError: cuBLAS was begun without a fixed workspace, and cannot.
    """
    if to.type == "cuda" and os.environ.get(_WORKSPACE) not in _FIXED:
        raise InputError(
            "on a CUDA card the same bits every time need a fixed workspace of cuBLAS, and CUDA was begun without one",
            where=f"{_WORKSPACE}={os.environ.get(_WORKSPACE, '')}",
            fix=f"set {_WORKSPACE}={_FIXED[0]} before the program starts, or import equiglot.models.devices before "
            "anything runs on the card",
        )
    torch.use_deterministic_algorithms(True)
    # A debugging aid that costs 5 to 20 % of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _mask(*, attention_mask: Tensor | None = None, **options: Any) -> Tensor | None:
    """transformers' own mask; but it is not asked of the card whether anything is padding: what is, is said."""
    if attention_mask is not None:
        options["allow_is_bidirectional_skip"] = False
    return sdpa_mask(attention_mask=attention_mask, **options)


AttentionInterface.register(_ATTENTION, sdpa_attention_forward)
AttentionMaskInterface.register(_ATTENTION, _mask)
fix_workspace()
