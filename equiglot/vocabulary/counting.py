"""Which entries of a vocabulary a text needs: in how many of its sentences each is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from equiglot.vocabulary.pieces import normalised
from equiglot.vocabulary.tokenising import id_count, text_encoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_BATCH = 1000  # sentences in memory


@dataclass(frozen=True)
class EntryCounts:
    """What a text needs of a vocabulary.

    Attributes:
        sentences: how many the text has.
        found: int64 [ids], sentences in which each entry is found.
        characters: how often each character is found, as the tokenizer normalises it; white space is left out.
    """

    sentences: int
    found: npt.NDArray[np.int64]
    characters: Counter[str]

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """The share of the sentences in which each entry is found, float64 [ids]."""
        return self.found / max(1, self.sentences)


def count_entries(tokenizer: PreTrainedTokenizerFast, sentences: Iterable[str]) -> EntryCounts:
    """Counts in how many sentences each entry is found; a [MASK] that stands in them is text.

    Memory does not grow with the text.
    """
    backend = text_encoder(tokenizer)
    size = id_count(tokenizer)
    total, found, characters = 0, np.zeros(size, np.int64), Counter[str]()
    for batch in batches(sentences):
        rows = [encoding.ids for encoding in backend.encode_batch_fast(batch, add_special_tokens=False)]
        lengths = [len(row) for row in rows]
        ids = np.fromiter(chain.from_iterable(rows), np.int64, count=sum(lengths))
        pairs = np.unique(np.repeat(np.arange(len(rows)), lengths) * size + ids)
        found += np.bincount(pairs % size, minlength=size)
        characters.update(normalised(backend, "\n".join(batch)))
        total += len(batch)
    seen = {character: times for character, times in characters.items() if not character.isspace()}
    return EntryCounts(total, found, Counter(seen))


def batches(sentences: Iterable[str]) -> Iterator[list[str]]:
    """Sentences in lists, so that memory does not grow with the text."""
    remaining = iter(sentences)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
