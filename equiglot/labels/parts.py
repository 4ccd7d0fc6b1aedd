"""Teachers whose vocabulary lacks entries that the student's has: they read each as the entries that it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from equiglot.masking import Batch

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """What the entries of an extended vocabulary are in the one that was extended (paper 4, section 5: VocabAmp).

    Attributes:
        ids: for each new entry, the old ids that it is made of.
        first: the id of the first new entry; the others follow. Ids before it are the same in both vocabularies.
        mask: the id of the mask.
        longest: tokens that the teacher reads at once, special ones included.
    """

    ids: Sequence[Sequence[int]]
    first: int
    mask: int
    longest: int

    def take_apart(self, batch: Batch) -> tuple[Batch, Integers]:
        """A batch as the teacher reads it, and which of its targets the teacher is asked about, int64 [k], ascending.

        A new entry is read as its parts; where it is masked, as so many masks. The teacher is asked where an entry
        stood that it has, unless one that it has not is shown in its place. Of rows that are longer than it reads, what
        is before the last token is cut off, and not asked.
        """
        rows, width = batch.inputs.shape
        places = np.flatnonzero(np.arange(width) < batch.lengths[:, None])
        shown, stood = batch.inputs.flatten()[places], np.full(rows * width, -1)
        stood[batch.targets] = batch.gold
        hidden = (stood[places] >= self.first) & (shown == self.mask)
        whole = np.where(hidden, stood[places], shown)
        begins, counts, table = self._table
        repeats = counts[whole]
        ends = np.cumsum(repeats)
        inside = np.arange(repeats.sum()) - np.repeat(ends - repeats, repeats)
        read = np.where(np.repeat(hidden, repeats), self.mask, table[np.repeat(begins[whole], repeats) + inside])
        row_of = np.repeat(places // width, repeats)
        lengths = np.bincount(row_of, minlength=rows)
        columns = np.arange(len(read)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        last = columns == lengths[row_of] - 1
        stays = last | (columns < self.longest - 1)
        columns[last] = np.minimum(columns[last], self.longest - 1)
        lengths = np.minimum(lengths, self.longest)
        inputs = np.zeros((rows, int(lengths.max(initial=0))), dtype=np.int64)
        inputs[row_of[stays], columns[stays]] = read[stays]
        target = np.searchsorted(places, batch.targets)
        at = (ends - repeats)[target]
        asked = np.flatnonzero((batch.gold < self.first) & (shown[target] < self.first) & stays[at])
        chosen = at[asked]
        taken = replace(
            batch,
            inputs=inputs,
            lengths=lengths,
            targets=row_of[chosen] * inputs.shape[1] + columns[chosen],
            gold=batch.gold[asked],
            mask_index=batch.mask_index[asked],
            word_start=batch.word_start[asked],
        )
        return taken, asked

    @cached_property
    def _table(self) -> tuple[Integers, Integers, Integers]:
        """Of each of the student's ids, where its parts begin and how many there are; and all of them in a row."""
        counts = np.array([*[1] * self.first, *map(len, self.ids)], dtype=np.int64)
        parts = np.concatenate([np.arange(self.first), *(np.array(each, dtype=np.int64) for each in self.ids)])
        return np.cumsum(counts) - counts, counts, parts
