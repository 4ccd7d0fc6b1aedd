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
from sentencex import segment

from equiglot.corpus.characters import compose, tidy
from equiglot.corpus.hashing import Int64, UInt64, code_points, dense_letters, letters_of, sequence_hashes
from equiglot.corpus.identification import Identifier
from equiglot.corpus.languages import base_language
from equiglot.corpus.settings import TextSettings
from equiglot.corpus.statistics import CleaningStep

UNICODE, CONTROL, SPLITTING = "Unicode normalisation (NFC)", "control characters and white space", "sentence splitting"
LENGTH, LETTERS, FOREIGN = "length limits", "no letters", "other languages"


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
    exact: UInt64
    folded: UInt64

    def kept(self, rows: NDArray[np.bool_]) -> "Sentences":
        """Some of them; bool [n]."""
        texts, documents = list(compress(self.texts, rows.tolist())), self.documents[rows]
        return Sentences(texts, documents, self.characters[rows], self.exact[rows], self.folded[rows])


class Cleaner:
    """Cleans lines and counts what each step did."""

    def __init__(self, language: str, settings: TextSettings) -> None:
        self._language, self._settings = base_language(language), settings
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

    def _count(self, name: str, entered: int, left: int, dropped: int = 0, changed: int = 0) -> None:
        old = self._steps.get(name) or CleaningStep(name=name, entered=0, left=0)
        self._steps[name] = CleaningStep(
            name=name,
            entered=old.entered + entered,
            left=old.left + left,
            dropped=old.dropped + dropped,
            changed=old.changed + changed,
        )

    def _normalise(self, lines: Sequence[str]) -> list[str]:
        texts = [compose(line) for line in lines]
        self._count(UNICODE, len(lines), len(texts), changed=sum(map(operator.ne, texts, lines)))
        return texts

    def _tidy(self, lines: Sequence[str], owners: Sequence[int]) -> tuple[list[str], list[int]]:
        texts = [tidy(line) for line in lines]
        left, left_owners = list(filter(None, texts)), list(compress(owners, texts))
        changed = sum(map(operator.ne, left, compress(lines, texts)))
        self._count(CONTROL, len(lines), len(left), len(lines) - len(left), changed)
        return left, left_owners

    def _split(self, lines: Sequence[str], owners: Sequence[int]) -> tuple[list[str], list[int]]:
        texts, text_owners, changed = list[str](), list[int](), 0
        for line, owner in zip(lines, owners, strict=True):
            sentences = segment(self._language, line)
            if len(sentences) == 1:
                texts.append(line)
                text_owners.append(owner)
            else:
                parts = [part for sentence in sentences if (part := sentence.strip())]
                texts += parts
                text_owners += [owner] * len(parts)
                changed += len(parts) > 1
        self._count(SPLITTING, len(lines), len(texts), changed=changed)
        return texts, text_owners

    def _limit(self, sentences: Sequence[str], owners: Sequence[int]) -> tuple[list[str], list[int]]:
        shortest, longest = self._settings.min_characters, self._settings.max_characters
        characters = np.fromiter(map(len, sentences), np.int64, len(sentences))
        lengths = characters + dense_letters(code_points("".join(sentences)), characters)
        fits = ((shortest <= lengths) & (lengths <= longest)).tolist()
        texts = list(compress(sentences, fits))
        self._count(LENGTH, len(sentences), len(texts), len(sentences) - len(texts))
        return texts, list(compress(owners, fits))

    def _with_letters(self, texts: list[str], owners: Int64) -> Sentences:
        characters = np.fromiter(map(len, texts), np.int64, len(texts))
        codes = code_points("".join(texts))
        letters = letters_of(codes, characters)
        kept = letters.counts > 0
        self._count(LETTERS, len(texts), int(kept.sum()), int((~kept).sum()))
        hashes = sequence_hashes(codes, np.cumsum(characters)), sequence_hashes(letters.codes, letters.ends)
        return Sentences(texts, owners, characters, *hashes).kept(kept)

    def _identify(self, identifier: Identifier, sentences: Sentences) -> Sentences:
        own = np.array([not identifier.is_foreign(text) for text in sentences.texts], bool)
        self._count(FOREIGN, len(own), int(own.sum()), int((~own).sum()))
        return sentences.kept(own)
