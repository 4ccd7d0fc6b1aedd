"""The rank of the masked word among all words: what MRR and accuracy are made of."""

import torch
from torch import Tensor

from equiglot.errors import InputError


def target_ranks(logits: Tensor, gold: Tensor) -> Tensor:
    """Rank of each gold id among the full vocabulary, 1 is best; ties count against the model.

    The rank is 1 + the number of ids with a strictly higher logit + the number of other ids with an equal one, so a
    constant model scores |V|, not 1.

    Args:
        logits: float32 [m, |V|].
        gold: int64 [m].

    Returns:
        int64 [m].

    Raises:
        InputError: a logit is NaN (it would compare false and give rank 1).
    """
    if torch.isnan(logits).any():
        raise InputError("the model's logits are not numbers (NaN): it cannot be scored", fix="train it again")
    own = logits.gather(1, gold[:, None])
    return (logits >= own).sum(dim=1)
