"""Soft labels computed while the student trains: every row is read by the teacher of its language.

A batch holds few rows of each language, and a teacher that reads few rows at a time is slow. So the teachers read a
whole pool of batches ahead, language by language, in rows of like length, and keep only the vector from which the
vocabulary projection starts at each target; the projection itself, |V| wide, happens when the batch's turn comes.
What a teacher says depends on the pool, which is a pure function of its number: nothing has to be saved for a resume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from equiglot.labels.parts import Parts
from equiglot.masking import Batch, BatchStream, RowIds
from equiglot.models import (
    SHAPE_STEP,
    TensorBatch,
    head_parts,
    hidden_states,
    move_array,
    move_model,
    states_inside,
    to_tensors,
)
from equiglot.objectives import FORBIDDEN, Objective, SoftTargets, TeacherStates, mapped_layers, relations

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_TOKENS = 8192  # of one forward pass of a teacher

Integers = npt.NDArray[np.int64]


class OnlineTeachers:
    """Teachers with the student's vocabulary, or with the one that it is an extension of.

    Such a teacher reads new entries as their parts, and says nothing where one of them stood: there the student learns
    from the masked words. Elsewhere it knows nothing of the new entries (`soft_loss`, `partial`).

    Args:
        teachers: language -> its teacher, in evaluation mode on the student's device; languages may share one, and
            a language without one gets no soft labels.
        stream: the student's batches.
        device: where the models are.
        objective: the student's; where it compares hidden states, teachers read batch by batch.
        student: the student's configuration, whose layers and heads such an objective compares, and whose vocabulary
            is that of the logits.
        parts: language -> what the student's entries are to its teacher, where that one has not all of them. (An
            objective that compares hidden states has nothing to compare then.)
    """

    def __init__(
        self,
        teachers: Mapping[str, PreTrainedModel],
        stream: BatchStream,
        device: torch.device,
        *,
        objective: Objective | None = None,
        student: PretrainedConfig | None = None,
        parts: Mapping[str, Parts] | None = None,
    ) -> None:
        self._stream, self._device = stream, device
        self._objective, self._student = objective or Objective(), student
        self._teachers = {stream.languages.index(language): model for language, model in teachers.items()}
        self._parts = {stream.languages.index(language): each for language, each in (parts or {}).items()}
        self._pool: int | None = None
        self._vectors: tuple[Tensor, ...] = ()
        self._asked: tuple[npt.NDArray[np.bool_], ...] = ()

    @torch.no_grad()
    def targets(self, batch: Batch) -> SoftTargets | None:
        """The teachers' distributions at the targets of `batch`; None where no row has a teacher."""
        if self._objective.compares_states:
            return self.read(batch)
        pool, slot = divmod(batch.index, self._stream.pool_batches)
        if pool != self._pool:
            (self._vectors, self._asked), self._pool = self._read_pool(pool), pool
        languages = batch.languages[batch.target_rows]
        logits, positions = [], []
        for number, teacher in self._teachers.items():
            here = np.flatnonzero((languages == number) & self._asked[slot])
            if len(here):
                _, project = head_parts(teacher)
                vectors = self._vectors[slot][move_array(here, self._device), : project.in_features]
                logits.append(self._in_student_ids(project(vectors), self._parts.get(number)))
                positions.append(here)
        return SoftTargets(*self._in_order(logits, positions), partial=bool(self._parts)) if logits else None

    @torch.no_grad()
    def read(self, batch: Batch) -> SoftTargets | None:
        """What the teachers make of any batch, of the stream or not, hidden states too; None where no row has one."""
        whole, width = to_tensors(batch, self._device), batch.inputs.shape[1]
        real = np.arange(width) < batch.lengths[:, None]
        logits, positions, tokens, found = [], [], [], []
        for teacher in {id(model): model for model in self._teachers.values()}.values():
            own = [number for number, model in self._teachers.items() if model is teacher]
            taught = np.isin(batch.languages, own)
            here = np.flatnonzero(taught[batch.target_rows])
            if not taught.any():
                continue
            if parts := self._parts.get(own[0]):
                apart, asked = parts.take_apart(_taken(batch, here, taught))
                if len(asked):
                    vectors = self._vectors_of(teacher, apart)
                    logits.append(self._in_student_ids(head_parts(teacher)[1](vectors), parts))
                    positions.append(here[asked])
                continue
            rows = move_array(np.flatnonzero(taught), self._device)
            attention = None if whole.attention is None else whole.attention[rows]
            read = TensorBatch(whole.inputs[rows], attention, whole.targets, whole.gold, whole.languages)
            own_tokens = move_array(np.flatnonzero(real[taught]), self._device)
            states, layers, related = self._read_inside(teacher, read, own_tokens)
            seen = torch.zeros(*real.shape, states.shape[-1], device=self._device)
            seen[rows] = states.float()
            prepare, project = head_parts(teacher)
            targets = move_array(batch.targets[here], self._device)
            logits.append(project(prepare(seen.flatten(0, 1)[targets])).float())
            positions.append(here)
            tokens.append(np.flatnonzero(real & taught[:, None]))
            found.append((seen.flatten(0, 1)[move_array(tokens[-1], self._device)], layers, related))
        if not logits:
            return None
        if not tokens:
            return SoftTargets(*self._in_order(logits, positions), partial=True)
        places = np.concatenate(tokens)
        values, layers_of, relations_of = zip(*found, strict=True)
        known = TeacherStates(
            torch.cat(values),
            move_array(places, self._device),
            move_array(batch.languages[places // width], self._device),
            tuple(map(torch.cat, zip(*layers_of, strict=True))),
            None if relations_of[0] is None else torch.cat(relations_of, dim=1),
        )
        return SoftTargets(*self._in_order(logits, positions), known)

    def _vectors_of(self, teacher: PreTrainedModel, batch: Batch) -> Tensor:
        """From what a teacher's projection starts at the targets of a batch, float [m, hidden]."""
        tensors = to_tensors(batch, self._device)
        prepare, _ = head_parts(teacher)
        vectors: Tensor = prepare(hidden_states(teacher, tensors).flatten(0, 1)[tensors.targets])
        return vectors

    def _in_student_ids(self, logits: Tensor, parts: Parts | None) -> Tensor:
        """A teacher's logits as float32 [p, |V|] of the student's entries: `FORBIDDEN` for those that it lacks, no
        others where its table has rows behind its last entry, which make its size round."""
        if self._student is None:
            return logits.float()
        size = int(self._student.vocab_size)
        known = size if parts is None else parts.first
        logits = logits[:, :known].float()
        return functional.pad(logits, (0, size - logits.shape[1]), value=FORBIDDEN)

    def _in_order(self, logits: list[Tensor], positions: list[Integers]) -> tuple[Tensor, Tensor]:
        """What each teacher says float32 [p, |V|], and about which targets int64 [p]: all of them, ascending."""
        every = np.concatenate(positions)
        order = np.argsort(every)
        return torch.cat(logits)[move_array(order, self._device)], move_array(every[order], self._device)

    def _read_inside(
        self, teacher: PreTrainedModel, batch: TensorBatch, tokens: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None]:
        """Last hidden states [rows, width, hidden]; of the layers that are compared, and of relations, what stands at
        `tokens` (see `TeacherStates`)."""
        if not self._objective.looks_inside:
            return hidden_states(teacher, batch), (), None
        assert self._student is not None
        states, inside = states_inside(teacher, batch)
        layers: tuple[Tensor, ...] = ()
        if "layers" in self._objective.beside:
            chosen = mapped_layers(self._student.num_hidden_layers, teacher.config.num_hidden_layers)
            layers = tuple(inside.layers[number].flatten(0, 1)[tokens].float() for number in chosen)
        if "relations" not in self._objective.beside:
            return states, layers, None
        return states, layers, relations(inside.attention, batch.attention, tokens, self._student.num_attention_heads)

    def _read_pool(self, pool: int) -> tuple[tuple[Tensor, ...], tuple[npt.NDArray[np.bool_], ...]]:
        """For each batch of the pool, the vectors float32 [m, hidden] of its targets (zeros where no teacher says
        anything), and where one does, bool [m]."""
        first = pool * self._stream.pool_batches
        batches = [self._stream[first + slot] for slot in range(self._stream.pool_batches)]
        width = max(head_parts(model)[1].in_features for model in self._teachers.values())
        counts = [len(batch.targets) for batch in batches]
        vectors = torch.zeros(sum(counts), width, device=self._device)
        asked = np.zeros(sum(counts), dtype=np.bool_)
        for number, teacher in self._teachers.items():
            for group in _groups(batches, number):
                joined, places = _join(batches, group)
                if parts := self._parts.get(number):
                    joined, some = parts.take_apart(joined)
                    places = places[some]
                states = self._vectors_of(teacher, joined)
                vectors[move_array(places, self._device), : states.shape[1]] = states.float()
                asked[places] = True
        return tuple(vectors.split(counts)), tuple(np.split(asked, np.cumsum(counts)[:-1]))


def _groups(batches: list[Batch], language: int) -> list[list[tuple[int, int]]]:
    """The rows of a language as (batch, row), sorted by length, in groups of some `_TOKENS` tokens."""
    rows = [
        (int(batch.lengths[row]), slot, int(row))
        for slot, batch in enumerate(batches)
        for row in np.flatnonzero(batch.languages == language)
    ]
    groups: list[list[tuple[int, int]]] = []
    for length, slot, row in sorted(rows):
        if not groups or (len(groups[-1]) + 1) * length > _TOKENS:
            groups.append([])
        groups[-1].append((slot, row))
    return groups


def _join(batches: list[Batch], group: list[tuple[int, int]]) -> tuple[Batch, Integers]:
    """One batch of rows taken from several, and which of all these batches' targets it holds, int64 [m].

    Rows without targets fill it up to a multiple of `SHAPE_STEP`.
    """
    width = max(int(batches[slot].lengths[row]) for slot, row in group)
    lengths = np.full(len(group) + -len(group) % SHAPE_STEP, width, dtype=np.int64)
    lengths[: len(group)] = [batches[slot].lengths[row] for slot, row in group]
    inputs = np.zeros((len(lengths), width), dtype=np.int64)
    begins = np.cumsum([0, *(len(batch.targets) for batch in batches)])
    targets, places, gold = [], [], []
    for place, (slot, row) in enumerate(group):
        batch = batches[slot]
        own = batch.inputs.shape[1]
        inputs[place, : lengths[place]] = batch.inputs[row, : lengths[place]]
        low, high = np.searchsorted(batch.targets, [row * own, (row + 1) * own])
        targets.append(batch.targets[low:high] - row * own + place * width)
        places.append(begins[slot] + np.arange(low, high))
        gold.append(batch.gold[low:high])
    flat = np.concatenate(targets)
    zeros, nothing = np.zeros(len(lengths), dtype=np.int64), np.zeros_like(flat)
    row_ids = RowIds(zeros, zeros, zeros, zeros)
    stood = np.concatenate(gold)
    joined = Batch(inputs, lengths, row_ids, flat, stood, nothing, nothing.astype(np.bool_), 0, "teachers")
    return joined, np.concatenate(places)


def _taken(batch: Batch, targets: Integers, rows: npt.NDArray[np.bool_]) -> Batch:
    """Some rows of a batch, bool [rows], whose targets are those with the indices `targets`."""
    width = batch.inputs.shape[1]
    row, column = np.divmod(batch.targets[targets], width)
    return replace(
        batch,
        inputs=batch.inputs[rows],
        lengths=batch.lengths[rows],
        row_ids=batch.row_ids.take(np.flatnonzero(rows)),
        targets=(np.cumsum(rows) - 1)[row] * width + column,
        gold=batch.gold[targets],
        mask_index=batch.mask_index[targets],
        word_start=batch.word_start[targets],
    )


def freeze(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """Makes a model a teacher: on the device, in evaluation mode, without gradients."""
    move_model(model, device)
    model.eval()
    model.requires_grad_(False)
    return model
