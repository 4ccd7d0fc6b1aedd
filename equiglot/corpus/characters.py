"""Characters: how they are written (NFC), and those that are not seen; letters and their hashes.

One list says what becomes of characters that are not seen, for text as it is cleaned and for the tokenizers that are
made here: what a tokenizer is given raw, it reads as if it had been cleaned. The list is written out and does not hang
on the version of Unicode that Python, or the library of a tokenizer, happens to know.

Two sentences are near duplicates when their letters agree: case, digits, punctuation, symbols and spaces do not count.
Vowel signs and other combining marks are letters here, because they are in Hindi, Telugu or Thai.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from equiglot.hashing import GOLDEN, U64, mix

Int64 = NDArray[np.int64]
UInt32 = NDArray[np.uint32]

CODE_POINTS = 0x110000
LAST_WITH_LETTERS = 0x40000  # planes 0 to 3; none above holds letters
INVISIBLE = (0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10))
# Syllabaries, kana, Han, Yi and Hangul: a letter says about as much as two or more of an alphabet.
DENSE = ((0x1100, 0x13A0), (0x2E80, 0xA4D0), (0xAC00, 0xD800), (0xF900, 0xFB00), (0x20000, 0x40000))
DENSE_N, ALPHABET_N = 4, 8


@dataclass(frozen=True)
class Letters:
    """The folded letters of n sentences, one after the other.

    Attributes:
        codes: code points, uint32 [letters].
        ends: where each sentence ends in `codes`, int64 [n].
    """

    codes: UInt32
    ends: Int64

    @property
    def counts(self) -> Int64:
        """Letters of each sentence, int64 [n]."""
        return np.diff(self.ends, prepend=0)


def fold(text: str) -> str:
    """The letters of `text`, lower case: what near duplicates have in common."""
    return letters_of(code_points(text), np.array([len(text)])).codes.tobytes().decode("utf-32-le")


def code_points(text: str) -> UInt32:
    """The characters of `text` as numbers, uint32 [characters]."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def letters_of(codes: UInt32, characters: Int64) -> Letters:
    """Folds n sentences.

    Args:
        codes: the characters of all sentences, uint32 [sum of characters].
        characters: the length of each, int64 [n].
    """
    folded = fold_table()[codes]
    kept = folded != 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return Letters(folded[kept], before[np.cumsum(characters)])


def dense_letters(codes: UInt32, characters: Int64) -> Int64:
    """How many of the characters of each of n sentences are of a dense script (see DENSE), int64 [n].

    Args:
        codes: the characters of all sentences, uint32 [sum of characters].
        characters: the length of each, int64 [n].
    """
    before, ends = np.concatenate([[0], np.cumsum(_dense_table()[codes])]), np.cumsum(characters)
    return np.asarray(before[ends] - before[ends - characters])


def sequence_hashes(codes: UInt32, ends: Int64) -> U64:
    """A hash of each of n sequences of code points, uint64 [n]: the sum of random(code) * random(position).

    Multilinear hashing: two given sequences collide with a probability near 2^-64.
    """
    lengths = np.diff(ends, prepend=0)
    positions = np.arange(len(codes)) - np.repeat(ends - lengths, lengths)
    terms = _code_keys()[codes]
    terms *= _position_keys(1 << int(lengths.max(initial=1)).bit_length())[positions]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    return mix(sums[ends] - sums[ends - lengths] + lengths.astype(np.uint64))


def folded_hashes(texts: Sequence[str]) -> U64:
    """A hash of the folded letters of each of n sentences, uint64 [n]."""
    letters = letters_of(code_points("".join(texts)), np.fromiter(map(len, texts), np.int64, len(texts)))
    return sequence_hashes(letters.codes, letters.ends)


def ngram_hashes(letters: Letters) -> tuple[U64, Int64]:
    """Hashes of the letter n-grams of n sentences, and the sentence that each stands in.

    n is 8, some one and a half words, where an n-gram starts in an alphabet or an abugida, and 4 where it starts in
    Han, kana, Hangul or another syllabary, whose letters say two or three times as much (eight of them would be a
    clause, and no two sentences would share one). A sentence with fewer letters has no n-grams.

    Returns:
        (hashes uint64 [g], sentence int64 [g], ascending)
    """
    codes, ends = letters.codes, letters.ends
    one = _code_keys()[codes]
    two = _joined(one, one, 1)
    four = _joined(two, two, 2)
    eight = _joined(four, four, 4)
    dense = _dense_table()[codes]
    sentence = np.repeat(np.arange(len(ends)), letters.counts)
    fits = np.arange(len(codes)) + np.where(dense, DENSE_N, ALPHABET_N) <= ends[sentence]
    return np.where(dense, four, eight)[fits], sentence[fits]


def _joined(left: U64, right: U64, width: int) -> U64:
    """Hashes of windows twice as wide; the last ones, which run over the end, are of no use to anybody."""
    factor = np.uint64(pow(GOLDEN, width, 1 << 64))
    wide = left * factor
    wide[: max(0, len(wide) - width)] += right[width:]
    return wide


@cache
def _code_keys() -> U64:
    return mix(np.arange(1, CODE_POINTS + 1, dtype=np.uint64) * np.uint64(GOLDEN))


@cache
def _position_keys(count: int) -> U64:
    # Odd, so that two sequences that differ in one place never collide.
    return mix(~np.arange(count, dtype=np.uint64) * np.uint64(GOLDEN)) | np.uint64(1)


@cache
def _dense_table() -> NDArray[np.bool_]:
    table = np.zeros(CODE_POINTS, bool)
    for first, end in DENSE:
        table[first:end] = True
    return table


@cache
def fold_table() -> UInt32:
    """Code point -> its folded code point, or 0 where it is no letter; uint32 [0x110000]."""
    table: NDArray[Any] = np.zeros(CODE_POINTS, np.uint32)
    for code in range(LAST_WITH_LETTERS):
        category = unicodedata.category(chr(code))
        if category[0] == "L" or category in ("Mn", "Mc"):
            table[code] = ord(_lower(chr(code)))
    table[list(INVISIBLE)] = 0
    return table


def _lower(letter: str) -> str:
    """One letter for one letter: ß stays ß."""
    folded = letter.casefold()
    return folded if len(folded) == 1 else letter.lower()[0]


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
