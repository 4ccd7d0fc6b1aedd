"""Wikitext to prose: what a reader would call the text of a page.

Out go templates, tables, references, files, categories, links to other languages, formulas, galleries, comments,
headings and markup; the words of links stay. Every step passes over the page once, whatever stands in it: a parser
that builds a tree (mwparserfromhell) reads twenty times slower, and thinks for seconds about a few thousand
brackets that are never closed.
"""

import html
import re
from collections.abc import Iterator
from itertools import groupby

# Elements whose content is no prose.
_DROPPED = (
    "ce|chem|gallery|graph|hiero|imagemap|includeonly|indicator|inputbox|mapframe|maplink|math|pre|ref|references|"
    "score|section|source|style|syntaxhighlight|table|templatedata|templatestyles|timeline"
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NOWIKI = re.compile(r"<nowiki>([^<]*)</nowiki>", re.IGNORECASE)
_ESCAPES = str.maketrans({mark: f"&#{ord(mark)};" for mark in "[]{}|'=*#:;!-<>_()"})
_ELEMENT = re.compile(rf"<(/?)({_DROPPED})\b([^<>]*)>", re.IGNORECASE)
_BRACES = re.compile(r"\{\{|\}\}|^[ \t:*#;]*\{\||^[ \t]*\|\}(?!\})", re.MULTILINE)
_VARIANTS = re.compile(r"-\{([^{}]*)\}-")  # the same words in several scripts, in Chinese or Serbian
_ELSEWHERE = re.compile(
    r"\[\[[^\[\]|:]+:[^\[\]]+\]\]"
)  # a link to another namespace or wiki, not one that is shown (:x)
_UNLABELLED = re.compile(r"\[\[[^\[\]|:]+:(?![ \t])[^\[\]|]+\]\]")
_BRACKETS = re.compile(r"(\[\[|\]\])")
_DEEPEST = 8  # brackets in brackets that are followed; a link in the caption of a picture makes two
_MEDIA = (
    ".jpg", ".jpeg", ".png", ".svg", ".gif", ".webp", ".tif", ".tiff", ".djvu", ".pdf", ".ogg", ".oga", ".ogv", ".webm",
    ".mp3", ".mp4", ".wav", ".flac", ".mid",
)  # fmt: skip
_HIDDEN = frozenset({"file", "image", "media", "category"})  # understood in every wiki
_WEB_LINK = re.compile(r"\[(?:(?:https?:|ftp:)?//|mailto:)[^\s\[\]<>]*+[ \t]*+([^\[\]\n]*+)\]")
_LINE_TAG = re.compile(r"</?(?:br|p|div|li|ul|ol|dd|dt|dl|hr|center|blockquote|poem|h[1-6])\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_QUOTES = re.compile(r"''+")
_SWITCH = re.compile(r"__[^\W\d_]+__")  # __NOTOC__ and its like
_NO_PROSE = re.compile(r"[ \t]*(?:=.*=[ \t]*$|\||\{\||----)")  # headings, rests of tables, rules
_BULLETS = re.compile(r"[*#:;]+[ \t]*")
_HOLLOW = re.compile(r" ?[(（][\s,;:，、；]*+[)）]")  # what stood there was a template
_HALF_HOLLOW = re.compile(r"([(（])\s*+(?:[,;，、；]\s*+)+")


def prose_of(wikitext: str, hidden: frozenset[str] = frozenset()) -> list[str]:
    """The prose of a page, line by line.

    Args:
        wikitext: the page as it was written.
        hidden: names, case-folded, of the namespaces whose links are no text, in the wiki's own language: those of
            files and categories. The English ones are known.
    """
    text = _NOWIKI.sub(lambda found: found[1].translate(_ESCAPES), _COMMENT.sub("", wikitext))
    text = _without(text, _elements(text))
    text = _without(text, _braces(text))
    text = _VARIANTS.sub(_first_variant, text)
    text = _linked("\n".join(map(_without_filing, text.split("\n"))), hidden | _HIDDEN)
    text = _TAG.sub("", _LINE_TAG.sub("\n", _WEB_LINK.sub(r"\1", text)))
    text = _SWITCH.sub("", _QUOTES.sub(_apostrophes, text))
    lines = (_BULLETS.sub("", line, count=1) if line[:1] in "*#:;" else line for line in _prose_lines(text))
    tidied = (_HALF_HOLLOW.sub(r"\1", _HOLLOW.sub("", html.unescape(line))).strip() for line in lines)
    return [line for line in tidied if line]


def _elements(text: str) -> Iterator[tuple[int, int]]:
    """Where elements without prose stand; as in MediaWiki, one ends where its name is closed first."""
    tags = list(_ELEMENT.finditer(text))
    last_end = {tag[2].lower(): tag.start() for tag in tags if tag[1]}
    inside, start = "", 0
    for tag in tags:
        name = tag[2].lower()
        if inside:
            if tag[1] and name == inside:
                yield start, tag.end()
                inside = ""
        elif tag[1] or tag[3].endswith("/") or last_end.get(name, -1) < tag.start():
            yield tag.span()  # stands alone: nothing is closed here, or never
        else:
            inside, start = name, tag.start()


def _braces(text: str) -> list[tuple[int, int]]:
    """Where templates and tables stand, the outermost ones, and braces that have no partner."""
    found: list[tuple[int, int]] = []
    open_braces: list[tuple[str, int]] = []
    counts = {"{{": 0, "{|": 0}
    for match in _BRACES.finditer(text):
        brace = match[0][-2:]
        if brace in counts:
            open_braces.append((brace, match.start()))
            counts[brace] += 1
            continue
        partner, start = "{{" if brace == "}}" else "{|", match.start()
        if counts[partner]:
            opened = ""
            while opened != partner:  # what is still open inside ends here, too
                opened, start = open_braces.pop()
                counts[opened] -= 1
            while found and found[-1][0] >= start:
                found.pop()
        found.append((start, match.end()))
    return sorted(found + [(start, start + 2) for brace, start in open_braces if brace == "{{"])


def _without(text: str, places: Iterator[tuple[int, int]] | list[tuple[int, int]]) -> str:
    """`text` without the given places, which are in order and apart from each other."""
    parts, end = [], 0
    for start, after in places:
        parts.append(text[end:start])
        end = after
    return "".join([*parts, text[end:]])


def _first_variant(found: re.Match[str]) -> str:
    flag, _, words = found[1].rpartition("|")
    if flag.strip() in ("H", "T", "-"):  # rules and titles, which are not shown
        return ""
    language, colon, variant = words.partition(":")
    return variant.partition(";")[0] if colon and language.isascii() else words


def _without_filing(line: str) -> str:
    """A line without what files the page: categories and links to other languages, by whatever names.

    The names are many, and a dump lists none of their aliases (分类, К, ...), but where they stand is the same
    everywhere: in lines of their own, or, without a label, at the end of one.
    """
    start = _start_of_links(line, _ELSEWHERE)
    return line[: start and _start_of_links(line, _UNLABELLED)]


def _start_of_links(line: str, kind: re.Pattern[str]) -> int:
    """Where the links of this kind begin that a line ends with."""
    start = end = len(line.rstrip(" \t"))
    while line.endswith("]]", 0, end) and kind.fullmatch(line, begin := max(0, line.rfind("[[", 0, end)), end):
        start, end = begin, begin
        while end and line[end - 1] in " \t":
            end -= 1
    return end if end == 0 else start


def _linked(text: str, hidden: frozenset[str]) -> str:
    """`text` with every [[link]] replaced by the words that it shows."""
    levels: list[list[str]] = [[]]
    for piece in _BRACKETS.split(text):
        if piece == "[[":
            if len(levels) <= _DEEPEST:
                levels.append([])
        elif piece == "]]":
            if len(levels) > 1:
                levels[-2].append(_shown("".join(levels.pop()), hidden))
        else:
            levels[-1].append(piece)
    return "".join(piece for level in levels for piece in level)


def _shown(link: str, hidden: frozenset[str]) -> str:
    """The words that a link shows: its label, or else the name of the page."""
    target, _, label = link.partition("|")
    target = target.strip()
    namespace, colon, _ = target.partition(":")
    is_hidden = namespace.strip().replace("_", " ").casefold() in hidden or target.lower().endswith(_MEDIA)
    if colon and namespace and is_hidden:
        return ""
    return label or target.removeprefix(":")


def _apostrophes(found: re.Match[str]) -> str:
    """What is left of a run of apostrophes: two, three and five are italics and bold."""
    count = len(found[0])
    return "" if count in (2, 3) else "'" * max(count - 5, count == 4)


def _prose_lines(text: str) -> Iterator[str]:
    """The lines that are prose. A line that begins with ! is the head of a table where one beside it begins with |."""
    for mark, lines in groupby(text.split("\n"), key=_in_table):
        group = list(lines)
        if mark and any(line.lstrip(" \t").startswith(("|", "{|")) for line in group):
            continue
        yield from (line for line in group if line and not _NO_PROSE.match(line))


def _in_table(line: str) -> bool:
    return line.lstrip(" \t").startswith(("|", "!", "{|"))
