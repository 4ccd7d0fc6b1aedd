"""Ranks against sorting; ties and what is not a number."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equiglot.errors import InputError
from equiglot.objectives import target_ranks


@given(
    rows=st.lists(
        st.tuples(st.lists(st.integers(-3, 3), min_size=9, max_size=9), st.integers(0, 8)), min_size=1, max_size=6
    )
)
def test_ranks_are_those_of_sorting_with_the_gold_word_last_among_equals(rows: list[tuple[list[int], int]]) -> None:
    ranks = target_ranks(
        torch.tensor([logits for logits, _ in rows], dtype=torch.float32), torch.tensor([gold for _, gold in rows])
    )
    for rank, (logits, gold) in zip(ranks.tolist(), rows, strict=True):
        order = sorted(range(9), key=lambda word: (-logits[word], word == gold))
        assert rank == 1 + order.index(gold)


def test_ranks_of_many_words_against_argsort() -> None:
    logits = torch.randn(50, 5000, generator=torch.Generator().manual_seed(0))
    gold = torch.arange(50) * 97
    order = np.argsort(-logits.numpy(), axis=1)
    expected = [1 + int(np.flatnonzero(order[row] == gold[row].item())[0]) for row in range(50)]
    assert target_ranks(logits, gold).tolist() == expected


def test_a_constant_model_is_last_not_first() -> None:
    assert target_ranks(torch.zeros(3, 40), torch.tensor([0, 17, 39])).tolist() == [40, 40, 40]
    assert target_ranks(torch.full((1, 40), float("-inf")), torch.tensor([3])).tolist() == [40]


@pytest.mark.parametrize("place", [0, 5])
def test_what_is_not_a_number_is_refused(place: int) -> None:
    logits = torch.zeros(2, 10)
    logits[1, place] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        target_ranks(logits, torch.tensor([0, 0]))
