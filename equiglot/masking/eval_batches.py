"""Batches of held-out text: every sequence once a draw, on masks that all models share."""

from collections.abc import Iterator

import numpy as np

from equiglot.hashing import hash_name, hash_u64
from equiglot.masking.bucketing import bucket_rows
from equiglot.masking.collate import Batch, MaskedTokens, RowIds, collate, number_targets
from equiglot.masking.masks import MaskSettings, mask_rows
from equiglot.masking.special_tokens import SpecialTokens
from equiglot.vocabulary import TokenizedText


def evaluation_batches(
    text: TokenizedText,
    *,
    salt: str,
    language: int,
    limit: int | None,
    tokens: int,
    masks: MaskSettings,
    special: SpecialTokens,
    seed: int,
    draws: int = 1,
) -> Iterator[Batch]:
    """All sequences of a text (or its first `limit`), sorted by length, in batches of at most `tokens` tokens.

    The masks depend on (seed, salt, draw, sequence, position) alone: they are the same for every model, and for every
    `tokens` and `limit`. `draws` different masks are laid over each sequence.
    """
    lengths = np.asarray(text.lengths[:limit], dtype=np.int64)
    for draw in range(draws):
        begin = 0
        for here in bucket_rows(lengths, tokens):
            ids, each = (part.astype(np.int64) for part in text.gather(here))
            identities = hash_u64(hash_name(salt), here.astype(np.uint64))
            numbers, zeros = np.full(len(here), draw), np.zeros(len(here), dtype=np.int64)
            inputs, chosen = mask_rows(ids, each, identities, numbers, masks, special, seed)
            masked = MaskedTokens(each, ids, inputs, chosen, number_targets(chosen, each), np.zeros_like(chosen))
            row_ids = RowIds(np.full(len(here), language), zeros, here, numbers)
            yield collate(row_ids, masked, 0, len(here), special, f"{salt}, sequences sorted by length from {begin}")
            begin += len(here)
