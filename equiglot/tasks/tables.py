"""Tab-separated tables: a text and its class a line."""

import csv
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from equiglot.corpus.opening import numbered_lines
from equiglot.tasks.screening import TEXT_CHARACTERS
from equiglot.tasks.sentences import Sentence, at_lines, malformed

csv.field_size_limit(2 * TEXT_CHARACTERS + 2)  # with every character a doubled quote: beyond, quotes stay in the text


def read_tsv(file: Path, text: str, label: str) -> Iterator[Sentence]:
    """The texts of a table.

    Args:
        file: UTF-8, plain or packed; its first line names the columns.
        text: the column with the text.
        label: the column with its class.

    Raises:
        InputError: a column that is not there, or a line with another number of columns than the first.
    """
    lines = numbered_lines(file)
    for first, line in lines:
        header = _columns(line)
        at = _place(file, first, header, text), _place(file, first, header, label)
        break
    for number, line in lines:
        columns = _columns(line)
        if len(columns) != len(header):
            what = f"This line has {len(columns)} columns, the first one {len(header)}."
            raise malformed(file, number, what, "give each line as many; a text has neither tabs nor line ends in it")
        filled = bool(columns[at[0]].strip())
        yield at_lines(file, [columns[at[0]]] * filled, [columns[at[1]]] * filled, [number])


def _columns(line: str) -> list[str]:
    """The columns of a line, freed of the quotes that programs of tables put around a text with quotes in it."""
    try:
        (columns,) = csv.reader([line], delimiter="\t", strict=True)
    except csv.Error:  # a quotation mark that opens a text and is part of it
        return line.split("\t")
    return columns


def _place(file: Path, line: int, header: list[str], name: str) -> int:
    if name not in header:
        near = get_close_matches(name, header, n=1)
        fix = f"did you mean {near[0]!r}?" if near else f"its columns are: {', '.join(header)}"
        raise malformed(file, line, f"{file.name} has no column {name!r}.", fix)
    return header.index(name)
