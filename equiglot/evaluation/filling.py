"""What a masked language model would put in the place of [MASK]."""

from dataclasses import dataclass

import torch

from equiglot.errors import InputError
from equiglot.models import OpenModel, TensorBatch, target_logits
from equiglot.vocabulary import piece_text

MASK = "[MASK]"
"""What stands for a word to fill in, whatever the tokenizer itself writes."""


@dataclass(frozen=True)
class Filler:
    """One piece of a vocabulary, as what might stand at a mask.

    Attributes:
        text: the piece; ## before it says that it goes on with the word before.
        probability: 0 to 1.
    """

    text: str
    probability: float


@torch.no_grad()
def fill(opened: OpenModel, text: str, top: int = 5) -> list[list[Filler]]:
    """The `top` likeliest pieces for each [MASK] in `text`, the likeliest first; masks are filled independently.

    Raises:
        InputError: no [MASK] in the text, the model's own mask token in it, or more text than the model reads.
    """
    wanted = text.count(MASK)
    if not wanted:
        raise InputError("the text has no [MASK]", where=text, fix='write one for each word: "The capital is [MASK]."')
    own = text.replace(MASK, str(opened.tokenizer.mask_token))
    ids = opened.tokenizer.backend_tokenizer.encode(own, add_special_tokens=False).ids
    if len(ids) > opened.max_tokens:
        what = f"the text has {len(ids):,} tokens, {opened.name} reads {opened.max_tokens:,}"
        raise InputError(what, where=text, fix="shorten it")
    special = opened.special
    inputs = torch.tensor([[special.first, *ids, special.last]], device=opened.model.device)
    targets = (inputs[0] == special.mask).nonzero().flatten()
    if len(targets) != wanted:
        what = f"{opened.name} sees {len(targets)} masks in the text, which has {wanted} [MASK]"
        raise InputError(what, where=text, fix=f"do not write {opened.tokenizer.mask_token} or other special tokens")
    logits = target_logits(opened.model, TensorBatch(inputs, None, targets, targets, targets))
    probabilities, pieces = logits.softmax(dim=-1).topk(min(top, logits.shape[-1]))
    return [
        [Filler(piece_text(opened.tokenizer, piece), p) for piece, p in zip(*row, strict=True)]
        for row in zip(pieces.tolist(), probabilities.tolist(), strict=True)
    ]
