"""What a page is made of: sections, what these consist of, and the templates that show them."""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from equiglot.report.data import Language
from equiglot.report.drawing import on_page, sign
from equiglot.report.plotting import Plot
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


_HERE = Path(__file__).parent


def render_page(template: str, sections: Sequence[Section], **content: Any) -> str:
    """A page as HTML. Every text of sections and `content` is escaped where it stands."""
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(unbroken=_unbroken, on_page=on_page, sign=sign)
    return environment.get_template(template).render(sections=sections, trusted=_trusted(), **content)


def _trusted() -> dict[str, Markup]:
    """Text that stands on the page unescaped: our style and script.

    The policy names the script by its hash: nothing else can run, even if some text did get through unescaped.
    """
    script = our_text("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {"style": Markup(our_text("page.css")), "script": Markup(script), "source": Markup(f"'sha256-{digest}'")}


def _unbroken(text: str) -> str:
    """`text` without line breaks inside intervals and after "D ="."""
    return re.sub(r"\[(\S+), (\S+)\]", "[\\1,\N{NO-BREAK SPACE}\\2]", text).replace(
        "D = ", "D\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"
    )


def our_text(name: str) -> str:
    """A file of this package."""
    return (_HERE / name).read_text(encoding="utf-8")
