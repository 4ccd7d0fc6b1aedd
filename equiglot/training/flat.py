"""A model's weights and gradients laid out in long vectors, so that clipping and the optimiser are a few operations on
all of them instead of a few on each."""

from collections.abc import Iterable, Sequence

import torch
from torch import nn


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


def separate(model: nn.Module) -> None:
    """Gives every parameter memory of its own again, and takes its gradient away."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
        parameter.grad = None
