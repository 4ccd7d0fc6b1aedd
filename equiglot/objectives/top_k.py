"""Distillation from a teacher's most probable words: what stands for all the others.

With p the teacher's and q the student's distribution at the temperature, S the teacher's k words, and a = p(S):

- bucketed: sum over S of p log(p / q) + (1 - a) log((1 - a) / q(not S)), the divergence of the two once all other words
  are one. It is at most the full divergence. Right mass for the others, no opinion about each.
- renormalised: sum over S of (p / a) log(p / (a q)). As if the teacher excluded all other words: overconfident.
- sampled: bucketed, but each of m words drawn from the others stands for (1 - a) / m. Its gradient is that of the full
  divergence in the mean; its value is above it, as the entropy of the others is not known.

With k = |V| all three are the full divergence. The student is normalised over its whole vocabulary in each.
"""

from typing import Literal

import torch
from torch import Tensor

from equiglot.objectives.losses import hard_loss
from equiglot.objectives.sparse import log_masses
from equiglot.objectives.targets import TopKTargets

TailMode = Literal["bucketed", "renormalised", "sampled"]


def top_k_losses(
    logits: Tensor,
    gold: Tensor | None,
    targets: TopKTargets,
    temperature: float,
    reading: TailMode,
    *,
    scale: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """The divergence from the teachers at the targets that have one, and the cross-entropy with all masked words.

    At temperature 1 both come from one pass over the vocabulary.

    Args:
        logits: float32 [m, |V|], the student's.
        gold: int64 [m]; None if the masked words do not count.
        targets: what the teachers say about p of the m targets.
        temperature: T > 0, which `targets` belongs to.
        reading: what stands for the words that are not stored.
        scale: whether to multiply the divergence by T squared, as `soft_loss` does.

    Returns:
        float32 [p] and float32 [m] (None without gold), in nats (the first times T squared).
    """
    count = targets.ids.shape[1]
    ids = torch.cat([targets.ids, targets.samples], dim=1) if reading == "sampled" else targets.ids
    named = count if reading == "bucketed" else 0
    hard = None
    if gold is not None and temperature == 1:
        ids = torch.cat([_spread(ids, targets.positions, len(logits)), gold[:, None]], dim=1)
        inside, outside = log_masses(logits, ids, named=named)
        hard, inside = -inside[:, -1], inside[:, :-1]
        if len(targets.positions) < len(logits):
            inside, outside = inside[targets.positions], outside[targets.positions]
    else:
        taught = logits if len(targets.positions) == len(logits) else logits[targets.positions]
        inside, outside = log_masses(taught, ids, temperature, named=named)
        hard = None if gold is None else hard_loss(logits, gold)
    values = _divergence(targets, inside, outside, reading)
    return values * temperature**2 if scale else values, hard


def _divergence(targets: TopKTargets, inside: Tensor, outside: Tensor, reading: TailMode) -> Tensor:
    """float32 [p], from the student's log-probabilities of words float32 [p, n] and of all others float32 [p]."""
    known, count = targets.ids >= 0, targets.ids.shape[1]
    masses, logs = targets.log_probabilities.exp(), targets.log_probabilities.masked_fill(~known, 0)
    named = masses.masked_fill(~known, 0)
    if reading == "renormalised":
        total = named.sum(dim=1, keepdim=True)
        return (named / total * (logs - total.log() - inside)).sum(dim=1)
    values = (named * (logs - inside[:, :count])).sum(dim=1)
    if reading == "sampled":
        drawn = targets.sample_masses.masked_fill(targets.samples < 0, 0)
        return values + (drawn * (_log(targets.rest)[:, None] - inside[:, count:])).sum(dim=1)
    rest = targets.rest + masses.masked_fill(known, 0).sum(dim=1)
    return values + rest * (_log(rest) - outside)


def _log(masses: Tensor) -> Tensor:
    """The logarithm, finite where there is no mass."""
    return masses.clamp_min(torch.finfo(masses.dtype).tiny).log()


def _spread(ids: Tensor, positions: Tensor, count: int) -> Tensor:
    """Rows int64 [p, n] at their positions among `count`; -1 in all others."""
    if len(positions) == count:
        return ids
    spread = ids.new_full((count, ids.shape[1]), -1)
    spread[positions] = ids
    return spread
