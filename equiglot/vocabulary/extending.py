"""A vocabulary with more entries, for a language that it cuts into too many pieces; all else is cut as before.

Paper 4 (Eliquare), section 5, calls it VocabAmp and leaves it open.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from equiglot.errors import InputError
from equiglot.vocabulary.joining import join_pairs
from equiglot.vocabulary.pieces import Pieces, describe, normalised, pieces_of
from equiglot.vocabulary.reducing import as_fast, entries_of, joined_token, merges_of
from equiglot.vocabulary.settings import WORD_START, ExtensionSettings
from equiglot.vocabulary.tokenising import id_count

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MARGIN = 1e-3
"""By how much, in nats, an entry of Unigram is better than the two pieces that it is joined from."""
_ROUNDS = 6  # of joining, cutting anew and leaving out what is not used
_JOINERS = "\u200c\u200d"  # which stand inside of words of Persian and Hindi, and are no letters
_ONE_WORD = re.compile(f"{WORD_START}*[^{WORD_START}]+|{WORD_START}+")
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Extension:
    """An extended tokenizer, and what its new entries are made of.

    Attributes:
        tokenizer: the extended one; old entries have the ids that they had.
        first: the id of the first new entry; the others follow.
        parts: for each new entry the old ids that its text was cut into where it was learnt.
        uses: int64 [new], how often each is found in the text by which it was learnt; of BPE 0 for one that is only a
            step to longer ones.
    """

    tokenizer: PreTrainedTokenizerFast
    first: int
    parts: tuple[tuple[int, ...], ...]
    uses: Integers


def count_words(tokenizer: PreTrainedTokenizerFast, sentences: Iterable[str]) -> Counter[str]:
    """How often each word is found, as the tokenizer's model is given it: normalised, with ▁ or Ġ before it.

    Where spaces do not end words (Gemma's tokenizer), ▁ begins one. Tokens that were added by hand are left out.
    """
    backend = tokenizer.backend_tokenizer
    added = [re.escape(token.content) for token in tokenizer.added_tokens_decoder.values() if not token.special]
    apart = re.compile("|".join(sorted(added, key=len, reverse=True))) if added else None
    words = Counter[str]()
    for sentence in sentences:
        for part in [sentence] if apart is None else apart.split(sentence):
            text = normalised(backend, part)
            spans = [(text, None)] if backend.pre_tokenizer is None else backend.pre_tokenizer.pre_tokenize_str(text)
            words.update(word for span, _ in spans for word in _ONE_WORD.findall(span))
    return words


def extend_tokenizer(
    tokenizer: PreTrainedTokenizerFast, words: Mapping[str, int], settings: ExtensionSettings
) -> Extension:
    """Learns entries that a tokenizer lacks from the words of a language.

    The most frequent pair of adjacent pieces inside a word is joined, again and again: byte-pair encoding that goes on
    where the vocabulary ends, whatever its kind. Only letters and marks are joined, as SentencePiece does. Then the
    words are cut by the extended tokenizer, entries that are found too rarely are left out, and others are learnt for
    them.

    BPE gets the pairs after its own, so that they are joined last; a step to a longer entry is an entry, too. WordPiece
    takes the longest entry, and needs none of the steps. Unigram gives an entry the lowest score with which it is
    better than the two pieces that it is joined from, but none below its lowest: what an unknown character costs is
    counted from there. So text in which no new entry is found is cut as before (of WordPiece: but for words in which a
    character has no entry inside of words, that may become unknown).

    Args:
        tokenizer: WordPiece, Unigram or BPE.
        words: how often each is found (`count_words`).
        settings: how many entries, and how often each must be found.

    Returns:
        The extended tokenizer; with fewer entries than asked for, where the text has no more.

    Raises:
        InputError: the tokenizer is of another kind (`pieces_of`), or numbers its entries in a way that cannot be kept
            up; or no pair of pieces is found often enough.
    """
    learner = _Learner(tokenizer, words, settings)
    for _ in range(_ROUNDS):
        if not learner.missing or not learner.join():
            break
        learner.leave_out()
    if not learner.entries:
        raise InputError(
            f"No two pieces stand side by side in words {settings.min_frequency:,} times: no entry can be learnt.",
            where=f"{sum(words.values()):,} words of text",
            fix="Give more text, or a smaller min_frequency.",
        )
    extended = as_fast(tokenizer, learner.description())
    if extended.get_vocab() != tokenizer.get_vocab() | learner.numbers:
        raise InputError(
            "The entries of this tokenizer cannot be numbered on: some have an id that another has, or ids have gaps.",
            where=tokenizer.name_or_path or None,
            fix="Use a model whose tokenizer gives each entry one id.",
        )
    uses = learner.uses()
    return Extension(
        tokenizer=extended,
        first=learner.first,
        parts=tuple(entry.parts for entry in learner.entries.values()),
        uses=np.array([uses[number] for number in learner.numbers.values()], np.int64),
    )


@dataclass(frozen=True)
class _Entry:
    """A new entry: the old ids that it is made of, whether it begins a word, and its score (Unigram's)."""

    parts: tuple[int, ...]
    starts: bool
    score: float


class _Learner:
    """The entries that were learnt so far, in the order of their ids."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, words: Mapping[str, int], settings: ExtensionSettings
    ) -> None:
        pieces = pieces_of(tokenizer)
        self._description = describe(tokenizer)
        self._model = _with_added(self._description)
        self._words = sorted(words)
        self._counts = [words[word] for word in self._words]
        self._settings = settings
        self._old = {number: token for token, number in tokenizer.get_vocab().items()}
        self._taken = {*self._old.values()}
        self._starts = pieces.starts
        self._joinable = _joinable(pieces)
        self._scores = [score for _, score in self._model["vocab"]] if self._model["type"] == "Unigram" else []
        self._floor = min(self._scores, default=0.0)
        self.first = id_count(tokenizer)
        self.entries: dict[str, _Entry] = {}
        self._pairs: dict[tuple[str, str], str] = {}
        self._cut = self._cut_words()

    @property
    def numbers(self) -> dict[str, int]:
        """The ids of the new entries."""
        return {token: self.first + place for place, token in enumerate(self.entries)}

    @property
    def missing(self) -> int:
        """How many entries are still to be learnt."""
        return self._settings.entries - len(self.entries)

    def join(self) -> bool:
        """Joins pieces until there are as many entries as are wanted; False if there is nothing to join."""
        names = [*self.entries]
        numbers = self.numbers

        def joined(left: int, right: int) -> int | None:
            one, two = self._entry(left, names), self._entry(right, names)
            if one is None or two is None or two.starts:
                return None
            pair = self._name(left, names), self._name(right, names)
            token = joined_token(self._model, *pair)
            if token in self._taken:
                return None
            if token not in numbers:
                score = max(self._floor, one.score + two.score + MARGIN)
                self.entries[token] = _Entry(one.parts + two.parts, one.starts, score)
                numbers[token] = self.first + len(names)
                names.append(token)
            self._pairs.setdefault(pair, token)
            return numbers[token]

        before = len(self._pairs)
        found = join_pairs(self._cut, self._counts, joined, self._settings.min_frequency)
        while self.missing and next(found, None):
            pass
        return len(self._pairs) > before

    def leave_out(self) -> None:
        """Cuts the words anew, and leaves out entries that are not found often enough, until all are."""
        while True:
            self._cut = self._cut_words()
            uses, numbers = self.uses(), self.numbers
            used = {token for token, number in numbers.items() if uses[number] >= self._settings.min_frequency}
            if self._model["type"] == "BPE":
                used = self._with_steps(used)
            if len(used) == len(self.entries):
                return
            self.entries = {token: entry for token, entry in self.entries.items() if token in used}
            known = self._taken | used
            self._pairs = {pair: token for pair, token in self._pairs.items() if {*pair, token} <= known}

    def uses(self) -> Counter[int]:
        """How often each id is found in the text, as it is cut now."""
        found = Counter[int]()
        for word, count in zip(self._cut, self._counts, strict=True):
            for number in word:
                found[number] += count
        return found

    def description(self) -> dict[str, Any]:
        """The extended tokenizer."""
        model = self._model
        match model["type"]:
            case "Unigram":
                new = [[token, entry.score] for token, entry in self.entries.items()]
                extended = {"vocab": [*model["vocab"], *new]}
            case "BPE":
                merges = [*map(list, merges_of(model)), *map(list, self._pairs)]
                extended = {"vocab": model["vocab"] | self.numbers, "merges": merges}
            case _:
                extended = {"vocab": model["vocab"] | self.numbers}
        changed = {"model": {**model, **extended}, "truncation": None, "padding": None}
        return {**self._description, **changed}

    def _cut_words(self) -> list[list[int]]:
        model = Tokenizer.from_str(json.dumps(self.description())).model
        return [[token.id for token in model.tokenize(word)] for word in self._words]

    def _name(self, number: int, names: Sequence[str]) -> str:
        return self._old[number] if number < self.first else names[number - self.first]

    def _entry(self, number: int, names: Sequence[str]) -> _Entry | None:
        """What a piece is, old or new; None for one that is never joined."""
        if number >= self.first:
            return self.entries[names[number - self.first]]
        if not self._joinable[number]:
            return None
        return _Entry((number,), bool(self._starts[number]), self._scores[number] if self._scores else 0.0)

    def _with_steps(self, tokens: set[str]) -> set[str]:
        """New entries with all new ones that they are joined from, by whatever rule."""
        parts: dict[str, set[str]] = {}
        for pair, token in self._pairs.items():
            parts.setdefault(token, set()).update(pair)
        closed, waiting = set[str](), [*tokens]
        while waiting:
            if (each := waiting.pop()) in self.entries and each not in closed:
                closed.add(each)
                waiting.extend(parts[each])
        return closed


def _with_added(description: Mapping[str, Any]) -> dict[str, Any]:
    """The model of a tokenizer, with tokens that were added behind its entries as entries: so they keep their ids.

    Unigram then finds such a token in text as well (DeBERTa's `[MASK]`), as it finds XLM-R's `<mask>`. It has the
    lowest score; a lower one would change what an unknown character costs.
    """
    model = dict(description["model"])
    known = entries_of(model)
    added = sorted(
        (each["id"], each["content"]) for each in description["added_tokens"] if each["content"] not in known
    )
    if model["type"] == "Unigram":
        lowest = min(score for _, score in model["vocab"])
        return {**model, "vocab": [*model["vocab"], *([token, lowest] for _, token in added)]}
    return {**model, "vocab": {**model["vocab"], **{token: number for number, token in added}}}


def _joinable(pieces: Pieces) -> list[bool]:
    """For each id: is it made of letters and marks, or of bytes that are a part of such?"""
    return [
        token is not None and not token.startswith("<") and _of_letters(token, surface, pieces.kind == "byte-bpe")
        for token, surface in zip(pieces.tokens, pieces.surfaces, strict=True)
    ]


def _of_letters(token: str, surface: str | None, bytewise: bool) -> bool:
    if surface is not None:
        return all(unicodedata.category(sign)[0] in "LM" or sign in _JOINERS for sign in surface)
    # Bytes that make no whole characters: all from 0x80 on, the space before a word aside.
    signs = token.removeprefix("Ġ")
    return bytewise and bool(signs) and all(sign > "~" and not "Ā" <= sign <= "Ġ" for sign in signs)
