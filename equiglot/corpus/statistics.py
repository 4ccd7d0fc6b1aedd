"""What became of a language's text, in numbers."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.run import read_json, write_json

STATISTICS = "corpus.json"


class SplitStatistics(BaseModel):
    """The size of a split.

    `documents` counts those with at least one sentence here; where boundaries are unknown, each line is a document.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int = 0
    sentences: int = 0
    characters: int = 0


class CleaningStep(BaseModel):
    """What one step of cleaning did: how many pieces of text entered and left it, were dropped, or changed.

    A piece is a line up to sentence splitting, whose `changed` are the lines that became several sentences, and a
    sentence from there on. The `left` of a step is the `entered` of the next.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    entered: int
    left: int
    dropped: int = 0
    changed: int = 0


class CorpusStatistics(BaseModel):
    """One language's corpus: what the text is, the sizes of its splits, and the steps of cleaning in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str
    description: str
    parallel: bool
    train: SplitStatistics
    valid: SplitStatistics
    test: SplitStatistics
    steps: tuple[CleaningStep, ...]


def write_statistics(folder: Path, statistics: CorpusStatistics) -> None:
    """Writes corpus.json into `folder`."""
    write_json(folder / STATISTICS, statistics.model_dump())


def read_statistics(folder: Path) -> CorpusStatistics:
    """The statistics of the corpus in `folder`.

    Raises:
        InputError: there is none.
    """
    try:
        return CorpusStatistics.model_validate(read_json(folder / STATISTICS))
    except FileNotFoundError:
        raise InputError("There is no corpus here.", where=folder, fix="build it first") from None
