"""What a step will take, as it says itself before it is begun, from what a meter knows of the run and measures."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from equiglot.run import RunDirectory
from equiglot.vocabulary import TokenizedText


class Group(NamedTuple):
    """What costs are added up under: its name, and what its amount is counted in."""

    name: str
    unit: str


TEXT = Group("text", "characters")
LABELS = Group("labels", "tokens")
PROBES = Group("probes", "words and texts")
FINE_TUNING = Group("fine-tuning", "words and texts")
SCORES = Group("scores", "tokens")
ROWS = Group("new rows", "tokens")
FLOAT_BYTES = 4
"""Of a parameter in a file."""
PROCESS = 500_000_000
"""Bytes of memory of a worker that has imported PyTorch and transformers, and does nothing (measured: 474 MB)."""


@dataclass(frozen=True)
class Cost:
    """What a step will take.

    Attributes:
        amount: how much of it there is, in the unit of its group.
        seconds: on this machine, alone.
        disk: bytes of what it makes.
        memory: bytes that each of its processes has at its most, about; not more than a worker alone where text is
            read, whose size does not matter.
    """

    amount: int = 0
    seconds: float = 0.0
    disk: int = 0
    memory: int = PROCESS


class Resources(BaseModel):
    """What a step keeps busy while it is made.

    Attributes:
        processes: that make it together, each with its threads, and with a GPU of its own where there are any.
        threads: of each, where the step says it; otherwise as many as jobs are given.
        gpu: whether it computes on a GPU where there is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    processes: int = 1
    threads: int = 0
    gpu: bool = False

    def cores(self, threads: int) -> int:
        """Of processors, where jobs are given so many threads."""
        return self.processes * max(threads, self.threads)

    @property
    def gpus(self) -> int:
        """That it can use."""
        return self.processes if self.gpu else 0


@dataclass(frozen=True)
class Reader:
    """A model that reads text, of the size that one of the recipe has or will have.

    Attributes:
        speed: tokens a second, where 15 % of them are asked for.
        layers, hidden: of its states.
        vocabulary: its entries.
    """

    speed: float
    layers: int
    hidden: int
    vocabulary: int


class Meter(Protocol):
    """What steps ask to tell what they will take."""

    run: RunDirectory

    def done(self, step: str) -> bool:
        """Whether a step is done, so that its folder can be looked at."""

    def characters(self, language: str) -> int:
        """Of all text of a language, about."""

    def text(self, language: str, owner: str, split: str = "train") -> TokenizedText:
        """A split as the tokenizer of `owner` cuts it, or one of about its size; "" for the run's tokenizer."""

    def reader(self, model: str) -> Reader:
        """How fast a model reads."""

    def parameters(self, model: str) -> int:
        """How many a model has or will have."""

    def training_seconds(self, model: str) -> float:
        """What a training takes."""


def read_tokens(text: TokenizedText) -> int:
    """Tokens that a model reads of a text, special ones included."""
    return int(text.offsets[-1]) + 2 * len(text)
