"""Loss terms: each gives one number a masked position or token, so that sums and counts travel together."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

FORBIDDEN = -1e9
"""Before a softmax, of what is impossible: in place of minus infinity, of which differences are no numbers."""


def hard_loss(logits: Tensor, gold: Tensor) -> Tensor:
    """Cross-entropy with the masked word (paper 1, Eq. 1).

    Args:
        logits: float32 [m, |V|].
        gold: int64 [m].

    Returns:
        float32 [m], in nats.
    """
    return functional.cross_entropy(logits, gold, reduction="none")


def state_loss(states: Tensor, teacher_states: Tensor) -> Tensor:
    """1 minus the cosine between hidden states of student and teacher (Sanh et al., 2019; paper 4, Eq. 6).

    Args:
        states: float [n, hidden], the student's.
        teacher_states: float [n, hidden], the teacher's at the same tokens; no gradient flows into them.

    Returns:
        float32 [n], 0 to 2.
    """
    return 1 - functional.cosine_similarity(states.float(), teacher_states.detach().float(), dim=-1)


def layer_loss(layers: Sequence[Tensor], teacher_layers: Sequence[Tensor]) -> Tensor:
    """How far hidden states are from those of a teacher's layers (Jiao et al., 2020: TinyBERT).

    The squared error of a token's state as a share of the teacher's squares, so that layers of any scale count alike;
    the mean over the layers.

    Args:
        layers: float [n, hidden] each, the student's.
        teacher_layers: as many, float [n, hidden] each; no gradient flows into them.

    Returns:
        float32 [n].
    """
    errors = []
    for own, theirs in zip(layers, teacher_layers, strict=True):
        wanted = theirs.detach().float()
        squares = wanted.square().sum(dim=-1).clamp_min(torch.finfo(torch.float32).tiny)
        errors.append((own.float() - wanted).square().sum(dim=-1) / squares)
    return torch.stack(errors).mean(dim=0)


def mapped_layers(count: int, teacher_count: int) -> tuple[int, ...]:
    """Which of a teacher's hidden states (0: the embeddings) each of a student's imitates: at equal distances, the last
    the last (Jiao et al., 2020, section 4.1: uniform).

    Args:
        count: the student's layers.
        teacher_count: the teacher's.
    """
    return tuple(round(place * teacher_count / count) for place in range(count + 1))


def relations(vectors: Sequence[Tensor], attention: Tensor | None, tokens: Tensor, heads: int) -> Tensor:
    """How queries relate to queries, keys to keys, values to values (Wang et al., 2021: MiniLM v2, Eq. 3 to 5).

    softmax(A A^T / sqrt(d)) over the real tokens of a row, in so many heads as are asked for: student and teacher may
    have other widths, and heads of their own.

    Args:
        vectors: float [rows, width, hidden] each: queries, keys, values.
        attention: bool [rows, width], true at real tokens; None where all are.
        tokens: int64 [n], real tokens, indices into the flattened rows.
        heads: a divisor of hidden.

    Returns:
        float32 [len(vectors), n, heads, width], log-probabilities.
    """
    found = []
    for each in vectors:
        parts = each.float().unflatten(-1, (heads, -1)).transpose(1, 2)  # [rows, heads, width, d]
        products = parts @ parts.transpose(-1, -2) / parts.shape[-1] ** 0.5
        if attention is not None:
            products = products.masked_fill(~attention[:, None, None, :], FORBIDDEN)
        found.append(torch.log_softmax(products.transpose(1, 2).flatten(0, 1)[tokens], dim=-1))
    return torch.stack(found)


def relation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Kullback-Leibler divergence of relations from a teacher's (MiniLM v2, Eq. 6): the mean over heads, summed over
    queries, keys and values.

    Args:
        student: float32 [3, n, heads, width], log-probabilities (`relations`).
        teacher: the same; no gradient flows into it.

    Returns:
        float32 [n], in nats.
    """
    wanted = teacher.detach()
    return (wanted.exp() * (wanted - student)).sum(dim=-1).mean(dim=-1).sum(dim=0)


def squared_error(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Mean squared difference of logits over the vocabulary (Kim et al., 2021).

    Args:
        logits: float32 [m, |V|], the student's.
        teacher_logits: float32 [m, |V|], the teacher's, with the student's ids; no gradient flows into them.

    Returns:
        float32 [m].
    """
    return (logits - teacher_logits.detach()).square().mean(dim=-1)


def soft_loss(
    logits: Tensor, teacher_logits: Tensor, temperature: float, *, scale: bool = True, partial: bool = False
) -> Tensor:
    """Kullback-Leibler divergence of the student from the teacher (paper 1, Eq. 2) at a temperature.

    With p = softmax(teacher_logits / T) and q = softmax(logits / T): sum of p log(p / q). Gradients shrink with the
    square of the temperature; `scale` multiplies by it, so that they keep their size (Hinton et al., 2015).

    Of a `partial` teacher, which lacks some words, q is over the words that both have; the mass that the student gives
    to the others (without a temperature) costs what it would cost if the word that stood there were known to be none of
    them. So, whatever the temperature, the least loss over a text is where each of them has the mass with which it
    stands there.

    Args:
        logits: float32 [m, |V|], the student's.
        teacher_logits: float32 [m, |V|], the teacher's, with the student's ids; no gradient flows into them.
        temperature: T > 0.
        scale: whether to multiply by T squared.
        partial: whether words that a teacher lacks have the logit `FORBIDDEN`.

    Returns:
        float32 [m], in nats (times T squared).
    """
    missed: Tensor | float = 0.0
    if partial:
        shared = logits.masked_fill(teacher_logits <= FORBIDDEN, FORBIDDEN)
        missed, logits = torch.logsumexp(logits, dim=-1) - torch.logsumexp(shared, dim=-1), shared
    teacher = torch.log_softmax(teacher_logits.detach() / temperature, dim=-1)
    student = torch.log_softmax(logits / temperature, dim=-1)
    divergence = (teacher.exp() * (teacher - student)).sum(dim=-1)
    return (divergence * temperature**2 if scale else divergence) + missed
