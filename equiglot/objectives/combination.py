"""The weighted, annealed sum of the loss terms."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from equiglot.objectives.losses import hard_loss, soft_loss
from equiglot.objectives.schedule import Annealed


@dataclass(frozen=True)
class SoftTargets:
    """What the teachers say about some of a batch's targets.

    Attributes:
        logits: float32 [k, |V|], in student ids.
        positions: int64 [k], which of the batch's m targets they are about, ascending.
    """

    logits: Tensor
    positions: Tensor


@dataclass(frozen=True)
class Losses:
    """The loss of a batch.

    Attributes:
        total: the sum over targets, to be divided by their number; carries the gradient.
        terms: name ("hard", "soft") -> each target's loss float32 [m] (no gradient) and where it counts, bool [m].
    """

    total: Tensor
    terms: dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Objective:
    """weight * soft + (1 - weight) * hard where there is a teacher; hard elsewhere.

    Attributes:
        weight: the soft labels' share; 0 is the masked-LM baseline, 1 is paper 1's student.
        temperature: of the soft labels.
        scale: whether the soft term is multiplied by the squared temperature.
        reading: what stands for the words that are not stored, where soft labels are.
    """

    weight: Annealed = field(default_factory=lambda: Annealed(start=0, end=0))
    temperature: float = 1.0
    scale: bool = True
    reading: Literal["bucketed", "renormalised", "sampled"] = "bucketed"

    def losses(self, logits: Tensor, gold: Tensor, soft: SoftTargets | None, progress: float) -> Losses:
        """The loss of logits float32 [m, |V|] for gold int64 [m], at a training's progress (0 to 1)."""
        weight = self.weight.at(progress) if soft is not None else 0.0
        shares = torch.ones(len(gold), device=logits.device)
        terms: dict[str, tuple[Tensor, Tensor]] = {}
        total = logits.new_zeros(())
        if soft is not None and weight > 0:
            shares[soft.positions] -= weight
            whole = len(soft.positions) == len(gold)
            taught = logits if whole else logits[soft.positions]
            values = soft_loss(taught, soft.logits, self.temperature, scale=self.scale)
            total = total + weight * values.sum()
            terms["soft"] = _spread(values.detach(), soft.positions, len(gold))
        counted = shares > 0
        if counted.any():
            values = hard_loss(logits, gold)
            total = total + (shares * values).sum()
            terms["hard"] = (values.detach(), counted)
        return Losses(total, terms)


def _spread(values: Tensor, positions: Tensor, count: int) -> tuple[Tensor, Tensor]:
    spread, counted = values.new_zeros(count), torch.zeros(count, dtype=torch.bool, device=values.device)
    spread[positions], counted[positions] = values, True
    return spread, counted
