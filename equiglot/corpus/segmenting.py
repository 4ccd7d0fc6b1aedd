"""Sentences of a line: where sentencex sees an end, and the marks and spaces of scripts that it does not know.

Thai, Lao, Khmer, Burmese and Tibetan write no spaces between words. A space there ends a phrase, and in Thai and Lao it
is all that ends a sentence: a piece that is too long to be kept whole is cut at some of its spaces.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from sentencex import segment

from equiglot.corpus.languages import base_language
from equiglot.corpus.letters import Int64, code_points, dense_letters

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
