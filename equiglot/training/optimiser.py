"""AdamW, its groups of parameters, and its learning rate as a function of progress."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from equiglot.training.flat import flatten
from equiglot.training.ranks import Ranks
from equiglot.training.settings import TrainingSettings

_BLOCK = 1 << 16  # elements: ranks share vectors out in such blocks, and norms are added up from theirs


class Optimiser:
    """AdamW (Loshchilov and Hutter, 2019); biases and normalisation weights (one dimension) do not decay.

    It sees the model's weights as two vectors (`flatten`): gradients are set to zero, never to None, so a weight that
    the loss does not reach decays all the same. Each of several ranks updates a slice of either vector, and is then
    given what the others have updated.

    Args:
        model: its weights become parts of the vectors.
        settings: the training.
        ranks: the processes that train the model.
    """

    def __init__(self, model: nn.Module, settings: TrainingSettings, ranks: Ranks | None = None) -> None:
        self._ranks, self._clip = ranks or Ranks(), settings.clip
        learnt = [each for each in model.parameters() if each.requires_grad]
        matrices, vectors = ([each for each in learnt if (each.dim() > 1) == matrix] for matrix in (True, False))
        decays = [(decay, own) for decay, own in ((settings.weight_decay, matrices), (0.0, vectors)) if own]
        self.weights = [flatten(own) for _, own in decays]
        self._bounds = [self._ranks.bounds(len(vector), _BLOCK) for vector in self.weights]
        self._own = [
            vector if self._ranks.size == 1 else nn.Parameter(vector.detach()[self._ranks.own(bounds)])
            for vector, bounds in zip(self.weights, self._bounds, strict=True)
        ]
        groups = [{"params": [own], "weight_decay": decay} for own, (decay, _) in zip(self._own, decays, strict=True)]
        self._adamw = AdamW(groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon, fused=True)

    @property
    def gradients(self) -> list[Tensor]:
        """What a backward pass adds to: a float32 vector for each of `weights`."""
        return [vector.grad for vector in self.weights if vector.grad is not None]

    def step(self, rate: float) -> float:
        """Updates the weights with a learning rate, and sets gradients to zero: if their norm is a finite number.

        Returns:
            The norm of all gradients of all ranks together, before they are clipped: the one number of an update that
            the program waits for.
        """
        for own, gradient, bounds in zip(self._own, self.gradients, self._bounds, strict=True):
            own.grad = self._ranks.add_slices(gradient, bounds)
        norm = self._norm()
        found = float(norm)
        if not math.isfinite(found):
            return found
        if self._clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self._own, self._clip, norm)
        for group in self._adamw.param_groups:
            group["lr"] = rate
        self._adamw.step()
        for vector, bounds in zip(self.weights, self._bounds, strict=True):
            self._ranks.join_slices(vector.detach(), bounds)
        for gradient in self.gradients:
            gradient.zero_()
        return found

    def own_state(self) -> dict[str, Tensor]:
        """What AdamW remembers of this rank's slices: optimiser.<vector>.<what>."""
        state = self._adamw.state_dict()["state"]
        return {f"optimiser.{place}.{what}": value for place, values in state.items() for what, value in values.items()}

    def state(self) -> dict[str, Tensor]:
        """The same of whole vectors, which no longer depends on the ranks; all of them must ask for it."""
        return {name: self._whole(name, value) for name, value in self.own_state().items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts back what `state` gave; other tensors among it are passed over."""
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, place, what = name.split(".")
                own = self._ranks.own(self._bounds[int(place)])
                state.setdefault(int(place), {})[what] = value[own].clone() if value.dim() else value
        self._adamw.load_state_dict({**self._adamw.state_dict(), "state": state})

    def _whole(self, name: str, value: Tensor) -> Tensor:
        if self._ranks.size == 1 or not value.dim():
            return value
        bounds = self._bounds[int(name.split(".")[1])]
        whole = value.new_zeros(bounds[-1])
        whole[self._ranks.own(bounds)] = value
        self._ranks.join_slices(whole, bounds)
        return whole

    def _norm(self) -> Tensor:
        """Of blocks, each of them in one rank's slice, and then of their norms: the same for any number of ranks.

        (Over tens of millions of elements the norm of one vector loses three digits in fp32, too.)
        """
        norms = []
        for own, bounds in zip(self._own, self._bounds, strict=True):
            blocks = own.new_zeros(-(-bounds[-1] // _BLOCK), requires_grad=False)
            if own.grad is not None and len(own):
                begin, whole = self._ranks.own(bounds).start // _BLOCK, len(own) // _BLOCK
                rows, last = own.grad[: whole * _BLOCK].view(-1, _BLOCK), own.grad[whole * _BLOCK :]
                blocks[begin : begin + whole] = torch.linalg.vector_norm(rows, dim=1)
                if len(last):
                    blocks[begin + whole] = torch.linalg.vector_norm(last)
            norms.append(blocks)
        norm: Tensor = torch.linalg.vector_norm(self._ranks.total(torch.cat(norms)))
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
