"""What a store of labels says of itself: what it is made of, and what is in its shards."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from equiglot.labels.packing import RowFormat
from equiglot.masking import MaskSettings


class StoreSettings(BaseModel):
    """What is kept of a teacher's distribution at each masked position."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    k: int = Field(8, ge=1, description="The most probable ids that are kept (paper 2: 8).")
    samples: int = Field(0, ge=0, description="Ids sampled from the others.")
    draws: int = Field(1, ge=1, description="Different masks of each sequence.")
    temperature: float = Field(1.0, gt=0, description="Of the probabilities, and of the mass outside.")
    precision: Literal["fp16", "fp32"] = Field("fp16", description="Of the log-probabilities.")


class ShardStatistics(BaseModel):
    """Sums over the positions of a shard, or of all: divide them by `positions`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positions: int = 0
    tokens: int = 0
    """That the teacher read, special tokens included."""
    seconds: float = 0.0
    """That it took."""
    kept: float = 0.0
    """Probability of the k likeliest."""
    entropy: float = 0.0
    """Of the whole distribution at the store's temperature, in nats."""
    agreed: int = 0
    """Positions where the likeliest is what stood there."""
    loss: float = 0.0
    """Cross-entropy with what stood there, in nats, at temperature 1."""

    def __add__(self, other: "ShardStatistics") -> "ShardStatistics":
        """The sums of both together."""
        names = type(self).model_fields
        return ShardStatistics(**{name: getattr(self, name) + getattr(other, name) for name in names})


class ShardRecord(BaseModel):
    """What is in a shard: sequences `begin` to `end` of the text, and the checksums of its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    begin: int
    end: int
    checksums: dict[str, str]
    statistics: ShardStatistics


class Manifest(BaseModel):
    """What a store is made of. Two that differ stand for different labels.

    Attributes:
        settings: what is kept.
        vocabulary_size: of the teacher.
        language: of the text.
        masks: of the text.
        seed: of the masks.
        sequences: of the text; those behind the last labelled one do not count.
        selection: a fingerprint of those that are labelled, None for all.
        shards: parts in which the text is labelled.
        facts: what the labels depend on besides: fingerprints of the teacher, its tokenizer, the text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    settings: StoreSettings
    vocabulary_size: int
    language: str
    masks: MaskSettings
    seed: int
    sequences: int
    selection: str | None = None
    shards: int
    facts: dict[str, Any]

    @property
    def format(self) -> RowFormat:
        """Of a position."""
        settings = self.settings
        k = min(settings.k, self.vocabulary_size)
        return RowFormat(self.vocabulary_size, k, settings.samples, settings.precision)


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What differs between two JSON-able trees: "teacher.weights was A, is B"."""
    found = []
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{prefix}{name}.")
        elif old != new:
            found.append(f"{prefix}{name} was {_said(old)}, is {_said(new)}")
    return found


def _said(value: Any) -> str:
    return "not there" if value is None else str(value)
