"""What all settings have in common: they cannot be changed, unknown fields are refused, and every number has bounds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

MOST = 10**15
"""More of anything is a slip of the keyboard: sentences, updates, characters, a seed."""
MOST_REPEATS = 10_000_000
"""The bound of what is done again and again, or held at once: bootstrap samples, validations, sentences of a batch."""
HIGHEST_RATE = 10
"""Of learning, and of the decay of weights."""
MOST_LAYERS, WIDEST, MOST_PARAMETERS = 1_000, 65_536, 100_000_000_000
"""Of an encoder: layers, the width of each and the heads in it, and the weights of all."""
SHORTEST, LONGEST = 8, 1_000_000
"""Tokens that a model reads at once, special ones included."""


class Settings(BaseModel):
    """Settings of a recipe. Every number of theirs is bounded on both sides, and none is infinite or no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __copy__(self) -> Self:
        """A copy without what was computed of the fields and kept: `model_copy` changes some of them."""
        copied = super().__copy__()
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


def fields_of(settings: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a class by the names that they have in a recipe: `from` is a word of Python's own."""
    return {field.alias or name: field for name, field in settings.model_fields.items()}


def parse_bytes(text: str) -> int:
    """60MB, 1.5GB, 800K: a number of bytes; M is a million.

    Raises:
        ValueError: not written so.
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([KMG]?)B?", text.strip().upper())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{text!r} is no size: write it as 60MB")
    return int(float(match[1]) * {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}[match[2]])


def _bytes(value: Any) -> Any:
    return parse_bytes(value) if isinstance(value, str) else value


_Bytes = Annotated[int, Field(gt=0, le=MOST)]
ByteCount = Annotated[_Bytes, BeforeValidator(_bytes, json_schema_input_type=_Bytes | str)]
"""A number of bytes in a recipe: 60000000, or 60MB."""
