"""From Markdown to prose: what a reader would read aloud, without markup, code, images and addresses."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from markdown_it import MarkdownIt
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
