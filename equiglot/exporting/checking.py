"""Whether an exported graph computes what the model does: at several shapes, and on text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import torch

from equiglot.errors import InputError, known_refusal
from equiglot.exporting.graph import INPUTS
from equiglot.exporting.record import Agreement, Head, ShapeCheck
from equiglot.exporting.runtime import Floats, Integers
from equiglot.hashing import hash_u64
from equiglot.vocabulary import text_encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

BOUND = 1e-4
"""How far an fp32 graph's outputs may be from PyTorch's, as a share of the largest output (or of 1, if that is more):
sums are added up in another order."""
BATCHES, LENGTHS = (1, 3, 32), (1, 2, 17)
"""The shapes that are compared, besides the longest input."""
_MOST_TOKENS, _MOST_VALUES = 4096, 1 << 28  # of a batch, and of what comes out of it
_ROWS = 8  # of a batch of text
_EVERY = 7  # token is masked, about

MASKED_LM: Head = "masked language model"
Runner = Callable[[Mapping[str, Integers]], Floats]
"""Inputs int64 [rows, length] -> outputs float32 [rows, length, ...], or [rows, labels] of a text classifier."""
_HEADS: dict[str, Head] = {
    "ForMaskedLM": "masked language model",
    "ForTokenClassification": "token classifier",
    "ForSequenceClassification": "text classifier",
}


def head_of(model: PreTrainedModel) -> Head:
    """What a model is.

    Raises:
        InputError: a head that is not exported.
    """
    name = type(model).__name__
    if model.base_model is model:
        return "encoder"
    if head := next((head for end, head in _HEADS.items() if name.endswith(end)), None):
        return head
    fix = "save it as AutoModel, AutoModelForMaskedLM, AutoModelForTokenClassification or "
    raise InputError(f"a model with this head is not exported: {name}", fix=f"{fix}AutoModelForSequenceClassification")


def torch_runner(model: PreTrainedModel) -> Runner:
    """Runs a model on the CPU as a graph is run."""

    @torch.no_grad()
    def run(feed: Mapping[str, Integers]) -> Floats:
        output: Floats = model(**{name: torch.from_numpy(each) for name, each in feed.items()})[0].numpy()
        return output

    return run


def check_shapes(
    model: PreTrainedModel, run: Runner, longest: int, padding: int, names: Sequence[str]
) -> tuple[ShapeCheck, ...]:
    """Compares a graph with its model at every shape: `BATCHES` by `LENGTHS` and `longest`, but what is too large.

    Args:
        model: on the CPU, evaluating.
        run: its fp32 graph.
        longest: tokens, special ones included.
        padding: the id of padding.
        names: what the graph reads.

    Raises:
        InputError: they differ by more than `BOUND`, at padded tokens aside.
    """
    reference = torch_runner(model)
    width = 1 if head_of(model) == "text classifier" else _width(model)
    lengths = sorted({*(each for each in LENGTHS if each < longest), longest})
    done = []
    for batch, length in ((batch, length) for batch in BATCHES for length in lengths):
        tokens = batch * length
        if tokens > _MOST_TOKENS or tokens * width > _MOST_VALUES:
            continue
        feed = _random_feed(names, batch, length, int(model.config.vocab_size), padding)
        done.append(_compared(*_both(reference, run, feed), feed["attention_mask"] > 0, batch, length))
    return tuple(done)


def _both(reference: Runner, run: Runner, feed: Mapping[str, Integers]) -> tuple[Floats, Floats]:
    shape = " x ".join(map(str, feed["input_ids"].shape))
    try:
        mine = reference(feed)
    except (RuntimeError, IndexError) as error:
        fix = "correct max_position_embeddings in config.json or model_max_length in tokenizer_config.json"
        raise known_refusal(error) or InputError(f"the model cannot read {shape} tokens: {error}", fix=fix) from error
    try:
        return mine, run(feed)
    except Exception as error:  # ONNX Runtime raises what it likes
        raise known_refusal(error) or _wrong(f"it does not run on {shape} tokens: {error}") from error


def _width(model: PreTrainedModel) -> int:
    """Numbers that come out for a token, at most."""
    config = model.config
    return int(
        {"encoder": config.hidden_size, "token classifier": config.num_labels}.get(head_of(model), config.vocab_size)
    )


def _compared(mine: Floats, its: Floats, seen: npt.NDArray[np.bool_], batch: int, length: int) -> ShapeCheck:
    if mine.shape != its.shape:
        raise _wrong(f"its output is {its.shape}, the model's {mine.shape}")
    if mine.ndim == 3:
        mine, its = mine[seen], its[seen]
    largest, difference = float(np.abs(mine).max()), float(np.abs(mine - its).max())
    if not difference <= BOUND * max(1.0, largest):
        raise _wrong(
            f"on {batch} x {length} tokens outputs differ by {difference:.2g}, where the largest is {largest:.2g}"
        )
    return ShapeCheck(batch=batch, length=length, largest_difference=difference, largest_output=largest)


def _wrong(what: str) -> InputError:
    fix = "use a model of another architecture, or another release of torch, transformers and onnxscript"
    return InputError(f"the exported graph does not compute what the model does: {what}", fix=fix)


def _random_feed(names: Sequence[str], batch: int, length: int, size: int, padding: int) -> dict[str, Integers]:
    """Any tokens; the first row is full, others end anywhere and are padded, and are two segments."""
    numbers = hash_u64(batch, length, np.arange(batch * length, dtype=np.uint64)).reshape(batch, length)
    ids = (numbers % np.uint64(size)).astype(np.int64)
    ids[ids == padding] = (padding + 1) % size
    lengths = 1 + (numbers[:, 0] >> np.uint64(32)).astype(np.int64) % length
    lengths[0] = length
    seen = np.arange(length) < lengths[:, None]
    second = (np.arange(length) >= lengths[:, None] // 2) & seen
    feed = zip(INPUTS, (np.where(seen, ids, padding), seen.astype(np.int64), second.astype(np.int64)), strict=True)
    return {name: value for name, value in feed if name in names}


def agreement(
    text: str,
    lines: Sequence[str],
    tokenizer: PreTrainedTokenizerFast,
    head: Head,
    one: Runner,
    two: Runner,
    *,
    longest: int,
    values: Literal["class", "classes", "number"] = "class",
) -> Agreement:
    """What two graphs of a model make of the lines of a text.

    Args:
        text: its name.
        lines: cut after `longest` tokens.
        tokenizer: the model's.
        head: what the model is.
        one, two: the graphs.
        longest: tokens, special ones included.
        values: what a text classifier gives: a class, any of several classes, or a number.

    Raises:
        InputError: no line has a token.
    """
    found: list[npt.NDArray[np.float64]] = []
    for feed, asked in _batches(lines, tokenizer, longest, masked=head == "masked language model"):
        a, b = one(feed), two(feed)
        if head == "encoder":
            a, b = a[asked], b[asked]
            found.append((a * b).sum(1) / np.maximum(1e-12, np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)))
        elif head != "text classifier":
            found.append((a[asked].argmax(1) == b[asked].argmax(1)).astype(np.float64))
        elif values == "class":
            found.append((a.argmax(1) == b.argmax(1)).astype(np.float64))
        else:
            same = ((a > 0) == (b > 0)).astype(np.float64)
            found.append((same if values == "classes" else np.abs(a - b)).ravel())
    if not sum(map(len, found)):
        raise InputError("the text has no token that the models could be compared on", where=text, fix="give more text")
    each = np.concatenate(found)
    what: dict[Head, Literal["masked words", "labels of tokens", "labels of texts", "hidden states"]] = {
        "masked language model": "masked words",
        "token classifier": "labels of tokens",
        "text classifier": "labels of texts",
        "encoder": "hidden states",
    }
    return Agreement(
        text=text,
        what="numbers of texts" if head == "text classifier" and values == "number" else what[head],
        count=len(each),
        value=float(each.mean()),
        lowest=float(each.min()) if head == "encoder" else None,
    )


def _batches(
    lines: Sequence[str], tokenizer: PreTrainedTokenizerFast, longest: int, *, masked: bool
) -> Iterator[tuple[dict[str, Integers], npt.NDArray[np.bool_]]]:
    """Lines as inputs; and the tokens that are asked for, bool [rows, length]: those of the text, or about every
    seventh of them, which is masked then."""
    encoder = text_encoder(tokenizer)
    encoder.enable_truncation(longest)
    for first in range(0, len(lines), _ROWS):
        encodings = encoder.encode_batch(list(lines[first : first + _ROWS]))
        width = max(len(each.ids) for each in encodings)
        ids = np.full((len(encodings), width), tokenizer.pad_token_id or 0, np.int64)
        seen, text = np.zeros_like(ids), np.zeros(ids.shape, np.bool_)
        for row, each in enumerate(encodings):
            ids[row, : len(each.ids)] = each.ids
            seen[row, : len(each.ids)] = 1
            text[row, : len(each.ids)] = ~np.array(each.special_tokens_mask, np.bool_)
        if masked:
            chance = hash_u64(first, np.arange(ids.size, dtype=np.uint64)).reshape(ids.shape)
            text &= (chance % np.uint64(_EVERY) == 0) | (chance == np.where(text, chance, 0).max(1, keepdims=True))
            ids[text] = tokenizer.mask_token_id
        yield {"input_ids": ids, "attention_mask": seen}, text
