"""Reading a recipe: YAML, `extends`, dotted overrides; errors that name file, line and field."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from equiglot.errors import InputError
from equiglot.recipe.checks import check_recipe, nearest
from equiglot.recipe.merging import merge, override
from equiglot.recipe.settings import Recipe


@dataclass(frozen=True)
class _Origin:
    """Where a recipe was read: its file, and the node tree that knows the lines."""

    file: str
    node: yaml.Node | None

    def place(self, path: Sequence[Any]) -> str:
        """file:line, and the dotted field."""
        node, line = self.node, None
        for key in path:
            if isinstance(node, yaml.MappingNode):
                pairs = {each.value: (each, value) for each, value in node.value}
                if str(key) not in pairs:
                    break
                name, node = pairs[str(key)]
                line = name.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
                node = node.value[key]
                line = node.start_mark.line + 1
        field = ".".join(map(str, path))
        return f"{self.file}:{line}, field {field}" if line else f"{self.file}, field {field}"


def builtin_recipes() -> dict[str, str]:
    """Name -> one line about it, for the recipes that come with Equiglot."""
    library = resources.files("equiglot.recipe") / "library"
    texts = {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for entry in library.iterdir()
        if entry.name.endswith(".yaml")
    }
    return {name: str(yaml.safe_load(text).get("description", "")) for name, text in sorted(texts.items())}


def load_recipe(source: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a file or of a built-in name, with `a.b.c=value` overrides laid over it.

    Relative paths of text are relative to the recipe's folder, a built-in recipe's to the current one; $VARIABLES in
    them are replaced.

    Raises:
        InputError: no such recipe, no YAML, an unknown field, a wrong value, a contradiction, text that is missing.
    """
    tree, origin, base = _read(source, ())
    for assignment in overrides:
        tree = _apply(tree, assignment)
    return parse_recipe(tree, base, origin)


def parse_recipe(tree: Any, base: Path, origin: _Origin | None = None) -> Recipe:
    """The recipe that a plain tree (as of YAML) stands for, its text paths resolved against `base`, checked.

    Raises:
        InputError: as `load_recipe`.
    """
    origin = origin or _Origin("recipe", None)
    try:
        recipe = Recipe.model_validate(_expand_variables(tree, origin))
    except ValidationError as error:
        raise _readable(error, origin) from None
    languages = {code: _resolve(language, base) for code, language in recipe.languages.items()}
    recipe = recipe.model_copy(update={"languages": languages})
    try:
        check_recipe(recipe)
    except InputError as error:
        place = origin.place(error.where.split(".")) if error.where and not os.path.exists(error.where) else error.where
        raise InputError(error.what, where=place, fix=error.fix) from None
    return recipe


def recipe_tree(recipe: Recipe) -> dict[str, Any]:
    """A recipe as a plain tree, with all that it was given and nothing that it was not; `parse_recipe` reads it."""
    tree = _given(recipe)
    assert isinstance(tree, dict)
    return tree


def recipe_text(recipe: Recipe) -> str:
    """`recipe_tree` as YAML."""
    return str(yaml.safe_dump(recipe_tree(recipe), sort_keys=False, allow_unicode=True, width=110))


def _given(value: Any) -> Any:
    if isinstance(value, BaseModel):
        names = [name for name in type(value).model_fields if name in value.model_fields_set or name in ("kind", "task")]
        return {name: _given(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {key: _given(each) for key, each in value.items()}
    return [_given(each) for each in value] if isinstance(value, list | tuple) else value


def _resolve(language: Any, base: Path) -> Any:
    source = language.text
    return language.model_copy(update={"text": source.resolve(base)}) if hasattr(source, "resolve") else language


def _read(source: str | Path, chain: tuple[str, ...]) -> tuple[dict[str, Any], _Origin, Path]:
    """A recipe's tree with what it extends below it, where it was read, and the folder its paths are relative to."""
    text, file, base = _find(source)
    if file in chain:
        raise InputError(f"recipes extend each other in a circle: {' -> '.join((*chain, file))}", where=file)
    try:
        tree, node = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else file
        raise InputError(f"not YAML: {getattr(error, 'problem', error)}", where=where) from None
    if not isinstance(tree, dict):
        raise InputError("a recipe is a YAML mapping", where=file, fix="see `equiglot recipes` for examples")
    if "extends" in tree:
        parent = tree.pop("extends")
        beside = base / str(parent)
        below, _, _ = _read(beside if beside.is_file() else str(parent), (*chain, file))
        tree = merge(below, tree)
    return tree, _Origin(file, node), base


def _find(source: str | Path) -> tuple[str, str, Path]:
    path = Path(source)
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8"), str(path), path.resolve().parent
        except UnicodeDecodeError:
            raise InputError("the recipe is not UTF-8 text", where=path) from None
    entry = resources.files("equiglot.recipe") / "library" / f"{source}.yaml"
    if "/" not in str(source) and entry.is_file():
        return entry.read_text(encoding="utf-8"), str(source), Path.cwd()
    known = tuple(builtin_recipes())
    fix = nearest(str(source), known) or f"give a YAML file, or one of: {', '.join(known)}"
    raise InputError("no such recipe", where=source, fix=fix)


def _apply(tree: dict[str, Any], assignment: str) -> dict[str, Any]:
    key, equals, text = assignment.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise InputError(f"{assignment!r} is no assignment", where="--set", fix="write it as a.b.c=value")
    path = _join_dotted_names(tree, path)
    try:
        return override(tree, path, yaml.safe_load(text))
    except yaml.YAMLError:
        raise InputError(f"{text!r} is no YAML value", where=f"--set {key}") from None


def _join_dotted_names(tree: Any, path: list[str]) -> list[str]:
    """`path` with steps joined where the tree has a name that itself contains dots (models.v1.5 ...)."""
    if not path or not isinstance(tree, dict):
        return path
    for length in range(len(path), 0, -1):
        name = ".".join(path[:length])
        if name in tree:
            return [name, *_join_dotted_names(tree[name], path[length:])]
    return path


def _expand_variables(tree: Any, origin: _Origin) -> Any:
    languages = tree.get("languages") if isinstance(tree, dict) else None
    if not isinstance(languages, dict):
        return tree

    def expand(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: expand(each) for key, each in value.items()}
        if isinstance(value, list):
            return [expand(each) for each in value]
        expanded = os.path.expandvars(value) if isinstance(value, str) else value
        if isinstance(expanded, str) and "$" in expanded:
            raise InputError(
                f"{value!r} names an environment variable that is not set", where=origin.file, fix="export it"
            )
        return expanded

    return {**tree, "languages": expand(languages)}


def _readable(error: ValidationError, origin: _Origin) -> InputError:
    """The first thing that pydantic found wrong, as a message with file, line, field and remedy."""
    first = error.errors()[0]
    path, known = _walk(first["loc"])
    where = origin.place(path)
    if first["type"] == "extra_forbidden":
        fix = nearest(str(path[-1]), known) or f"fields here: {', '.join(known)}"
        return InputError(f"unknown field {path[-1]!r}", where=where, fix=fix)
    if first["type"] == "missing":
        return InputError(f"the field {path[-1]!r} is missing", where=where, fix="add it")
    message = first["msg"].removeprefix("Value error, ")
    given = first.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return InputError(f"{message}{shown}", where=where, fix="`equiglot schema` describes every field")


def _walk(location: Sequence[Any]) -> tuple[list[Any], tuple[str, ...]]:
    """pydantic's location without the names of union members, and the fields that exist at its last step."""
    path: list[Any] = []
    types: list[Any] = [Recipe]
    known: tuple[str, ...] = ()
    for step in location:
        models = [each for each in types if isinstance(each, type) and issubclass(each, BaseModel)]
        fields = {name: info for model in models for name, info in model.model_fields.items()}
        tagged = [model for model in models if _kind(model) == step or model.__name__ == step]
        if len(models) > 1 and tagged and step not in fields:
            types = tagged
            continue
        if isinstance(step, str) and step.startswith(("tuple[", "list[", "literal[", "dict[", "function-", "str")):
            continue
        known = tuple(fields)
        path.append(step)
        if step in fields:
            types = _members(fields[step].annotation)
        elif models:
            types = []
        else:
            types = [inner for each in types for inner in _inside(each)]
    return path, known


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    return None if field is None else str(field.default)


def _members(annotation: Any) -> list[Any]:
    """The types that an annotation allows, unions and Annotated opened."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [member for each in get_args(annotation) for member in _members(each)]
    return [annotation]


def _inside(annotation: Any) -> list[Any]:
    """The types of a mapping's values or a sequence's items."""
    arguments = [each for each in get_args(annotation) if each is not Ellipsis]
    return _members(arguments[-1]) if get_origin(annotation) in (dict, tuple, list) and arguments else []
