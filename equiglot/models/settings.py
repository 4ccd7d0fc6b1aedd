"""What an encoder is to be."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from equiglot.settings import LONGEST, MOST_LAYERS, MOST_PARAMETERS, SHORTEST, WIDEST, Settings

_UNITS = {"": 1, "K": 1_000, "M": 1_000_000, "B": 1_000_000_000}


def _from_words(value: Any) -> Any:
    """160M -> 160_000_000."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMB]?)", value.strip().upper()) if isinstance(value, str) else None
    if isinstance(value, str) and match is None:
        raise ValueError("a number of parameters is written as 160M (K, M or B), or in full")
    return round(float(match[1]) * _UNITS[match[2]]) if match else value


_Count = Annotated[int, Field(gt=0, le=MOST_PARAMETERS)]
Parameters = Annotated[
    int, Field(gt=0, le=MOST_PARAMETERS), BeforeValidator(_from_words, json_schema_input_type=_Count | str)
]
"""A number of parameters in a recipe: 160000000, or 160M."""


class EncoderSettings(Settings):
    """The size of an encoder; the defaults are paper 1's (appendix E.1)."""

    architecture: Literal["bert", "electra", "modernbert"] = Field(
        "bert", description="The kind of encoder; electra's embeddings may be narrower than its layers."
    )
    layers: int = Field(6, gt=0, le=MOST_LAYERS, description="Transformer layers.")
    heads: int = Field(4, gt=0, le=WIDEST, description="Attention heads of a layer; a divisor of hidden_size.")
    hidden_size: int = Field(512, gt=0, le=WIDEST, description="Width of the embeddings and layers.")
    embedding_size: int | None = Field(
        None,
        gt=0,
        le=WIDEST,
        description="electra: width of the embeddings alone (paper 2: 256 under 768); null: hidden_size.",
    )
    parameters: Parameters | None = Field(
        None, description="electra: at most so many parameters, such as 160M; decides embedding_size."
    )
    feed_forward: int | None = Field(
        None,
        gt=0,
        le=WIDEST,
        description="Width of the feed-forward layers; null: 4 x hidden_size (modernbert: two thirds, with a gate).",
    )
    max_length: int = Field(
        128, ge=SHORTEST, le=LONGEST, description="Positions: longer sentences are cut into pieces."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Share dropped in training, of hidden states and attention.")
    initializer_range: float = Field(0.02, gt=0, le=1, description="Standard deviation of the initial weights.")
    folder: str | None = Field(None, description="Start from this Hugging Face folder; it must fit the vocabulary.")

    @model_validator(mode="after")
    def _can_be_built(self) -> "EncoderSettings":
        weights = self.layers * self.hidden_size * (4 * self.hidden_size + 2 * (self.feed_forward or self.hidden_size))
        if weights > MOST_PARAMETERS:
            raise ValueError(
                f"{self.layers} layers of width {self.hidden_size} have {weights:,} weights or more, and no more than "
                f"{MOST_PARAMETERS:,} are built: lower layers, hidden_size or feed_forward"
            )
        return self

    @model_validator(mode="after")
    def _narrow_embeddings(self) -> "EncoderSettings":
        given = [name for name in ("embedding_size", "parameters") if getattr(self, name) is not None]
        if given and self.architecture != "electra":
            raise ValueError(f"{given[0]} needs `architecture: electra`, whose embeddings may be narrower")
        if len(given) == 2:
            raise ValueError("give either embedding_size or parameters: the one follows from the other")
        return self

    @model_validator(mode="after")
    def _heads_divide(self) -> "EncoderSettings":
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}: change either")
        if self.architecture == "modernbert" and self.hidden_size // self.heads % 2:
            width = self.hidden_size // self.heads
            raise ValueError(f"modernbert needs heads of an even width, hidden_size / heads is {width}: change either")
        return self
