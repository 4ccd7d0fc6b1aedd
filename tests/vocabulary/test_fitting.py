"""Vocabularies that fit into a number of bytes: the largest there is, and found with few tries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordPiece
from transformers import PreTrainedTokenizerFast

from equiglot.vocabulary import (
    Reduction,
    choose_entries,
    count_entries,
    fit_entries,
    reduce_tokenizer,
    tokenizer_bytes,
)
from tests.stock import KINDS, SCRIPTS, train_tokenizer


def _with_long_entries() -> PreTrainedTokenizerFast:
    """WordPiece with short entries, which text is made of, and as many long ones."""
    entries = ["[UNK]", *(f"w{number}" for number in range(300)), *(f"{'x' * 200}{number}" for number in range(300))]
    backend = Tokenizer(WordPiece({entry: number for number, entry in enumerate(entries)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")


TOKENIZERS = {kind: train_tokenizer(kind) for kind in KINDS} | {"long entries": _with_long_entries()}
LINES = [SCRIPTS["en"], SCRIPTS["ko"], *(" ".join(f"w{number}" for number in range(last)) for last in range(300))]
COUNTS = {kind: {"en": count_entries(tokenizer, LINES)} for kind, tokenizer in TOKENIZERS.items()}
OTHERS = 10_000  # bytes


def _sized(kind: str, size: int) -> Reduction:
    tokenizer = TOKENIZERS[kind]
    return reduce_tokenizer(tokenizer, choose_entries(tokenizer, COUNTS[kind], size=size))


def _needed(reduction: Reduction, row: int) -> int:
    return OTHERS + row * len(reduction.kept) + tokenizer_bytes(reduction.tokenizer)


@pytest.mark.parametrize("kind", TOKENIZERS)
@settings(max_examples=10, deadline=None)
@given(share=st.floats(0, 1.1), row=st.integers(200, 4000))
def test_one_more_entry_would_not_fit(kind: str, share: float, row: int) -> None:
    least, most = (len(choose_entries(TOKENIZERS[kind], COUNTS[kind], share=each)) for each in (2, 0))
    smallest, largest = (_needed(_sized(kind, size), row) for size in (least, most))
    budget, asked = smallest + int(share * (largest - smallest)), list[int]()

    def weights(entries: int) -> int:
        asked.append(entries)
        return OTHERS + row * entries

    reduction, needed = fit_entries(TOKENIZERS[kind], COUNTS[kind], budget, weights)
    assert needed == _needed(reduction, row) <= budget
    kept = len(reduction.kept)
    more = (found for size in range(kept + 1, most + 1) if len((found := _sized(kind, size)).kept) > kept)
    larger = next(more, None)
    assert kept == most if larger is None else _needed(larger, row) > budget
    assert len(asked) <= 12


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_where_not_even_what_must_stay_fits_it_is_that(kind: str) -> None:
    least = _sized(kind, len(choose_entries(TOKENIZERS[kind], COUNTS[kind], share=2)))
    for short in (0, 1):
        budget = _needed(least, 500) - short
        reduction, needed = fit_entries(TOKENIZERS[kind], COUNTS[kind], budget, lambda entries: OTHERS + 500 * entries)
        assert reduction.kept.tolist() == least.kept.tolist() and needed == budget + short
