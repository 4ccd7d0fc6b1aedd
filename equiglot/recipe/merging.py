"""Laying one tree of settings over another."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

# Two ways to say one thing: who says the one takes back the other.
_ALTERNATIVES = ({"epochs", "updates"}, {"sentences", "tokens"}, {"model", "folder"})
_TAGS = ("kind", "task")


def merge(below: Any, above: Any) -> Any:
    """`above` over `below`: mappings are merged key by key, everything else is replaced.

    A mapping that names its `kind` replaces one of another kind, and of two alternatives (`epochs` and `updates`, a
    batch's `sentences` and `tokens`, a `model` and a `folder`) the one given above stays alone.
    """
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    if "kind" in above and above["kind"] != below.get("kind"):
        return above
    dropped = {other for pair in _ALTERNATIVES for key in pair & above.keys() for other in pair - above.keys()}
    kept = {key: value for key, value in below.items() if key not in dropped}
    return {**kept, **{key: merge(kept.get(key), value) if key in kept else value for key, value in above.items()}}


def override(tree: Any, path: Sequence[str], value: Any) -> Any:
    """`tree` with `value` laid over what stands at `path`; a list is entered by number, counted from 0.

    Raises:
        LookupError: a list has no such item.
    """
    if not path:
        return merge(tree, value)
    key, *rest = path
    if isinstance(tree, list):
        if not key.isdecimal() or int(key) >= len(tree):
            raise LookupError(f"the list has items 0 to {len(tree) - 1}, not {key!r}" if tree else "the list is empty")
        number = int(key)
        return [*tree[:number], override(tree[number], rest, value), *tree[number + 1 :]]
    below = tree if isinstance(tree, dict) else {}
    return merge(below, {key: override(below.get(key), rest, value)})


def plain(value: Any) -> Any:
    """Settings as a plain tree, with all that they were given (and their tags) and nothing that they were not."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        given = {name: field.alias or name for name, field in fields if name in {*value.model_fields_set, *_TAGS}}
        return {called: plain(getattr(value, name)) for name, called in given.items()}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
