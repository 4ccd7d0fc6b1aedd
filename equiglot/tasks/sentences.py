"""A labelled sentence as its source writes it, and what holds for it wherever it comes from."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from equiglot.corpus.opening import numbered_lines
from equiglot.errors import InputError

LONGEST_SENTENCE = 20_000
"""Words, or lines of a file; more is a text without ends of sentences."""


@dataclass(frozen=True)
class Sentence:
    """A labelled sentence.

    Attributes:
        words: its words; for a labelled text, the text, for a pair both, and nothing if one is blank.
        labels: the label of each, as its source writes it.
        where: index of a word -> where it stands, for a message.
        heads: of a tree, the number of each word's head (1, 2, ...; 0 for the root); empty where no trees are read.
        scored: whether each word counts in scores; empty where all do.
    """

    words: list[str]
    labels: list[str]
    where: Callable[[int], str]
    heads: list[int] = field(default_factory=list)
    scored: Sequence[bool] = ()


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


WORD_CHARACTERS, TEXT_CHARACTERS, LABEL_CHARACTERS = 10_000, 1_000_000, 500
"""The longest word, labelled text and label."""
CLASSES = 1_000
"""Different labels of a task."""
UNSPECIFIED = "_"
"""Stands in treebanks for words that may not be distributed; alone in a sentence it is a word."""

_WITHOUT_TEXT = "sentences left out whose words are all _: their text may not be distributed"


def screened(
    sentences: Iterable[Sentence], where: Path | str, notes: Counter[str], *, unit: str = "word"
) -> Iterator[Sentence]:
    """The sentences of a file, or of a split, that have their words; those that are blank too.

    Args:
        sentences: as their source writes them.
        where: the source, for messages.
        notes: counts what is left out.
        unit: what is labelled, "word", "sentence" or "pair".

    Raises:
        InputError: there is no sentence, none has its words, or something is longer than anybody writes.
    """
    found = worded = 0
    for found, sentence in enumerate(sentences, 1):  # noqa: B007 - read below
        _check_sizes(sentence, unit)
        hidden = bool(sentence.words) and all(word == UNSPECIFIED for word in sentence.words)
        worded += not hidden
        if hidden and len(sentence.words) > 1:
            notes[_WITHOUT_TEXT] += 1
        else:
            yield sentence
    if not found:
        raise InputError("There is no sentence in it.", where=where, fix="fill it or leave it out")
    if not worded:
        what = f"Every word of it is {UNSPECIFIED}: its text may not be distributed, and only its labels are here."
        fix = "leave it out: name the treebanks that have text in place of the * of a pattern such as "
        fix += "ud/{language}_*-train.conllu; or put its words in with the program that comes with it"
        raise InputError(what, where=where, fix=fix)


def _check_sizes(sentence: Sentence, unit: str) -> None:
    if len(sentence.words) > LONGEST_SENTENCE:
        raise too_long(sentence.where(LONGEST_SENTENCE))
    longest = WORD_CHARACTERS if unit == "word" else TEXT_CHARACTERS
    named = "word" if unit == "word" else "text"
    for what, texts, most in ((named, sentence.words, longest), ("label", sentence.labels, LABEL_CHARACTERS)):
        for place, text in enumerate(texts):
            if len(text) > most:
                said = f"A {what} has {len(text):,} characters; more than {most:,} are taken for a mistake."
                fix = "look whether line ends, tabs or quotes are missing there, and cut it or leave it out"
                raise InputError(said, where=sentence.where(place), fix=fix)
