"""The likeliest words of a distribution, the mass outside them, and samples of it."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

_CACHED = 1 << 20  # logits that a processor keeps at hand while it works on them
_BLOCK = 512  # probabilities that are added up first: sums of sums are exact enough, and the same on every device


@dataclass(frozen=True)
class TopK:
    """What is kept of m distributions.

    Attributes:
        ids: int64 [m, k], the likeliest first.
        log_probabilities: float32 [m, k].
        rest: float32 [m], the probability of all others.
        samples: int64 [m, s], drawn from these others, in proportion to their probabilities.
        entropy: float32 [m], of the whole distribution, in nats; not finite where the logits are not.
    """

    ids: Tensor
    log_probabilities: Tensor
    rest: Tensor
    samples: Tensor
    entropy: Tensor


def top_k(logits: Tensor, k: int, temperature: float, uniforms: Tensor) -> TopK:
    """Reduces softmax(logits / temperature) to its `k` likeliest ids, the mass outside, and samples of it.

    The mass outside is added up, not subtracted from 1: it is exact however small it is.

    Args:
        logits: float32 [m, |V|].
        k: at most |V|.
        temperature: above 0.
        uniforms: float64 [m, s] in [0, 1), what the samples are drawn with.
    """
    at_once = max(1, _CACHED // logits.shape[1]) if logits.device.type == "cpu" else max(1, len(logits))
    chunks = zip(logits.split(at_once), uniforms.split(at_once), strict=True)
    parts = [_reduce(some, k, temperature, drawn) for some, drawn in chunks]
    return TopK(*(torch.cat([getattr(part, each.name) for part in parts]) for each in fields(TopK)))


def _reduce(logits: Tensor, k: int, temperature: float, uniforms: Tensor) -> TopK:
    logarithms = torch.log_softmax(logits / temperature, dim=-1)
    values, ids = logarithms.topk(k)
    probabilities = logarithms.exp()
    entropy = -logarithms.mul_(probabilities).sum(-1)
    tail = probabilities.scatter_(1, ids, 0.0)
    return TopK(ids, values, tail.sum(-1), sample(tail, uniforms), entropy)


def sample(weights: Tensor, uniforms: Tensor) -> Tensor:
    """Places drawn in proportion to weights, by the inverse of their cumulative sum.

    The samples of a row are stratified: the j-th of s comes from the j-th s-th of the mass. On average each place comes
    as often as it should, and counts vary less than if all were drawn alike.

    Args:
        weights: float32 [m, n], none below 0.
        uniforms: float64 [m, s] in [0, 1).

    Returns:
        int64 [m, s]; where all weights are 0, some place.
    """
    count, samples = uniforms.shape
    if not samples:
        return torch.zeros_like(uniforms, dtype=torch.int64, device=weights.device)
    blocks = functional.pad(weights, (0, -weights.shape[1] % _BLOCK)).view(count, -1, _BLOCK)
    sums = blocks.sum(-1).cpu()
    strata = (torch.arange(samples, dtype=torch.float64) + uniforms.cpu()) / samples
    chosen, inside = _invert(sums, strata)
    rows = torch.arange(count)[:, None]
    own = blocks[rows.to(blocks.device), chosen.to(blocks.device)].cpu()
    within, _ = _invert(own.flatten(0, 1), inside.flatten()[:, None])
    places: Tensor = chosen * _BLOCK + within.view(count, samples)
    return places.clamp_(max=weights.shape[1] - 1).to(weights.device)


def _invert(weights: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Where a share of the sum of weights [m, n] is reached: the place int64 [m, s], and how far inside it float64."""
    ends = weights.double().cumsum(-1)
    wanted = shares * ends[:, -1:]
    places = torch.searchsorted(ends, wanted, right=True)
    # A share just below 1 may be rounded up to the sum itself: then the last place of any weight.
    last = torch.searchsorted(ends, ends[:, -1:].contiguous()).expand_as(places)
    places = torch.minimum(places, last).clamp_(max=weights.shape[1] - 1)
    own = weights.double().gather(1, places)
    before = ends.gather(1, places) - own
    return places, torch.where(own > 0, (wanted - before) / own, 0.0).clamp_(0, 1)
