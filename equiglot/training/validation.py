"""Validation while a model trains: MRR and loss by language, on the same masks every time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from equiglot.masking import Framing, evaluation_batches, evaluation_masks
from equiglot.models import target_logits, to_tensors
from equiglot.objectives import hard_loss, target_ranks
from equiglot.vocabulary import TokenizedText

_TOKENS = 4096  # of one forward pass


@dataclass(frozen=True)
class LanguageValidation:
    """One language's validation, by sequence, so that two states of a model can be compared in pairs.

    Attributes:
        reciprocal_ranks: float64 [sequences], summed over the sequence's targets.
        losses: float64 [sequences], in nats, likewise.
        counts: int64 [sequences], targets.
    """

    reciprocal_ranks: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]

    @property
    def mrr(self) -> float:
        """Mean reciprocal rank over targets, 0 to 1."""
        return float(self.reciprocal_ranks.sum() / max(1, self.counts.sum()))

    @property
    def loss(self) -> float:
        """Mean cross-entropy over targets, in nats."""
        return float(self.losses.sum() / max(1, self.counts.sum()))


@torch.no_grad()
def validate(
    model: PreTrainedModel, texts: Mapping[str, TokenizedText], *, limit: int, framing: Framing, seed: int
) -> dict[str, LanguageValidation]:
    """Language -> validation over its first `limit` sequences, in fp32, every chosen position replaced by [MASK]."""
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    results = {}
    for language, text in texts.items():
        count = min(limit, len(text))
        sums = np.zeros((3, count))
        for batch in evaluation_batches(
            text,
            salt=f"valid/{language}",
            language=0,
            limit=count,
            tokens=_TOKENS,
            masks=evaluation_masks(),
            framing=framing,
            seed=seed,
        ):
            tensors = to_tensors(batch, device)
            logits = target_logits(model, tensors)
            rows = batch.sequences[batch.target_rows]
            values = (1 / target_ranks(logits, tensors.gold), hard_loss(logits, tensors.gold))
            for place, value in enumerate(values):
                np.add.at(sums[place], rows, value.double().cpu().numpy())
            np.add.at(sums[2], rows, 1)
        results[language] = LanguageValidation(sums[0], sums[1], sums[2].astype(np.int64))
    model.train(was_training)
    return results
