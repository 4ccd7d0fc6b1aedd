"""Where the recipes of several runs differ, field by field, as text that a table can hold."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from equiglot.files import canonical_json
from equiglot.report import Field

_MISSING = object()
_SHOWN = 200  # characters of a value


def changed_fields(trees: Sequence[Any]) -> list[Field]:
    """Where recipes differ; what a model only has from the recipe's own settings is not told again.

    Args:
        trees: the recipes, JSON-able.
    """
    found = {path: values for path, values in _leaves(trees, ())}
    kept = {
        path: values
        for path, values in found.items()
        if not (path[0] == "models" and path[2:3] in (("encoder",), ("training",)) and found.get(path[2:]) == values)
    }
    return [Field(name=".".join(path), values=values) for path, values in kept.items()]


def _leaves(trees: Sequence[Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    if all(isinstance(tree, dict) for tree in trees):
        for key in dict.fromkeys(key for tree in trees for key in tree):
            yield from _leaves([tree.get(key, _MISSING) for tree in trees], (*path, key))
    elif any(isinstance(tree, dict) for tree in trees) and any(tree is _MISSING for tree in trees):
        yield path, tuple("" if tree is _MISSING else "there" for tree in trees)
    else:
        values = tuple(map(_value, trees))
        if len(set(values)) > 1:
            yield path, _shown(values)


def _value(tree: Any) -> str:
    return "" if tree is _MISSING else tree if isinstance(tree, str) else canonical_json(tree)


def _shown(values: Sequence[str]) -> tuple[str, ...]:
    """Long values cut to where they begin to differ."""
    given = set(values) - {""}
    same = sum(1 for _ in takewhile(lambda signs: len(set(signs)) == 1, zip(*given, strict=False)))
    long = len(given) > 1 and max(map(len, given)) > _SHOWN
    start = max(0, same - _SHOWN // 4) if long else 0
    return tuple(_cut(value, start) for value in values)


def _cut(text: str, start: int) -> str:
    dots = "\N{HORIZONTAL ELLIPSIS}"
    part = text[start : start + _SHOWN]
    return f"{dots if start and text else ''}{part}{dots if start + _SHOWN < len(text) else ''}"
