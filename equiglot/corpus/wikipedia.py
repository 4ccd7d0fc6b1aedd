"""A Wikipedia dump as a source: the prose of its articles, streamed from the packed XML."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple
from xml.parsers import expat

from equiglot.corpus.documents import LONGEST_TEXT, Document, too_long
from equiglot.corpus.opening import opened
from equiglot.corpus.paths import PathSource, estimate_by_start
from equiglot.corpus.wikitext import prose_of
from equiglot.errors import InputError

BLOCK_BYTES = 1 << 16  # of XML, read at a time
_HIDDEN_KEYS = ("-2", "6", "14")  # the namespaces of media, files and categories, in every wiki
_ARTICLES = "0"
_FIELDS = {"id", "ns", "text", "title"}  # of a page
_DEEPEST = 100  # elements in elements; a dump has five
_AGAIN = "download it again from dumps.wikimedia.org, and compare its size or checksum"


class WikipediaSource(PathSource):
    """Dumps of a wiki: *-pages-articles*.xml, plain or packed, multistream or not, in one part or several.

    A document is an article (a page of the main namespace that is no redirect); its paragraphs are the lines of its
    prose.
    """

    PATTERN: ClassVar[str] = "*pages-articles*.xml*"
    FORM: ClassVar[str] = "Articles of a Wikipedia dump"
    is_parallel: ClassVar[bool] = False

    kind: Literal["wikipedia"]

    def _documents(self, index: int, file: Path) -> Iterator[Document]:
        reader = DumpReader(file)
        with opened(file, reader.reached) as stream:
            while block := stream.read(BLOCK_BYTES):
                yield from self._articles(reader, block)
            yield from self._articles(reader, b"")

    def _articles(self, reader: "DumpReader", block: bytes) -> Iterator[Document]:
        for page in reader.read(block):
            if paragraphs := prose_of(page.text, reader.hidden):
                yield Document(page.id, paragraphs)

    def _estimate(self, files: Sequence[Path]) -> float:
        def characters(start: bytes) -> int:
            documents = self._articles(DumpReader(files[0]), start)
            return sum(len(line) for document in documents for line in document.paragraphs)

        return estimate_by_start(files, characters)

    def _nothing(self) -> str:
        return "it has no articles; a dump with their text is called *-pages-articles.xml.bz2"

    def _licence(self) -> str:
        return "CC BY-SA 4.0, by the authors of Wikipedia"


class Page(NamedTuple):
    """An article as it was written.

    Attributes:
        id: its number in the wiki.
        title: its name.
        text: its wikitext.
    """

    id: str
    title: str
    text: str


class DumpReader:
    """Takes the XML of a dump block by block and gives the articles that are complete.

    What can fill the memory is refused: a document type, and with it every entity (dumps have none), elements in
    elements without an end, and text or markup without an end.

    Args:
        file: named in errors.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._title = file, ""
        self._open: list[str] = []  # names of the elements that are open
        self._page: dict[str, str] = {}
        self._text: list[str] = []
        self._length = self._fed = 0  # characters of that text, bytes of the dump
        self._pages: list[Page] = []
        self._key = ""  # of the namespace that is open
        self._hidden: dict[str, str] = {}
        self._parser = expat.ParserCreate()
        self._parser.buffer_text, self._parser.buffer_size = True, BLOCK_BYTES
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.CharacterDataHandler = self._characters
        self._parser.EndElementHandler = self._end

    @property
    def hidden(self) -> frozenset[str]:
        """Names of the namespaces, case-folded, whose links are no text."""
        return frozenset(self._hidden.values())

    def read(self, block: bytes) -> list[Page]:
        """The articles that are complete after this block; an empty block says that the file ends.

        Raises:
            InputError: no XML, XML of another kind, encoding or with a document type, an end before the end, or
                something that is too long or too deep for a dump.
        """
        try:
            self._parser.Parse(block, not block)
        except expat.ExpatError as error:
            raise self._broken(error, ended=not block) from None
        except (LookupError, ValueError) as error:  # Python knows no such encoding, or expat cannot use it
            what = f"{self._file.name} declares an encoding that XML is not read in here: {error}."
            raise InputError(what, where=self._place(), fix="convert it to UTF-8, and let it declare that") from None
        self._fed += len(block)
        if self._fed - self._parser.CurrentByteIndex > LONGEST_TEXT and block:  # a tag or comment that does not end
            raise self._too_long("A piece of markup")
        pages, self._pages = self._pages, []
        return pages

    def reached(self) -> str:
        """How far the dump was read."""
        return f"the last complete page is {self._title!r}" if self._title else "no page of it is complete"

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != "mediawiki":
            what = f"{self._file.name} is no dump of a wiki: its XML begins with <{name}>, not <mediawiki>."
            raise InputError(what, where=self._file, fix="give the file *-pages-articles.xml.bz2 of a dump")
        self._open.append(name)
        if len(self._open) > _DEEPEST:
            what = f"{self._file.name} has more than {_DEEPEST} elements in one another, which no dump has."
            raise InputError(what, where=self._place(), fix=_AGAIN)
        self._begin_text()
        if name == "page":
            self._page = {}
        elif name == "namespace":
            self._key = attributes.get("key", "")
        elif name == "redirect":
            self._page["redirect"] = ""

    def _end(self, name: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        if name == "namespace" and self._key in _HIDDEN_KEYS:
            self._hidden[self._key] = "".join(self._text).casefold()
        elif name == "text" or (parent == "page" and name in _FIELDS):
            self._page[name] = "".join(self._text)
        self._begin_text()
        if name == "page":
            self._finish(self._page)

    def _characters(self, text: str) -> None:
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise self._too_long("A text")
        self._text.append(text)

    def _begin_text(self) -> None:
        self._text.clear()
        self._length = 0

    def _too_long(self, what: str) -> InputError:
        return too_long(f"{what} in {self._file.name} ({self.reached()})", self._place(), _AGAIN)

    def _finish(self, page: dict[str, str]) -> None:
        self._title = page.get("title", "")
        if page.get("ns") == _ARTICLES and "redirect" not in page and "id" in page:
            self._pages.append(Page(page["id"], self._title, page.get("text", "")))

    def _doctype(self, *_: Any) -> None:
        what = f"{self._file.name} declares a document type, which can define entities that fill the memory."
        raise InputError(what, where=self._place(), fix="give an unchanged dump from dumps.wikimedia.org: it has none")

    def _place(self) -> str:
        return f"{self._file}:{self._parser.CurrentLineNumber}"

    def _broken(self, error: expat.ExpatError, *, ended: bool) -> InputError:
        if ended and self._open:
            return InputError(f"{self._file.name} ends in the middle: {self.reached()}.", where=self._file, fix=_AGAIN)
        what = f"{self._file.name} is no XML in line {error.lineno:,} ({expat.ErrorString(error.code)}): "
        return InputError(f"{what}{self.reached()}.", where=f"{self._file}:{error.lineno}", fix=_AGAIN)
