"""Soft labels computed while the student trains: every row is read by the teacher of its language.

A batch holds few rows of each language, and a teacher that reads few rows at a time is slow. So the teachers read a
whole pool of batches ahead, language by language, in rows of like length, and keep only the vector from which the
vocabulary projection starts at each target; the projection itself, |V| wide, happens when the batch's turn comes.
What a teacher says depends on the pool, which is a pure function of its number: nothing has to be saved for a resume.
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from equiglot.masking import Batch, BatchStream, RowIds
from equiglot.models import SHAPE_STEP, TensorBatch, head_parts, hidden_states, states_inside, to_tensors
from equiglot.objectives import Objective, SoftTargets, TeacherStates, mapped_layers, relations

_TOKENS = 8192  # of one forward pass of a teacher


class OnlineTeachers:
    """Teachers with the student's vocabulary.

    Args:
        teachers: language -> its teacher, in evaluation mode on the student's device; languages may share one, and
            a language without one gets no soft labels.
        stream: the student's batches.
        device: where the models are.
        objective: the student's; where it compares hidden states, teachers read batch by batch.
        student: the student's configuration, whose layers and heads such an objective compares.
    """

    def __init__(
        self,
        teachers: Mapping[str, PreTrainedModel],
        stream: BatchStream,
        device: torch.device,
        *,
        objective: Objective | None = None,
        student: PretrainedConfig | None = None,
    ) -> None:
        self._stream, self._device = stream, device
        self._objective, self._student = objective or Objective(), student
        self._teachers = {stream.languages.index(language): model for language, model in teachers.items()}
        self._pool: int | None = None
        self._vectors: list[Tensor] = []

    @torch.no_grad()
    def targets(self, batch: Batch) -> SoftTargets | None:
        """The teachers' distributions at the targets of `batch`; None where no row has a teacher."""
        if self._objective.compares_states:
            return self.read(batch)
        pool, slot = divmod(batch.index, self._stream.pool_batches)
        if pool != self._pool:
            self._vectors, self._pool = self._read_pool(pool), pool
        target_languages = torch.from_numpy(batch.languages[batch.target_rows]).to(self._device)
        logits, positions = [], []
        for number, teacher in self._teachers.items():
            here = (target_languages == number).nonzero().flatten()
            if len(here):
                _, project = head_parts(teacher)
                vectors = self._vectors[slot][here, : project.in_features]
                logits.append(project(vectors).float())
                positions.append(here)
        if not logits:
            return None
        order = torch.argsort(torch.cat(positions))
        return SoftTargets(torch.cat(logits)[order], torch.cat(positions)[order])

    @torch.no_grad()
    def read(self, batch: Batch) -> SoftTargets | None:
        """What the teachers make of any batch, of the stream or not, hidden states too; None where no row has one."""
        whole, width = to_tensors(batch, self._device), batch.inputs.shape[1]
        row_languages = torch.from_numpy(batch.languages).to(self._device)
        real = torch.ones_like(whole.inputs, dtype=torch.bool) if whole.attention is None else whole.attention
        logits, positions, tokens, found = [], [], [], []
        for teacher in {id(model): model for model in self._teachers.values()}.values():
            own = [number for number, model in self._teachers.items() if model is teacher]
            taught = torch.isin(row_languages, torch.tensor(own, device=self._device))
            rows, here = taught.nonzero().flatten(), taught[whole.targets // width].nonzero().flatten()
            if not len(rows):
                continue
            attention = None if whole.attention is None else whole.attention[rows]
            read = TensorBatch(whole.inputs[rows], attention, whole.targets, whole.gold, whole.languages)
            own_tokens = real[rows].flatten().nonzero().flatten()
            states, layers, related = self._read_inside(teacher, read, own_tokens)
            seen = torch.zeros(*real.shape, states.shape[-1], device=self._device)
            seen[rows] = states.float()
            prepare, project = head_parts(teacher)
            logits.append(project(prepare(seen.flatten(0, 1)[whole.targets[here]])).float())
            positions.append(here)
            tokens.append((real & taught[:, None]).flatten().nonzero().flatten())
            found.append((seen.flatten(0, 1)[tokens[-1]], layers, related))
        if not logits:
            return None
        order, places = torch.argsort(torch.cat(positions)), torch.cat(tokens)
        values, layers_of, relations_of = zip(*found, strict=True)
        known = TeacherStates(
            torch.cat(values),
            places,
            row_languages[places // width],
            tuple(map(torch.cat, zip(*layers_of, strict=True))),
            None if relations_of[0] is None else torch.cat(relations_of, dim=1),
        )
        return SoftTargets(torch.cat(logits)[order], torch.cat(positions)[order], known)

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

    def _read_pool(self, pool: int) -> list[Tensor]:
        """For each batch of the pool, the vectors float32 [m, hidden] of its targets (zeros without a teacher)."""
        first = pool * self._stream.pool_batches
        batches = [self._stream[first + slot] for slot in range(self._stream.pool_batches)]
        width = max(head_parts(model)[1].in_features for model in self._teachers.values())
        vectors = [torch.zeros(len(batch.targets), width, device=self._device) for batch in batches]
        for number, teacher in self._teachers.items():
            for group in _groups(batches, number):
                self._read_group(teacher, batches, group, vectors)
        return vectors

    def _read_group(
        self, teacher: PreTrainedModel, batches: list[Batch], group: list[tuple[int, int]], vectors: list[Tensor]
    ) -> None:
        """Reads some rows, given as (batch, row), and writes the vectors of their targets where they belong."""
        joined, places = _join(batches, group)
        tensors = to_tensors(joined, self._device)
        prepare, _ = head_parts(teacher)
        states = prepare(hidden_states(teacher, tensors).flatten(0, 1)[tensors.targets])
        begin = 0
        for slot, targets in places:
            end = begin + len(targets)
            vectors[slot][torch.from_numpy(targets).to(self._device), : states.shape[1]] = states[begin:end].float()
            begin = end


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


def _join(batches: list[Batch], group: list[tuple[int, int]]) -> tuple[Batch, list[tuple[int, np.ndarray]]]:
    """One batch of rows taken from several, and for each row its batch and which of that batch's targets it holds.

    Rows without targets fill it up to a multiple of `SHAPE_STEP`.
    """
    width = max(int(batches[slot].lengths[row]) for slot, row in group)
    lengths = np.full(len(group) + -len(group) % SHAPE_STEP, width, dtype=np.int64)
    lengths[: len(group)] = [batches[slot].lengths[row] for slot, row in group]
    inputs = np.zeros((len(lengths), width), dtype=np.int64)
    targets, places = [], []
    for place, (slot, row) in enumerate(group):
        batch = batches[slot]
        own = batch.inputs.shape[1]
        inputs[place, : lengths[place]] = batch.inputs[row, : lengths[place]]
        low, high = np.searchsorted(batch.targets, [row * own, (row + 1) * own])
        targets.append(batch.targets[low:high] - row * own + place * width)
        places.append((slot, np.arange(low, high)))
    flat = np.concatenate(targets)
    zeros, nothing = np.zeros(len(lengths), dtype=np.int64), np.zeros_like(flat)
    row_ids = RowIds(zeros, zeros, zeros, zeros)
    joined = Batch(inputs, lengths, row_ids, flat, nothing, nothing, nothing.astype(np.bool_), 0, "teachers")
    return joined, places


def freeze(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """Makes a model a teacher: on the device, in evaluation mode, without gradients."""
    cast(nn.Module, model).to(device)
    model.eval()
    model.requires_grad_(False)
    return model
