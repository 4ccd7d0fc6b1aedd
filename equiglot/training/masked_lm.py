"""Masked language modelling, from the masked words and from teachers: a training task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import torch

from equiglot.masking import Batch, BatchStream, SpecialTokens, evaluation_batches, evaluation_masks
from equiglot.models import outputs, target_logits, to_tensors
from equiglot.objectives import Losses, Objective, SoftTargets, TopKTargets, hard_loss, target_ranks
from equiglot.training.ranks import Ranks
from equiglot.training.task import Validation
from equiglot.vocabulary import TokenizedText

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOKENS = 4096  # of one forward pass of a validation
_SEED = 0  # of the masks of validations, one for all: every model is validated on the same


class LabelSource(Protocol):
    """Where soft labels come from."""

    def targets(self, batch: Batch) -> SoftTargets | TopKTargets | None:
        """The soft labels of `batch`; None where nothing is known about any of its targets."""
        ...

    def read(self, batch: Batch) -> SoftTargets | TopKTargets | None:
        """The same, of a batch that is none of the training's; None where no labels can be made of such."""
        ...


class MaskedLM:
    """Learns to fill masks; validated on held-out text.

    Args:
        stream: the training batches.
        objective: the loss.
        labels: soft labels, or None for hard ones.
        validation: language -> validation text.
        sequences: so many of each language's are validated on at most.
        special: special ids.
        best_by: what the best weights are best in.
        ranks: the processes that train the model; each validates a part of the sentences.
    """

    def __init__(
        self,
        stream: BatchStream,
        *,
        special: SpecialTokens,
        validation: Mapping[str, TokenizedText],
        sequences: int = 1000,
        objective: Objective | None = None,
        labels: LabelSource | None = None,
        best_by: Literal["mrr", "loss"] = "mrr",
        ranks: Ranks | None = None,
    ) -> None:
        self.metric, self.lower_is_better = best_by, best_by == "loss"
        self.languages = stream.languages
        self._stream, self._objective, self._labels = stream, objective or Objective(), labels
        self._validation, self._sequences, self._special_tokens = validation, sequences, special
        self._ranks = ranks or Ranks()

    def batch(self, index: int) -> Batch:
        """The batch at `index` of the stream."""
        return self._stream[index]

    def losses(self, model: PreTrainedModel, batch: Batch, progress: float) -> Losses:
        """The objective's loss, summed over the targets."""
        if model.device.type == "cuda":
            self._stream.read_ahead()
        tensors = to_tensors(batch, model.device)
        soft = self._labels.targets(batch) if self._labels else None
        made = outputs(model, tensors, inside=self._objective.looks_inside)
        with torch.autocast(model.device.type, enabled=False):
            return self._objective.losses(made, tensors, soft, progress)

    @torch.no_grad()
    def validate(self, model: PreTrainedModel) -> Validation:
        """MRR (percent) and loss (nats), in fp32, every chosen position replaced by [MASK] (paper 1, section 5.1).

        The loss is that of the masked words, or, where the best weights are chosen by it, the training's own.
        """
        ranks, losses, counts = {}, {}, {}
        for language in self._validation:
            sums = self._validate(model, language)
            ranks[language], losses[language], counts[language] = sums[0], sums[1].sum(), sums[2].astype(np.int64)
            if self.metric == "loss":
                losses[language] = self._objective_loss(model, language)
        targets = {language: max(1, count.sum()) for language, count in counts.items()}
        means = {language: float(losses[language] / count) for language, count in targets.items()}
        mrr = {language: float(100 * ranks[language].sum() / count) for language, count in targets.items()}
        return Validation(scores=mrr if self.metric == "mrr" else means, losses=means, sums=ranks, counts=counts)

    def _batches(self, language: str, number: int = 0) -> Iterator[Batch]:
        """The validation text of a language, `number` among the task's: labels alone ask for it."""
        return evaluation_batches(
            self._validation[language],
            salt=f"valid/{language}",
            language=number,
            limit=self._count(language),
            tokens=_TOKENS,
            masks=evaluation_masks(),
            special=self._special_tokens,
            seed=_SEED,
        )

    def _count(self, language: str) -> int:
        return min(self._sequences, len(self._validation[language]))

    def _own_batches(self, language: str, number: int = 0) -> Iterator[tuple[int, Batch]]:
        """Those that this rank reads, with their places among all."""
        for place, batch in enumerate(self._batches(language, number)):
            if place % self._ranks.size == self._ranks.rank:
                yield place, batch

    def _objective_loss(self, model: PreTrainedModel, language: str) -> float:
        """The training's loss at its end, summed over the targets."""
        sums = np.zeros(self._count(language))  # of batches, of which there are no more than sentences
        for place, batch in self._own_batches(language, self.languages.index(language)):
            tensors = to_tensors(batch, model.device)
            soft = self._labels.read(batch) if self._labels else None
            made = outputs(model, tensors, inside=self._objective.looks_inside)
            sums[place] = float(self._objective.losses(made, tensors, soft, progress=1.0).total)
        return float(self._ranks.total(torch.from_numpy(sums)).numpy().sum())  # not by threads, in another order

    def _validate(self, model: PreTrainedModel, language: str) -> np.ndarray:
        """Reciprocal ranks, losses and numbers of targets, summed by sequence: float64 [3, sequences]."""
        sums = np.zeros((3, self._count(language)))
        for _, batch in self._own_batches(language):
            tensors = to_tensors(batch, model.device)
            logits = target_logits(model, tensors)
            rows = batch.sequences[batch.target_rows]
            values = (1 / target_ranks(logits, tensors.gold), hard_loss(logits, tensors.gold))
            for place, value in enumerate(values):
                np.add.at(sums[place], rows, value.double().cpu().numpy())
            np.add.at(sums[2], rows, 1)
        return self._ranks.total(torch.from_numpy(sums)).numpy()
