"""All kinds of text sources, plain files first; what a bare path means, and what several languages may share."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from equiglot.corpus.documents import Document
from equiglot.corpus.hub import HubSource
from equiglot.corpus.opening import numbered_lines, read_lines, unpacked_name
from equiglot.corpus.paths import ParallelPathSource, estimate_by_start, files_below
from equiglot.corpus.records import JsonlSource, ParquetSource
from equiglot.corpus.sample import SampleSource
from equiglot.corpus.wikipedia import WikipediaSource
from equiglot.errors import InputError

PIECE_PARAGRAPHS, PIECE_CHARACTERS = 10_000, 1 << 22  # of a longer document come pieces, so that memory stays flat
_INDEX = "*-multistream-index*.txt"


class FilesSource(ParallelPathSource):
    """Text files, folders (every *.txt below, sorted) and globs, UTF-8, plain or packed (.gz, .bz2, .xz, .zst).

    A line is a sentence or a paragraph; blank lines separate documents. In a file without a blank line between its
    lines nothing is known about documents, and every line is one. In parallel files every line is one: line 7 of the
    second file says the same in all languages, and is blank where it is missing.
    """

    PATTERN: ClassVar[str] = "*.txt"
    FORM: ClassVar[str] = "Plain text"

    kind: Literal["files"] = "files"

    def _fits(self, name: str) -> bool:
        return super()._fits(name) and not is_index(name)

    def _documents(self, index: int, file: Path) -> Iterator[Document]:
        # The ids hold neither the file's name nor its folder: the same text elsewhere gives the same corpus.
        if self.parallel or not _has_documents(file):
            for number, line in numbered_lines(file):
                yield Document(f"{index}:{number - 1}", [line], known=False)
        else:
            for number, paragraphs in _separated(file):
                yield Document(f"{index}:{number}", paragraphs)

    def _estimate(self, files: Sequence[Path]) -> float:
        return estimate_by_start(files, lambda start: len(start.decode(errors="ignore")))


def is_index(name: str) -> bool:
    """Whether a file is text only to the eye: the index of a dump in several streams, by its name."""
    return fnmatchcase(unpacked_name(name), _INDEX)


def _has_documents(file: Path) -> bool:
    """Whether a blank line stands somewhere between two lines of text."""
    seen = gap = False
    for lines in read_lines(file):
        for line in lines:
            if not line or line.isspace():
                gap = seen
            elif gap:
                return True
            else:
                seen = True
    return False


def _separated(file: Path) -> Iterator[tuple[int, list[str]]]:
    number, paragraphs, characters, inside = 0, list[str](), 0, False
    for lines in read_lines(file):
        for line in lines:
            blank = not line or line.isspace()
            if paragraphs and (blank or len(paragraphs) == PIECE_PARAGRAPHS or characters >= PIECE_CHARACTERS):
                yield number, paragraphs
                paragraphs, characters = [], 0
            if blank:
                number, inside = number + inside, False
            else:
                paragraphs.append(line)
                characters += len(line)
                inside = True
    if paragraphs:
        yield number, paragraphs


AnySource = FilesSource | JsonlSource | ParquetSource | WikipediaSource | HubSource | SampleSource
TextSource = Annotated[AnySource, Field(discriminator="kind")]
# How the names of files end, once unpacked; parts of a dump are called ...xml-p1p41242.
_KINDS = {"*.jsonl": "jsonl", "*.parquet": "parquet", "*.xml": "wikipedia", "*.xml-p*": "wikipedia"}


def kind_of(path: str) -> str:
    """The kind of source that a path or glob means by its name; text files, where it says nothing else."""
    name = unpacked_name(Path(path).name)
    return next((kind for pattern, kind in _KINDS.items() if fnmatchcase(name, pattern)), "files")


def spelt_out(text: Any) -> Any:
    """A bare path, or a list of them, as the source that it means; anything else as it is.

    Raises:
        ValueError: paths of several kinds in one list.
    """
    if not isinstance(text, str | list | tuple):
        return text
    paths = [text] if isinstance(text, str) else text
    kinds = {kind_of(path): path for path in paths if isinstance(path, str)} or {"files": ""}
    if len(kinds) > 1:
        found = ", ".join(f"{path} ({kind})" for kind, path in kinds.items())
        raise ValueError(f"files of several kinds in one list: {found}; give files of one kind, and convert the others")
    return {"kind": next(iter(kinds)), "paths": text}


def check_sources(sources: Mapping[str, AnySource]) -> None:
    """Refuses sources that are not there, or that languages may not share. Paths must be resolved.

    Raises:
        InputError: missing or empty files, files of another kind, two languages with the same text, parallel languages
            with unequal numbers of files, a sample or a package that is not installed, a sample without the language.
    """
    owner: dict[str, str] = {}
    for language, source in sources.items():
        for origin, name in source.origins(language):
            other = owner.setdefault(origin, language)
            if other != language:
                what = f"The languages {other} and {language} have the same {name}."
                raise InputError(what, where=f"languages.{language}.text", fix="give each language text of its own")
        if isinstance(source, FilesSource):
            _check_plain(language, source)
    _check_counts(sources)


def _check_plain(language: str, source: FilesSource) -> None:
    """A folder's glob can match files that are text only to the eye; a folder can hold other text besides."""
    where = f"languages.{language}.text"
    for file in source.files():
        if is_index(file.name):
            what, fix = f"{file.name} is no text, but the index of a dump.", "name the dump itself, *.xml.bz2"
            raise InputError(what, where=where, fix=fix)
        kind = kind_of(file.name)
        if kind != "files":
            what = f"{file.name} is no plain text: its name says {kind}."
            fix = f"write {{kind: {kind}, paths: ...}}, or rename it if it is plain text"
            raise InputError(what, where=where, fix=fix)
    for folder in (Path(path) for path in source.paths if Path(path).is_dir()):
        others = [file for file in files_below(folder) if kind_of(file.name) != "files"]
        if others:
            what = f"The folder {folder.name} holds other text besides plain text: {others[0].name}."
            fix = f"say which is meant with a glob: {folder}/**/*.txt, or {folder}/**/*{others[0].suffix}"
            raise InputError(what, where=where, fix=fix)


def _check_counts(sources: Mapping[str, AnySource]) -> None:
    """Documents of parallel files are matched by the number of the file, too."""
    parallel = [
        (language, len(source.files()))
        for language, source in sources.items()
        if isinstance(source, ParallelPathSource) and source.parallel
    ]
    for language, count in parallel:
        first, wanted = parallel[0]
        if count != wanted:
            what = f"The parallel languages {first} and {language} have {wanted} and {count} files."
            fix = "give them the same files in the same order, or leave `parallel` out"
            raise InputError(what, where=f"languages.{language}.text", fix=fix)
