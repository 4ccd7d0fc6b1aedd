"""Pseudo-log-likelihood: how well a masked language model predicts a text, whatever its vocabulary.

Every token is masked in turn and predicted from the rest of its piece of text. Where a word has several tokens, those
after the one in question are masked too, or the rest of the word would give it away (PLL-word-l2r: Kauf and Ivanova,
A Better Way to Do Masked Language Model Scoring, 2023). A word is predicted from the left, whatever pieces it is cut
into, from the same rest of the text: bits per character can be compared between vocabularies, if words are words. In
languages written without spaces a "word" is a clause, all of which that follows a token is masked with it; how finely
it is cut then matters more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file

from equiglot.evaluation.lines import TokenizedLines, tokenize_lines
from equiglot.evaluation.statistics import Bootstrap, ByLanguage, by_sentence
from equiglot.masking import SpecialTokens
from equiglot.models import OpenModel, TensorBatch, move_array, target_logits
from equiglot.objectives import hard_loss

_TOKENS = 8192  # of one forward pass; the result does not depend on it, beyond rounding
_LOGITS = 1 << 25  # made at once

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WordBits:
    """What the words of some text cost a model; a word is what stands between spaces, the same for every model.

    Attributes:
        bits: float64 [words], NaN where the vocabulary lacks the word.
        characters: int64 [words], characters in each.
        sentences: int64 [words], the sentence of each.
        altered: bool [words], whether the tokenizer reads the word otherwise than it is written (in lower case, say).
        count: sentences.
    """

    bits: npt.NDArray[np.float64]
    characters: npt.NDArray[np.int64]
    sentences: npt.NDArray[np.int64]
    altered: npt.NDArray[np.bool_]
    count: int


@dataclass(frozen=True)
class Coverage:
    """What a tokenizer makes of the text that bits are measured on.

    Attributes:
        model: the name of the model.
        language: of the text.
        unexpressed: share of the characters in words that it has no tokens for, at least in part.
        altered: share of the words that it reads otherwise than they are written (in lower case, say).
        word_length: characters of a word of the text, on average.
    """

    model: str
    language: str
    unexpressed: float
    altered: float
    word_length: float


def measure_words(opened: OpenModel, sentences: Sequence[str]) -> WordBits:
    """What every word of the sentences costs a model (PLL-word-l2r), as its own tokenizer cuts it."""
    lines = tokenize_lines(opened.tokenizer, sentences, opened.max_tokens)
    return WordBits(word_bits(opened, lines), lines.characters, lines.word_lines, lines.altered, lines.count)


def coverage_of(model: str, language: str, words: WordBits) -> Coverage:
    """What a model's tokenizer makes of a text."""
    unexpressed = words.characters[np.isnan(words.bits)].sum() / words.characters.sum()
    return Coverage(model, language, float(unexpressed), float(words.altered.mean()), float(words.characters.mean()))


def bits_per_character(models: Mapping[str, WordBits], language: str, bootstrap: Bootstrap) -> ByLanguage:
    """Model -> bits per character of one text, on the words that all of the models can express; paired.

    Empty where there is no such word. Spaces between words do not count as characters.

    Args:
        models: name -> what the same words cost it.
        language: of the text.
        bootstrap: how intervals are made.

    Raises:
        ValueError: the models have read different texts.
    """
    first = next(iter(models.values()))
    if not all(np.array_equal(each.characters, first.characters) for each in models.values()):
        raise ValueError(f"the models were asked for the words of different texts of {language}")
    shared = ~np.any([np.isnan(each.bits) for each in models.values()], axis=0)
    if not shared.any():
        return {}
    where = first.sentences[shared]
    characters = by_sentence(first.characters[shared], where, first.count).astype(np.int64)
    return {
        name: bootstrap.mean(by_sentence(each.bits[shared], where, first.count), characters, language)
        for name, each in models.items()
    }


def write_bits(path: Path, words: Mapping[str, WordBits]) -> None:
    """Writes language -> what words cost, as safetensors."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for language, each in words.items():
        arrays |= {f"{language}.bits": each.bits, f"{language}.characters": each.characters}
        arrays |= {f"{language}.sentences": each.sentences, f"{language}.altered": each.altered}
        arrays |= {f"{language}.count": np.array([each.count])}
    save_file(arrays, path)


def read_bits(path: Path) -> dict[str, WordBits]:
    """Reads what `write_bits` wrote."""
    arrays = load_file(path)
    languages = [name.removesuffix(".bits") for name in arrays if name.endswith(".bits")]
    return {
        language: WordBits(
            arrays[f"{language}.bits"],
            arrays[f"{language}.characters"],
            arrays[f"{language}.sentences"],
            arrays[f"{language}.altered"],
            int(arrays[f"{language}.count"][0]),
        )
        for language in languages
    }


@torch.no_grad()
def word_bits(opened: OpenModel, lines: TokenizedLines) -> npt.NDArray[np.float64]:
    """What each word costs, -log2 of its pseudo-likelihood: float64 [words], NaN where the vocabulary lacks it."""
    bits = np.where(lines.expressed, 0.0, np.nan)
    rows_at_once = max(1, _LOGITS // int(opened.model.config.vocab_size))
    for pieces, targets, width in _rows(lines, rows_at_once):
        batch = _masked(lines, pieces, targets, width, opened.special, opened.model.device)
        losses = hard_loss(target_logits(opened.model, batch), batch.gold)
        words = lines.words[lines.text.offsets[pieces] + targets]
        np.add.at(bits, words, losses.double().cpu().numpy() / np.log(2))
    return bits


def _rows(lines: TokenizedLines, rows_at_once: int) -> Iterator[tuple[_Integers, _Integers, int]]:
    """Which token of which piece each row asks for: pieces int64 [rows], places int64 [rows], tokens of the longest.

    A row for every token of a word that the vocabulary has, rows of like length together.
    """
    lengths = lines.text.lengths.astype(np.int64)
    pieces = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(pieces)) - np.repeat(lines.text.offsets[:-1], lengths)
    wanted = np.flatnonzero(lines.expressed[lines.words])
    wanted = wanted[np.argsort(lengths[pieces[wanted]], kind="stable")]
    widths = lengths[pieces[wanted]]
    begin = 0
    while begin < len(wanted):
        some = widths[begin : begin + rows_at_once]
        fitting = np.searchsorted((some + 2) * np.arange(1, len(some) + 1), _TOKENS, side="right")
        here = wanted[begin : begin + max(1, int(fitting))]
        begin += len(here)
        yield pieces[here], places[here], int(widths[begin - 1])


def _masked(
    lines: TokenizedLines,
    pieces: _Integers,
    targets: _Integers,
    width: int,
    special: SpecialTokens,
    device: torch.device,
) -> TensorBatch:
    """Rows in each of which one token and the rest of its word are masked."""
    count, numbers = len(pieces), np.arange(len(pieces))
    starts = lines.text.offsets[pieces]
    lengths = lines.text.offsets[pieces + 1] - starts
    rows = np.repeat(numbers, lengths)
    columns = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    tokens = starts[rows] + columns
    asked = lines.words[starts + targets]
    hidden = (columns >= targets[rows]) & (lines.words[tokens] == asked[rows])
    inputs = np.full((count, width + 2), special.padding, np.int64)
    inputs[rows, columns + 1] = np.where(hidden, special.mask, lines.text.ids[tokens])
    inputs[:, 0] = special.first
    inputs[numbers, lengths + 1] = special.last
    attention = np.arange(width + 2) < (lengths + 2)[:, None]
    gold = lines.text.ids[starts + targets].astype(np.int64)
    return TensorBatch(
        inputs=move_array(inputs, device),
        attention=move_array(attention, device),
        targets=move_array(numbers * (width + 2) + targets + 1, device),
        gold=move_array(gold, device),
        languages=torch.zeros(count, dtype=torch.int64, device=device),
    )
