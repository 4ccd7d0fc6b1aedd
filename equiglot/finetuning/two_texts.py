"""Two texts that a model reads together, such as a question and its paragraph, put together as its tokenizer does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from equiglot.models import OpenModel, move_array
from equiglot.probing.reading import Integers

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class PairFormat:
    """The special tokens around two texts.

    Attributes:
        before, between, after: int64, ids of the tokens there.
        kinds: type ids of what is before, the first text, between, the second and after; None where the model is not
            told.
    """

    before: Integers
    between: Integers
    after: Integers
    kinds: tuple[int, int, int, int, int] | None

    @property
    def size(self) -> int:
        """How many special tokens there are."""
        return len(self.before) + len(self.between) + len(self.after)


def pair_format(opened: OpenModel) -> PairFormat:
    """How a model's own tokenizer puts two texts together (BERT: [CLS] A [SEP] B [SEP]; XLM-R has two separators)."""
    encoding = opened.tokenizer.backend_tokenizer.encode("a", "a")
    sides, ids, types = encoding.sequence_ids, np.array(encoding.ids, np.int64), encoding.type_ids
    if None in sides and 0 in sides and 1 in sides:
        first, second = sides.index(0), sides.index(1)
        end, last = (len(sides) - sides[::-1].index(side) for side in (0, 1))
        before, between, after = ids[:first], ids[end:second], ids[last:]
        kinds = types[0], types[first], types[end], types[second], types[-1]
    else:  # the tokenizer has no form for two texts
        before, between = np.array([opened.special.first]), np.array([opened.special.last])
        after = between
        kinds = 0, 0, 0, 1, 1
    model, known = opened.model, int(getattr(opened.model.config, "type_vocab_size", 0))
    told = "token_type_ids" in opened.tokenizer.model_input_names and max(kinds) < known
    return PairFormat(
        before, between, after, kinds if told and "token_type_ids" in signature(model.forward).parameters else None
    )


@dataclass(frozen=True)
class JoinedTexts:
    """Rows of two texts each, on a model's device.

    Attributes:
        inputs: int64 [rows, width].
        real: bool [rows, width], false at padding.
        kinds: int64 [rows, width], type ids; None where the model is not told.
        seconds: int64 [rows], the column where the second text begins.
        lengths: int64 [rows], special tokens included.
    """

    inputs: Tensor
    real: Tensor
    kinds: Tensor | None
    seconds: Integers
    lengths: Integers

    @property
    def arguments(self) -> dict[str, Any]:
        """What the model is called with."""
        told = {} if self.kinds is None else {"token_type_ids": self.kinds}
        return {"input_ids": self.inputs, "attention_mask": None if bool(self.real.all()) else self.real, **told}


def join_texts(texts: Sequence[tuple[Integers, Integers]], form: PairFormat, opened: OpenModel) -> JoinedTexts:
    """Puts the first and the second text of each row together.

    Args:
        texts: ids of both, int64 [tokens] each.
        form: the special tokens around them.
        opened: the model that reads them.
    """
    rows = [(form.before, first, form.between, second, form.after) for first, second in texts]
    lengths = np.array([sum(map(len, parts)) for parts in rows], np.int64)
    shape, device = (len(rows), int(lengths.max())), opened.model.device
    inputs, kinds = np.full(shape, opened.special.padding, np.int64), np.zeros(shape, np.int64)
    for row, parts in enumerate(rows):
        inputs[row, : lengths[row]] = np.concatenate(parts)
        kinds[row, : lengths[row]] = np.repeat(form.kinds or (0,) * len(parts), [*map(len, parts)])
    return JoinedTexts(
        inputs=move_array(inputs, device),
        real=move_array(np.arange(shape[1]) < lengths[:, None], device),
        kinds=move_array(kinds, device) if form.kinds else None,
        seconds=np.array([sum(map(len, parts[:3])) for parts in rows], np.int64),
        lengths=lengths,
    )
