"""What holds for labelled sentences wherever they come from: they have their words, and sizes that people write."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from equiglot.errors import InputError
from equiglot.tasks.sentences import LONGEST_SENTENCE, Sentence, too_long

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
        unit: what is labelled, "word" or "sentence".

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
    for place, (word, label) in enumerate(zip(sentence.words, sentence.labels, strict=True)):
        for what, text, most in ((unit.replace("sentence", "text"), word, longest), ("label", label, LABEL_CHARACTERS)):
            if len(text) > most:
                said = f"A {what} has {len(text):,} characters; more than {most:,} are taken for a mistake."
                fix = "look whether line ends, tabs or quotes are missing there, and cut it or leave it out"
                raise InputError(said, where=sentence.where(place), fix=fix)
