"""Laying one tree of settings over another."""

from typing import Any

# Two ways to say one thing: who says the one takes back the other.
_ALTERNATIVES = ({"epochs", "updates"}, {"sentences", "tokens"})


def merge(below: Any, above: Any) -> Any:
    """`above` over `below`: mappings are merged key by key, everything else is replaced.

    A mapping that names its `kind` replaces one of another kind, and of two alternatives (`epochs` and `updates`, a
    batch's `sentences` and `tokens`) the one given above stays alone.
    """
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    if "kind" in above and above["kind"] != below.get("kind"):
        return above
    dropped = {other for pair in _ALTERNATIVES for key in pair & above.keys() for other in pair - above.keys()}
    kept = {key: value for key, value in below.items() if key not in dropped}
    return {**kept, **{key: merge(kept.get(key), value) if key in kept else value for key, value in above.items()}}


def override(tree: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """`tree` with `value` at `path`; a list is entered by number."""
    nested: Any = value
    for key in reversed(path):
        nested = {key: nested}
    return _merge_lists(tree, nested)


def _merge_lists(below: Any, above: Any) -> Any:
    if isinstance(below, list) and isinstance(above, dict) and all(str(key).isdigit() for key in above):
        return [_merge_lists(each, above[str(n)]) if str(n) in above else each for n, each in enumerate(below)]
    if isinstance(below, dict) and isinstance(above, dict) and "kind" not in above:
        (key,) = above
        merged = _merge_lists(below[key], above[key]) if key in below else above[key]
        return dict(merge(below, {key: merged}) if not isinstance(merged, dict) else {**below, key: merged})
    return merge(below, above)
