"""AdamW, its groups of parameters, and its learning rate as a function of progress."""

import math

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from equiglot.training.flat import flatten
from equiglot.training.settings import TrainingSettings


def build_optimiser(model: nn.Module, settings: TrainingSettings) -> AdamW:
    """AdamW (Loshchilov and Hutter, 2019); biases and normalisation weights (one dimension) do not decay.

    It sees the model's weights as two vectors (`flatten`): gradients are set to zero, never to None, so a weight that
    the loss does not reach decays all the same.
    """
    learnt = [each for each in model.parameters() if each.requires_grad]
    matrices, vectors = ([each for each in learnt if (each.dim() > 1) == matrix] for matrix in (True, False))
    decays = ((settings.weight_decay, matrices), (0.0, vectors))
    groups = [{"params": [flatten(own)], "weight_decay": decay} for decay, own in decays if own]
    return AdamW(groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon, fused=True)


def clip_gradients(optimiser: AdamW, largest: float | None) -> Tensor:
    """Shortens the gradient of all weights together to the norm `largest`, if that is given; returns its norm before,
    float32 []."""
    vectors = [vector for group in optimiser.param_groups for vector in group["params"]]
    # In parts: over tens of millions of elements the norm of one vector loses three digits in fp32.
    parts = [part for vector in vectors for part in vector.grad.split(1 << 20)]
    norm = torch.nn.utils.get_total_norm(parts)
    if largest is not None:
        torch.nn.utils.clip_grads_with_norm_(vectors, largest, norm)
    return norm


def learning_rate(settings: TrainingSettings, update: int, updates: int) -> float:
    """The learning rate of update `update` (0-based) of `updates`."""
    warm = round(settings.warmup * updates)
    if update < warm:
        return settings.learning_rate * (update + 1) / warm
    progress = (update - warm) / max(1, updates - warm)
    factor = {
        "linear": 1 - progress,
        "cosine": (1 + math.cos(math.pi * progress)) / 2,
        "inverse_sqrt": math.sqrt(max(1, warm) / (update + 1)),  # Vaswani et al. (2017), section 5.3
        "constant": 1.0,
    }
    return settings.learning_rate * factor[settings.schedule]


def choose_precision(settings: TrainingSettings, device: torch.device) -> torch.dtype:
    """The type of matrix products: chosen by what the hardware can do, never by a timing."""
    if settings.precision != "auto":
        return torch.bfloat16 if settings.precision == "bf16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if device.type == "cpu" and _multiplies_bf16() else torch.float32


def _multiplies_bf16() -> bool:
    """Whether the processor multiplies bf16 itself (others emulate it, slowly)."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, bool)() for check in checks)
