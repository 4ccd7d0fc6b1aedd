from .batches import BatchSettings, BatchStream, evaluation_batches
from .collate import Batch, RowIds
from .masks import MaskSettings, SpecialTokens, evaluation_masks, mask_tokens, special_tokens_of
from .sources import Source

__all__ = [
    "Batch",
    "BatchSettings",
    "BatchStream",
    "MaskSettings",
    "RowIds",
    "Source",
    "SpecialTokens",
    "evaluation_batches",
    "evaluation_masks",
    "mask_tokens",
    "special_tokens_of",
]
