"""What a text source yields: documents, each a list of raw lines."""

from typing import NamedTuple


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
