"""A labelled sentence as its source writes it, and how text files are cut into sentences."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from equiglot.corpus.opening import numbered_lines
from equiglot.errors import InputError

LONGEST_SENTENCE = 20_000
"""Words, or lines of a file; more is a text without ends of sentences."""


@dataclass(frozen=True)
class Sentence:
    """A labelled sentence.

    Attributes:
        words: its words; for a labelled text, the text, and nothing if it is blank.
        labels: the label of each, as its source writes it.
        where: index of a word -> where it stands, for a message.
    """

    words: list[str]
    labels: list[str]
    where: Callable[[int], str]


def blocks(file: Path) -> Iterator[list[tuple[int, str]]]:
    """The lines between blank lines, with their numbers; none is empty.

    Raises:
        InputError: as `numbered_lines`, and for more lines than a sentence has.
    """
    block: list[tuple[int, str]] = []
    for number, line in numbered_lines(file):
        if block and number != block[-1][0] + 1:
            yield block
            block = []
        block.append((number, line))
        if len(block) > LONGEST_SENTENCE:
            raise too_long(f"{file}:{number}")
    if block:
        yield block


def at_lines(file: Path, words: list[str], labels: list[str], lines: Sequence[int]) -> Sentence:
    """A sentence whose words stand on these lines of a file."""
    return Sentence(words, labels, lambda index: f"{file}:{lines[index]}")


def too_long(where: str) -> InputError:
    """The error for a sentence that does not end."""
    what = f"A sentence goes on beyond {LONGEST_SENTENCE:,} words or lines."
    return InputError(what, where=where, fix="end each sentence: with a blank line, or with its row")


def malformed(file: Path, line: int, what: str, fix: str) -> InputError:
    """The error for a line that is not as it should be."""
    return InputError(what, where=f"{file}:{line}", fix=fix)
