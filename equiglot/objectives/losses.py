"""Loss terms: each gives one number a masked position or token, so that sums and counts travel together."""

import torch
from torch import Tensor
from torch.nn import functional


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


def soft_loss(logits: Tensor, teacher_logits: Tensor, temperature: float, *, scale: bool = True) -> Tensor:
    """Kullback-Leibler divergence of the student from the teacher (paper 1, Eq. 2) at a temperature.

    With p = softmax(teacher_logits / T) and q = softmax(logits / T): sum of p log(p / q). Gradients shrink with the
    square of the temperature; `scale` multiplies by it, so that they keep their size (Hinton et al., 2015).

    Args:
        logits: float32 [m, |V|], the student's.
        teacher_logits: float32 [m, |V|], the teacher's, with the student's ids; no gradient flows into them.
        temperature: T > 0.
        scale: whether to multiply by T squared.

    Returns:
        float32 [m], in nats (times T squared).
    """
    teacher = torch.log_softmax(teacher_logits.detach() / temperature, dim=-1)
    student = torch.log_softmax(logits / temperature, dim=-1)
    divergence = (teacher.exp() * (teacher - student)).sum(dim=-1)
    return divergence * temperature**2 if scale else divergence
