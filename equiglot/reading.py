"""YAML and JSON that somebody else wrote: nothing in them is executed, and what would take all memory is refused.

A few lines of YAML can stand for billions of values (an alias of aliases), and brackets a thousand deep end a program
that goes into each. So a text has a largest size, and what it says a largest number of values and a greatest depth.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from equiglot.errors import InputError

_HALVES = re.compile("[\ud800-\udfff]")
LARGEST_TEXT = 2_000_000
"""Characters of YAML; the largest recipes have some thousands."""
MOST_VALUES = 100_000
"""Names and values that it may stand for, each alias counted as all that it stands for."""
DEEPEST = 50
"""Mappings and lists inside of each other; recipes have up to ten."""
LARGEST_JSON = 100_000_000
"""Bytes of a JSON file; a tokenizer.json of a million entries has half of that."""
_NAMES = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
_ODD_NUMBER = re.compile(r"[-+]?0[0-9_]+|.*:.*")  # of base 8, or of base 60
_LONGEST_NUMBER = 100  # characters; the time that Python takes for one grows with the square of its length


def read_yaml(text: str, where: str) -> tuple[Any, yaml.Node | None]:
    """The value that a YAML text stands for, and its nodes, which know their lines; (None, None) for an empty one.

    Args:
        text: YAML of the safe kind.
        where: what the text is called in messages.

    Raises:
        InputError: not YAML, a tag that would make more than plain data, more than one document, a name twice or one
            that is no text, an anchor inside of itself, or more than the bounds of this module.
    """
    if len(text) > LARGEST_TEXT:
        what = f"the YAML is too long: {len(text):,} characters, and no more than {LARGEST_TEXT:,} are read"
        raise InputError(what, where=where, fix="make it shorter")
    try:
        loader = _Loader(text, where)
        node = loader.get_single_node()
        return (None, None) if node is None else (loader.construct_document(node), node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = f"{where}:{mark.line + 1}" if mark else where
        raise InputError(f"not YAML: {problem}", where=line, fix="correct the line, or the one before it") from None
    except (ValueError, LookupError, AttributeError, ArithmeticError) as error:  # a tag whose value is none: !!bool x
        raise InputError(f"not YAML: {error}", where=where, fix="put it in quotes") from None


def read_yaml_text(path: Path) -> str:
    """The text of a YAML file.

    Raises:
        InputError: it is not UTF-8, or longer than `LARGEST_TEXT`.
        OSError: it cannot be read.
    """
    if path.stat().st_size > 4 * LARGEST_TEXT:  # a character has four bytes at most
        what = f"the file is too large for YAML: {path.stat().st_size:,} bytes"
        raise InputError(what, where=path, fix="name a recipe, or make it shorter")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise InputError("the file is not UTF-8 text", where=f"{path}:{line}", fix="save it as UTF-8") from None


def without_halves(text: str) -> str:
    """`text` with the replacement character for half a surrogate pair, which JSON can hold and UTF-8 cannot; the places
    of all other characters stay."""
    return text if text.isascii() else _HALVES.sub("\N{REPLACEMENT CHARACTER}", text)


def read_json_object(path: Path) -> dict[str, Any]:
    """What stands in a JSON file that holds an object.

    Raises:
        InputError: it is no JSON, no object, larger than `LARGEST_JSON` or deeper than `DEEPEST`.
        OSError: it cannot be read.
    """
    fix = "get or make the file again"
    if path.stat().st_size > LARGEST_JSON:
        what = f"the file is too large: {path.stat().st_size:,} bytes, and no more than {LARGEST_JSON:,} are read"
        raise InputError(what, where=path, fix=fix)
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is not JSON: {error}", where=path, fix=fix) from None
    if not isinstance(tree, dict):
        raise InputError("this is not a JSON object", where=path, fix=fix)
    if _depth(tree) > DEEPEST:
        what = f"this is no JSON that is read: more than {DEEPEST} objects and lists stand inside of each other"
        raise InputError(what, where=path, fix=fix)
    return tree


def _depth(tree: Any) -> int:
    """How many mappings and lists stand inside of each other."""
    depth, level = 0, [tree]
    while level:
        inside = (each for node in level for each in (node.values() if isinstance(node, dict) else node))
        depth, level = depth + 1, [each for each in inside if isinstance(each, dict | list)]
    return depth


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with bounds on what it composes."""

    def __init__(self, text: str, where: str) -> None:
        super().__init__(text)
        self._where = where
        self._depth = self._values = 0
        self._sizes: dict[str, int] = {}  # anchor -> values that it stands for, once they are known

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node. An alias counts as much as what it stands for, so that aliases of aliases add up."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor, is_alias = getattr(event, "anchor", None), isinstance(event, yaml.AliasEvent)
        if is_alias and anchor in self.anchors and anchor not in self._sizes:
            raise self._refused("an anchor stands inside of itself", event, "write it out")
        before = self._values
        self._values += self._sizes.get(anchor, 1) if is_alias and anchor else 1
        self._depth += 1
        if self._values > MOST_VALUES:
            what = f"the YAML stands for more than {MOST_VALUES:,} values, aliases (*name) written out"
            raise self._refused(what, event, "make it shorter")
        if self._depth > DEEPEST:
            what = f"more than {DEEPEST} mappings and lists stand inside of each other"
            raise self._refused(what, event, "correct the brackets, or the indentation")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor and not is_alias:
            self._sizes[anchor] = self._values - before
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping; refused is what YAML lets pass: a name twice, and names that are no text (no: is false)."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for name, _ in node.value:
            if name.tag not in _NAMES:
                raise self._refused(f"YAML takes the name {name.value} for something else", name, "put it in quotes")
            if name.value in seen:
                raise self._refused(f"{name.value!r} stands here twice", name, "remove or rename one")
            seen.add(name.value)
        return node

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        """A whole number or a fraction."""
        if len(node.value) > _LONGEST_NUMBER:
            what = f"a number of more than {_LONGEST_NUMBER} characters"
            raise self._refused(what, node, "make it shorter, or put it in quotes")
        construct = self.construct_yaml_int if node.tag.endswith(":int") else self.construct_yaml_float
        if isinstance(node.value, str) and _ODD_NUMBER.fullmatch(node.value):
            what = f"YAML does not take {node.value} for what it looks like, but for {construct(node)}"
            raise self._refused(what, node, "write it without a 0 before it and without colons, or put it in quotes")
        return construct(node)

    def _refused(self, what: str, place: Any, fix: str) -> InputError:
        return InputError(what, where=f"{self._where}:{place.start_mark.line + 1}", fix=fix)


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_number)
