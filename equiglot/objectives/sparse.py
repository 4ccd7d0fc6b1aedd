"""Log-probabilities of a few words of each distribution, with one pass over the vocabulary there and one back.

Plain PyTorch keeps several tensors as wide as the vocabulary for a loss against a few words; here it is one, and the
losses themselves are written over the few.
"""

from typing import Any, cast

import torch
from torch import Tensor


def log_masses(logits: Tensor, ids: Tensor, temperature: float = 1.0, *, named: int = 0) -> tuple[Tensor, Tensor]:
    """What softmax(logits / temperature) gives to some words, and to all the others together.

    The mass of the others is summed over them, not got by subtraction: it stays exact where it is tiny.

    Args:
        logits: float [m, |V|].
        ids: int64 [m, n]; -1 for none, which gets 0 and gives no gradient.
        temperature: T > 0.
        named: the others are all words but those in the first `named` columns; 0 if they are not asked for.

    Returns:
        The logarithms: float [m, n]; and float [m], 0 if not asked for, and meaningless where a row names no word.
    """
    masses: tuple[Tensor, Tensor] = cast(Any, _LogMasses).apply(logits, ids, temperature, named)
    return masses


class _LogMasses(torch.autograd.Function):
    """With q = softmax(z / T), R = mass outside of S and G = sum of all incoming gradients g of a row:

    d/dz_j = (1/T) (-G q_j + sum of g_i where i = j + (g_R q_j / R where j is not in S)).
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, ids: Tensor, temperature: float, named: int) -> tuple[Tensor, Tensor]:
        scaled = logits if temperature == 1 else logits / temperature
        probabilities = torch.softmax(scaled, dim=-1)
        # The greatest logit and its probability tell the sum of all: a second exponential of each would cost more.
        norm = scaled.amax(dim=1, keepdim=True) - probabilities.amax(dim=1, keepdim=True).log()
        places = ids.clamp_min(0)
        at_ids = (scaled.gather(1, places) - norm).masked_fill_(ids < 0, 0)
        inner = places[:, :named]
        if named:
            # Another of the words stands for a missing one: to name a word twice changes nothing.
            inner = torch.where(ids[:, :named] < 0, inner.amax(dim=1, keepdim=True), inner)
        kept = probabilities.gather(1, inner)
        if named:
            probabilities.scatter_(1, inner, 0)
            outside = probabilities.sum(dim=1).clamp_min_(torch.finfo(logits.dtype).tiny)
        else:
            outside = probabilities.new_ones(len(logits))
        ctx.temperature = temperature
        ctx.save_for_backward(probabilities, kept, inner, outside, ids)
        return at_ids, outside.log()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        probabilities, kept, inner, outside, ids = ctx.saved_tensors
        at_ids, rest = gradients[0].masked_fill(ids < 0, 0), gradients[1]
        total = at_ids.sum(dim=1)
        if inner.shape[1]:
            gradient = probabilities * ((rest / outside - total - rest) / ctx.temperature)[:, None]
            gradient.scatter_(1, inner, kept * ((-total - rest) / ctx.temperature)[:, None])
        else:
            gradient = probabilities * (-total / ctx.temperature)[:, None]
        gradient.scatter_add_(1, ids.clamp_min(0), at_ids / ctx.temperature)
        return gradient, None, None, None
