"""How hard each sentence of a text is for a model: what decides between several teachers of one language.

Losses for a token of different tokenizers do not compare: a long piece says more than a short one. So the same words
are masked for all, whole, and the loss is counted for each of their characters. Words are what stands between spaces;
where a language is written without them a "word" is a clause or a whole sentence.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from equiglot.corpus import read_sentences
from equiglot.evaluation.lines import TokenizedLines, tokenize_lines
from equiglot.hashing import below, hash_name, hash_u64
from equiglot.masking import Batch, RowIds
from equiglot.masking.collate import MaskedTokens, bucket_rows, collate
from equiglot.models import OpenModel, target_logits, to_tensors
from equiglot.objectives import hard_loss

RATE = 0.15
"""Share of a sentence's words, or tokens, that are masked; one at least."""

_SENTENCES = 2048  # read at once
_TOKENS, _LOGITS = 8192, 1 << 26  # of one forward pass
_SALTS = {"words": hash_name("loss of words"), "tokens": hash_name("loss of tokens")}

_Integers = npt.NDArray[np.int64]


def sentence_losses(
    opened: OpenModel,
    sentences: Path,
    *,
    how: Literal["words", "tokens"],
    seed: int,
    tell: Callable[[int], None] = lambda sentences: None,
) -> npt.NDArray[np.float32]:
    """The loss of a model on each sentence, float32 [sentences]; NaN where nothing could be masked.

    `words`: words are chosen by (seed, sentence, word) alone, all pieces of a word are masked, and the loss is in nats
    for each character of these words; it compares between tokenizers. A character of a word that the vocabulary lacks
    costs as much as a token guessed blindly, ln |V|. `tokens`: tokens of its own are masked, and the loss is the mean
    for each (paper 2, section 3.1, step 4).

    Args:
        opened: the model.
        sentences: Arrow file, one sentence a row.
        how: what is masked, and what the loss is counted for.
        seed: of the choice.
        tell: told how many more sentences are done.
    """
    parts, first = [np.empty(0, dtype=np.float32)], 0
    for some in read_sentences(sentences, batch=_SENTENCES):
        lines = tokenize_lines(opened.tokenizer, some, opened.max_tokens)
        units = _word_units(lines) if how == "words" else _token_units(lines, opened)
        chosen = _choose(units, first, seed, _SALTS[how])
        parts.append(_losses(opened, lines, units, chosen))
        first += len(some)
        tell(len(some))
    return np.concatenate(parts)


@dataclass(frozen=True)
class _Units:
    """What is masked as a whole.

    Attributes:
        of_tokens: int64 [tokens], the unit of each.
        lines: int64 [units], ascending.
        numbers: int64 [units], counted from the beginning of the line.
        sizes: int64 [units], what the loss is counted for; 0 for one that is not masked.
        known: bool [units], whether the model has tokens for it.
    """

    of_tokens: _Integers
    lines: _Integers
    numbers: _Integers
    sizes: _Integers
    known: npt.NDArray[np.bool_]


def _word_units(lines: TokenizedLines) -> _Units:
    return _Units(lines.words, lines.word_lines, _count(lines.word_lines), lines.characters, lines.expressed)


def _token_units(lines: TokenizedLines, opened: OpenModel) -> _Units:
    of_lines = np.repeat(lines.lines, lines.text.lengths)
    ordinary = np.isin(lines.text.ids, opened.special.maskable_ids)
    return _Units(np.arange(len(of_lines)), of_lines, _count(of_lines), ordinary.astype(np.int64), ordinary)


def _count(lines: _Integers) -> _Integers:
    """0, 1, ... within each line; int64 [n] for lines [n], ascending."""
    counted: _Integers = np.arange(len(lines)) - np.searchsorted(lines, lines)
    return counted


def _choose(units: _Units, first: int, seed: int, salt: int) -> npt.NDArray[np.bool_]:
    """Which units are masked, bool [units]: a share of each sentence's, or the one that is first in line."""
    words = hash_u64(seed, salt, (first + units.lines).astype(np.uint64), units.numbers.astype(np.uint64))
    chosen = below(words, RATE)
    order = np.lexsort((words, units.sizes == 0, units.lines))
    chosen[order[_count(units.lines) == 0]] = True
    return chosen & (units.sizes > 0)


@torch.no_grad()
def _losses(
    opened: OpenModel, lines: TokenizedLines, units: _Units, chosen: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    blind = chosen & ~units.known
    size = int(opened.model.config.vocab_size)
    costs = np.zeros(lines.count)
    np.add.at(costs, units.lines[blind], units.sizes[blind] * np.log(size))
    hidden = chosen[units.of_tokens]
    asked = hidden & units.known[units.of_tokens]
    for batch in _batches(opened, lines, hidden, asked, min(_TOKENS, int(_LOGITS / size / RATE))):
        tensors = to_tensors(batch, opened.model.device)
        losses = hard_loss(target_logits(opened.model, tensors), tensors.gold)
        np.add.at(costs, lines.lines[batch.sequences[batch.target_rows]], losses.double().cpu().numpy())
    sizes = np.bincount(units.lines[chosen], units.sizes[chosen], lines.count)
    with np.errstate(invalid="ignore"):
        return (costs / sizes).astype(np.float32)


def _batches(
    opened: OpenModel, lines: TokenizedLines, hidden: npt.NDArray[np.bool_], asked: npt.NDArray[np.bool_], tokens: int
) -> Iterator[Batch]:
    """The pieces of text in which something is asked for, masked."""
    offsets, lengths = lines.text.offsets, lines.text.lengths.astype(np.int64)
    wanted = np.flatnonzero(np.diff(np.concatenate([[0], np.cumsum(asked)])[offsets]))
    for group in bucket_rows(lengths[wanted], tokens):
        rows = wanted[group]
        each, zeros = lengths[rows], np.zeros_like(rows)
        places = np.repeat(offsets[rows] - (np.cumsum(each) - each), each) + np.arange(each.sum())
        ids, nothing = lines.text.ids[places].astype(np.int64), np.zeros(len(places), dtype=np.int64)
        inputs = np.where(hidden[places], opened.special.mask, ids)
        masked = MaskedTokens(each, ids, inputs, asked[places], nothing, nothing.astype(np.bool_))
        yield collate(RowIds(zeros, zeros, rows, zeros), masked, 0, len(rows), opened.special, "sentences")
