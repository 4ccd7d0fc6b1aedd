"""The recipe reference: writes the part of docs/recipe.md below `MARK` from the recipe's schema, and the table of a
profile of SLURM's in docs/scale.md between `PROFILE` and `PROFILE_END`.

    python docs/reference.py

What stands above the mark is written by hand. Each settings class is described once; fields that take it elsewhere
link to there.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from equiglot.pipeline import SlurmProfile
from equiglot.recipe import Recipe
from equiglot.settings import MOST, MOST_REPEATS

PAGE = Path(__file__).with_name("recipe.md")
SCALE = Path(__file__).with_name("scale.md")
PROFILE, PROFILE_END = "<!-- Made by docs/reference.py. -->\n", "<!-- End of what it has made. -->\n"
MARK = "<!-- Made by docs/reference.py from the schema; what stands above is written by hand. -->\n"
_TYPES = {"string": "string", "integer": "whole number", "number": "number", "boolean": "true or false"}
_LIMITS = {
    "minimum": "at least {:,}",
    "exclusiveMinimum": "above {:,}",
    "maximum": "at most {:,}",
    "exclusiveMaximum": "below {:,}",
    "pattern": "fits `{}`",
}
_UNSEEN = (None, MOST, MOST_REPEATS)  # what nobody comes near to is not said at each field

Node = dict[str, Any]
Steps = tuple[str, ...]


def page(text: str) -> str:
    """The page whose present text is `text`, with its generated part made again."""
    by_hand, mark, _ = text.partition(MARK)
    if not mark:
        raise SystemExit(f"{PAGE} has lost the line {MARK}")
    return by_hand + mark + "\n" + "\n".join(Reference(Recipe.model_json_schema()).lines()) + "\n"


def scale_page(text: str) -> str:
    """The page on clusters whose present text is `text`, with its table of a profile made again."""
    before, _, rest = text.partition(PROFILE)
    table = Reference({"$defs": {}, **SlurmProfile.model_json_schema()}).table()
    return before + PROFILE + "\n" + "\n".join(table) + "\n\n" + PROFILE_END + rest.partition(PROFILE_END)[2]


class Reference:
    """The lines of the reference.

    Args:
        schema: the recipe's JSON Schema.
    """

    def __init__(self, schema: Node) -> None:
        self._schema, self._definitions = schema, schema["$defs"]
        self._told: set[str | Steps] = set()  # the classes and fields that have been described
        self._uses: dict[str, list[tuple[int, Steps]]] = {}  # class -> for each field: classes it may hold, its path
        self._collect(schema, ())

    def lines(self) -> Iterator[str]:
        """Markdown: the recipe's own fields, then a section for each field that has fields of its own."""
        yield from ("## All of a recipe", "", *self._table(self._schema), *self._sections(self._schema, ()))

    def table(self) -> Iterator[str]:
        """Markdown: the schema's own fields; those of settings among them as `field.name`."""
        return self._table({"properties": dict(self._flat(self._schema, ""))})

    def _flat(self, node: Node, prefix: str) -> Iterator[tuple[str, Node]]:
        for name, field in node["properties"].items():
            if "$ref" in field:
                yield from self._flat(self._definitions[_class(field)], f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", field

    def _collect(self, node: Node, path: Steps) -> None:
        for name, field in node["properties"].items():
            classes = self._classes(field)
            for cls in classes:
                self._uses.setdefault(cls, []).append((len(classes), _below(path, name, field)))
                self._collect(self._definitions[cls], _below(path, name, field))

    def _home(self, cls: str) -> Steps:
        """The field that a class is described at: the first of those with the most to choose from."""
        most = max(count for count, _ in self._uses[cls])
        return next(path for count, path in self._uses[cls] if count == most)

    def _heading(self, cls: str) -> str:
        alone = [other for other in self._uses if self._home(other) == self._home(cls)] == [cls]
        return ".".join(self._home(cls)) + ("" if alone else f": {self._kind(cls)}")

    def _sections(self, node: Node, path: Steps) -> Iterator[str]:
        for name, field in node["properties"].items():
            below = _below(path, name, field)
            here = [cls for cls in self._classes(field) if self._home(cls) == below and cls not in self._told]
            level = 1 + sum(step != "*" for step in below)
            several, known = len(self._classes(field)) > 1, below in self._told
            self._told |= {below, *here}
            if several and here and not known:
                yield from ("", f"{'#' * level} `{'.'.join(below)}`", "", f"{self._type(field)}.")
            for cls in here:
                definition = self._definitions[cls]
                yield from ("", f"{'#' * (level + several)} `{self._heading(cls)}`", "")
                yield _escaped(definition["description"])
                if definition["properties"].keys() - {"kind"}:
                    yield from ("", *self._table(definition))
            for cls in here:
                yield from self._sections(self._definitions[cls], below)

    def _table(self, node: Node) -> Iterator[str]:
        yield from ("| field | type | default | what it is |", "|---|---|---|---|")
        for name, field in node["properties"].items():
            if name != "kind":
                default = "required" if name in node.get("required", ()) else self._default(field)
                cells = (f"`{name}`", self._type(field), default, self._about(field))
                yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

    def _about(self, field: Node) -> str:
        classes = self._classes(field)
        inherited = self._definitions[classes[0]]["description"].split("\n\n")[0] if len(classes) == 1 else ""
        text = " ".join(field.get("description", inherited).split())
        if re.match(r"[a-z]+,?\s", text):  # a sentence, not the name of a value
            text = text[0].upper() + text[1:]
        return _escaped(text if text.endswith(".") or not text else text + ".")

    def _default(self, field: Node) -> str:
        value, classes = field.get("default"), self._classes(field)
        if isinstance(value, list) and classes:
            value = value[0]["task"]
        if isinstance(value, dict) and classes:
            value = value["kind"] if len(classes) > 1 else self._unlike(value, self._definitions[classes[0]])
        return (
            ""
            if value in (None, {})
            else f"`{yaml.safe_dump([value], default_flow_style=True, sort_keys=False).strip()[1:-1]}`"
        )

    def _unlike(self, settings: Node, definition: Node) -> Node:
        """Of settings those that are not their class's own defaults."""
        own = {name: field.get("default") for name, field in definition["properties"].items()}
        return {name: value for name, value in settings.items() if value != own[name]}

    def _type(self, field: Node) -> str:
        """A type in words, with its limits; what has fields of its own as a link."""
        if members := field.get("anyOf") or field.get("oneOf"):
            return self._union(members)
        if "$ref" in field:
            return self._link(_class(field), "settings")
        if "const" in field or "enum" in field:
            return " or ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
        if "prefixItems" in field:
            kind, limits, more = self._type(field["prefixItems"][0]).partition(" (")
            return f"list of {len(field['prefixItems'])} {kind}s{limits}{more}"
        if field["type"] == "array":
            return f"list of {self._type(field['items'])}"
        if field["type"] == "object":
            return f"mapping to {self._type(field['additionalProperties'])}"
        limits = ", ".join(words.format(field[key]) for key, words in _LIMITS.items() if field.get(key) not in _UNSEEN)
        return _TYPES[field["type"]] + (f" ({limits})" if limits else "")

    def _union(self, members: list[Node]) -> str:
        several = len([member for member in members if member.get("type") != "null"]) > 1
        shown = []
        for member in members:
            if "$ref" in member and several:
                shown.append(self._link(_class(member), self._kind(_class(member))))
            else:
                shown.append("null" if member.get("type") == "null" else self._type(member))
        kinds = {f"`{self._kind(_class(member))}`" for member in members if "$ref" in member}
        return " or ".join(each for each in shown if not {*each.split(" or ")} <= kinds)  # `all` is {kind: all}

    def _link(self, cls: str, text: str) -> str:
        return f"[{text}](#{_slug(self._heading(cls))})"

    def _kind(self, cls: str) -> str:
        """What tells a class from the others that may stand in its place."""
        properties = self._definitions[cls]["properties"]
        tags = (properties.get(tag, {}).get("const") for tag in ("kind", "task"))
        fine_tuned = properties.get("method", {}).get("const") == "finetune"
        others = ", fine-tuned" if fine_tuned else ", with pairs" if "second" in properties else ""
        return next(filter(None, tags), "settings") + others

    def _classes(self, field: Any) -> list[str]:
        """The settings classes that a field can hold, in order."""
        if isinstance(field, list):
            return list(dict.fromkeys(cls for each in field for cls in self._classes(each)))
        if not isinstance(field, dict):
            return []
        inside = [field.get(key) for key in ("anyOf", "oneOf", "items", "additionalProperties")]
        return [_class(field)] if "$ref" in field else self._classes(inside)


def _below(path: Steps, name: str, field: Node) -> Steps:
    """A field as a path; an entry of a mapping or a list of settings is a star."""
    return (*path, name, *(["*"] if field.get("type") in ("object", "array") else []))


def _class(field: Node) -> str:
    return str(field["$ref"]).rpartition("/")[2]


def _slug(heading: str) -> str:
    """As headings are linked to, on GitHub and on the site."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading)).lower()


def _escaped(text: str) -> str:
    """Markdown in which a star outside of code is a star."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("*", r"\*") for part in parts)


def main() -> None:
    """Writes the pages."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    SCALE.write_text(scale_page(SCALE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
