"""What an encoder is to be."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class EncoderSettings(BaseModel):
    """The size of an encoder; the defaults are paper 1's (appendix E.1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    architecture: Literal["bert"] = Field("bert", description="The kind of encoder.")
    layers: int = Field(6, gt=0, description="Transformer layers.")
    heads: int = Field(4, gt=0, description="Attention heads of a layer; a divisor of hidden_size.")
    hidden_size: int = Field(512, gt=0, description="Width of the embeddings and layers.")
    feed_forward: int | None = Field(None, gt=0, description="Width of the feed-forward layers; null: 4 x hidden_size.")
    max_length: int = Field(128, ge=8, description="Positions: longer sentences are cut into pieces.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Share dropped in training, of hidden states and attention.")
    initializer_range: float = Field(0.02, gt=0, description="Standard deviation of the initial weights.")
    folder: str | None = Field(None, description="Start from this Hugging Face folder; it must fit the vocabulary.")

    @model_validator(mode="after")
    def _heads_divide(self) -> "EncoderSettings":
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}: change either")
        return self
