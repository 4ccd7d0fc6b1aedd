"""What became of a language's text, in numbers."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.files import read_json, write_json

STATISTICS = "corpus.json"
LARGE_LOSS = 0.2  # of a language's characters, in one step: more is told

# The steps of cleaning, in order.
UNICODE, CONTROL, SPLITTING = "Unicode normalisation (NFC)", "control characters and white space", "sentence splitting"
LENGTH, LETTERS, FOREIGN = "length limits", "no letters", "other languages"
EXACT, NEAR, REST = "exact duplicates", "near duplicates", "rest of a document cut by a split"
OVERLAP, BEYOND = "overlap with held-out text", "beyond the amount asked for"
_SETTINGS = {
    LENGTH: "min_characters, max_characters",
    FOREIGN: "identify_language",
    NEAR: "near_duplicates",
    REST: "valid, test",
    OVERLAP: "overlap",
}  # under `text`, where one decides about the step


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
    sentence from there on. The `left` of a step is the `entered` of the next. `characters` are those that it took, with
    what was dropped or out of it; white space is not counted, nor another way to write the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    entered: int
    left: int
    dropped: int = 0
    changed: int = 0
    characters: int = 0


class CorpusStatistics(BaseModel):
    """One language's corpus: what the text is, the sizes of its splits, the steps of cleaning in order, and what should
    be known about them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str
    description: str
    parallel: bool
    train: SplitStatistics
    valid: SplitStatistics
    test: SplitStatistics
    steps: tuple[CleaningStep, ...]
    warnings: tuple[str, ...] = ()


def large_losses(language: str, steps: Iterable[CleaningStep], kept: int) -> tuple[str, ...]:
    """The steps that took much of a language's text, a sentence each.

    Args:
        language: its code.
        steps: all of them; what was not asked for is no loss.
        kept: characters that are left in the end.
    """
    steps = tuple(steps)
    whole = kept + sum(step.characters for step in steps)
    return tuple(
        f"{language}: the step `{step.name}` of cleaning takes {step.characters / whole:.0%} of the characters"
        + (f" (text: {_SETTINGS[step.name]})" if step.name in _SETTINGS else "")
        for step in steps
        if step.name != BEYOND and step.characters > LARGE_LOSS * whole
    )


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
