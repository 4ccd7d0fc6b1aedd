"""Lines of text as tokens, with the words that they belong to: what stands between spaces, for every tokenizer.

Where a language is written without spaces between words (Chinese, Japanese, Thai, Khmer, Lao, Burmese), such a "word"
is a clause or a whole sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equiglot.corpus.characters import compose
from equiglot.vocabulary import TokenizedText, text_encoder

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

_WORD = re.compile(r"\S+")
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenizedLines:
    """Lines cut into pieces that a model can read at once, between words where it can be; nothing is left out.

    Attributes:
        text: the pieces.
        lines: int64 [pieces], the line of each.
        words: int64 [tokens], the word that each token belongs to, ascending; words are counted through all lines.
        word_lines: int64 [words], the line of each.
        characters: int64 [words], characters in each; the spaces between them do not count.
        expressed: bool [words], whether the vocabulary has all of the word: no unknown token, not nothing.
        altered: bool [words], whether the tokenizer reads the word otherwise than it is written (in lower case, say).
        count: lines.
    """

    text: TokenizedText
    lines: _Integers
    words: _Integers
    word_lines: _Integers
    characters: _Integers
    expressed: npt.NDArray[np.bool_]
    altered: npt.NDArray[np.bool_]
    count: int


def tokenize_lines(tokenizer: PreTrainedTokenizerFast, lines: Sequence[str], max_tokens: int) -> TokenizedLines:
    """Lines as they are, without special tokens; a [MASK] that stands in the text is text.

    Args:
        tokenizer: any fast tokenizer.
        lines: each with some text in it.
        max_tokens: tokens of a piece at most.
    """
    backend = text_encoder(tokenizer)
    encodings = backend.encode_batch(list(lines), add_special_tokens=False)
    found = [[(match.start(), match.group()) for match in _WORD.finditer(line)] for line in lines]
    counts = np.array([len(words) for words in found], np.int64)
    before = np.cumsum(counts) - counts
    belongs = [
        first + _words_of(encoding, line, words)
        for encoding, line, words, first in zip(encodings, lines, found, before.tolist(), strict=True)
    ]
    ids = np.array([number for encoding in encodings for number in encoding.ids], np.uint32)
    words = np.concatenate([np.empty(0, np.int64), *belongs])
    cuts = [_cuts(each, max_tokens) for each in belongs]
    lengths = np.array([length for each in cuts for length in each], np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    written = [word for line in found for _, word in line]
    unknown = np.zeros(len(written), np.bool_)
    unknown[words[ids == tokenizer.unk_token_id]] = True
    unknown[np.bincount(words, minlength=len(written)) == 0] = True
    return TokenizedLines(
        text=TokenizedText(ids, offsets, np.zeros_like(offsets)),
        lines=np.repeat(np.arange(len(lines)), [len(each) for each in cuts]),
        words=words,
        word_lines=np.repeat(np.arange(len(lines)), counts),
        characters=np.array([len(word) for word in written], np.int64),
        expressed=~unknown,
        altered=np.array([_is_altered(backend, word) for word in written], np.bool_),
        count=len(lines),
    )


def _words_of(encoding: Any, line: str, words: Sequence[tuple[int, str]]) -> _Integers:
    """The word of each token, by its first character that is no space, counted from the line's first word."""
    if not encoding.ids:
        return np.empty(0, np.int64)
    ends = np.array([start + len(word) for start, word in words], np.int64)
    starts = np.array([start for start, _ in encoding.offsets], np.int64)
    places = np.searchsorted(ends, starts, side="right")
    return np.maximum.accumulate(np.minimum(places, len(words) - 1))


def _cuts(words: _Integers, max_tokens: int) -> list[int]:
    """Lengths of the pieces of a line: as many whole words as fit; only a word too long for a piece is cut."""
    lengths, begin = list[int](), 0
    while begin < len(words):
        end = min(begin + max_tokens, len(words))
        if end < len(words):
            border = int(np.searchsorted(words, words[end]))  # where the word that would be cut begins
            end = border if border > begin else end
        lengths.append(end - begin)
        begin = end
    return lengths


def _is_altered(backend: Tokenizer, word: str) -> bool:
    """Whether a word is another after normalisation; canonical and compatible forms of characters are the same."""
    if backend.normalizer is None:
        return False
    read = backend.normalizer.normalize_str(word).replace("▁", "").replace(" ", "")
    return compose(read, "NFKC") != compose(word, "NFKC")
