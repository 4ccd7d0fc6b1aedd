"""The embedded sample: real prose in fifteen languages that pip alone brings, read from Markdown.

It is the data-only package `comfyui-embedded-docs`: the user documentation of the nodes of ComfyUI, one Markdown file
a page and language, GPL-3.0. It is read from its installed files and never copied into this project.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from markdown_it import MarkdownIt

from equiglot.corpus.documents import Document
from equiglot.errors import InputError
from equiglot.settings import Settings

if TYPE_CHECKING:
    from markdown_it.token import Token

ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
DIGEST = re.compile(r"[0-9a-f]{32,}")  # "source fingerprint": a checksum is no prose
WORD = re.compile(r"[^\W\d_]{2,}")
# Scripts written without spaces, or whose letters are syllables: two letters count as one word.
DENSE_LETTER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
SENTENCE_END = re.compile(r"[.!?…。！？؟۔।։][\"'”’»)）」』]*$")


def prose(markdown: str, boilerplate_link: str | None = None) -> Iterator[str]:
    """The prose of a Markdown text, a paragraph, list item or line of a table cell at a time.

    Paragraphs and list items are kept whole; headings and table cells only where they are sentences
    (`is_sentence`); column titles, code blocks, images, HTML, addresses and front matter go. Inline code stays as
    plain words, unless it is all there is.

    Args:
        markdown: the text.
        boilerplate_link: a block with a link to an address that starts so is boilerplate and goes.
    """
    inside: list[str] = []
    for token in _parser().parse(FRONT_MATTER.sub("", markdown.replace("\r\n", "\n"))):
        if token.nesting == 1:
            inside.append(token.type)
        elif token.nesting == -1:
            inside.pop()
        elif token.type == "inline" and inside[-1] != "th_open":
            whole = inside[-1] == "paragraph_open"
            lines = _lines(token.children or [], boilerplate_link)
            yield from (line for line in lines if line and (whole or is_sentence(line)))


def is_sentence(text: str) -> bool:
    """Whether a table cell or heading reads as a sentence: four words, or three and a full stop.

    A word has at least two letters; in Han, kana and Hangul two letters count as one word.
    """
    dense = len(DENSE_LETTER.findall(text))
    words = len(WORD.findall(DENSE_LETTER.sub(" ", text))) + dense // 2
    return words >= 4 or (words == 3 and SENTENCE_END.search(text) is not None)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _lines(children: Sequence[Token], boilerplate_link: str | None) -> list[str]:
    """The lines of an inline token; none where it is boilerplate, a checksum, or holds no words but code."""
    parts: list[str] = []
    readable = False
    for child in children:
        if _is_boilerplate(child, boilerplate_link):
            return []
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
            readable |= child.type == "text" and WORD.search(child.content) is not None
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak" or child.content.startswith("<br"):
            parts.append("\n")
    return [ADDRESS.sub("", line).strip() for line in "".join(parts).split("\n")] if readable else []


def _is_boilerplate(token: Token, link: str | None) -> bool:
    """Whether a token is a checksum or an address that starts with `link` (as text, where its Markdown is broken)."""
    if token.type == "code_inline":
        return DIGEST.fullmatch(token.content) is not None
    return link is not None and (link in token.content or str(token.attrs.get("href", "")).startswith(link))


PACKAGE = "comfyui-embedded-docs"
MODULE = "comfyui_embedded_docs"
# Every page ends with an invitation to edit it there, "this documentation was AI-generated", in each language.
BOILERPLATE_LINK = "https://github.com/Comfy-Org/embedded-docs"


class SampleSource(Settings):
    """The embedded sample (extra `sample`): parallel pages, so a `Document.id` is the page's name."""

    is_parallel: ClassVar[bool] = True

    kind: Literal["sample"]

    def resolve(self, base: Path) -> SampleSource:
        """The source itself: it has no paths."""
        return self

    def origins(self, language: str) -> list[tuple[str, str]]:
        """What no two languages may have in common: nothing.

        Raises:
            InputError: the package is not installed, or has no such language.
        """
        _pages(language)
        return []

    def documents(self, language: str) -> Iterator[Document]:
        """The pages in `language` that have any prose, by name.

        Raises:
            InputError: the package is not installed, or has no such language.
        """
        for page, file in _pages(language):
            if paragraphs := list(prose(file.read_text(encoding="utf-8"), BOILERPLATE_LINK)):
                yield Document(page, paragraphs)

    def estimate_characters(self, language: str) -> int:
        """About how much prose there is, from every sixteenth page."""
        some = _pages(language)[::16]
        found = (prose(file.read_text(encoding="utf-8"), BOILERPLATE_LINK) for _, file in some)
        return 16 * sum(len(paragraph) for paragraphs in found for paragraph in paragraphs)

    def identity(self, language: str) -> dict[str, Any]:
        """What stands for the text in a fingerprint: one checksum over the pages' names and bytes."""
        digest = hashlib.blake2b(digest_size=16)
        for page, file in _pages(language):
            content = file.read_bytes()
            digest.update(f"{page}\n{len(content)}\n".encode() + content)
        return {"kind": self.kind, "checksum": digest.hexdigest()}

    def describe(self, language: str) -> str:
        """One sentence on what the text is, with its licence."""
        pages = len(_pages(language))
        package = f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"
        return (
            f"{pages:,} pages of ComfyUI's user documentation ({package}, GPL-3.0), prose only; by their own word the "
            f"pages are AI-generated; parallel over {len(sample_languages())} languages."
        )


def sample_languages() -> tuple[str, ...]:
    """The languages of the installed sample.

    Raises:
        InputError: the package is not installed.
    """
    return tuple(sorted(_table(_folder())))


def _pages(language: str) -> list[tuple[str, Path]]:
    table = _table(_folder())
    if language not in table:
        near = get_close_matches(language, table, n=1, cutoff=0.3) or [min(table)]
        fix = f"use one of {', '.join(sorted(table))} (nearest: {near[0]}), or give files for {language}"
        what = f"The embedded sample has no text in {language!r}."
        raise InputError(what, where=f"languages.{language}.text", fix=fix)
    return table[language]


def _folder() -> Path:
    """Where the pages are installed; asks for the module's place without importing it."""
    spec = importlib.util.find_spec(MODULE)
    places = spec.submodule_search_locations if spec else None
    folder = Path(places[0]) / "docs" if places else None
    if folder is None or not folder.is_dir():
        what = f"The embedded sample is not installed (package {PACKAGE})."
        raise InputError(what, fix="pip install equiglot[sample], or give text files of your own")
    return folder


@cache
def _table(folder: Path) -> dict[str, list[tuple[str, Path]]]:
    """Language -> (page, file), pages sorted by name."""
    table: dict[str, list[tuple[str, Path]]] = {}
    for file in sorted(folder.glob("*/*.md")):
        table.setdefault(file.stem, []).append((file.parent.name, file))
    return table
