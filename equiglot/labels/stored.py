"""Soft labels from stores: what teachers said about the very examples that the student reads, in the student's ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equiglot.errors import InputError
from equiglot.labels.packing import StoredRows
from equiglot.labels.store import LabelStore
from equiglot.masking import Batch, BatchStream, Source
from equiglot.models import move_array
from equiglot.objectives import Objective, TopKTargets
from equiglot.vocabulary import VocabularyMap

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_LEAST = float(np.finfo(np.float32).min)  # no minus infinity: a probability of 0 times it is not a number

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StoredTeacher:
    """The labels of one teacher for one source of text.

    Attributes:
        store: the labels.
        mapping: from the teacher's ids to the student's; None where they are the same.
    """

    store: LabelStore
    mapping: VocabularyMap | None = None


@dataclass(frozen=True)
class _Words:
    """What is known at m positions: the fields of `TopKTargets`, as numpy arrays."""

    ids: Integers
    log_probabilities: Floats
    rest: Floats
    samples: Integers
    sample_masses: Floats


class StoredTeachers:
    """Teachers whose labels are stored.

    Several teachers of one source read the same tokens under the same masks. What they say is mixed, each weighted by
    its confidence at the position: in proportion to exp(-entropy), all words that are not stored counted as one. The
    gradient is that of the weighted sum of the losses that they have alone, by the same reading; `bucketed` has none
    for several, whose buckets are of different words.

    Args:
        teachers: index of one of the stream's sources -> its teachers; sources without get no soft labels.
        stream: the student's batches.
        objective: what the labels are for.
        entries: of the student's vocabulary. A teacher's weights may know more ids than its tokenizer (filled up to a
            round number): the student has none of these.
        device: where the student is.

    Raises:
        InputError: a store's temperature is not the objective's, it has no samples where these are to be read, it
            belongs to other masks than the source's, or several teachers are to be read bucketed.
    """

    def __init__(
        self,
        teachers: Mapping[int, Sequence[StoredTeacher]],
        stream: BatchStream,
        objective: Objective,
        entries: int,
        device: torch.device,
    ) -> None:
        self._objective, self._entries, self._device = objective, entries, device
        self._teachers = {source: [_covering(each) for each in several] for source, several in teachers.items()}
        for source, several in teachers.items():
            if len(several) > 1 and objective.reading == "bucketed":
                raise InputError(
                    "several teachers are mixed, and each has a bucket of other words",
                    where=several[0].store.path,
                    fix="set labels.reading to sampled, or to renormalised",
                )
            for each in several:
                _check(each.store, stream.sources[source], objective)

    def read(self, batch: Batch) -> None:
        """Nothing: a store has labels of the text that it was made from alone."""

    def targets(self, batch: Batch) -> TopKTargets | None:
        """The teachers' words at the targets of `batch`; None where nothing is known about any.

        A target where the student has none of a teacher's words is left to the masked word alone.
        """
        sources = batch.row_ids.sources[batch.target_rows]
        parts, positions = [], []
        for source, teachers in self._teachers.items():
            here = np.flatnonzero(sources == source)
            if len(here):
                several = [self._read(teacher, batch, source, here) for teacher in teachers]
                parts.append(_mix(several, renormalised=self._objective.reading == "renormalised"))
                positions.append(here)
        return self._join(parts, positions) if parts else None

    def _read(self, teacher: StoredTeacher, batch: Batch, source: int, here: Integers) -> StoredRows:
        """What one teacher says at the targets `here` (int64 [m]) of a source, in the student's ids."""
        row_ids, own = batch.row_ids, np.flatnonzero(batch.row_ids.sources == source)
        first = np.zeros(len(batch.lengths), dtype=np.int64)
        first[own] = teacher.store.places(row_ids.sequences[own], row_ids.draws[own])
        rows = teacher.store.read(first[batch.target_rows[here]] + batch.mask_index[here])
        logs, rest = rows.log_probabilities, rows.rest
        if teacher.store.settings.temperature != self._objective.temperature:
            logs = _rescale(logs, teacher.store.settings.temperature / self._objective.temperature)
            rest = np.zeros_like(rest)
        if teacher.mapping is None:
            ids, samples = (np.where(each < self._entries, each, -1) for each in (rows.ids, rows.samples))
            return StoredRows(ids, logs, rest, samples)
        begins = batch.word_start[here][:, None]
        ids, samples = (teacher.mapping.targets(each, begins) for each in (rows.ids, rows.samples))
        return StoredRows(ids, logs, rest, samples)

    def _join(self, parts: list[_Words], positions: list[Integers]) -> TopKTargets | None:
        """The sources' words together, in the order of the targets; narrower ones are filled up."""
        every = np.concatenate(positions)
        ids, logs, samples, masses = (
            _stack([getattr(part, name) for part in parts], empty)
            for name, empty in (("ids", -1), ("log_probabilities", _LEAST), ("samples", -1), ("sample_masses", 0))
        )
        rest = np.concatenate([part.rest for part in parts])
        order = np.argsort(every)
        order = order[((ids >= 0) & (np.exp(logs) > 0)).any(axis=1)[order]]
        if not len(order):
            return None
        return TopKTargets(*(self._tensor(each[order]) for each in (ids, logs, rest, samples, masses, every)))

    def _tensor(self, array: npt.NDArray[Any]) -> Tensor:
        return move_array(array, self._device)


def _covering(teacher: StoredTeacher) -> StoredTeacher:
    """A teacher whose weights know more ids than its tokenizer (filled up to a round number): the student has none."""
    mapping = teacher.mapping
    if mapping is None or len(mapping.inside) >= teacher.store.vocabulary_size:
        return teacher
    more = (0, teacher.store.vocabulary_size - len(mapping.inside))
    inside, begin = (np.pad(each, more, constant_values=-1) for each in (mapping.inside, mapping.begin))
    return replace(teacher, mapping=replace(mapping, inside=inside, begin=begin))


def _check(store: LabelStore, source: Source, objective: Objective) -> None:
    manifest, stored = store.manifest, store.settings.temperature
    if (manifest.language, manifest.masks, manifest.seed) != (source.language, source.masks, source.seed):
        raise InputError(
            f"the labels belong to {manifest.language} under other masks than those that the student reads",
            where=store.path,
            fix="label the text again, with the student's `masks` and `seed`",
        )
    if stored != objective.temperature and objective.reading != "renormalised":
        raise InputError(
            f"the labels are stored at temperature {stored:g}, and to be read at {objective.temperature:g}: what they "
            "say about all other words holds at their own alone",
            where=store.path,
            fix=f"set labels.temperature to {stored:g}, or labels.reading to renormalised, or label the text again",
        )
    if objective.reading == "sampled" and not store.settings.samples:
        raise InputError(
            "the labels have no samples, which `labels.reading: sampled` reads",
            where=store.path,
            fix="set labels.samples, and label the text again; or read them bucketed",
        )


def _rescale(logs: Floats, factor: float) -> Floats:
    """Log-probabilities float32 [m, k] at another temperature, among these k words alone."""
    scaled = np.maximum(logs, _LEAST / max(1.0, factor)) * np.float32(factor)
    scaled -= scaled.max(axis=1, keepdims=True)
    rescaled: Floats = np.maximum(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)), _LEAST)
    return rescaled


def _mix(several: list[StoredRows], *, renormalised: bool) -> _Words:
    """The mixture of what several teachers say about the same positions, each weighted by its confidence.

    To be read `renormalised`, each one's words have all of its mass first: otherwise a teacher would count for less the
    more it leaves to other words.
    """
    weights = _confidence(several)
    if renormalised and len(several) > 1:
        several = [_without_rest(rows) for rows in several]
    ids = np.concatenate([rows.ids for rows in several], axis=1)
    logs = np.concatenate([rows.log_probabilities for rows in several], axis=1)
    if len(several) > 1:
        shares = np.repeat(weights, [rows.ids.shape[1] for rows in several], axis=1)
        logs = np.maximum(logs + np.log(shares), _LEAST)
    ids, logs = _merge(ids, logs)
    rest = [weights[:, place] * rows.rest for place, rows in enumerate(several)]
    masses = [
        np.broadcast_to((part / max(1, rows.samples.shape[1]))[:, None], rows.samples.shape)
        for part, rows in zip(rest, several, strict=True)
    ]
    samples = np.concatenate([rows.samples for rows in several], axis=1)
    return _Words(ids, logs, np.sum(rest, axis=0), samples, np.concatenate(masses, axis=1))


def _without_rest(rows: StoredRows) -> StoredRows:
    """The words that the student has, with all of the mass."""
    logs = np.where(rows.ids >= 0, rows.log_probabilities, _LEAST)
    return replace(rows, log_probabilities=_rescale(logs, 1.0), rest=np.zeros_like(rows.rest))


def _confidence(several: list[StoredRows]) -> Floats:
    """The weight of each teacher at each position, float32 [m, teachers]: exp(-entropy), summing to 1."""
    entropies = []
    for rows in several:
        known, tiny = np.exp(rows.log_probabilities), np.finfo(np.float32).tiny
        rest = rows.rest * np.log(np.maximum(rows.rest, tiny))
        entropies.append(-(known * rows.log_probabilities).sum(axis=1) - rest)
    sure = np.exp(np.min(entropies, axis=0) - np.stack(entropies))
    weights: Floats = (sure / sure.sum(axis=0)).T
    return weights


def _merge(ids: Integers, logs: Floats) -> tuple[Integers, Floats]:
    """Makes equal ids of a row one, with all their mass: two of a teacher's words can be one of the student's."""
    order = np.argsort(ids, axis=1, kind="stable")
    ordered = np.take_along_axis(ids, order, axis=1)
    first = np.ones(ids.shape, dtype=np.bool_)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    if first.all():
        return ids, logs
    places = (np.cumsum(first, axis=1) - 1 + np.arange(len(ids))[:, None] * ids.shape[1]).ravel()
    merged = np.full(ids.size, -1, dtype=np.int64)
    merged[places] = ordered.ravel()
    masses = np.bincount(places, np.exp(np.take_along_axis(logs, order, axis=1)).ravel(), ids.size)
    with np.errstate(divide="ignore"):
        sums = np.maximum(np.log(masses), _LEAST).astype(np.float32)
    return merged.reshape(ids.shape), sums.reshape(ids.shape)


def _stack(arrays: list[npt.NDArray[Any]], empty: float) -> npt.NDArray[Any]:
    """Arrays [m, n] one below the other, narrower ones filled up with `empty`."""
    stacked = np.full((sum(map(len, arrays)), max(array.shape[1] for array in arrays)), empty, dtype=arrays[0].dtype)
    begin = 0
    for array in arrays:
        stacked[begin : begin + len(array), : array.shape[1]] = array
        begin += len(array)
    return stacked
