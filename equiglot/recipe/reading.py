"""The files of a recipe: YAML, what each extends, how trees are laid over one another, and where a field stands."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from equiglot.corpus.hub import names_folder
from equiglot.corpus.paths import absolute_path
from equiglot.errors import InputError
from equiglot.reading import read_yaml, read_yaml_text
from equiglot.recipe.names import nearest

# Two ways to say one thing: who says the one takes back the other.
_ALTERNATIVES = ({"epochs", "updates"}, {"sentences", "tokens"}, {"model", "folder"})
_TAGS = ("kind", "task")
_SHORT = {"balance": "kind", "evaluation": "task"}  # fields in which a name alone stands for a mapping with this tag
NAMED = ("languages", "models")  # mappings whose keys the user chooses


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


def without_nulls(tree: Any, below: Any) -> Any:
    """`tree`, laid over the recipe `below`, without those languages and models of `below` that are null in it."""
    for part in NAMED:
        entries, known = tree.get(part), below.get(part)
        if isinstance(entries, dict) and isinstance(known, dict):
            kept = {name: entry for name, entry in entries.items() if entry is not None or known.get(name) is None}
            tree = {**tree, part: kept}
    return tree


def override(tree: Any, path: Sequence[str], value: Any, tag: str | None = None) -> Any:
    """`tree` with `value` laid over what stands at `path`; a list is entered by number, counted from 0.

    Args:
        tree: what is written so far.
        path: keys and numbers.
        value: what is laid over it.
        tag: the field of the mapping that a string stands for here.

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
        return [*tree[:number], override(tree[number], rest, value, tag), *tree[number + 1 :]]
    below = {tag: tree} if tag and isinstance(tree, str) else tree if isinstance(tree, dict) else {}
    return merge(below, {key: override(below.get(key), rest, value, _SHORT.get(key))})


def plain(value: Any) -> Any:
    """Settings as a plain tree, with all that they were given (and their tags) and nothing that they were not."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        given = {name: field.alias or name for name, field in fields if name in {*value.model_fields_set, *_TAGS}}
        return {called: plain(getattr(value, name)) for name, called in given.items()}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


Tree = dict[str, Any]
_LONGEST_CHAIN = 20  # recipes that extend each other


@dataclass(frozen=True)
class Origin:
    """Where a recipe was read, so that messages can name the line of a field.

    Attributes:
        files: (name, YAML nodes) of the recipe and of what it extends, the uppermost first.
        overrides: the dotted paths that were laid over it.
    """

    files: tuple[tuple[str, yaml.Node | None], ...]
    overrides: tuple[tuple[str, ...], ...] = ()

    def place(self, path: Sequence[Any]) -> str:
        """file:line and the dotted field; of several files the uppermost that says most about the field."""
        field = ".".join(map(str, path))
        # What a model does not say itself, the recipe says for all.
        shared = len(path) > 2 and path[0] == "models" and path[2] in ("encoder", "training")
        paths = [path, path[2:]] if shared else [path]
        found = [(*_find_node(node, each), file) for each in paths for file, node in self.files]
        unknown, line, file = min(found, key=lambda each: each[0])
        place = f"{file}:{line}, field {field}" if line else f"{file}, field {field}"
        steps = tuple(map(str, path))
        for given in self.overrides:
            if steps[: len(given)] == given or (unknown and given[: len(steps)] == steps):
                return f"--set {'.'.join(given)}, field {field}"
            if given[: len(steps)] == steps:
                return f"{place}, with --set {'.'.join(given)}"
        return place


def _find_node(node: yaml.Node | None, path: Sequence[Any]) -> tuple[int, int | None]:
    """How many steps of `path` a file does not know, and the line of the last one that it knows."""
    line = None
    for depth, key in enumerate(path):
        if isinstance(node, yaml.MappingNode):
            pairs = {each.value: (each, value) for each, value in node.value}
            if str(key) not in pairs:
                return len(path) - depth, line
            name, node = pairs[str(key)]
            line = name.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            return len(path) - depth, line
    return 0, line


def builtin_recipes() -> dict[str, str]:
    """Name -> one line about it, for the recipes that come with Equiglot."""
    library = resources.files("equiglot.recipe") / "library"
    texts = {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for entry in library.iterdir()
        if entry.name.endswith(".yaml")
    }
    return {name: str(read_yaml(text, name)[0].get("description", "")) for name, text in sorted(texts.items())}


def read_tree(source: str | Path, chain: tuple[str, ...] = ()) -> tuple[Tree, Origin, Path]:
    """A recipe's tree with what it extends below it, where it was read, and the folder its paths are relative to.

    Paths in a file that is extended are relative to its own folder.

    Raises:
        InputError: no such recipe, not UTF-8, not YAML or too much of it, a name twice, recipes that extend each other
            in a circle or without end.
    """
    text, file, base = _find(source)
    if len(chain) > _LONGEST_CHAIN:
        what = f"more than {_LONGEST_CHAIN} recipes extend each other"
        raise InputError(what, where=file, fix="put what they say into fewer files")
    if file in chain:
        circle = " -> ".join((*chain, file))
        raise InputError(f"recipes extend each other in a circle: {circle}", where=file, fix="take one `extends` out")
    tree, node = _parse(text, file)
    origin = Origin(((file, node),))
    if base is not None:
        tree = rooted(expand_variables(tree, origin), base, origin)
    if "extends" in tree:
        parent = tree.pop("extends")
        if not isinstance(parent, str):
            what = f"`extends` takes the name of one recipe or file, not {parent!r}"
            raise InputError(what, where=origin.place(["extends"]), fix="write one, or leave `extends` out")
        beside = (base or Path.cwd()) / parent
        try:
            known = _builtin(parent) is not None or not beside.is_file()
            below, under, _ = read_tree(parent if known else beside, (*chain, file))
        except InputError as error:
            raise error if error.where != parent else _unknown_parent(error, origin) from None
        tree, origin = without_nulls(merge(below, tree), below), Origin(origin.files + under.files)
    return tree, origin, base or Path.cwd()


def _unknown_parent(error: InputError, origin: Origin) -> InputError:
    return InputError(f"{error.what}: {error.where!r}", where=origin.place(["extends"]), fix=error.fix)


def _find(source: str | Path) -> tuple[str, str, Path | None]:
    """A recipe's text, what it is called in messages, and its folder; a built-in one has none."""
    if (text := _builtin(str(source))) is not None:
        return text, str(source), None
    path = Path(source)
    if path.is_file():
        return read_yaml_text(path), str(path), path.resolve().parent
    known = tuple(builtin_recipes())
    fix = nearest(str(source), known) or f"give a YAML file, or one of: {', '.join(known)}"
    raise InputError("no such recipe", where=source, fix=fix)


def _builtin(name: str) -> str | None:
    """The text of a built-in recipe; a file that is called so is named as a path, ./demo."""
    entry = resources.files("equiglot.recipe") / "library" / f"{name}.yaml"
    return entry.read_text(encoding="utf-8") if "/" not in name and entry.is_file() else None


def _parse(text: str, file: str) -> tuple[Tree, yaml.Node]:
    tree, node = read_yaml(text, file)
    if not isinstance(tree, dict) or node is None:
        what = "the recipe is empty" if tree is None else "a recipe is a YAML mapping"
        raise InputError(what, where=file, fix="see `equiglot recipes` for examples")
    return tree, node


def rooted(tree: Any, base: Path, origin: Origin) -> Any:
    """`tree` with every path of a file made absolute; relative ones start at the folder `base`.

    Raises:
        InputError: one begins with the home of a user that there is not; it is not clear whether a name on the hub is
            meant or a folder.
    """

    def absolute(value: str, path: tuple[Any, ...]) -> str:
        try:
            if _is_path(path, value):
                return absolute_path(value, base)
            if _is_on_hub(path):
                _check_name(value, base)
        except InputError as error:
            raise InputError(error.what, where=origin.place(path), fix=error.fix) from None
        return value

    return _map_texts(tree, absolute)


def _check_name(name: str, base: Path) -> None:
    """Refuses a name on the hub that can be none, and one that a folder beside the recipe has, too.

    A path says that it is one; what a recipe means does not depend on what else lies in its folder.
    """
    if name.count("/") > 1:
        what = f"{name} is no name on the hub (name, or owner/name), and does not say that it is a path"
        raise InputError(what, fix=f"write ./{name}")
    if (base / name / "config.json").is_file() or ("/" in name and (base / name).is_dir()):
        what = f"{name} is a name on the hub, and there is a folder of the same name: {base / name}"
        raise InputError(what, fix=f"write ./{name} for the folder; for the hub's, rename or move the folder")


def expand_variables(tree: Any, origin: Origin) -> Any:
    """`tree` with $VARIABLES in paths replaced.

    Raises:
        InputError: one is not set.
    """

    def expand(value: str, path: tuple[Any, ...]) -> str:
        if not _is_path(path, value):
            return value
        expanded = os.path.expandvars(value)
        if "$" in expanded:
            what = f"{value!r} names an environment variable that is not set"
            raise InputError(what, where=origin.place(path), fix="export it")
        return expanded

    return _map_texts(tree, expand)


def _map_texts(tree: Any, change: Callable[[str, tuple[Any, ...]], str]) -> Any:
    def walk(node: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(node, dict):
            return {key: walk(value, (*path, key)) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value, (*path, number)) for number, value in enumerate(node)]
        return change(node, path) if isinstance(node, str) else node

    return walk(tree, ())


def _is_path(field: tuple[Any, ...], value: str) -> bool:
    match field:
        case ("languages", _, "text") | ("languages", _, "text", int()) | ("languages", _, "text", "paths", *_):
            return True
        case ("models", _, "from", "folder"):
            return True
        case ("report", "published"):
            return value.endswith((".yaml", ".yml")) or names_folder(value)  # and not the name of a built-in one
        case ("evaluation", _, "data", *steps) if {"train", "dev", "test", "all"} & {*steps}:
            return any(sign in value for sign in "/.*$~")  # and not the name of a dataset's split
    return _is_on_hub(field) and names_folder(value)


def _is_on_hub(field: tuple[Any, ...]) -> bool:
    """Whether a field takes the name of a model or dataset on the hub, or a folder that says it is one (./)."""
    match field:
        case ("models", _, "existing") | ("languages", _, "text", "dataset"):
            return True
        case ("evaluation", _, "data", *steps):
            return "dataset" in steps  # of all languages, or of one
    return False
