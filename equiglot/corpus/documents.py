"""What a text source yields: documents, each a list of raw lines."""

from pathlib import Path
from typing import NamedTuple

from equiglot.errors import InputError

LONGEST_TEXT = 10_000_000
"""Characters of a line, of a row's text, of a page. Real ones are far shorter, and each stands in memory whole."""


class Document(NamedTuple):
    """A document as its source wrote it.

    Attributes:
        id: its name, independent of the language, so that the pages of a parallel corpus share ids. A very long
            document comes in pieces, one right after the other, that share an id.
        paragraphs: raw lines of text, each a sentence or a paragraph.
        known: whether its boundary is known; where it is not, each line is a document of its own.
    """

    id: str
    paragraphs: list[str]
    known: bool = True


def lines_of(text: str) -> list[str]:
    r"""The lines of a text that are not blank, without their ends (\n, \r\n or \r).

    Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes the replacement character.
    """
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line for line in lines if line and not line.isspace()]


def too_long(what: str, where: str | Path, fix: str) -> InputError:
    """The error for a text of more than `LONGEST_TEXT` characters."""
    return InputError(f"{what} is longer than {LONGEST_TEXT:,} characters.", where=where, fix=fix)
