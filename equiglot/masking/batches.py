"""Batches as a pure function of (seed, index): any batch of any epoch costs the same, and memory stays flat.

A training reads one endless stream. Each language contributes passes over its text, each pass in its own random order;
an epoch mixes what the languages contribute; a *pool* (some 64 batches of it) is sorted by length and cut into batches
of equal numbers of tokens or sentences, so that almost nothing is padding. Every pool of a training has the same number
of batches: the place in the stream is one integer, and nothing before it need be computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from equiglot.errors import InputError
from equiglot.masking.hashing import Words, hash_name, hash_words, permute
from equiglot.masking.layout import Batch, Framing, Integers, MaskedRows, lay_out, mask_rows
from equiglot.masking.masks import MaskSettings
from equiglot.vocabulary import TokenizedText

_POOL = 64  # batches in a pool: enough to sort by length without much padding, few enough to stay random


class BatchSettings(BaseModel):
    """The size of a batch: in sentences (as paper 1 counts) or in tokens, special tokens included."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    sentences: int | None = Field(None, gt=0, description="Sentences in a batch (paper 1: 8).")
    tokens: int | None = Field(None, gt=0, description="Tokens in a batch; lengths then decide how many sentences.")

    @model_validator(mode="after")
    def _one_of_two(self) -> "BatchSettings":
        if (self.sentences is None) == (self.tokens is None):
            raise ValueError("give a batch either `sentences` or `tokens`")
        return self


@dataclass(frozen=True)
class _Rows:
    """Sequences, chosen but not yet read: language, place in its text, which mask; int64 [rows] each."""

    languages: Integers
    sequences: Integers
    draws: Integers

    def take(self, index: Integers) -> "_Rows":
        return _Rows(self.languages[index], self.sequences[index], self.draws[index])


class BatchStream:
    """The batches of one training.

    Args:
        texts: language -> its training text as tokens; the order of the languages is that of `Batch.languages`.
        sequences: language -> how many sequences of it may be read (a prefix).
        passes: language -> passes over them in the first epoch, in the second, and so on; the last holds for all that
            follow. May be fractions.
        size: the size of a batch.
        masks: masking.
        framing: special ids.
        seed: the run's seed.

    Raises:
        InputError: there is less text of a language than one batch, or none of it would be read.
    """

    def __init__(
        self,
        texts: Mapping[str, TokenizedText],
        sequences: Mapping[str, int],
        passes: Sequence[Mapping[str, float]],
        *,
        size: BatchSettings,
        masks: MaskSettings,
        framing: Framing,
        seed: int,
    ) -> None:
        self.languages = tuple(texts)
        self._texts = [texts[language] for language in self.languages]
        self._kept = [sequences[language] for language in self.languages]
        self._counts = _whole(
            [[each[language] * sequences[language] for language in self.languages] for each in passes]
        )
        self._masks, self._framing, self._seed, self._size = masks, framing, seed, size
        self._salts = np.array([hash_name(f"train/{language}") for language in self.languages], dtype=np.uint64)
        self._check_enough()
        self.epoch_sequences = int(self._counts[0].sum())
        mean_tokens = self.epoch_tokens() / self.epoch_sequences
        in_a_batch = size.sentences or max(1.0, (size.tokens or 0) / mean_tokens)
        self.pools = max(1, round(self.epoch_sequences / (_POOL * in_a_batch)))
        fitting = round(self.epoch_sequences / self.pools / in_a_batch)
        self.pool_batches = min(max(1, fitting), self.epoch_sequences // self.pools)
        self._pool = lru_cache(maxsize=1)(self._make_pool)

    def _check_enough(self) -> None:
        rows = zip(self.languages, self._kept, self._counts.sum(axis=0), self._texts, strict=True)
        for language, kept, count, text in rows:
            tokens = int(text.offsets[kept])
            if kept < (self._size.sentences or 1) or tokens < (self._size.tokens or 1):
                raise InputError(
                    f"the training text of {language} ({kept:,} sequences, {tokens:,} tokens) is less than one batch",
                    where="training.batch",
                    fix="add text, make the batch smaller, or leave the language out",
                )
            if not count:
                raise InputError(
                    f"the balancing leaves less than one sequence of {language} in an epoch",
                    where="balance",
                    fix="let it give more passes, add text, or leave the language out",
                )

    def epoch_tokens(self, language: str | None = None) -> float:
        """Expected tokens in an epoch, [CLS] and [SEP] included, of one language or all; the mean if epochs differ."""
        total = 0.0
        counts = self._counts.mean(axis=0)
        for name, text, kept, count in zip(self.languages, self._texts, self._kept, counts, strict=True):
            if language in (None, name):
                total += count * (int(text.offsets[kept]) / kept + 2)
        return total

    @property
    def epoch_batches(self) -> int:
        """Batches in an epoch: the same in every epoch."""
        return self.pools * self.pool_batches

    def __getitem__(self, index: int) -> Batch:
        """The batch at `index` (0, 1, ...; endless)."""
        number, slot = divmod(index, self.pool_batches)
        pool, ends, order = self._pool(number)
        place = int(order[slot])
        begin = int(ends[place - 1]) if place else 0
        identity = f"epoch {number // self.pools}, batch {index % self.epoch_batches}"
        return lay_out(pool, begin, int(ends[place]), self._framing, identity)

    def _make_pool(self, number: int) -> tuple[MaskedRows, Integers, Words]:
        """The pool's sequences, masked and sorted by length; where each batch ends; the order of the batches."""
        epoch, place = divmod(number, self.pools)
        begin, end = (self.epoch_sequences * (place + step) // self.pools for step in (0, 1))
        rows = self._choose(epoch, np.arange(begin, end, dtype=np.uint64))
        lengths = self._lengths(rows)
        by_length = np.argsort(lengths, kind="stable")
        ends = _cuts(lengths[by_length], self.pool_batches, by_tokens=self._size.tokens is not None)
        slots = np.arange(self.pool_batches, dtype=np.uint64)
        order = permute(slots, self.pool_batches, self._key("slots", number))
        return self._mask(rows.take(by_length), lengths[by_length]), ends, order

    def _choose(self, epoch: int, places: Words) -> _Rows:
        """The sequences that stand at the given places of an epoch."""
        mixed = permute(places, self.epoch_sequences, self._key("epoch", epoch)).astype(np.int64)
        counts, before = self._counts_of(epoch)
        ends = np.cumsum(counts)
        languages = np.searchsorted(ends, mixed, side="right")
        sequences, draws = np.empty_like(mixed), np.empty_like(mixed)
        for number, (kept, count) in enumerate(zip(self._kept, counts, strict=True)):
            here = np.flatnonzero(languages == number)
            reading = mixed[here] - (ends[number] - count) + before[number]
            draws[here], inside = np.divmod(reading, kept)
            for draw in np.unique(draws[here]):
                now = draws[here] == draw
                key = self._key(f"order/{self.languages[number]}", int(draw))
                sequences[here[now]] = permute(inside[now].astype(np.uint64), kept, key).astype(np.int64)
        return _Rows(languages, sequences, draws)

    def _counts_of(self, epoch: int) -> tuple[Integers, Integers]:
        """Sequences of each language in an epoch, and in all epochs before it; int64 [languages] each."""
        last = len(self._counts) - 1
        before = self._counts[: min(epoch, last)].sum(axis=0) + max(0, epoch - last) * self._counts[last]
        return self._counts[min(epoch, last)], before

    def _lengths(self, rows: _Rows) -> Integers:
        lengths = np.empty(len(rows.sequences), dtype=np.int64)
        for number, text in enumerate(self._texts):
            here = rows.languages == number
            chosen = rows.sequences[here]
            lengths[here] = text.offsets[chosen + 1] - text.offsets[chosen]
        return lengths

    def _mask(self, rows: _Rows, lengths: Integers) -> MaskedRows:
        """Reads the rows' tokens and masks them."""
        starts = np.cumsum(lengths) - lengths
        ids = np.empty(int(lengths.sum()), dtype=np.int64)
        for number, text in enumerate(self._texts):
            here = np.flatnonzero(rows.languages == number)
            flat, each = text.gather(rows.sequences[here])
            ids[np.repeat(starts[here] - (np.cumsum(each) - each), each) + np.arange(len(flat))] = flat
        draws = rows.draws if self._masks.dynamic else np.zeros_like(rows.draws)
        identities = hash_words(self._salts[rows.languages], rows.sequences.astype(np.uint64))
        inputs, chosen = mask_rows(ids, lengths, identities, draws, self._masks, self._framing.alphabet, self._seed)
        return MaskedRows(rows.languages, rows.sequences, lengths, ids, inputs, chosen)

    def _key(self, purpose: str, number: int) -> int:
        return int(hash_words(self._seed, hash_name(purpose), number)[0])


def _whole(wanted: list[list[float]]) -> Integers:
    """Whole numbers of sequences, int64 [epochs, languages], near to those wanted; every epoch has the same sum."""
    counts = np.array(wanted)
    sums = np.rint(counts).sum(axis=1, keepdims=True)
    total = round(float(sums.mean()))
    whole: Integers = np.rint(counts * (total / sums)).astype(np.int64)
    whole[np.arange(len(whole)), whole.argmax(axis=1)] += total - whole.sum(axis=1)
    return whole


def _cuts(lengths: Integers, batches: int, *, by_tokens: bool) -> Integers:
    """Where to cut `lengths` (int64 [n], ascending) into `batches` non-empty runs of equal tokens or equal counts."""
    count = len(lengths)
    if not by_tokens:
        equal: Integers = np.arange(1, batches + 1) * count // batches
        return equal
    filled = np.cumsum(lengths + 2)
    ends = np.searchsorted(filled, np.arange(1, batches + 1) * (filled[-1] / batches), side="left") + 1
    steps = np.arange(batches)
    ends = np.maximum.accumulate(ends - steps) + steps  # every batch gets at least one sequence ...
    cuts: Integers = np.minimum(ends, count - steps[::-1])  # ... and leaves one for each that follows
    return cuts
