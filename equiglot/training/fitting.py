"""Rows of new vocabulary entries, fitted so that a model reads the new segmentation as it read the old: a task.

Token Distillation (Dobler, Elliott and de Melo 2025, arXiv 2505.20133), for encoders: the model is its own teacher, and
only the new rows are learnt. An encoder has read the whole word when it comes to its last layer, so a new piece is
compared with the mean of the pieces that it is made of, and every other piece with itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from equiglot.hashing import hash_name, hash_u64, permute
from equiglot.models import move_array
from equiglot.objectives import Losses, Term
from equiglot.training.task import Validation
from equiglot.vocabulary import PairedSentence

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Integers = npt.NDArray[np.int64]


class NewRows(nn.Module):
    """The rows of new entries in a model's input embeddings; the model itself is none of its parts, and stays as it is.

    Args:
        model: an encoder whose embeddings have a place for the new entries; evaluating, without gradients.
        first: the id of the first new entry.
        rows: float32 [new, width], to begin with.
    """

    def __init__(self, model: PreTrainedModel, first: int, rows: Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows.clone())
        self._first, self._model = first, (model,)
        model.get_input_embeddings().register_forward_hook(self._replace)

    def states(self, rows: Sequence[Integers], padding: int) -> Tensor:
        """Last hidden states of sentences, float [sentences, longest, width]."""
        lengths = np.array([len(row) for row in rows])
        ids = np.full((len(rows), lengths.max()), padding, np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
        attention = move_array(np.arange(ids.shape[1]) < lengths[:, None], self.rows.device)
        inputs = move_array(ids, self.rows.device)
        states: Tensor = self._model[0].base_model(input_ids=inputs, attention_mask=attention.long())[0]
        return states

    def _replace(self, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        numbers = inputs[0] - self._first
        new = (numbers >= 0) & (numbers < len(self.rows))
        return output.index_put((new,), self.rows[numbers[new]].to(output.dtype))


@dataclass(frozen=True)
class FittingBatch:
    """Some sentences in both segmentations."""

    pairs: Sequence[PairedSentence]
    languages: Integers
    identity: str

    @property
    def lengths(self) -> Integers:
        """Tokens of each sentence in the new segmentation, int64 [sentences]."""
        return np.array([len(pair.new) for pair in self.pairs], np.int64)

    @property
    def count(self) -> int:
        """Pieces that are compared."""
        return sum(len(pair.places) for pair in self.pairs)


class RowFitting:
    """Learns the rows of new entries; validated on other sentences.

    Args:
        training: language -> sentences that have new entries.
        validation: the same, of others.
        padding: the id of the padding.
        sentences: how many a batch has.
        seed: of the order.
    """

    metric, lower_is_better = "state_distance", True

    def __init__(
        self,
        training: Mapping[str, Sequence[PairedSentence]],
        validation: Mapping[str, Sequence[PairedSentence]],
        *,
        padding: int,
        sentences: int,
        seed: int,
    ) -> None:
        self.languages = tuple(training)
        self._validation, self._padding, self._size, self._seed = validation, padding, sentences, seed
        numbered = [(pair, number) for number, pairs in enumerate(training.values()) for pair in pairs]
        self._pairs = sorted(numbered, key=lambda each: len(each[0].new))

    @property
    def epoch_batches(self) -> int:
        """Batches in which all sentences are read once."""
        return -(-len(self._pairs) // self._size)

    def batch(self, index: int) -> FittingBatch:
        """Sentences of about one length; in every epoch the same batches in another order."""
        epoch, place = divmod(index, self.epoch_batches)
        key = int(hash_u64(self._seed, hash_name("fitting"), epoch)[0])
        number = int(permute(np.array([place], np.uint64), self.epoch_batches, key)[0])
        chosen = self._pairs[number * self._size : (number + 1) * self._size]
        languages = np.array([language for _, language in chosen], np.int64)
        return FittingBatch([pair for pair, _ in chosen], languages, f"epoch {epoch}, batch {place}")

    def losses(self, model: NewRows, batch: FittingBatch, progress: float) -> Losses:
        """The mean squared difference of hidden states, summed over the pieces that are compared."""
        made, wanted = self._compared(model, batch.pairs)
        with torch.autocast(model.rows.device.type, enabled=False):
            values = (made.float() - wanted.float()).square().mean(-1)
        owners = np.repeat(batch.languages, [len(pair.places) for pair in batch.pairs])
        counted = torch.ones_like(values, dtype=torch.bool)
        languages = move_array(owners, values.device)
        return Losses(values.sum(), {"states": Term(values.detach(), counted, languages)})

    @torch.no_grad()
    def validate(self, model: NewRows) -> Validation | None:
        """The squared difference of hidden states in percent of their squared length, by language."""
        scores = {}
        for language, pairs in self._validation.items():
            differences = lengths = 0.0
            for begin in range(0, len(pairs), self._size):
                made, wanted = self._compared(model, pairs[begin : begin + self._size])
                differences += float((made.float() - wanted.float()).square().sum())
                lengths += float(wanted.float().square().sum())
            if lengths:
                scores[language] = 100 * differences / lengths
        return Validation(scores=scores, losses=scores) if scores else None

    def _compared(self, model: NewRows, pairs: Sequence[PairedSentence]) -> tuple[Tensor, Tensor]:
        """Hidden states of pieces in the new segmentation, and what they should be; float [pieces, width] each."""
        with torch.no_grad():
            old = model.states([pair.old for pair in pairs], self._padding)
        new = model.states([pair.new for pair in pairs], self._padding)
        made = np.concatenate([pair.places + row * new.shape[1] for row, pair in enumerate(pairs)])
        begins, ends = (
            np.concatenate([getattr(pair, name) + row * old.shape[1] for row, pair in enumerate(pairs)])
            for name in ("begins", "ends")
        )
        sizes = ends - begins
        owners = move_array(np.repeat(np.arange(len(sizes)), sizes), old.device)
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        parts = old.flatten(0, 1)[move_array(np.repeat(begins, sizes) + inside, old.device)].float()
        sums = torch.zeros(len(sizes), old.shape[-1], device=old.device).index_add_(0, owners, parts)
        wanted = sums / move_array(sizes, old.device)[:, None]
        return new.flatten(0, 1)[move_array(made, new.device)], wanted
