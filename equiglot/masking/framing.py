"""The special ids of a tokenizer: what stands around a sequence, and what is never masked or predicted."""

import numpy as np
from transformers import PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.masking.layout import Framing
from equiglot.masking.masks import Alphabet


def framing_of(tokenizer: PreTrainedTokenizerFast) -> Framing:
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
    ordinary = np.array([number for number in range(len(tokenizer)) if number not in special], dtype=np.int64)
    return Framing(first, last, tokenizer.pad_token_id, Alphabet(tokenizer.mask_token_id, ordinary))
