"""Cleaning: raw lines become clean sentences, in named steps that count what they do.

The steps here look at one line at a time; those that compare sentences (duplicates, overlap) follow in `duplicates`
and `overlap`.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from equiglot.corpus.characters import compose, tidy, unseen
from equiglot.corpus.identification import Identifier
from equiglot.corpus.letters import Int64, code_points, letters_of, sequence_hashes
from equiglot.corpus.segmenting import Segmenter, lengths_of
from equiglot.corpus.settings import TextSettings
from equiglot.corpus.statistics import CONTROL, FOREIGN, LENGTH, LETTERS, SPLITTING, UNICODE, CleaningStep
from equiglot.hashing import U64


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

    def kept(self, rows: NDArray[np.bool_]) -> "Sentences":
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
