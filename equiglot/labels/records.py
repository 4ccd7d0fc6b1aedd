"""What a store of labels says of itself: what it is made of, and what is in its shards."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from equiglot.labels.packing import MOST_IDS, RowFormat
from equiglot.masking import MaskSettings

MOST, MOST_SHARDS = 10**15, 10**6
"""No text has more positions, and no store more parts, whose numbers have six digits: the files may be a stranger's."""

_Count = Annotated[int, Field(ge=0, le=MOST)]


class _Saved(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StoreSettings(_Saved):
    """What is kept of a teacher's distribution at each masked position."""

    k: int = Field(8, ge=1, le=MOST_IDS, description="The most probable ids that are kept (paper 2: 8).")
    samples: int = Field(0, ge=0, le=MOST_IDS, description="Ids sampled from the others.")
    draws: int = Field(1, ge=1, le=MOST_IDS, description="Different masks of each sequence.")
    temperature: float = Field(1.0, gt=0, description="Of the probabilities, and of the mass outside.")
    precision: Literal["fp16", "fp32"] = Field("fp16", description="Of the log-probabilities.")


class ShardStatistics(_Saved):
    """Sums over the positions of a shard, or of all: divide them by `positions`."""

    positions: _Count = 0
    tokens: _Count = 0
    """That the teacher read, special tokens included."""
    seconds: float = 0.0
    """That it took."""
    kept: float = 0.0
    """Probability of the k likeliest."""
    entropy: float = 0.0
    """Of the whole distribution at the store's temperature, in nats."""
    agreed: _Count = 0
    """Positions where the likeliest is what stood there."""
    loss: float = 0.0
    """Cross-entropy with what stood there, in nats, at temperature 1."""

    def __add__(self, other: "ShardStatistics") -> "ShardStatistics":
        """The sums of both together."""
        names = type(self).model_fields
        return ShardStatistics(**{name: getattr(self, name) + getattr(other, name) for name in names})


class ShardRecord(_Saved):
    """What is in a shard: sequences `begin` to `end` of the text, and the checksums of its files."""

    begin: _Count
    end: _Count
    checksums: dict[Literal["rows.npy", "counts.npy"], str]
    statistics: ShardStatistics


class Manifest(_Saved):
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

    settings: StoreSettings
    vocabulary_size: int = Field(ge=1, le=MOST_IDS)
    language: str
    masks: MaskSettings
    seed: int
    sequences: _Count
    selection: str | None = None
    shards: int = Field(ge=1, le=MOST_SHARDS)
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
