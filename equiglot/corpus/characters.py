"""Characters: how they are written (NFC), and those that are not seen.

One list says what becomes of characters that are not seen, for text as it is cleaned and for the tokenizers that are
made here: what a tokenizer is given raw, it reads as if it had been cleaned. The list is written out and does not hang
on the version of Unicode that Python, or the library of a tokenizer, happens to know.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equiglot.corpus.letters import CODE_POINTS, LAST_WITH_LETTERS, code_points

# (first, last). Format characters that say nothing in running text (soft hyphen, marks of direction, word joiner, byte
# order mark, annotations, controls of hieroglyphs, shorthand and music, tags), and the replacement character. Those
# that scripts spell with stay: joiners (Persian, India), the Mongolian vowel separator, visible number marks.
UNSEEN = (
    (0xAD, 0xAD), (0x61C, 0x61C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0xFFFD, 0xFFFD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0001, 0xE007F),
)  # fmt: skip
# Controls, tabs and ends of lines among them, and the zero-width space, which parts words in Khmer and Thai.
BLANK = ((0x0, 0x1F), (0x7F, 0x9F), (0x200B, 0x200B))
LONGEST_RUN = 30  # marks on one letter; no language needs as many (Unicode's stream-safe text has the same limit)

_REPLACEMENT = "\ufffd"


def _class(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


_UNSEEN = re.compile(f"[{_class(UNSEEN)}]+")
_WHITE_SPACE = re.compile(rf"[\s{_class(BLANK)}]+")


def tidy(line: str) -> str:
    """An NFC line without characters that are not seen, runs of white space, and white space at its ends.

    What comes out is NFC, and stays as it is when it is tidied again.
    """
    # isprintable is false for every control and format character and for all white space but the plain space.
    if line.isprintable() and "  " not in line and _REPLACEMENT not in line:
        return line.strip(" ")
    text = _WHITE_SPACE.sub(" ", _UNSEEN.sub("", line)).strip(" ")
    return compose(text)  # what a character kept apart that is gone may compose now


def unseen(line: str) -> int:
    """How many of a line's characters are not seen; white space is not counted."""
    return sum(map(len, _UNSEEN.findall(line)))


def compose(text: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
    """A text in NFC, or NFKC, in time that grows with its length alone.

    Putting marks in order takes Python the square of their number: where a text is not composed yet, of more than
    LONGEST_RUN marks in a row the others go.
    """
    if unicodedata.is_normalized(form, text):  # in linear time: marks that are out of order end it
        return text
    return unicodedata.normalize(form, _without_long_runs(text))


def _without_long_runs(text: str) -> str:
    codes = code_points(text)
    places = np.arange(len(codes))
    bases = np.maximum.accumulate(np.where(_is_mark()[codes], -1, places))
    kept = places - bases <= LONGEST_RUN
    return text if kept.all() else codes[kept].tobytes().decode("utf-32-le")


@cache
def _is_mark() -> NDArray[np.bool_]:
    """Whether each code point is put in order with its neighbours, itself or what it is made of; bool [0x110000]."""
    table = np.zeros(CODE_POINTS, bool)
    for code in range(LAST_WITH_LETTERS):
        table[code] = unicodedata.combining(unicodedata.normalize("NFKD", chr(code))[0]) > 0
    return table
