"""A teacher reads a text once, and what it says at the masked positions is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from equiglot.errors import InputError
from equiglot.files import fingerprint
from equiglot.hashing import hash_name, hash_u64
from equiglot.labels.packing import StoredRows
from equiglot.labels.position_index import Integers
from equiglot.labels.records import Manifest, ShardStatistics, StoreSettings
from equiglot.labels.top_k import TopK, top_k
from equiglot.labels.writing import begin_store, is_written, write_shard
from equiglot.masking import Batch, RowIds, Source, SpecialTokens
from equiglot.masking.collate import bucket_rows, collate
from equiglot.models import target_logits, to_tensors, use_deterministic_algorithms
from equiglot.objectives import hard_loss

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_SHARD = 1 << 19  # tokens: some minutes of a large teacher on a CPU are lost when it is killed
_TOKENS = 8192  # of one forward pass
_LOGITS = 1 << 26  # made at once, 256 MiB
_TAIL = hash_name("tail")

Tell = Callable[[str, int], None]


def label_text(
    model: PreTrainedModel,
    source: Source,
    special: SpecialTokens,
    settings: StoreSettings,
    facts: Mapping[str, Any],
    into: Path,
    *,
    tell: Tell = lambda stage, amount: None,
    stop: Callable[[], bool] = lambda: False,
    shard_tokens: int = _SHARD,
    part: tuple[int, int] = (0, 1),
) -> bool:
    """Stores what a teacher says at the masked positions of a text, a shard at a time.

    What is there already is kept: a labelling that was killed continues at the shard. Several processes may label one
    text, each its part, into folders of their own: all files of them in one folder are the whole.
    The teacher computes in fp32, with deterministic algorithms; what a shard holds depends on the arguments alone.

    Args:
        model: the teacher, on its device.
        source: the text in the teacher's ids, `mapping` None; only the sequences that it lets read are labelled.
        special: the teacher's special ids.
        settings: what is stored.
        facts: JSON-able; what the labels depend on besides: fingerprints of the teacher's weights, its tokenizer, the
            text.
        into: the folder of the store.
        tell: told "labelling" and how many more sequences are labelled (each counts once for each draw).
        stop: asked after every forward pass.
        shard_tokens: tokens that the teacher reads for a shard, about; a shard that is not finished is labelled again.
        part: which part of how many is labelled; the first is 0.

    Returns:
        Whether all of it is labelled; false if it was asked to stop.

    Raises:
        InputError: other labels are there, the teacher's logits are not numbers, there is no text, or a CUDA card
            cannot be deterministic (`use_deterministic_algorithms`).
        OSError: a full disk, say; finished shards stay.
    """
    if settings.draws > 1 and not source.masks.dynamic:
        raise InputError("masks that are always the same have no several draws", where="draws", fix="set draws to 1")
    use_deterministic_algorithms(model.device)
    model.eval()
    borders = _borders(source, settings.draws, shard_tokens)
    manifest = _manifest(model, source, settings, borders, facts)
    begin_store(into, manifest)
    worker = _Worker(model, source, special, manifest, into, tell, stop)
    number, parts = part
    return all(
        worker.do(each, int(borders[each]), int(borders[each + 1])) for each in range(manifest.shards)[number::parts]
    )


def _manifest(
    model: PreTrainedModel, source: Source, settings: StoreSettings, borders: Integers, facts: Mapping[str, Any]
) -> Manifest:
    """What the store is made of."""
    chosen = source.sequences
    return Manifest(
        settings=settings,
        vocabulary_size=int(model.config.vocab_size),
        language=source.language,
        masks=source.masks,
        seed=source.seed,
        sequences=int(borders[-1]),
        selection=fingerprint(chosen.tolist()) if isinstance(chosen, np.ndarray) else None,
        shards=len(borders) - 1,
        facts=dict(facts),
    )


def _borders(source: Source, draws: int, shard_tokens: int) -> Integers:
    """Where shards begin and end, int64 [shards + 1]: sequences of the text, cut into parts of as many tokens."""
    if not source.size:
        raise InputError(f"the text of {source.language} is empty", fix="add text, or leave the language out")
    end = int(source.choose(np.array([source.size - 1]))[0]) + 1
    total = int(source.text.offsets[end])
    shards = max(1, -(-total * draws // shard_tokens))
    borders = np.searchsorted(source.text.offsets[: end + 1], np.arange(shards + 1) * total // shards)
    borders[0], borders[-1] = 0, end
    return np.unique(borders).astype(np.int64)


@dataclass(frozen=True)
class _Answers:
    """What a batch gave: for each of its targets the row of the shard it belongs to, and its bytes."""

    rows: Integers
    packed: npt.NDArray[np.uint8]
    statistics: ShardStatistics


@dataclass(frozen=True)
class _Worker:
    """One process that labels."""

    model: PreTrainedModel
    source: Source
    special: SpecialTokens
    manifest: Manifest
    into: Path
    tell: Tell
    stop: Callable[[], bool]

    def do(self, number: int, begin: int, end: int) -> bool:
        """Labels sequences `begin` to `end` if nobody has; false if asked to stop before it is done."""
        sequences = self._sequences(begin, end)
        draws = self.manifest.settings.draws
        if is_written(self.into, number):
            self.tell("labelling", len(sequences) * draws)
            return True
        nothing = np.empty((0, self.manifest.format.width), dtype=np.uint8)
        answers = [_Answers(np.empty(0, dtype=np.int64), nothing, ShardStatistics())]
        for answer in self._read(sequences):
            answers.append(answer)
            if self.stop():
                return False
        rows = np.concatenate([answer.rows for answer in answers])
        packed = np.concatenate([answer.packed for answer in answers])[np.argsort(rows, kind="stable")]
        counts = np.full((end - begin, draws), -1)
        counts[sequences - begin] = np.bincount(rows, minlength=len(sequences) * draws).reshape(-1, draws)
        statistics = sum((answer.statistics for answer in answers), ShardStatistics())
        write_shard(self.into, number, (begin, end), packed, counts, statistics)
        return True

    def _sequences(self, begin: int, end: int) -> Integers:
        """Those of the text's sequences `begin` to `end` that are labelled."""
        chosen = self.source.sequences
        if isinstance(chosen, np.ndarray):
            low, high = np.searchsorted(chosen, [begin, end])
            return chosen[low:high]
        return np.arange(begin, end)

    @torch.no_grad()
    def _read(self, sequences: Integers) -> Iterator[_Answers]:
        """The teacher's answers about some sequences in all draws, rows of like length together."""
        draws = self.manifest.settings.draws
        lengths = np.repeat(self.source.text.offsets[sequences + 1] - self.source.text.offsets[sequences], draws)
        expected = max(1.0, self.manifest.vocabulary_size * self.source.masks.rate)  # logits for each token
        for rows in bucket_rows(lengths, min(_TOKENS, int(_LOGITS / expected))):
            begun = time.monotonic()
            masked = self.source.read(sequences[rows // draws], rows % draws)
            row_ids = RowIds(np.zeros_like(rows), np.zeros_like(rows), sequences[rows // draws], rows % draws)
            batch = collate(row_ids, masked, 0, len(rows), self.special, "labelling")
            yield self._answer(batch, rows, begun)
            self.tell("labelling", len(rows))

    def _answer(self, batch: Batch, rows: Integers, begun: float) -> _Answers:
        settings, form = self.manifest.settings, self.manifest.format
        tensors = to_tensors(batch, next(self.model.parameters()).device)
        logits = target_logits(self.model, tensors)
        uniforms = torch.from_numpy(self._uniforms(batch))
        found = top_k(logits, form.k, settings.temperature, uniforms)
        self._check(found, batch)
        parts = (found.ids, found.log_probabilities, found.rest, found.samples)
        stored = StoredRows(*(part.cpu().numpy() for part in parts))
        statistics = ShardStatistics(
            positions=len(batch.targets),
            tokens=int(batch.lengths.sum()),
            kept=float((1 - found.rest.double()).sum()),
            entropy=float(found.entropy.double().sum()),
            agreed=int((found.ids[:, 0] == tensors.gold).sum()),
            loss=float(hard_loss(logits, tensors.gold).double().sum()),
            seconds=time.monotonic() - begun,
        )
        return _Answers(rows[batch.target_rows], form.pack(stored), statistics)

    def _uniforms(self, batch: Batch) -> npt.NDArray[np.float64]:
        """Numbers in [0, 1), float64 [m, samples], that depend on what they are for alone."""
        rows, places = batch.target_rows, batch.targets % batch.inputs.shape[1] - 1
        text = hash_u64(hash_name(f"train/{self.source.language}"), batch.sequences[rows].astype(np.uint64))
        parts = (text, batch.row_ids.draws[rows].astype(np.uint64), places.astype(np.uint64))
        numbers = np.arange(self.manifest.settings.samples, dtype=np.uint64)
        words = hash_u64(self.source.seed, _TAIL, *(part[:, None] for part in parts), numbers)
        uniforms: npt.NDArray[np.float64] = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return uniforms

    def _check(self, found: TopK, batch: Batch) -> None:
        wrong = ~torch.isfinite(found.entropy)
        if wrong.any():
            sequence = int(batch.sequences[batch.target_rows[int(wrong.nonzero()[0])]])
            raise InputError(
                f"what the teacher says of sequence {sequence:,} of {self.source.language} is not a number",
                where=self.into,
                fix="its weights are damaged, or overflow on this text: use another teacher, or leave the text out",
            )
