"""The largest vocabulary with which a model fits into a number of bytes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from equiglot.vocabulary.counting import EntryCounts
from equiglot.vocabulary.folder import tokenizer_bytes
from equiglot.vocabulary.reducing import Reduction, choose_entries, reduce_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def fit_entries(
    tokenizer: PreTrainedTokenizerFast,
    counts: Mapping[str, EntryCounts],
    budget: int,
    weights: Callable[[int], int],
    *,
    also: Collection[int] = (),
) -> tuple[Reduction, int]:
    """The largest vocabulary with which weights and tokenizer.json have at most `budget` bytes, and these bytes.

    The next larger one that `choose_entries` gives has more. Where not even what must stay fits, it is that, and has
    more.

    Args:
        tokenizer: to be reduced.
        counts: language -> what its text needs.
        budget: bytes.
        weights: entries -> the bytes of the weights, nearly the same for each entry.
        also: ids that must stay.

    Raises:
        InputError: as `choose_entries` and `reduce_tokenizer`.
    """

    def reduced(size: int) -> tuple[Reduction, int]:
        """With `size` entries at most, and its bytes."""
        reduction = reduce_tokenizer(tokenizer, choose_entries(tokenizer, counts, size=size, also=also))
        return reduction, weights(len(reduction.kept)) + tokenizer_bytes(reduction.tokenizer)

    least, most = (len(choose_entries(tokenizer, counts, share=share, also=also)) for share in (2.0, 0.0))
    best, needed = reduced(least)
    if needed > budget:
        return best, needed
    row = weights(least + 1) - weights(least)
    written = (tokenizer_bytes(tokenizer) - tokenizer_bytes(best.tokenizer)) / max(1, len(tokenizer) - least)
    each = row + max(0.0, written)  # bytes, about: what is left over, or too much, tells how many entries to go
    size, needed_at, fits, beyond = least, needed, least, most + 1
    while beyond - fits > 1:
        size = min(max(fits + 1, size + int((budget - needed_at) // each)), beyond - 1)
        found, needed_at = reduced(size)
        if needed_at <= budget:
            best, needed, fits = found, needed_at, size
        else:
            beyond = size
    return best, needed
