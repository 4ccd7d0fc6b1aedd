"""How much longer a tokenizer may make a text: read from a stranger's tokenizer.json, before it is done."""

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any

MOST_GROWTH = 10_000
"""Characters that may become of one, by all steps together; in Unicode's own normalisation (NFKC) 18 may."""
_LARGEST_TABLE = 10_000_000  # bytes; SentencePiece's own have a third of a million
# What must stand in a regular expression that can fit nothing: repeats, choices, borders, looking ahead and behind.
_MAYBE_NOTHING = re.compile(r"[*?^$|]|\{0|\{,|\(\)|\\[bBGAzZK]")


def growth(description: dict[str, Any]) -> float:
    """How many characters or tokens may become of one, at most, as a tokenizer.json says it.

    Replacements of replacements multiply: seven that make ten letters of one make ten million.
    """
    steps = [*_steps(description.get("normalizer")), *_steps(description.get("decoder"))]
    template = description.get("post_processor")
    pieces = template.get("single") if isinstance(template, dict) else None
    return math.prod(map(_factor, steps)) * (max(1, len(pieces)) if isinstance(pieces, list) else 1)


def _steps(node: Any) -> Iterator[dict[str, Any]]:
    """The steps of a normaliser or decoder, those of a sequence one after the other."""
    if isinstance(node, list):
        for each in node:
            yield from _steps(each)
    elif isinstance(node, dict):
        yield node
        for name in ("normalizers", "decoders"):
            yield from _steps(node.get(name))


def _factor(step: dict[str, Any]) -> float:
    """How many characters one step may make of one."""
    if step.get("type") == "Replace":
        pattern = step.get("pattern")
        content, kinds = _text(step.get("content")), pattern if isinstance(pattern, dict) else {}
        replaced, expression = _text(kinds.get("String")), _text(kinds.get("Regex"))
        if not replaced and (not expression or _MAYBE_NOTHING.search(expression)):
            return 1 + 2 * len(content)  # put in before the character, and after it
        return max(1.0, len(content) / max(1, len(replaced)))
    if step.get("type") == "Prepend":
        return 1 + len(_text(step.get("prepend")))
    if step.get("type") == "Precompiled":
        return _longest_entry(step.get("precompiled_charsmap"))
    return 1


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _longest_entry(charsmap: Any) -> int:
    """Bytes of the longest text in a SentencePiece table: a trie, its length before it, then texts that end in NUL."""
    try:
        table = base64.b64decode(charsmap)
    except (binascii.Error, ValueError, TypeError):  # which the library says itself
        return 1
    if len(table) > _LARGEST_TABLE:
        return len(table)
    return max(1, *map(len, table[4 + int.from_bytes(table[:4], "little") :].split(b"\0")))
