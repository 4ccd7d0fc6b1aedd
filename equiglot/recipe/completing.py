"""What the shell offers when Tab is pressed: recipes, runs, models, and fields of a recipe; torch is not imported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel

from equiglot.errors import InputError
from equiglot.recipe.messages import inside, members
from equiglot.recipe.reading import builtin_recipes, read_tree
from equiglot.recipe.settings import Recipe
from equiglot.run import RunDirectory
from equiglot.settings import fields_of


def complete_recipes(begun: str) -> list[str]:
    """Built-in names and YAML files that begin so; folders too, as there may be more in them."""
    names = [name for name in builtin_recipes() if name.startswith(begun)]
    return names + _entries(begun, lambda path: path.suffix in (".yaml", ".yml"))


def complete_runs(begun: str) -> list[str]:
    """Run folders that begin so, and other folders."""
    return _entries(begun, _is_run)


def complete_models(begun: str) -> list[str]:
    """Model folders, run folders and RUN/model that begin so, and other folders."""
    run, slash, name = begun.rpartition("/")
    if slash and _holds(_is_run, Path(run)):
        models = RunDirectory(Path(run)).model("*").parent.glob("*/config.json")
        return sorted(f"{run}/{each.parent.name}" for each in models if each.parent.name.startswith(name))
    return _entries(begun, lambda path: _is_run(path) or (path / "config.json").is_file())


def complete_fields(begun: str, recipe: str | None = None) -> list[str]:
    """Dotted fields that begin so; of a single one that has fields of its own, those: models.student.training.updates.

    Args:
        begun: what is typed already.
        recipe: the file or built-in recipe whose languages and models are offered.
    """
    try:
        tree: Any = read_tree(recipe)[0] if recipe else {}
    except (InputError, OSError):
        tree = {}
    *above, last = begun.split(".")
    types: list[Any] = [Recipe]
    for step in above:
        types, tree = _below(types, step), _entry(tree, step)
    found = [name for name in _names(types, tree) if name.startswith(last)]
    while len(found) == 1 and _names(_below(types, found[0]), _entry(tree, found[0])):
        above, types, tree = [*above, found[0]], _below(types, found[0]), _entry(tree, found[0])
        found = _names(types, tree)
    return [".".join([*above, name]) for name in found]


def _names(types: list[Any], tree: Any) -> list[str]:
    """What can stand next in a dotted field: fields of settings, and what the recipe itself calls its entries."""
    fields = [name for model in _models(types) for name in fields_of(model)]
    if any(get_origin(each) is dict for each in types) and isinstance(tree, dict):
        fields += tree
    if any(get_origin(each) in (tuple, list) for each in types) and isinstance(tree, list):
        fields += map(str, range(len(tree)))
    return list(dict.fromkeys(fields))


def _below(types: list[Any], step: str) -> list[Any]:
    """The types that a field, or an entry of a mapping or list, may have."""
    fields = [fields_of(model)[step].annotation for model in _models(types) if step in fields_of(model)]
    entered = [each for each in types if get_origin(each) is dict or step.isdecimal()]
    return [each for field in fields for each in members(field)] or [
        each for outer in entered for each in inside(outer)
    ]


def _models(types: list[Any]) -> list[type[BaseModel]]:
    return [each for each in types if isinstance(each, type) and issubclass(each, BaseModel)]


def _entry(tree: Any, step: str) -> Any:
    if isinstance(tree, list):
        return tree[int(step)] if step.isdecimal() and int(step) < len(tree) else None
    return tree.get(step) if isinstance(tree, dict) else None


def _is_run(path: Path) -> bool:
    run = RunDirectory(path)
    return run.recipe.is_file() and run.job("any").parent.is_dir()


def _entries(begun: str, wanted: Callable[[Path], bool]) -> list[str]:
    """Paths that begin so: those that are wanted, and with a slash behind them the other folders."""
    above, slash, name = begun.rpartition("/")
    place = Path(above or "/") if slash else Path(".")
    try:
        begins = [each for each in sorted(place.iterdir()) if each.name.startswith(name)]
    except OSError:  # no folder, or none that may be read
        return []
    shown = (each for each in begins if not each.name.startswith(".") or name.startswith("."))
    named = ((each, f"{above}{slash}{each.name}", _holds(wanted, each)) for each in shown)
    return [text if fits else f"{text}/" for each, text, fits in named if fits or _holds(Path.is_dir, each)]


def _holds(question: Callable[[Path], bool], path: Path) -> bool:
    """Whether it is so; not so, where the system does not let us look."""
    try:
        return question(path)
    except OSError:
        return False
