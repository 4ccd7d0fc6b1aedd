"""Words and their BIO tags, a word a line."""

import re
from collections.abc import Iterator
from pathlib import Path

from equiglot.tasks.sentences import Sentence, at_lines, blocks, malformed

_DOCUMENT = "-DOCSTART-"  # where a document begins in the files of CoNLL-2003: no word


def read_bio(file: Path) -> Iterator[Sentence]:
    """The sentences of a file with a word in the first column and its tag in the last.

    Where a line has tabs, they are between its columns, and a word may hold spaces; otherwise spaces are.

    Args:
        file: UTF-8, plain or packed; blank lines between sentences.

    Raises:
        InputError: a line with one column, or without word or tag.
    """
    for block in blocks(file):
        rows = [(line, *_columns(file, line, text)) for line, text in block]
        rows = [row for row in rows if row[1] != _DOCUMENT]
        if rows:
            lines, words, tags = zip(*rows, strict=True)
            yield at_lines(file, list(words), list(tags), lines)


def _columns(file: Path, line: int, text: str) -> tuple[str, str]:
    """Word and tag."""
    columns = [column.strip(" ") for column in text.split("\t")] if "\t" in text else re.split(" +", text.strip(" "))
    if len(columns) < 2 or not (columns[0] and columns[-1]):
        what = "A line has a word and its tag, with a tab or spaces between them; here one is missing."
        raise malformed(file, line, what, "correct it; between sentences stands a blank line")
    return columns[0], columns[-1]
