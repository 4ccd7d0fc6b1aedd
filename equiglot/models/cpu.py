"""What makes training a small transformer quick on a CPU: attention and dropout, in place of the modules' own.

Under bf16 autocast the backward pass of PyTorch's CPU attention is some ten times slower than in fp32, and softmax of
short rows is slow too. So attention in training is written out: products in the type of autocast, softmax in fp32.

The generator behind `torch.nn.functional.dropout` takes longer than the matrix products of a small model. Here a mask
is fifteen bits an element from a fast generator, compared with the share to keep by integer arithmetic on whole
vectors: a fifth of the time, and the share is exact to 1/65,536.

Weights, configuration and what `from_pretrained` loads do not know of either.
"""

import math
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

_NAME = "training_on_cpu"
_BITS = 15
_ONE = {torch.bfloat16: 0x3F80}  # the bits of 1.0


def prepare_for_cpu(model: PreTrainedModel) -> None:
    """Gives a model that is trained on a CPU, in place, this attention and this dropout."""
    model.set_attn_implementation(_NAME)
    for module in list(cast(nn.Module, model).modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, CheapDropout(child.p).train(child.training))


class CheapDropout(nn.Dropout):
    """Dropout (Srivastava et al., 2014) by `dropout_mask`."""

    def forward(self, input: Tensor) -> Tensor:
        """A float tensor of any shape to the same shape and type."""
        return _drop(input, self.p) if self.training else input


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention: [rows, heads, width, size] to [rows, width, heads, size].

    `attention_mask` is bool [rows, 1, width, width], true where a token is seen; None where all are. Outside of
    training it is PyTorch's own, whose memory does not grow with the square of the width.
    """
    if not module.training:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    scale = 1 / math.sqrt(query.shape[-1]) if scaling is None else scaling
    scores = torch.matmul(query, key.mT).float().mul_(scale)
    if attention_mask is not None:  # a token that sees none is padding: its state must stay a number
        scores = scores.masked_fill_(~attention_mask, torch.finfo(torch.float32).min)
    probabilities = _drop(torch.softmax(scores, -1).to(value.dtype), dropout)
    return torch.matmul(probabilities, value).transpose(1, 2).contiguous(), None


AttentionInterface.register(_NAME, _attention)
AttentionMaskInterface.register(_NAME, sdpa_mask)


def _drop(values: Tensor, rate: float) -> Tensor:
    if not rate:
        return values
    return (values * dropout_mask(tuple(values.shape), values.dtype, rate)).mul_(1 / (1 - rate))


def dropout_mask(shape: tuple[int, ...], dtype: torch.dtype, rate: float) -> Tensor:
    """Zeros (a share `rate` of them) and ones, not scaled; torch's own generator seeds the fast one (SFC64)."""
    generator = np.random.SFC64(int(torch.empty((), dtype=torch.int64).random_()))
    count = math.prod(shape)
    raw = generator.random_raw(-(-count // 4)).view(np.int16)[:count]
    kept = torch.from_numpy(raw).view(shape)
    # Negative, and so all ones after the shift, where the fifteen bits are below the share to keep.
    kept.bitwise_and_((1 << _BITS) - 1).sub_(round((1 - rate) * (1 << _BITS))).bitwise_right_shift_(_BITS)
    if dtype in _ONE:
        return kept.bitwise_and_(_ONE[dtype]).view(dtype)
    return kept.neg_().to(dtype)
