"""What a page is made of: sections, which its template shows one after the other, and what these consist of."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from equiglot.report.data import Language
from equiglot.report.plots import Plot
from equiglot.report.tables import Table


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, with some words in bold before it; `absent` says that something is not there."""

    kind: ClassVar[str] = "paragraph"
    text: str
    strong: str = ""
    absent: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Notes:
    """A list: of each entry the words in bold, and what follows them."""

    kind: ClassVar[str] = "notes"
    items: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, items: Mapping[str, str]) -> "Notes":
        """Of what is said, by what it is said of."""
        return cls(tuple((f"{name}.", f" {text}") for name, text in items.items()))


@dataclass(frozen=True)
class Facts:
    """Names and values."""

    kind: ClassVar[str] = "facts"
    items: Mapping[str, str]


@dataclass(frozen=True)
class NamedTable:
    """A table, which stands as files of that name beside the page; without rows it does not show."""

    kind: ClassVar[str] = "table"
    name: str
    table: Table


@dataclass(frozen=True)
class Code:
    """A text of a program, behind a title at which it is opened."""

    kind: ClassVar[str] = "code"
    title: str
    text: str


@dataclass(frozen=True)
class CutSentences:
    """A sentence of each language as the vocabulary's tokens."""

    kind: ClassVar[str] = "cut"
    languages: tuple[Language, ...]


@dataclass(frozen=True)
class Fold:
    """Parts behind a title at which they are opened."""

    kind: ClassVar[str] = "fold"
    title: str
    parts: tuple["Part", ...]
    open: bool = False

    @property
    def shown(self) -> bool:
        """Whether there is anything in it."""
        return any(not isinstance(each, NamedTable) or each.table.rows for each in self.parts)


Part = Paragraph | Heading | Notes | Facts | NamedTable | Code | CutSentences | Fold | Plot


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        id: of its element.
        title: in the page's contents.
        heading: above it.
        parts: what it consists of, in order.
    """

    id: str
    title: str
    heading: str
    parts: tuple[Part, ...]


def named_tables(tables: Mapping[str, Table]) -> tuple[NamedTable, ...]:
    """Tables, in order."""
    return tuple(NamedTable(name, table) for name, table in tables.items())


def every_part(sections: Iterable[Section]) -> Iterator[Part]:
    """All that sections consist of, in the order of the page, what is folded away too."""

    def unfolded(parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            yield part
            if isinstance(part, Fold):
                yield from unfolded(part.parts)

    for section in sections:
        yield from unfolded(section.parts)
