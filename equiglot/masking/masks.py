"""Which positions are masked and by what: a pure function of (seed, draw, sequence, position); and special tokens."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from equiglot.errors import InputError
from equiglot.hashing import U64, below, hash_u64
from equiglot.settings import Settings

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
    # Ids may have gaps, in which a number stands for nothing.
    maskable = np.array(sorted(set(tokenizer.get_vocab().values()) - special), dtype=np.int64)
    return SpecialTokens(first, last, tokenizer.pad_token_id, tokenizer.mask_token_id, maskable)


_CHOICE, _KIND, _TOKEN = 1, 2, 3  # one stream of hashes for each of the three questions
_MOST_OFTEN = 0.5  # a sentence of rare tokens keeps half of them to predict the others by


class MaskSettings(Settings):
    """Masking for training (Devlin et al., 2019): `rate` of the positions are predicted; of these a share is replaced
    by [MASK], a share by a random token, and the rest stays."""

    rate: float = Field(0.15, gt=0, lt=1, description="Share of the positions that are predicted.")
    mask_share: float = Field(0.8, ge=0, le=1, description="Of these, the share replaced by [MASK].")
    random_share: float = Field(0.1, ge=0, le=1, description="Of these, the share replaced by a random token.")
    smoothing: float = Field(
        0,
        ge=0,
        le=1,
        description="Rarer tokens are predicted more often, in proportion to count ** -smoothing, at most every second "
        "time (paper 4: 0.7; paper 3: 0.5); 0: all alike.",
    )
    dynamic: bool = Field(True, description="New masks at every pass over the text; otherwise the same ones.")

    @model_validator(mode="after")
    def _shares_fit(self) -> "MaskSettings":
        if self.mask_share + self.random_share > 1:
            raise ValueError("mask_share and random_share together are more than 1: lower one of them")
        return self


def evaluation_masks(rate: float = 0.15) -> MaskSettings:
    """Masking for evaluation: every chosen position becomes [MASK] (80/10/10 would leave a tenth of the answers in)."""
    return MaskSettings(rate=rate, mask_share=1.0, random_share=0.0, dynamic=False)


def mask_tokens(
    ids: npt.NDArray[np.int64],
    sequences: U64,
    draws: U64,
    positions: U64,
    *,
    settings: MaskSettings,
    special: SpecialTokens,
    seed: int,
    rates: npt.NDArray[np.float64] | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Masks a flat run of tokens.

    Args:
        ids: int64 [n], token ids without special tokens.
        sequences: uint64 [n], the identity of the sequence that each token belongs to.
        draws: uint64 [n], which of the sequence's masks; a pass over the text when masks are dynamic.
        positions: uint64 [n], the token's position in its sequence.
        settings: rate and shares.
        special: [MASK], and the ids that may be masked or stand for a masked one.
        seed: the run's seed.
        rates: float64 [all ids], how often each is predicted (`mask_rates`); None: as often as `settings.rate` says.

    Returns:
        The model's input, int64 [n], and which positions are to be predicted, bool [n]: never one of a special token.
    """
    share = settings.rate if rates is None else rates[ids]
    where = np.flatnonzero(below(hash_u64(seed, _CHOICE, sequences, draws, positions), share))
    where = where[np.isin(ids[where], special.maskable_ids)]  # [UNK] stands in text, and is no word to predict
    chosen = np.zeros(len(ids), dtype=np.bool_)
    chosen[where] = True
    identity = (sequences[where], draws[where], positions[where])
    kind = hash_u64(seed, _KIND, *identity)
    masked = below(kind, settings.mask_share)
    random = ~masked & below(kind, settings.mask_share + settings.random_share)
    inputs = ids.copy()
    inputs[where[masked]] = special.mask
    drawn = hash_u64(seed, _TOKEN, *(part[random] for part in identity)) % np.uint64(len(special.maskable_ids))
    inputs[where[random]] = special.maskable_ids[drawn.astype(np.int64)]
    return inputs, chosen


def mask_rows(
    ids: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    identities: U64,
    draws: npt.NDArray[np.int64],
    settings: MaskSettings,
    special: SpecialTokens,
    seed: int,
    rates: npt.NDArray[np.float64] | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """`mask_tokens` for whole sequences: lengths int64 [rows], identities uint64 [rows], draws int64 [rows]."""
    positions = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return mask_tokens(
        ids,
        np.repeat(identities, lengths),
        np.repeat(draws.astype(np.uint64), lengths),
        positions.astype(np.uint64),
        settings=settings,
        special=special,
        seed=seed,
        rates=rates,
    )


def mask_rates(counts: npt.NDArray[np.int64], settings: MaskSettings) -> npt.NDArray[np.float64] | None:
    """How often each token is predicted where rare ones are predicted more often (Conneau and Lample, 2019, section 4).

    In proportion to count ** -smoothing, at most every second time, so that the share of the text's tokens that are
    predicted is `rate` as ever.

    Args:
        counts: int64 [ids], how often each stands in the text.
        settings: rate and smoothing.

    Returns:
        float64 [ids], or None without smoothing.
    """
    if not settings.smoothing:
        return None
    weights = np.maximum(counts, 1.0) ** -settings.smoothing
    most, total = max(_MOST_OFTEN, settings.rate), settings.rate * counts.sum()
    low, high = 0.0, most / weights.min()
    for _ in range(64):  # the share grows with the factor
        factor = (low + high) / 2
        low, high = (low, factor) if (counts * np.minimum(most, factor * weights)).sum() > total else (factor, high)
    rates: npt.NDArray[np.float64] = np.minimum(most, high * weights)
    return rates
