"""The weighted, annealed sum of the loss terms."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from equiglot.models import Outputs, TensorBatch
from equiglot.objectives.losses import hard_loss, soft_loss, state_loss
from equiglot.objectives.schedule import Annealed
from equiglot.objectives.targets import SoftTargets, TopKTargets
from equiglot.objectives.top_k import TailMode, top_k_losses


class Term(NamedTuple):
    """What one term of a loss is, item by item.

    Attributes:
        values: float32 [items], without gradient.
        counted: bool [items], where the term counts.
        languages: int64 [items].
    """

    values: Tensor
    counted: Tensor
    languages: Tensor


@dataclass(frozen=True)
class Losses:
    """The loss of a batch.

    Attributes:
        total: float32 [], the weighted sum of the terms over all items, to be divided by their number; carries the
            gradient.
        terms: name ("hard", "soft", "states") -> what is written down of it.
    """

    total: Tensor
    terms: dict[str, Term]


@dataclass(frozen=True)
class Objective:
    """weight * soft + (1 - weight) * hard where there is a teacher, hard elsewhere; plus states * cosine distance.

    The first two are summed over targets, the last over tokens, of which there are more: it is multiplied by their
    `rate`, so that all weigh as means do (paper 4, Eq. 8), whatever the size of a batch.

    Attributes:
        weight: the soft labels' share; 0 is the masked-LM baseline, 1 is paper 1's student.
        temperature: of the soft labels.
        scale: whether the soft term is multiplied by the squared temperature.
        reading: what stands for the words that are not stored, where soft labels are.
        states: the weight of the distance between hidden states; None where they are not compared.
        rate: targets a token.
    """

    weight: Annealed = field(default_factory=lambda: Annealed(start=0, end=0))
    temperature: float = 1.0
    scale: bool = True
    reading: TailMode = "renormalised"
    states: Annealed | None = None
    rate: float = 0.15

    def losses(
        self, outputs: Outputs, batch: TensorBatch, soft: SoftTargets | TopKTargets | None, progress: float
    ) -> Losses:
        """The loss of what a model made of a batch, at a training's progress (0 to 1)."""
        losses = self._of_words(outputs.logits, batch, soft, self.weight.at(progress))
        if self.states is None or not isinstance(soft, SoftTargets) or soft.states is None or outputs.states is None:
            return losses
        theirs = soft.states
        values = state_loss(outputs.states.flatten(0, 1)[theirs.tokens], theirs.values)
        term = Term(values.detach(), torch.ones_like(values, dtype=torch.bool), theirs.languages)
        total = losses.total + self.states.at(progress) * self.rate * values.sum()
        return Losses(total, {**losses.terms, "states": term})

    def _of_words(
        self, logits: Tensor, batch: TensorBatch, soft: SoftTargets | TopKTargets | None, weight: float
    ) -> Losses:
        """Of logits float32 [m, |V|]: soft and hard labels, mixed."""
        gold = batch.gold
        shares = torch.ones(len(gold), device=logits.device)
        if soft is None or weight == 0:
            hard = hard_loss(logits, gold)
            return Losses(hard.sum(), {"hard": Term(hard.detach(), shares > 0, batch.languages)})
        shares[soft.positions] -= weight
        counted = shares > 0
        taught, words = self._values(logits, gold if counted.any() else None, soft)
        total = weight * taught.sum()
        terms = {"soft": Term(*_spread(taught.detach(), soft.positions, len(gold)), batch.languages)}
        if words is not None:
            total = total + (shares * words).sum()
            terms["hard"] = Term(words.detach(), counted, batch.languages)
        return Losses(total, terms)

    def _values(
        self, logits: Tensor, gold: Tensor | None, soft: SoftTargets | TopKTargets
    ) -> tuple[Tensor, Tensor | None]:
        """Of each target with a teacher its soft loss, float32 [p], and of all their hard losses, float32 [m]."""
        if isinstance(soft, TopKTargets):
            return top_k_losses(logits, gold, soft, self.temperature, self.reading, scale=self.scale)
        taught = logits if len(soft.positions) == len(logits) else logits[soft.positions]
        values = soft_loss(taught, soft.logits, self.temperature, scale=self.scale)
        return values, None if gold is None else hard_loss(logits, gold)


def _spread(values: Tensor, positions: Tensor, count: int) -> tuple[Tensor, Tensor]:
    spread, counted = values.new_zeros(count), torch.zeros(count, dtype=torch.bool, device=values.device)
    spread[positions], counted[positions] = values, True
    return spread, counted
