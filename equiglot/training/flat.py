"""A model's weights and gradients laid out in long vectors, so that clipping and the optimiser are a few operations on
all of them instead of a few on each."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

_Batch = TypeVar("_Batch")


def flatten(parameters: Iterable[nn.Parameter]) -> nn.Parameter:
    """One vector of which the given parameters, and their gradients, become parts; float32 [all their elements].

    Their values stay the same. Whoever sets gradients to None instead of to zero undoes it.
    """
    own: Sequence[nn.Parameter] = tuple(parameters)
    flat = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in own]))
    flat.grad = torch.zeros_like(flat)
    sizes = [parameter.numel() for parameter in own]
    for parameter, value, gradient in zip(own, flat.detach().split(sizes), flat.grad.split(sizes), strict=True):
        parameter.data = value.view_as(parameter)
        parameter.grad = gradient.view_as(parameter)
    return flat


def add_gradients(batches: Sequence[_Batch], backward: Callable[[_Batch], None], gradients: Sequence[Tensor]) -> None:
    """Adds up the gradients of some batches as a binary tree: those of either half by themselves, then both.

    So half of the batches, a quarter and so on can be another process's, and the sum has the same bits. `backward` adds
    the gradient of a batch to `gradients`, which are zero in the beginning: every element is added to but once.
    """
    if len(batches) < 2:
        for batch in batches:
            backward(batch)
        return
    half = -(-len(batches) // 2)
    add_gradients(batches[:half], backward, gradients)
    if len(batches) - half == 1:
        backward(batches[half])
        return
    left = [gradient.clone() for gradient in gradients]
    for gradient in gradients:
        gradient.zero_()
    add_gradients(batches[half:], backward, gradients)
    for gradient, other in zip(gradients, left, strict=True):
        gradient.add_(other)


def separate(model: nn.Module) -> None:
    """Gives every parameter memory of its own again, and takes its gradient away."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
        parameter.grad = None
