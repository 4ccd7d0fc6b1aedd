"""Batches as a pure function of (seed, index): any batch of any epoch costs the same; and those of held-out text.

A training reads one endless stream. Each language contributes passes over its text, each pass in its own random
order; an epoch mixes what the languages contribute; a *pool* (some 64 batches of it) is sorted by length and cut
into batches of equal numbers of tokens or sentences, so that almost nothing is padding. Every pool of a training has
the same number of batches: the place in the stream is one integer, and nothing before it need be computed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from pydantic import Field, model_validator

from equiglot.errors import InputError
from equiglot.hashing import U64, hash_name, hash_u64, permute
from equiglot.masking.collate import Batch, Integers, MaskedTokens, RowIds, bucket_rows, collate, number_targets
from equiglot.masking.masks import MaskSettings, SpecialTokens, mask_rows
from equiglot.masking.sources import Source
from equiglot.settings import MOST, MOST_REPEATS, Settings
from equiglot.vocabulary import TokenizedText

_Pool = tuple[RowIds, MaskedTokens, Integers, U64]
_POOL = 64  # batches in a pool: enough to sort by length without much padding, few enough to stay random


class BatchSettings(Settings):
    """The size of a batch: in sentences (as paper 1 counts) or in tokens, special tokens included."""

    sentences: int | None = Field(None, gt=0, le=MOST_REPEATS, description="Sentences in a batch (paper 1: 8).")
    tokens: int | None = Field(
        None, gt=0, le=MOST, description="Tokens in a batch; lengths then decide how many sentences."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> "BatchSettings":
        if (self.sentences is None) == (self.tokens is None):
            raise ValueError("give a batch either `sentences` or `tokens`")
        return self


class BatchStream:
    """The batches of one training.

    Args:
        sources: the text; of each language one source or several.
        passes: language -> passes over its text in the first epoch, in the second, and so on; the last holds for all
            that follow. May be fractions.
        size: the size of a batch.
        special: the student's special ids.
        seed: of the order.
        parts: batches that belong together, of one update: they are the parts of one batch of so many times the size
            (which has as many sequences at least).

    Attributes:
        languages: their codes, in the order in which the sources name them first.
        sources: as given.

    Raises:
        InputError: there is less text of a language than one batch, or none of it would be read.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        passes: Sequence[Mapping[str, float]],
        *,
        size: BatchSettings,
        special: SpecialTokens,
        seed: int,
        parts: int = 1,
    ) -> None:
        self.sources = tuple(sources)
        self.languages = tuple(dict.fromkeys(source.language for source in sources))
        self._language_of = np.array([self.languages.index(source.language) for source in sources])
        self._counts = _whole(
            [[each[source.language] * source.share * source.size for source in sources] for each in passes]
        )
        self._special_tokens, self._seed, self._size, self._parts = special, seed, size, parts
        self._check_enough()
        self.epoch_sequences = int(self._counts[0].sum())
        mean_tokens = self.epoch_tokens() / self.epoch_sequences
        whole = parts * size.sentences if size.sentences else max(1.0, parts * (size.tokens or 0) / mean_tokens)
        self.pools = max(1, round(self.epoch_sequences / (_POOL * whole)))
        fitting = round(self.epoch_sequences / self.pools / whole)
        self._pool_wholes = min(max(1, fitting), self.epoch_sequences // self.pools // parts)
        if not self._pool_wholes:
            what = f"an epoch has {self.epoch_sequences:,} sequences, fewer than the {parts:,} batches of an update"
            raise InputError(what, where="training.accumulation", fix="train longer, add text, or make it smaller")
        self.pool_batches = self._pool_wholes * parts
        self._pool: Callable[[int], _Pool] = lru_cache(maxsize=1)(self._make_pool)

    def _check_enough(self) -> None:
        for language in self.languages:
            own = [place for place, source in enumerate(self.sources) if source.language == language]
            sequences = sum(self.sources[place].size for place in own)
            tokens = sum(self.sources[place].tokens for place in own)
            least = self._parts * (self._size.sentences or 1)
            if sequences < least or tokens < self._parts * (self._size.tokens or 1):
                raise InputError(
                    f"the training text of {language} ({sequences:,} sequences, {tokens:,} tokens) is less than one "
                    f"batch{' of all that an update sums over' if self._parts > 1 else ''}",
                    where="training.batch",
                    fix="add text, make the batch smaller (accumulation counts, too), or leave the language out",
                )
            if not self._counts[:, own].sum():
                raise InputError(
                    f"the balancing leaves less than one sequence of {language} in an epoch",
                    where="balance",
                    fix="let it give more passes, add text, or leave the language out",
                )

    def epoch_tokens(self, language: str | None = None) -> float:
        """Expected tokens in an epoch, [CLS] and [SEP] included, of one language or all; the mean if epochs differ."""
        counts = self._counts.mean(axis=0)
        return sum(
            float(count) * (source.tokens / source.size + 2)
            for source, count in zip(self.sources, counts, strict=True)
            if language in (None, source.language) and source.size
        )

    @property
    def epoch_batches(self) -> int:
        """Batches in an epoch: the same in every epoch."""
        return self.pools * self.pool_batches

    def __getitem__(self, index: int) -> Batch:
        """The batch at `index` (0, 1, ...; endless)."""
        number, slot = divmod(index, self.pool_batches)
        row_ids, masked, ends, order = self._pool(number)
        whole, part = divmod(slot, self._parts)
        place = int(order[whole]) * self._parts + part
        begin = int(ends[place - 1]) if place else 0
        identity = f"epoch {number // self.pools}, batch {index % self.epoch_batches}"
        return collate(row_ids, masked, begin, int(ends[place]), self._special_tokens, identity, index=index)

    def read_ahead(self) -> None:
        """From now on a thread makes the next pool while one is read; the batches stay the same.

        Worth it where the model is on another device: half of an H200's speed is more tokens than one core masks.
        """
        if not isinstance(self._pool, _Ahead):
            self._pool = _Ahead(self._pool)

    def _make_pool(self, number: int) -> _Pool:
        """The pool's sequences, masked and sorted by length; where each batch ends; the order of the whole batches."""
        epoch, place = divmod(number, self.pools)
        begin, end = (self.epoch_sequences * (place + step) // self.pools for step in (0, 1))
        row_ids = self._choose(epoch, np.arange(begin, end, dtype=np.uint64))
        lengths = self._lengths(row_ids)
        by_length = np.argsort(lengths, kind="stable")
        ends = _cuts(lengths[by_length], self._pool_wholes, self._parts, by_tokens=self._size.tokens is not None)
        slots = np.arange(self._pool_wholes, dtype=np.uint64)
        order = permute(slots, self._pool_wholes, self._key("slots", number))
        row_ids = row_ids.take(by_length)
        return row_ids, self._mask(row_ids, lengths[by_length]), ends, order

    def _choose(self, epoch: int, places: U64) -> RowIds:
        """The sequences that stand at the given places of an epoch."""
        mixed = permute(places, self.epoch_sequences, self._key("epoch", epoch)).astype(np.int64)
        counts, before = self._counts_of(epoch)
        ends = np.cumsum(counts)
        sources = np.searchsorted(ends, mixed, side="right")
        sequences, draws = np.empty_like(mixed), np.empty_like(mixed)
        for number, (source, count) in enumerate(zip(self.sources, counts, strict=True)):
            here = np.flatnonzero(sources == number)
            reading = mixed[here] - (ends[number] - count) + before[number]
            passes, inside = np.divmod(reading, source.size)
            for one in np.unique(passes):
                now = passes == one
                key = self._key(f"order/{source.name}", int(one))
                shuffled = permute(inside[now].astype(np.uint64), source.size, key).astype(np.int64)
                sequences[here[now]] = source.choose(shuffled)
            draws[here] = source.draws_of(passes)
        return RowIds(self._language_of[sources], sources, sequences, draws)

    def _counts_of(self, epoch: int) -> tuple[Integers, Integers]:
        """Sequences of each source in an epoch, and in all epochs before it; int64 [sources] each."""
        last = len(self._counts) - 1
        before = self._counts[: min(epoch, last)].sum(axis=0) + max(0, epoch - last) * self._counts[last]
        return self._counts[min(epoch, last)], before

    def _lengths(self, row_ids: RowIds) -> Integers:
        lengths = np.empty(len(row_ids.sequences), dtype=np.int64)
        for number, source in enumerate(self.sources):
            here = row_ids.sources == number
            chosen = row_ids.sequences[here]
            lengths[here] = source.text.offsets[chosen + 1] - source.text.offsets[chosen]
        return lengths

    def _mask(self, row_ids: RowIds, lengths: Integers) -> MaskedTokens:
        """Reads the rows' tokens and masks them, source by source, and puts them into the order of the rows."""
        starts, total = np.cumsum(lengths) - lengths, int(lengths.sum())
        ids, inputs, mask_index = (np.empty(total, dtype=np.int64) for _ in range(3))
        chosen, word_start = (np.empty(total, dtype=np.bool_) for _ in range(2))
        for number, source in enumerate(self.sources):
            here = np.flatnonzero(row_ids.sources == number)
            if not len(here):
                continue
            read = source.read(row_ids.sequences[here], row_ids.draws[here])
            each = read.lengths
            places = np.repeat(starts[here] - (np.cumsum(each) - each), each) + np.arange(len(read.ids))
            ids[places], inputs[places], mask_index[places] = read.ids, read.inputs, read.mask_index
            chosen[places], word_start[places] = read.chosen, read.word_start
        return MaskedTokens(lengths, ids, inputs, chosen, mask_index, word_start)

    def _key(self, purpose: str, number: int) -> int:
        return int(hash_u64(self._seed, hash_name(purpose), number)[0])


class _Ahead:
    """Pools by number: the one asked for, and meanwhile the next."""

    def __init__(self, make: Callable[[int], _Pool]) -> None:
        self._make, self._thread = make, ThreadPoolExecutor(max_workers=1)
        self._pools: dict[int, Future[_Pool]] = {}

    def __call__(self, number: int) -> _Pool:
        self._pools = {
            each: self._pools.get(each) or self._thread.submit(self._make, each) for each in (number, number + 1)
        }
        return self._pools[number].result()


def _whole(wanted: list[list[float]]) -> Integers:
    """Whole numbers of sequences, int64 [epochs, languages], near to those wanted; every epoch has the same sum."""
    counts = np.array(wanted)
    sums = np.rint(counts).sum(axis=1, keepdims=True)
    total = round(float(sums.mean()))
    whole: Integers = np.rint(counts * (total / sums)).astype(np.int64)
    whole[np.arange(len(whole)), whole.argmax(axis=1)] += total - whole.sum(axis=1)
    return whole


def _cuts(lengths: Integers, batches: int, parts: int, *, by_tokens: bool) -> Integers:
    """Where to cut `lengths` (int64 [n], ascending) into `batches` runs, and each of these into `parts`, none of them
    empty: of equal tokens or equal counts."""
    wholes = _equal(lengths, batches, parts, by_tokens=by_tokens)
    if parts == 1:
        return wholes
    begins = [0, *wholes[:-1]]
    cuts = (
        begin + _equal(lengths[begin:end], parts, 1, by_tokens=by_tokens)
        for begin, end in zip(begins, wholes, strict=True)
    )
    return np.concatenate(list(cuts))


def _equal(lengths: Integers, runs: int, least: int, *, by_tokens: bool) -> Integers:
    """Where to cut `lengths` (int64 [n], ascending) into `runs` of equal tokens or counts, `least` lengths or more."""
    count = len(lengths)
    if not by_tokens:
        equal: Integers = np.arange(1, runs + 1) * count // runs
        return equal
    filled = np.cumsum(lengths + 2)
    ends = np.searchsorted(filled, np.arange(1, runs + 1) * (filled[-1] / runs), side="left") + 1
    steps = np.arange(runs) * least
    ends = np.maximum.accumulate(np.maximum(ends, least) - steps) + steps  # every run gets at least so many ...
    cuts: Integers = np.minimum(ends, count - steps[::-1])  # ... and leaves as many for each that follows
    return cuts


def evaluation_batches(
    text: TokenizedText,
    *,
    salt: str,
    language: int,
    limit: int | None,
    tokens: int,
    masks: MaskSettings,
    special: SpecialTokens,
    seed: int,
    draws: int = 1,
) -> Iterator[Batch]:
    """All sequences of a text (or its first `limit`), sorted by length, in batches of at most `tokens` tokens.

    The masks depend on (seed, salt, draw, sequence, position) alone: they are the same for every model, and for every
    `tokens` and `limit`. `draws` different masks are laid over each sequence.
    """
    lengths = np.asarray(text.lengths[:limit], dtype=np.int64)
    for draw in range(draws):
        begin = 0
        for here in bucket_rows(lengths, tokens):
            ids, each = (part.astype(np.int64) for part in text.gather(here))
            identities = hash_u64(hash_name(salt), here.astype(np.uint64))
            numbers, zeros = np.full(len(here), draw), np.zeros(len(here), dtype=np.int64)
            inputs, chosen = mask_rows(ids, each, identities, numbers, masks, special, seed)
            masked = MaskedTokens(each, ids, inputs, chosen, number_targets(chosen, each), np.zeros_like(chosen))
            row_ids = RowIds(np.full(len(here), language), zeros, here, numbers)
            yield collate(row_ids, masked, 0, len(here), special, f"{salt}, sequences sorted by length from {begin}")
            begin += len(here)
