"""Words and sentences as tokens: which hidden states stand for which word, and windows over long sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from equiglot.models import OpenModel, TensorBatch, move_array
from equiglot.vocabulary import id_count, text_encoder, unknown_id

Integers = npt.NDArray[np.int64]

MARKS = ("▁", "Ġ")  # tokens that only say that a word begins


@dataclass(frozen=True)
class ReadItems:
    """Sentences as tokens, one after the other, without special tokens.

    Attributes:
        ids: int64 [tokens].
        offsets: int64 [sentences + 1]; sentence i is `ids[offsets[i]:offsets[i + 1]]`, never empty.
        items: int64 [tokens], the item that a token's hidden state stands for; -1 for none.
        count: items; each has one token or more.
    """

    ids: Integers
    offsets: Integers
    items: Integers
    count: int


class ItemReader:
    """Tokenises labelled sentences as a model's tokenizer reads them.

    Unit "word": words are joined by single spaces (a word may have spaces in it), and a token belongs to the word in
    whose span its first character lies that is no space. The first token of a word stands for it; one that only marks
    a word's beginning does so only where there is no other. A word without any token, because the tokenizer drops it
    or merges it with the word before, gets the unknown token at its place (the mask, if the tokenizer has no unknown
    token): no word is ever skipped. Unit "sentence": all tokens of the text stand for it together. Special tokens that
    are written in the text are text; what the vocabulary has for them nevertheless is read as unknown.

    Args:
        opened: the model.
        unit: what an item is, "word" or "sentence".
    """

    def __init__(self, opened: OpenModel, unit: str) -> None:
        self._backend = text_encoder(opened.tokenizer)
        self._unknown = unknown_id(opened.tokenizer)
        self._ordinary = np.zeros(id_count(opened.tokenizer), np.bool_)
        self._ordinary[opened.special.maskable_ids] = True
        self._unit = unit

    def read(self, sentences: Sequence[Sequence[str]]) -> ReadItems:
        """Sentences of words as tokens; of unit "sentence", each is one item."""
        texts = [" ".join(words) for words in sentences]
        encodings = self._backend.encode_batch(texts, add_special_tokens=False)
        ids, items, lengths, count = [], [], [], 0
        for words, text, encoding in zip(sentences, texts, encodings, strict=True):
            if self._unit == "word":
                own, of_tokens, length = *_read_words(words, text, encoding, self._unknown), len(words)
            else:
                own = np.array(encoding.ids or [self._unknown], np.int64)
                of_tokens, length = np.zeros(len(own), np.int64), 1
            ids.append(own)
            items.append(np.where(of_tokens < 0, -1, of_tokens + count))
            lengths.append(len(own))
            count += length
        flat = np.concatenate([np.empty(0, np.int64), *ids])
        return ReadItems(
            ids=self.as_text(flat),
            offsets=np.cumsum([0, *lengths]),
            items=np.concatenate([np.empty(0, np.int64), *items]),
            count=count,
        )

    def as_text(self, ids: Integers) -> Integers:
        """The same ids, int64 [tokens], the unknown token in place of those that stand for no text."""
        return np.where(self._ordinary[ids], ids, self._unknown)


def _read_words(words: Sequence[str], text: str, encoding: Any, unknown: int) -> tuple[Integers, Integers]:
    """Ids of a sentence's tokens, int64 [tokens], and the word that each stands for, -1 for none."""
    ids, belongs = np.array(encoding.ids, np.int64), _words_of(words, text, encoding)
    first = np.full(len(words), -1)
    tokens = np.flatnonzero(belongs >= 0)
    marks = np.array([encoding.tokens[number] in MARKS for number in tokens], np.bool_)
    tokens = tokens[np.argsort(marks, kind="stable")]
    present, places = np.unique(belongs[tokens], return_index=True)  # the first of each
    first[present] = tokens[places]
    missing = np.flatnonzero(first < 0)
    if len(missing):
        coming = np.minimum.accumulate(np.where(belongs < 0, len(words), belongs)[::-1])[::-1]
        before = np.searchsorted(coming, missing)  # the first token from which on all are of later words
        ids = np.insert(ids, before, unknown)
        first[present] += np.searchsorted(before, first[present], side="right")
        first[missing] = before + np.arange(len(missing))
    stands = np.full(len(ids), -1)
    stands[first] = np.arange(len(words))
    return ids, stands


def _words_of(words: Sequence[str], text: str, encoding: Any) -> Integers:
    """The word of each token, int64 [tokens]; -1 for tokens of spaces or of nothing."""
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    starts = np.array([_first_character(text, start, end) for start, end in encoding.offsets], np.int64)
    return np.where(starts < 0, -1, np.searchsorted(ends, starts, side="right"))


def _first_character(text: str, start: int, end: int) -> int:
    """Where the first character of text[start:end] is that is no space; -1 if there is none."""
    while start < end and text[start].isspace():
        start += 1
    return start if start < end else -1


@dataclass(frozen=True)
class Windows:
    """Pieces of sentences that a model reads at once.

    Attributes:
        begins, ends: int64 [windows], the tokens that are read.
        firsts, lasts: int64 [windows], those of them whose hidden states are taken: every token in just one window.
    """

    begins: Integers
    ends: Integers
    firsts: Integers
    lasts: Integers

    @property
    def lengths(self) -> Integers:
        """Tokens of each, int64 [windows]."""
        return self.ends - self.begins

    def take(self, chosen: Integers) -> "Windows":
        """Some of them."""
        return Windows(self.begins[chosen], self.ends[chosen], self.firsts[chosen], self.lasts[chosen])


def cut_windows(offsets: Integers, longest: int) -> Windows:
    """Windows over sentences, offsets int64 [sentences + 1]: of `longest` tokens where a sentence is longer.

    They overlap by half, and a token is taken from the window in which it is most central.
    """
    found = [
        [begin + place for place in window]
        for begin, end in pairwise(offsets.tolist())
        for window in _windows(end - begin, longest)
    ]
    return Windows(*np.array(found, np.int64).reshape(-1, 4).T)


def _windows(length: int, longest: int) -> Iterator[tuple[int, int, int, int]]:
    """Begin, end, first, last of the windows over one sentence."""
    width = min(length, longest)
    starts = [*range(0, length - width, max(1, width // 2)), length - width]
    borders = [0, *((one + other + width + 1) // 2 for one, other in pairwise(starts)), length]
    for start, (first, last) in zip(starts, pairwise(borders), strict=True):
        yield start, start + width, first, last


def lay_out(read: ReadItems, windows: Windows, opened: OpenModel) -> tuple[TensorBatch, Tensor]:
    """Windows as a batch on the model's device, its targets the tokens that are taken; and their items, int64 [m]."""
    lengths, special = windows.lengths, opened.special
    count, width = len(lengths), int(lengths.max()) + 2
    rows = np.repeat(np.arange(count), lengths)
    columns = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    tokens = windows.begins[rows] + columns
    inputs = np.full((count, width), special.padding, np.int64)
    inputs[rows, columns + 1] = read.ids[tokens]
    inputs[:, 0] = special.first
    inputs[np.arange(count), lengths + 1] = special.last
    taken = (read.items[tokens] >= 0) & (tokens >= windows.firsts[rows]) & (tokens < windows.lasts[rows])
    attention = np.arange(width) < (lengths + 2)[:, None]
    device = opened.model.device
    targets = move_array((rows * width + columns + 1)[taken], device)
    batch = TensorBatch(
        inputs=move_array(inputs, device),
        attention=None if attention.all() else move_array(attention, device),
        targets=targets,
        gold=torch.zeros_like(targets),
        languages=torch.zeros_like(targets),
    )
    return batch, torch.from_numpy(read.items[tokens][taken])
