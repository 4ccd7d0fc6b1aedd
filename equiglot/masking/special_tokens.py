"""The special ids of a tokenizer: what stands around a sequence, and what is never masked or predicted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from equiglot.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class SpecialTokens:
    """The ids that a tokenizer has for what is no text, and by exclusion those that stand for text.

    Attributes:
        first, last: what begins and ends a sequence: [CLS] and [SEP], or <s> and </s>.
        padding: [PAD].
        mask: [MASK].
        maskable_ids: int64 [n], all that are not special: they may be masked, and stand for a masked one.
    """

    first: int
    last: int
    padding: int
    mask: int
    maskable_ids: npt.NDArray[np.int64]


def special_tokens_of(tokenizer: "PreTrainedTokenizerFast") -> SpecialTokens:
    """The ids that stand around a sequence, and those that masking needs.

    Raises:
        InputError: the tokenizer has no mask token, no padding, or nothing to begin and end a sequence with.
    """
    first = tokenizer.bos_token_id if tokenizer.cls_token_id is None else tokenizer.cls_token_id
    last = tokenizer.eos_token_id if tokenizer.sep_token_id is None else tokenizer.sep_token_id
    found = {"mask": tokenizer.mask_token_id, "padding": tokenizer.pad_token_id, "beginning": first, "end": last}
    missing = [role for role, number in found.items() if number is None]
    if missing:
        raise InputError(
            f"the tokenizer has no token for: {', '.join(missing)}",
            where=tokenizer.name_or_path or None,
            fix="name them in tokenizer_config.json (cls_token, sep_token, ...), or use a masked language model",
        )
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    special |= set(tokenizer.all_special_ids)
    maskable = np.array([number for number in range(len(tokenizer)) if number not in special], dtype=np.int64)
    return SpecialTokens(first, last, tokenizer.pad_token_id, tokenizer.mask_token_id, maskable)
