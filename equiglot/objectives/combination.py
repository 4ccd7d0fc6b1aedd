"""The weighted, annealed sum of the loss terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from equiglot.models import Outputs, TensorBatch
from equiglot.objectives.losses import (
    hard_loss,
    layer_loss,
    relation_loss,
    relations,
    soft_loss,
    squared_error,
    state_loss,
)
from equiglot.objectives.schedule import Annealed
from equiglot.objectives.targets import SoftTargets, TeacherStates, TopKTargets
from equiglot.objectives.terms import AT_TARGETS, INSIDE
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
        terms: name ("hard", "soft", or one of `AT_TARGETS` or `INSIDE`) -> what is written down of it.
    """

    total: Tensor
    terms: dict[str, Term]


@dataclass(frozen=True)
class Objective:
    """weight * soft + (1 - weight) * hard where there is a teacher, hard elsewhere; plus the terms `beside` them.

    Terms are summed over targets, or over tokens, of which there are more: these are multiplied by the batch's number
    of targets divided by that of its tokens. So all weigh as means do (paper 4, Eq. 8), whatever the rate of masking,
    in training as in validation; where batches are accumulated, it is their means that are weighed by their targets.

    Attributes:
        weight: the soft labels' share; 0 is the masked-LM baseline, 1 is paper 1's student.
        temperature: of the soft labels.
        scale: whether the soft term is multiplied by the squared temperature.
        reading: what stands for the words that are not stored, where soft labels are.
        beside: term of `AT_TARGETS` or `INSIDE` -> its weight.
    """

    weight: Annealed = field(default_factory=lambda: Annealed(start=0, end=0))
    temperature: float = 1.0
    scale: bool = True
    reading: TailMode = "renormalised"
    beside: Mapping[str, Annealed] = field(default_factory=dict)

    def losses(
        self, outputs: Outputs, batch: TensorBatch, soft: SoftTargets | TopKTargets | None, progress: float
    ) -> Losses:
        """The loss of what a model made of a batch, at a training's progress (0 to 1)."""
        losses = self._of_words(outputs.logits, batch, soft, self.weight.at(progress))
        if not isinstance(soft, SoftTargets):
            return losses
        total, terms = losses.total, dict(losses.terms)
        share = _targets_a_token(batch) if self.compares_states else 1.0
        for name, weight in self.beside.items():
            at_targets = name in AT_TARGETS
            values = _at_targets(name, outputs, soft) if at_targets else _inside(name, outputs, batch, soft.states)
            languages = batch.languages[soft.positions] if at_targets or soft.states is None else soft.states.languages
            total = total + weight.at(progress) * (1 if at_targets else share) * values.sum()
            terms[name] = Term(values.detach(), torch.ones_like(values, dtype=torch.bool), languages)
        return Losses(total, terms)

    @property
    def compares_states(self) -> bool:
        """Whether teachers are asked for more than their logits."""
        return any(name in INSIDE for name in self.beside)

    @property
    def looks_inside(self) -> bool:
        """Whether more of a model counts than its last hidden states."""
        return "layers" in self.beside or "relations" in self.beside

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
        some = len(soft.positions) < len(gold) or np.float32(1) > np.float32(
            weight
        )  # as in `shares`, without a look at it
        taught, words = self._values(logits, gold if some else None, soft)
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
        values = soft_loss(taught, soft.logits, self.temperature, scale=self.scale, partial=soft.partial)
        return values, None if gold is None else hard_loss(logits, gold)


def _targets_a_token(batch: TensorBatch) -> Tensor | float:
    """Targets divided by real tokens; on the batch's device, which is not waited for."""
    tokens = batch.inputs.numel() if batch.attention is None else batch.attention.sum()
    return len(batch.gold) / tokens


def _at_targets(name: str, outputs: Outputs, soft: SoftTargets) -> Tensor:
    """A term of `AT_TARGETS`, float32 [p]."""
    compare = {"logits": state_loss, "squared_error": squared_error}[name]
    return compare(outputs.logits[soft.positions], soft.logits)


def _inside(name: str, outputs: Outputs, batch: TensorBatch, theirs: TeacherStates | None) -> Tensor:
    """A term of `INSIDE`, float32 [n]."""
    assert theirs is not None and outputs.states is not None
    if name == "states":
        return state_loss(outputs.states.flatten(0, 1)[theirs.tokens], theirs.values)
    assert outputs.inside is not None
    if name == "layers":
        own = [layer.flatten(0, 1)[theirs.tokens] for layer in outputs.inside.layers]
        return layer_loss(own, theirs.layers)
    assert theirs.relations is not None
    heads = theirs.relations.shape[2]
    return relation_loss(relations(outputs.inside.attention, batch.attention, theirs.tokens, heads), theirs.relations)


def _spread(values: Tensor, positions: Tensor, count: int) -> tuple[Tensor, Tensor]:
    spread, counted = values.new_zeros(count), torch.zeros(count, dtype=torch.bool, device=values.device)
    spread[positions], counted[positions] = values, True
    return spread, counted
