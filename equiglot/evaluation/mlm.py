"""Masked language modelling as a test: rank and loss of every chosen position, on masks that all models share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from equiglot.masking import Batch, SpecialTokens, evaluation_batches, evaluation_masks
from equiglot.models import target_logits, to_tensors
from equiglot.objectives import hard_loss, target_ranks
from equiglot.vocabulary import TokenizedText

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOKENS = 4096  # of one forward pass; the result does not depend on it, beyond rounding


@dataclass(frozen=True)
class MaskedPositions:
    """What a model made of the masked positions of one language's test text, in the order of the text.

    Attributes:
        ranks: int32 [m], rank of the word that stood there; 1 is best.
        losses: float32 [m], cross-entropy in nats.
        sequences: int32 [m], the sequence of each position.
        count: sequences in the text, those without a masked position included.
    """

    ranks: npt.NDArray[np.int32]
    losses: npt.NDArray[np.float32]
    sequences: npt.NDArray[np.int32]
    count: int


@dataclass(frozen=True)
class TestMasks:
    """Which positions are masked: the same for every model of a vocabulary.

    Attributes:
        rate: share of the positions.
        draws: different masks laid over each sequence.
        sequences: at most so many sequences; None for all.
        seed: of the masks.
        special: special ids.
    """

    __test__ = False  # not a test class, whatever pytest thinks of the name

    rate: float
    draws: int
    sequences: int | None
    seed: int
    special: SpecialTokens

    def batches(self, language: str, text: TokenizedText) -> Iterator[Batch]:
        """The masked test text, each chosen position replaced by [MASK]."""
        return evaluation_batches(
            text,
            salt=f"test/{language}",
            language=0,
            limit=self.sequences,
            tokens=_TOKENS,
            masks=evaluation_masks(self.rate),
            special=self.special,
            seed=self.seed,
            draws=self.draws,
        )


Predictor = Callable[[Batch], tuple[Tensor, Tensor]]
"""A batch -> logits float32 [m, |V|] and gold ids int64 [m]."""


def model_predictor(model: PreTrainedModel) -> Predictor:
    """Logits of a masked language model, in fp32."""
    device = next(model.parameters()).device
    model.eval()

    def predict(batch: Batch) -> tuple[Tensor, Tensor]:
        tensors = to_tensors(batch, device)
        return target_logits(model, tensors), tensors.gold

    return predict


def frequency_predictor(text: TokenizedText, vocabulary_size: int) -> Predictor:
    """A reference that needs no model: words ranked by how often they stand in the training text.

    The logit is log(count + 1), so the loss is that of the smoothed unigram distribution.
    """
    counts = np.zeros(vocabulary_size, dtype=np.int64)
    for begin in range(0, len(text.ids), 1 << 24):
        counts += np.bincount(text.ids[begin : begin + (1 << 24)], minlength=vocabulary_size)
    logits = torch.from_numpy(np.log(counts + 1.0)).float()

    def predict(batch: Batch) -> tuple[Tensor, Tensor]:
        return logits.expand(len(batch.gold), -1), torch.from_numpy(batch.gold)

    return predict


@torch.no_grad()
def score_positions(predict: Predictor, language: str, text: TokenizedText, masks: TestMasks) -> MaskedPositions:
    """Scores a predictor on one language.

    Raises:
        InputError: the logits are not numbers.
    """
    keys, ranks, losses = [], [], []
    for batch in masks.batches(language, text):
        logits, gold = predict(batch)
        ranks.append(target_ranks(logits, gold).cpu().numpy())
        losses.append(hard_loss(logits, gold).cpu().numpy())
        keys.append(np.stack([batch.sequences[batch.target_rows], batch.targets % batch.inputs.shape[1]]))
    sequences, positions = np.concatenate(keys, axis=1)
    order = np.lexsort((positions, sequences))  # stable: different draws of a position stay in their order
    return MaskedPositions(
        ranks=np.concatenate(ranks)[order].astype(np.int32),
        losses=np.concatenate(losses)[order].astype(np.float32),
        sequences=sequences[order].astype(np.int32),
        count=min(len(text), masks.sequences or len(text)),
    )
