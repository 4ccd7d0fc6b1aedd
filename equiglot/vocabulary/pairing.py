"""The same sentences as two tokenizers cut them, one the other with more entries, and which pieces are which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equiglot.vocabulary.counting import batches
from equiglot.vocabulary.extending import Extension
from equiglot.vocabulary.pieces import pieces_of
from equiglot.vocabulary.settings import CONTINUATION

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairedSentence:
    """A sentence in two segmentations, special tokens around it.

    Attributes:
        old: int64 [n], ids of the tokenizer with fewer entries.
        new: int64 [m], of the one with more.
        places: int64 [a], pieces of `new` whose text is that of whole pieces of `old`.
        begins, ends: int64 [a], which pieces those are.
    """

    old: Integers
    new: Integers
    places: Integers
    begins: Integers
    ends: Integers


def pair_sentences(
    tokenizer: PreTrainedTokenizerFast, extension: Extension, sentences: Iterable[str], longest: int
) -> Iterator[PairedSentence]:
    """Cuts sentences with both tokenizers; those without new entries, or longer than the model reads, are left out.

    Args:
        tokenizer: the one with fewer entries.
        extension: the other.
        sentences: the text, read once.
        longest: tokens that the model reads, special ones included.
    """
    lengths = _lengths(extension.tokenizer)
    for lines in batches(sentences):
        olds, news = (_encode(each, lines) for each in (tokenizer, extension.tokenizer))
        for old, new in zip(olds, news, strict=True):
            if len(old) <= longest and (new >= extension.first).any():
                yield align(old, new, lengths)


def choose_contexts(pairs: Iterable[PairedSentence], first: int, *, contexts: int, most: int) -> list[PairedSentence]:
    """The sentences, in their order, that have a new entry which fewer than `contexts` before them had.

    So frequent entries do not crowd out rare ones; at most so many sentences.
    """
    seen: dict[int, int] = {}
    chosen: list[PairedSentence] = []
    for pair in pairs:
        new = {int(number) for number in pair.new if number >= first}
        if any(seen.get(number, 0) < contexts for number in new):
            chosen.append(pair)
            for number in new:
                seen[number] = seen.get(number, 0) + 1
        if len(chosen) == most:
            break
    return chosen


def align(old: Integers, new: Integers, lengths: Integers) -> PairedSentence:
    """Finds the pieces that begin and end in the same places of the text.

    Args:
        old, new: ids of the same sentence.
        lengths: int64 [ids], letters (or bytes) that each id stands for.
    """
    ends, new_ends = (np.cumsum(lengths[ids]) for ids in (old, new))
    borders, new_borders = np.concatenate([[0], ends]), np.concatenate([[0], new_ends])
    begin = np.searchsorted(borders, new_borders[:-1])
    end = np.searchsorted(borders, new_borders[1:])
    inside = end < len(borders)
    inside[inside] &= (borders[begin[inside]] == new_borders[:-1][inside]) & (
        borders[end[inside]] == new_borders[1:][inside]
    )
    if borders[-1] != new_borders[-1]:  # a word became unknown, or known: letters are not counted alike behind it
        inside[:] = False
    places = np.flatnonzero(inside)
    return PairedSentence(old, new, places, begin[places], end[places])


def _lengths(tokenizer: PreTrainedTokenizerFast) -> Integers:
    """How long the text of each entry is, as the tokenizer writes it; a special token counts as one."""
    pieces = pieces_of(tokenizer)
    marked = pieces.kind == "wordpiece"
    lengths = np.ones(len(pieces.tokens), np.int64)
    for number, token in enumerate(pieces.tokens):
        if token is not None:
            goes_on = marked and not pieces.starts[number]
            lengths[number] = len(token) - len(CONTINUATION) * goes_on
    return lengths


def _encode(tokenizer: PreTrainedTokenizerFast, lines: list[str]) -> list[Integers]:
    rows: Any = tokenizer(lines, add_special_tokens=True, return_attention_mask=False)["input_ids"]
    return [np.array(row, np.int64) for row in rows]
