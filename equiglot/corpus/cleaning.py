"""Cleaning: raw lines become clean sentences, in named steps that count what they do.

The steps here look at one line at a time; those that compare sentences follow in `sorting` and `overlap`. Sentences
end where sentencex sees an end, and at the marks and spaces of scripts that it does not know.

Thai, Lao, Khmer, Burmese and Tibetan write no spaces between words. A space there ends a phrase, and in Thai and Lao
it is all that ends a sentence: a piece that is too long to be kept whole is cut at some of its spaces.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
from sentencex import segment

from equiglot.corpus.characters import (
    Int64,
    code_points,
    compose,
    dense_letters,
    letters_of,
    sequence_hashes,
    tidy,
    unseen,
)
from equiglot.corpus.languages import Identifier, base_language
from equiglot.corpus.settings import TextSettings
from equiglot.corpus.statistics import CONTROL, FOREIGN, LENGTH, LETTERS, SPLITTING, UNICODE, CleaningStep
from equiglot.hashing import U64

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 10_000  # characters that sentencex sees at a time: with brackets its time grows with their square
# Thai, Tibetan, Khmer, Balinese, and the vertical forms of 。！？; ។ល។ is Khmer's "and so on".
_MARK = "(?:។ល។|[\u0e5a\u0e5b\u0f0d-\u0f12\u0f14\u17d5\u17da\u1b4e\u1b4f\u1b7f\ufe12\ufe15\ufe16]|។(?!ល។))"
_END = re.compile(f"{_MARK}(?: ?{_MARK})*")
# Thai, Lao, Tibetan, Burmese; Khmer; Tai Le, New Tai Lue; Tai Tham, Balinese; Javanese, Burmese; Cham, Tai Viet.
_PHRASES = re.compile("[\u0e00-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1b7f\ua980-\ua9ff\uaa00-\uaadf]")


class Segmenter:
    """Cuts lines into sentences.

    Args:
        language: a BCP 47 code.
        shortest, longest: lengths (see `lengths_of`) of what is kept as a sentence: what is shorter stays with what
            follows it, where a script's own marks are many; what is longer is cut at spaces, where they end phrases.
    """

    def __init__(self, language: str, shortest: int, longest: int) -> None:
        self._language, self._shortest, self._longest = base_language(language), shortest, longest

    def sentences(self, line: str) -> list[str]:
        """The sentences of a tidy line, tidy; nothing but spaces between them is lost."""
        found = list(self._segments(line)) if len(line) > WINDOW else segment(self._language, line)
        if len(found) > 1:
            found = [part for each in found if (part := each.strip())]
        if line.isascii():
            return found
        return [piece for sentence in found for part in self._at_marks(sentence) for piece in self._at_spaces(part)]

    def _segments(self, line: str) -> Iterator[str]:
        """What sentencex makes of a long line, seen through a window that begins where a sentence does."""
        size, start = max(WINDOW, self._longest), 0
        while start < len(line):
            window = line[start : start + size]
            found = segment(self._language, window)
            if start + size < len(line):
                # The last one may go on. If it is the only one, it is cut at a space.
                found = found[:-1] or [window[: window.rfind(" ") + 1] or window]
            yield from found
            start += sum(map(len, found))

    def _at_marks(self, text: str) -> Iterator[str]:
        """Parts that end in a mark."""
        start = 0
        for mark in _END.finditer(text):
            if mark.end() - start >= self._shortest and mark.end() + self._shortest <= len(text):
                yield text[start : mark.end()].strip(" ")
                start = mark.end()
        yield text[start:].strip(" ")

    def _at_spaces(self, text: str) -> Iterator[str]:
        """Parts of like length, none too long where spaces allow it."""
        if len(text) <= self._longest // 2 or 2 * len(_PHRASES.findall(text)) < len(text):
            yield text
            return
        phrases = text.split(" ")
        starts = np.concatenate([[0], np.cumsum(lengths_of(phrases) + 1)])
        yield from (" ".join(phrases[first:end]) for first, end in self._halves(starts, 0, len(phrases)))

    def _halves(self, starts: Int64, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Phrases `first` to `end`, halved until they are short enough; phrase i begins at starts[i]."""
        if end - first == 1 or starts[end] - starts[first] - 1 <= self._longest:
            yield first, end
            return
        inside = starts[first + 1 : end]
        middle = first + 1 + int(np.abs(2 * inside - starts[first] - starts[end]).argmin())
        yield from self._halves(starts, first, middle)
        yield from self._halves(starts, middle, end)


def lengths_of(texts: Sequence[str]) -> Int64:
    """How long each of n texts is, int64 [n]: its characters, of which those of a dense script count twice."""
    characters = np.fromiter(map(len, texts), np.int64, len(texts))
    return characters + dense_letters(code_points("".join(texts)), characters)


@dataclass(frozen=True)
class Sentences:
    """Clean sentences, and what deciding about them takes.

    Attributes:
        texts: n sentences.
        documents: the number of the document that each stands in, int64 [n].
        characters: their lengths, int64 [n].
        exact: hashes of the text, uint64 [n].
        folded: hashes of the folded letters, uint64 [n].
    """

    texts: list[str]
    documents: Int64
    characters: Int64
    exact: U64
    folded: U64

    def kept(self, rows: NDArray[np.bool_]) -> Sentences:
        """Some of them; bool [n]."""
        texts, documents = list(compress(self.texts, rows.tolist())), self.documents[rows]
        return Sentences(texts, documents, self.characters[rows], self.exact[rows], self.folded[rows])


class Cleaner:
    """Cleans lines and counts what each step did."""

    def __init__(self, language: str, settings: TextSettings) -> None:
        self._settings = settings
        self._segmenter = Segmenter(language, settings.min_characters, settings.max_characters)
        times = settings.identify_language
        self._identifier = None if times is None else Identifier(language, times)
        self._steps: dict[str, CleaningStep] = {}
        left_out = {SPLITTING: not settings.split_sentences, FOREIGN: self._identifier is None}
        for name in (UNICODE, CONTROL, SPLITTING, LENGTH, LETTERS, FOREIGN):
            if not left_out.get(name):
                self._count(name, 0, 0)

    @property
    def steps(self) -> tuple[CleaningStep, ...]:
        """The steps so far, in order."""
        return tuple(self._steps.values())

    def clean(self, lines: Sequence[str], documents: Sequence[int]) -> Sentences:
        """Cleans n raw lines of the documents numbered `documents` [n]."""
        texts = self._normalise(lines)
        texts, owners = self._tidy(texts, documents)
        if self._settings.split_sentences:
            texts, owners = self._split(texts, owners)
        texts, owners = self._limit(texts, owners)
        sentences = self._with_letters(texts, np.array(owners, np.int64))
        return sentences if self._identifier is None else self._identify(self._identifier, sentences)

    def _count(self, name: str, entered: int, left: int, *, changed: int = 0, characters: int = 0) -> None:
        """Adds to a step; where pieces are split, more may leave it than entered."""
        old = self._steps.get(name) or CleaningStep(name=name, entered=0, left=0)
        self._steps[name] = CleaningStep(
            name=name,
            entered=old.entered + entered,
            left=old.left + left,
            dropped=old.dropped + max(0, entered - left),
            changed=old.changed + changed,
            characters=old.characters + characters,
        )

    def _normalise(self, lines: Sequence[str]) -> list[str]:
        texts = [compose(line) for line in lines]
        self._count(UNICODE, len(lines), len(texts), changed=sum(map(operator.ne, texts, lines)))
        return texts

    def _tidy(self, lines: Sequence[str], owners: Sequence[int]) -> tuple[list[str], list[int]]:
        texts = [tidy(line) for line in lines]
        left, left_owners = list(filter(None, texts)), list(compress(owners, texts))
        changed = sum(map(operator.ne, left, compress(lines, texts)))
        gone = sum(unseen(line) for line, text in zip(lines, texts, strict=True) if line != text)
        self._count(CONTROL, len(lines), len(left), changed=changed, characters=gone)
        return left, left_owners

    def _split(self, lines: Sequence[str], owners: Sequence[int]) -> tuple[list[str], list[int]]:
        found = [self._segmenter.sentences(line) for line in lines]
        texts = [text for sentences in found for text in sentences]
        text_owners = [owner for owner, sentences in zip(owners, found, strict=True) for _ in sentences]
        self._count(SPLITTING, len(lines), len(texts), changed=sum(len(sentences) > 1 for sentences in found))
        return texts, text_owners

    def _limit(self, sentences: Sequence[str], owners: Sequence[int]) -> tuple[list[str], list[int]]:
        shortest, longest = self._settings.min_characters, self._settings.max_characters
        lengths = lengths_of(sentences)
        fits = ((shortest <= lengths) & (lengths <= longest)).tolist()
        texts = list(compress(sentences, fits))
        gone = sum(map(len, sentences)) - sum(map(len, texts))
        self._count(LENGTH, len(sentences), len(texts), characters=gone)
        return texts, list(compress(owners, fits))

    def _with_letters(self, texts: list[str], owners: Int64) -> Sentences:
        characters = np.fromiter(map(len, texts), np.int64, len(texts))
        codes = code_points("".join(texts))
        letters = letters_of(codes, characters)
        hashes = sequence_hashes(codes, np.cumsum(characters)), sequence_hashes(letters.codes, letters.ends)
        return self._kept(LETTERS, Sentences(texts, owners, characters, *hashes), letters.counts > 0)

    def _identify(self, identifier: Identifier, sentences: Sentences) -> Sentences:
        own = np.array([not identifier.is_foreign(text) for text in sentences.texts], bool)
        return self._kept(FOREIGN, sentences, own)

    def _kept(self, name: str, sentences: Sentences, rows: NDArray[np.bool_]) -> Sentences:
        """What a step keeps of some sentences; bool [n]."""
        self._count(name, len(rows), int(rows.sum()), characters=int(sentences.characters[~rows].sum()))
        return sentences.kept(rows)
