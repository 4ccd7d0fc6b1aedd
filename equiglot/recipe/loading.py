"""From a file, a built-in name or a plain tree to a checked recipe, and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from equiglot.errors import InputError, refusal
from equiglot.reading import read_yaml, read_yaml_text
from equiglot.recipe.checks import check_recipe
from equiglot.recipe.messages import readable, shortened
from equiglot.recipe.names import nearest
from equiglot.recipe.reading import (
    NAMED,
    Origin,
    Tree,
    expand_variables,
    override,
    plain,
    read_tree,
    rooted,
    without_nulls,
)
from equiglot.recipe.settings import PLACEHOLDER, Recipe
from equiglot.settings import Settings

_S = TypeVar("_S", bound=Settings)


def load_recipe(source: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a file or of a built-in name, with `a.b.c=value` overrides laid over it.

    Relative paths are relative to the recipe's folder, a built-in recipe's to the current one; $VARIABLES in them are
    replaced.

    Raises:
        InputError: no such recipe, no YAML, an unknown field, a wrong value, a contradiction, text that is missing.
    """
    tree, origin, base = read_tree(source)
    paths = []
    for assignment in overrides:
        tree, path = _apply(tree, assignment)
        paths.append(path)
    return parse_recipe(tree, base, Origin(origin.files, tuple(paths)))


def parse_recipe(tree: Any, base: Path, origin: Origin | None = None) -> Recipe:
    """The recipe that a plain tree (as of YAML) stands for, its paths resolved against `base`, checked.

    Raises:
        InputError: as `load_recipe`.
    """
    origin = origin or Origin((("recipe", None),))
    recipe = validate_recipe(rooted(expand_variables(tree, origin), base, origin), origin)
    try:
        check_recipe(recipe)
    except InputError as error:
        place = error.where or ""
        field = _join_dotted_names(plain(recipe), place.split("."))
        raise InputError(
            error.what, where=origin.place(field) if field[0] in Recipe.model_fields else place, fix=error.fix
        ) from None
    return recipe


def validate_recipe(tree: Any, origin: Origin) -> Recipe:
    """The recipe that a plain tree stands for; its text is not looked at.

    Raises:
        InputError: an unknown field, a wrong value.
    """
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        raise readable(error, origin) from None


def read_settings(path: Path, kind: type[_S]) -> _S:
    """Settings that are no part of a recipe, in a YAML file of their own.

    Raises:
        InputError: no such file, no YAML, an unknown field, a wrong value.
    """
    try:
        tree, node = read_yaml(read_yaml_text(path), str(path))
    except OSError as error:
        raise refusal(error, path) or error from None
    if not isinstance(tree, dict | None):
        raise InputError("this is not a mapping of fields to values", where=path, fix="write it as field: value")
    try:
        return kind.model_validate(tree or {})
    except ValidationError as error:
        raise readable(error, Origin(((str(path), node),)), kind) from None


def recipe_tree(recipe: Recipe) -> Tree:
    """A recipe as a plain tree, with all that it was given and nothing that it was not; `parse_recipe` reads it."""
    tree = plain(recipe)
    assert isinstance(tree, dict)
    return {**tree, "models": {name: _own(model, tree) for name, model in tree["models"].items()}}


def _own(model: Tree, tree: Tree) -> Tree:
    """A model without the encoder and training settings that it has from the recipe."""
    parts = {
        part: {
            key: value
            for key, value in model[part].items()
            if key not in tree.get(part, {}) or tree[part][key] != value
        }
        for part in ("encoder", "training")
        if part in model
    }
    others = {key: value for key, value in model.items() if key not in parts}
    return {**others, **{part: own for part, own in parts.items() if own}}


def recipe_text(recipe: Recipe) -> str:
    """`recipe_tree` as YAML."""
    return str(yaml.safe_dump(recipe_tree(recipe), sort_keys=False, allow_unicode=True, width=110))


def recipe_schema() -> Tree:
    """The JSON Schema of recipe files, for editors."""
    schema = Recipe.model_json_schema()
    required = schema.pop("required")
    for part in schema["$defs"].values():
        # What is missing here may stand in the recipe that this one is laid over; without a method, a task is probed.
        if "method" in part.pop("required", ()):
            part["required"] = ["method"]
    for name in NAMED:
        entries = schema["properties"][name]["additionalProperties"]
        taken_out = {"type": "null", "description": "Takes out what the recipe below has under this name."}
        schema["properties"][name]["additionalProperties"] = {"anyOf": [entries, taken_out]}
    extends = {"type": "string", "description": "A recipe (a file or a built-in name) that this one is laid over."}
    schema["properties"] = {"extends": extends, **schema["properties"]}
    return {**schema, "anyOf": [{"required": required}, {"required": ["extends"]}]}


def _apply(tree: Tree, assignment: str) -> tuple[Tree, tuple[str, ...]]:
    """`tree` with a.b.c=value laid over it, and the path."""
    key, equals, text = assignment.partition("=")
    path, where = key.strip().split("."), f"--set {key}"
    if not equals or not all(path):
        raise InputError(f"{assignment!r} is no assignment", where="--set", fix="write it as a.b.c=value")
    path = _join_dotted_names(tree, path)
    if path[0] in NAMED and len(path) > 2:  # a misspelt name would be a new one
        known = tuple(tree[path[0]]) if isinstance(tree.get(path[0]), dict) else ()
        if path[1] not in known:
            template = next((name for name in known if path[1] in _written_out(name, tree)), None)
            fix = template and f"it is made by the template {template!r}: change that"
            fix = fix or nearest(path[1], known) or f"there is: {', '.join(known)}"
            raise InputError(f"the recipe has no {path[1]!r} in `{path[0]}`", where=where, fix=fix)
    try:
        value, _ = read_yaml(text, where)
    except InputError as error:
        what = f"{shortened(text)} is no YAML value: {error.what.removeprefix('not YAML: ')}"
        raise InputError(what, where=where, fix="put it in quotes") from None
    try:
        return without_nulls(override(_with_default(tree, path), path, value), tree), tuple(path)
    except LookupError as error:
        raise InputError(str(error.args[0]), where=where, fix="name one of them, or set the whole list") from None


def _with_default(tree: Tree, path: list[str]) -> Tree:
    """`tree` with the list written out that `path` enters, where the recipe leaves it at its default."""
    for field in (path[:length] for length in range(1, len(path))):
        default = _default(tree, field)
        if _at(tree, field) is None and isinstance(default, list | tuple):
            tree = override(tree, field, plain(default))
    return tree


def _default(tree: Tree, field: list[str]) -> Any:
    """What holds where a recipe says nothing: for a model what it says of all, or else the settings' own default."""
    shared = field[2:] if field[0] == "models" else field
    value: Any = _at(tree, shared)
    if value is None and shared[0] in Recipe.model_fields:
        value = Recipe.model_fields[shared[0]].default
        for step in shared[1:]:
            value = getattr(value, step, None)
    return value


def _at(tree: Any, path: list[str]) -> Any:
    """What a tree has at a path; None where it has nothing."""
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def _written_out(name: str, tree: Tree) -> list[str]:
    """The names of the models that a template makes."""
    languages = tree.get("languages") if PLACEHOLDER in name else None
    return [name.replace(PLACEHOLDER, str(code)) for code in languages] if isinstance(languages, dict) else []


def _join_dotted_names(tree: Any, path: list[str]) -> list[str]:
    """`path` with steps joined where the tree has a name that itself contains dots (models.v1.5 ...)."""
    if not path or not isinstance(tree, dict):
        return path
    for length in range(len(path), 0, -1):
        name = ".".join(path[:length])
        if name in tree:
            return [name, *_join_dotted_names(tree[name], path[length:])]
    return path
