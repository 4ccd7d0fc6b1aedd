"""How a model's tokenizer cuts the text of a language, and how a vocabulary of the language's own would cut it.

Paper 3 asks whether the shared vocabulary is why small languages do badly (section 5.2, Figure 3): many entries of
mBERT that a small language uses are rare in it, and a vocabulary learnt from it alone has few that are. Rust et al.
(How Good is Your Tokenizer?, 2021) count tokens a word. Here both vocabularies cut the same sentences, and a
vocabulary is learnt from sentences that it then does not cut: on its own ones it looks better than it is (with 225
Latvian sentences it cuts these into 2.2 tokens a word, others into 2.9).

A word is what stands between spaces, the same for every tokenizer. Languages that are written without spaces have
clauses for words: there, characters a token tell more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.evaluation.lines import TokenizedLines, tokenize_lines
from equiglot.evaluation.statistics import Bootstrap, Estimate
from equiglot.vocabulary import Pieces, VocabularySettings, learn_tokenizer, pieces_of
from equiglot.vocabulary.pieces import normalised

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

FOLDS = 4
"""A vocabulary of the language's own is learnt from all parts of the text but one, and cuts that one."""
FEWEST_SENTENCES = 100
"""From fewer no vocabulary is learnt: it would have little more than letters."""
COUNTS = (1, 2, 5, 10, 20, 50, 100, 1000)
"""How often entries are found: the horizontal axis of paper 3, Figure 3."""
_NEEDED = 0.95
_NO_LIMIT = 1 << 40

_Integers = npt.NDArray[np.int64]


class Measure(BaseModel):
    """A number with its 95 % interval, of a bootstrap over sentences."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, estimate: Estimate) -> Measure:
        """From its resamples."""
        low, high = estimate.interval
        return cls(value=estimate.value, low=low, high=high)


class VocabularyUse(BaseModel):
    """How much of a vocabulary a text uses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    """Entries that stand for text: special tokens and those left free for later do not count."""
    seen: int
    """Of these, the ones that are found in the text."""
    needed: int
    """The fewest that make up 95 % of its tokens."""
    frequent: dict[int, int]
    """How often, of `COUNTS` -> how many entries are found at least so often; those that none reaches are left out."""

    @property
    def seen_share(self) -> float:
        """The share of the vocabulary that the text uses at all (paper 3, Table 3)."""
        return self.seen / max(1, self.size)


class Segmentation(BaseModel):
    """How a tokenizer cuts sentences of a language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str
    sentences: int
    words: int
    """What stands between spaces."""
    tokens: int
    characters: int
    """Of the words; spaces do not count."""
    tokens_a_word: Measure
    """Fertility (Rust et al., 2021, section 3.1); 1 is the least."""
    characters_a_token: Measure
    unknown: Measure
    """The share of the words that the vocabulary lacks at least in part: an unknown token, or none at all."""
    bare: Measure
    """The share of the tokens that are the space before a word and nothing else (`▁`, `Ġ`)."""
    too_long: Measure
    """The share of the sentences that are longer than the model reads at once."""
    use: VocabularyUse


class OwnVocabulary(BaseModel):
    """How a vocabulary that is learnt from a language alone cuts its sentences."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: str
    """That of the tokenizer that it is compared with."""
    asked: int
    """Entries that it might have."""
    size: int
    """Entries that it has, special tokens included: where they are fewer, the text has no more that are found twice."""
    sentences: int
    """Of the text. The fewer, the worse a vocabulary is learnt from it, so that more text would give one that cuts into
    fewer pieces still."""
    tokens_a_word: Measure
    """Of sentences that it was not learnt from."""
    ratio: Measure
    """Into how many times as many tokens the other tokenizer cuts the same sentences."""
    use: VocabularyUse
    """Of a vocabulary that is learnt from all sentences, by these (as in paper 3, Figure 3)."""


class LanguageSegmentation(BaseModel):
    """How sentences of a language are cut.

    Attributes:
        cut: by a model's tokenizer.
        own: by a vocabulary of the language's own; None where there is too little text for one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cut: Segmentation
    own: OwnVocabulary | None


def measure_segmentation(
    tokenizer: PreTrainedTokenizerFast,
    sentences: Sequence[str],
    language: str,
    *,
    max_tokens: int,
    bootstrap: Bootstrap,
) -> Segmentation:
    """How a tokenizer cuts sentences.

    Args:
        tokenizer: any fast one of which `pieces_of` knows what pieces stand for.
        sentences: of one language, each with a word in it.
        language: their language; resamples are drawn by it, the same for all tokenizers.
        max_tokens: tokens that the model reads at once, special ones not counted.
        bootstrap: how intervals are made.

    Raises:
        ValueError: there is no sentence.
        InputError: as `pieces_of`.
    """
    if not sentences:
        raise ValueError(f"there is no sentence in {language}")
    lines, pieces = _cut(tokenizer, sentences), pieces_of(tokenizer)
    sums, one = _sums(lines), np.ones(lines.count, np.int64)
    empty = np.array([surface == "" for surface in pieces.surfaces])
    bare = np.bincount(_sentences(lines), weights=empty[lines.text.ids], minlength=lines.count)
    unknown = np.bincount(lines.word_lines, weights=~lines.expressed, minlength=lines.count)

    def mean(sums: npt.NDArray[Any], of: _Integers) -> Measure:
        return Measure.of(bootstrap.mean(sums.astype(np.float64), of, language))

    return Segmentation(
        language=language,
        sentences=lines.count,
        words=int(sums.words.sum()),
        tokens=int(sums.tokens.sum()),
        characters=int(sums.characters.sum()),
        tokens_a_word=mean(sums.tokens, sums.words),
        characters_a_token=mean(sums.characters, sums.tokens),
        unknown=mean(unknown, sums.words),
        bare=mean(bare, sums.tokens),
        too_long=mean(sums.tokens > max_tokens, one),
        use=_use(lines.text.ids, pieces),
    )


def own_vocabulary(
    tokenizer: PreTrainedTokenizerFast,
    sentences: Sequence[str],
    language: str,
    *,
    size: int,
    bootstrap: Bootstrap,
) -> OwnVocabulary | None:
    """How a vocabulary learnt from the sentences themselves would cut them, beside a tokenizer.

    It is learnt by the tokenizer's own algorithm, with capital letters and accents as it reads them. Every sentence is
    cut by a vocabulary that was learnt from other sentences (cross-fitting: each of `FOLDS` parts is left out in turn).

    Args:
        tokenizer: as for `measure_segmentation`.
        sentences: of one language, each with a word in it.
        language: their language.
        size: entries at most.
        bootstrap: how intervals are made; resamples are those of `measure_segmentation`.

    Returns:
        None for fewer than `FEWEST_SENTENCES` sentences, or an alphabet that leaves no room for more than letters.

    Raises:
        InputError: as `pieces_of`.
    """
    if len(sentences) < FEWEST_SENTENCES:
        return None
    settings = VocabularySettings(
        algorithm=pieces_of(tokenizer).kind,
        size=size,
        lowercase=_reads_alike(tokenizer, "A", "a"),
        accents="letters" if _reads_alike(tokenizer, "é", "e") else "keep",
    )
    theirs, tokens = _sums(_cut(tokenizer, sentences)), np.zeros(len(sentences), np.int64)
    try:
        for fold in range(FOLDS):
            others = [each for place, each in enumerate(sentences) if place % FOLDS != fold]
            learnt = learn_tokenizer(others, settings)
            tokens[fold::FOLDS] = _sums(_cut(learnt, sentences[fold::FOLDS])).tokens
        whole = learn_tokenizer(sentences, settings)
    except InputError:  # the alphabet takes all
        return None
    return OwnVocabulary(
        algorithm=settings.algorithm,
        asked=size,
        size=len(whole),
        sentences=len(sentences),
        tokens_a_word=Measure.of(bootstrap.mean(tokens.astype(np.float64), theirs.words, language)),
        ratio=Measure.of(bootstrap.mean(theirs.tokens.astype(np.float64), tokens, language)),
        use=_use(_cut(whole, sentences).text.ids, pieces_of(whole)),
    )


class _Sums(NamedTuple):
    """Words, tokens, and characters of words in each sentence: int64 [sentences] each."""

    words: _Integers
    tokens: _Integers
    characters: _Integers


def _cut(tokenizer: PreTrainedTokenizerFast, sentences: Sequence[str]) -> TokenizedLines:
    return tokenize_lines(tokenizer, sentences, _NO_LIMIT)


def _sums(lines: TokenizedLines) -> _Sums:
    characters = np.bincount(lines.word_lines, weights=lines.characters, minlength=lines.count)
    return _Sums(
        np.bincount(lines.word_lines, minlength=lines.count),
        np.bincount(_sentences(lines), minlength=lines.count),
        characters.astype(np.int64),
    )


def _sentences(lines: TokenizedLines) -> _Integers:
    """The sentence of each token, int64 [tokens]."""
    return lines.word_lines[lines.words]


def _use(ids: npt.NDArray[np.integer[Any]], pieces: Pieces) -> VocabularyUse:
    """How much of a vocabulary some tokens use."""
    real = np.array([token is not None for token in pieces.tokens])
    found = np.sort(np.bincount(ids, minlength=len(real))[real])[::-1]
    running = np.cumsum(found)
    frequent = {count: int(np.count_nonzero(found >= count)) for count in COUNTS}
    return VocabularyUse(
        size=len(found),
        seen=int(np.count_nonzero(found)),
        needed=int(np.searchsorted(running, _NEEDED * running[-1])) + 1 if running[-1] else 0,
        frequent={count: entries for count, entries in frequent.items() if entries},
    )


def _reads_alike(tokenizer: PreTrainedTokenizerFast, one: str, other: str) -> bool:
    return normalised(tokenizer.backend_tokenizer, one) == normalised(tokenizer.backend_tokenizer, other)
