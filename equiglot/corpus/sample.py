"""The embedded sample: real prose in fifteen languages that pip alone brings.

It is the data-only package `comfyui-embedded-docs`: the user documentation of the nodes of ComfyUI, one Markdown
file a page and language, GPL-3.0. It is read from its installed files and never copied into this project.
"""

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from equiglot.corpus.documents import Document
from equiglot.corpus.markdown import prose
from equiglot.errors import InputError
from equiglot.settings import Settings

PACKAGE = "comfyui-embedded-docs"
MODULE = "comfyui_embedded_docs"
# Every page ends with an invitation to edit it there, "this documentation was AI-generated", in each language.
BOILERPLATE_LINK = "https://github.com/Comfy-Org/embedded-docs"


class SampleSource(Settings):
    """The embedded sample (extra `sample`): parallel pages, so a `Document.id` is the page's name."""

    is_parallel: ClassVar[bool] = True

    kind: Literal["sample"]

    def resolve(self, base: Path) -> "SampleSource":
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
