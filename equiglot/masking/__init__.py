"""Token batches and masks, as pure functions of (seed, epoch, position)."""

from equiglot.masking.batches import BatchSettings, BatchStream
from equiglot.masking.hashing import hash_name, hash_words, permute
from equiglot.masking.heldout import evaluation_batches
from equiglot.masking.layout import Batch, Framing
from equiglot.masking.masks import Alphabet, MaskSettings, evaluation_masks, mask_tokens

__all__ = [
    "Alphabet",
    "Batch",
    "BatchSettings",
    "BatchStream",
    "Framing",
    "MaskSettings",
    "evaluation_batches",
    "evaluation_masks",
    "hash_name",
    "hash_words",
    "mask_tokens",
    "permute",
]
