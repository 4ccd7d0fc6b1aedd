from .batches import BatchSettings, BatchStream
from .framing import framing_of
from .heldout import evaluation_batches
from .layout import Batch, Framing, Origins
from .masks import Alphabet, MaskSettings, evaluation_masks, mask_tokens
from .sources import Source

__all__ = [
    "Alphabet",
    "Batch",
    "BatchSettings",
    "BatchStream",
    "Framing",
    "MaskSettings",
    "Origins",
    "Source",
    "evaluation_batches",
    "evaluation_masks",
    "framing_of",
    "mask_tokens",
]
