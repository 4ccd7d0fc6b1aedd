"""Pseudo-log-likelihood: how well a masked language model predicts a text, whatever its vocabulary.

Every token is masked in turn and predicted from the rest of its piece of text. Where a word has several tokens, those
after the one in question are masked too, or the rest of the word would give it away (PLL-word-l2r: Kauf and Ivanova,
A Better Way to Do Masked Language Model Scoring, 2023). A word is predicted from the left, whatever pieces it is cut
into, from the same rest of the text: bits per character can be compared between vocabularies, if words are words. In
languages written without spaces a "word" is a clause, all of which that follows a token is masked with it; how finely
it is cut then matters more.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from equiglot.evaluation.bits import WordBits
from equiglot.evaluation.lines import TokenizedLines, tokenize_lines
from equiglot.masking import SpecialTokens
from equiglot.models import OpenModel, TensorBatch, move_array, target_logits
from equiglot.objectives import hard_loss

_TOKENS = 8192  # of one forward pass; the result does not depend on it, beyond rounding
_LOGITS = 1 << 25  # made at once

_Integers = npt.NDArray[np.int64]


def measure_words(opened: OpenModel, sentences: Sequence[str]) -> WordBits:
    """What every word of the sentences costs a model (PLL-word-l2r), as its own tokenizer cuts it."""
    lines = tokenize_lines(opened.tokenizer, sentences, opened.max_tokens)
    return WordBits(word_bits(opened, lines), lines.characters, lines.word_lines, lines.altered, lines.count)


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
