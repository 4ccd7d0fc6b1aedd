"""Attention on a CPU in fp32, for models whose layers are not computed by `layers`.

Under bf16 autocast the backward pass of PyTorch's CPU attention is some ten times slower than in fp32 and takes half of
a training step, while attention over short sequences is a small part of the arithmetic. So queries, keys and values
are taken to fp32; all other products stay in bf16. Weights, configuration and what `from_pretrained` loads do not
know of it.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from equiglot.models.layers import can_encode

_NAME = "sdpa_fp32"


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Scaled dot-product attention of [rows, heads, width, size]: on a CPU in fp32, whatever the autocast type."""
    if query.device.type != "cpu":
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    with torch.autocast("cpu", enabled=False):
        output, _ = sdpa_attention_forward(module, query.float(), key.float(), value.float(), attention_mask, **options)
    return output.to(query.dtype), None


AttentionInterface.register(_NAME, _attention)
AttentionMaskInterface.register(_NAME, sdpa_mask)


def attend_in_fp32(model: PreTrainedModel) -> None:
    """Makes a model attend in fp32 while it is on a CPU, unless its layers are computed by `layers`."""
    if can_encode(model, torch.device("cpu")):
        return
    model.set_attn_implementation(_NAME)
