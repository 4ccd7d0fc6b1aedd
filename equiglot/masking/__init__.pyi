from .batches import BatchSettings, BatchStream
from .collate import Batch, RowIds
from .eval_batches import evaluation_batches
from .masks import MaskSettings, evaluation_masks, mask_tokens
from .sources import Source
from .special_tokens import SpecialTokens, special_tokens_of

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
