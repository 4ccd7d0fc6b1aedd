"""How often the student's own tokenizer cuts text as a teacher's does."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from equiglot.hashing import GOLDEN, reseed
from equiglot.vocabulary.mapping import VocabularyMap
from equiglot.vocabulary.pieces import Pieces
from equiglot.vocabulary.tokens import TokenizedText, open_sentences, open_tokens

_BLOCK = 20_000  # sentences in memory
_Integers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """One text as two tokenizers cut it.

    Attributes:
        sentences: bool [sentences, up to the last that has a token], whether both cut it to the same tokens.
        counted: sentences that have tokens.
        words: words as the student's tokenizer cuts them.
        same_words: of these, the ones that the other cuts to the same tokens.
        tokens: tokens of the other tokenizer.
        unmapped: of these, the ones that have no student's id.
    """

    sentences: _Flags
    counted: int
    words: int
    same_words: int
    tokens: int
    unmapped: int

    def summary(self) -> dict[str, float]:
        """Shares: of sentences and of words that are cut the same, and of running tokens without a student's id."""
        same = int(np.count_nonzero(self.sentences))
        parts = {
            "sentences": (same, self.counted),
            "words": (self.same_words, self.words),
            "unmapped": (self.unmapped, self.tokens),
        }
        return {name: part / max(1, whole) for name, (part, whole) in parts.items()}


@dataclass(frozen=True)
class _Tokens:
    """Some sentences in the student's ids, -1 for none, and which of the sentences each token is of: int64 [tokens]
    each; and where words begin that nothing marks, bool [tokens]."""

    ids: _Integers
    sentences: _Integers
    begins: _Flags


def agreement(own: Path, other: Path, mapping: VocabularyMap, student: Pieces) -> Agreement:
    """Compares two folders of one split's tokens (`tokenise_split`), sentence by sentence; memory stays flat.

    Args:
        own: as the student's tokenizer cuts it.
        other: as a teacher's does.
        mapping: the teacher's ids as the student's.
        student: the student's pieces.
    """
    same, totals = [], np.zeros(5, dtype=np.int64)
    for count, mine, theirs in _blocks(own, other, mapping):
        lengths = np.stack([np.bincount(each.sentences, minlength=count) for each in (mine, theirs)])
        agree = _same_sentences(mine, theirs, lengths)
        same.append(agree)
        words = _words(mine, student), _words(theirs, student)
        present = int(np.count_nonzero(lengths.any(axis=0)))
        unmapped = int(np.count_nonzero(theirs.ids < 0))
        totals += (present, len(words[0]), _common(*words), len(theirs.ids), unmapped)
    sentences = np.concatenate(same) if same else np.zeros(0, dtype=np.bool_)
    return Agreement(sentences, *totals.tolist())


def _blocks(own: Path, other: Path, mapping: VocabularyMap) -> Iterator[tuple[int, _Tokens, _Tokens]]:
    """How many sentences follow, and their tokens."""
    texts, numbers = [open_tokens(own), open_tokens(other)], [open_sentences(own), open_sentences(other)]
    end = 1 + max(int(each.max(initial=-1)) for each in numbers)
    for first in range(0, end, _BLOCK):
        (mine, in_mine), (theirs, in_theirs) = (
            _read(text, each, *np.searchsorted(each, [first, first + _BLOCK]).tolist())
            for text, each in zip(texts, numbers, strict=True)
        )
        begins = mapping.begins(theirs, np.unique(in_theirs, return_counts=True)[1])
        mapped = mapping.targets(theirs, begins)
        own_tokens = _Tokens(mine, in_mine - first, np.diff(in_mine, prepend=-1) > 0)
        yield min(_BLOCK, end - first), own_tokens, _Tokens(mapped, in_theirs - first, begins)


def _read(text: TokenizedText, sentences: _Integers, begin: int, end: int) -> tuple[_Integers, _Integers]:
    """Of some sequences the ids and the sentence of each, int64 [tokens]."""
    offsets = text.offsets[begin : end + 1]
    lengths = np.diff(offsets)
    return text.ids[offsets[0] : offsets[-1]].astype(np.int64), np.repeat(sentences[begin:end], lengths)


def _same_sentences(mine: _Tokens, theirs: _Tokens, lengths: _Integers) -> _Flags:
    """Whether each sentence has the same tokens, bool [sentences]; lengths are int64 [2, sentences]."""
    agree: _Flags = (lengths[0] == lengths[1]) & (lengths[0] > 0)
    alike = [each.ids[agree[each.sentences]] for each in (mine, theirs)]
    places = mine.sentences[agree[mine.sentences]]
    agree[places[alike[0] != alike[1]]] = False
    return agree


def _words(tokens: _Tokens, student: Pieces) -> npt.NDArray[np.uint64]:
    """A hash of each word: its tokens, and which sentence it stands in; uint64 [words]."""
    if not len(tokens.ids):
        return np.zeros(0, dtype=np.uint64)
    # What has no id ends the word before it. A lone space is one word with what follows it.
    starts = tokens.begins | (tokens.ids < 0) | student.starts[tokens.ids]
    alone = np.array([surface == "" for surface in student.surfaces])
    starts[1:] &= ~(alone[tokens.ids[:-1]] & (tokens.ids[:-1] >= 0))
    first = np.flatnonzero(starts)
    places = np.arange(len(starts)) - np.repeat(first, np.diff(first, append=len(starts)))
    pieces = reseed(reseed(tokens.ids.astype(np.uint64), 0) + places.astype(np.uint64), 1)
    sums = np.add.reduceat(pieces, first)
    return reseed(sums + tokens.sentences[first].astype(np.uint64) * np.uint64(GOLDEN), 2)


def _common(one: npt.NDArray[np.uint64], two: npt.NDArray[np.uint64]) -> int:
    """How many of the first are among the second, each taken once."""
    (values, counts), (others, other_counts) = (np.unique(each, return_counts=True) for each in (one, two))
    _, here, there = np.intersect1d(values, others, assume_unique=True, return_indices=True)
    return int(np.minimum(counts[here], other_counts[there]).sum())
