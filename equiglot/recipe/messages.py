"""What pydantic found wrong, as one message with file, line, field and remedy."""

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from equiglot.errors import InputError
from equiglot.recipe.names import nearest
from equiglot.recipe.reading import Origin
from equiglot.recipe.settings import Recipe
from equiglot.settings import fields_of

# How members of unions are called.
_UNIONS = ("tuple[", "list[", "literal[", "dict[", "tagged-union[", "function-", "str", "single")
_FIX = "`equiglot schema` describes every field"
_MOST_BITS = 4_000
_LONGEST = 60  # characters of a wrong value that are shown


def readable(error: ValidationError, origin: Origin, settings: type[BaseModel] = Recipe) -> InputError:
    """The first thing that is wrong; an unknown field before all others, since it may be a missing one misspelt."""
    found = error.errors(include_url=False)
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    path, known = _walk(first["loc"], settings)
    where = origin.place(path)
    if first["type"] == "extra_forbidden":
        fix = nearest(str(path[-1]), known) or f"fields here: {', '.join(known)}"
        return InputError(f"unknown field {path[-1]!r}", where=where, fix=fix)
    if first["type"] == "missing":
        return InputError(f"the field {path[-1]!r} is missing", where=where, fix="add it")
    if first["type"].startswith("union_tag"):
        return _wrong_kind(first["ctx"], where)
    # A union has one complaint for each of its members.
    messages = dict.fromkeys(each["msg"] for each in found if _walk(each["loc"], settings)[0] == path)
    message = ", or: ".join(each.removeprefix("Value error, ") for each in messages)
    return InputError(
        message + _shown(first["input"]), where=where, fix=_FIX if settings is Recipe else "correct the value"
    )


def _wrong_kind(context: dict[str, Any], where: str) -> InputError:
    tag = context["discriminator"].strip("'")
    if "tag" not in context:
        return InputError(f"the field {tag!r} is missing", where=where, fix=f"add it, or write only the {tag}")
    known = context["expected_tags"].replace("'", "").split(", ")
    fix = nearest(context["tag"], tuple(known)) or f"there is: {', '.join(known)}"
    return InputError(f"unknown {tag} {context['tag']!r}", where=where, fix=fix)


def _shown(value: Any) -> str:
    if not isinstance(value, str | int | float | bool):
        return ""
    return f" (given: {shortened(value)})"


def shortened(value: str | int | float) -> str:
    """A value as Python writes it, cut where it is long; a whole number of thousands of digits cannot be written."""
    text = hex(value) if isinstance(value, int) and value.bit_length() > _MOST_BITS else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _walk(location: Sequence[Any], settings: type[BaseModel]) -> tuple[list[Any], tuple[str, ...]]:
    """pydantic's location without the names of union members, and the fields that exist at its last step."""
    path: list[Any] = []
    types: list[Any] = [settings]
    known: tuple[str, ...] = ()
    for step in location:
        models = [each for each in types if isinstance(each, type) and issubclass(each, BaseModel)]
        fields = {name: info for model in models for name, info in fields_of(model).items()}
        tagged = [model for model in models if step in (_kind(model), _tag(model, "method"), model.__name__)]
        if tagged and (len(models) > 1 or step not in fields):
            types = tagged
            continue
        if isinstance(step, str) and step.startswith(_UNIONS):
            continue
        known = tuple(fields)
        path.append(step)
        if step in fields:
            types = members(fields[step].annotation)
        else:
            types = [inner for each in types for inner in inside(each)]
    return path, known


def _kind(model: type[BaseModel]) -> str | None:
    """The tag of a union's member: all that its `kind` or `task` can be."""
    return _tag(model, "kind") or _tag(model, "task")


def _tag(model: type[BaseModel], name: str) -> str | None:
    """The first value that a field of literals can have; None where there is no such field."""
    field = model.model_fields.get(name)
    return str(get_args(field.annotation)[0]) if field is not None and get_args(field.annotation) else None


def members(annotation: Any) -> list[Any]:
    """The types that an annotation allows, unions and Annotated opened."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [member for each in get_args(annotation) for member in members(each)]
    return [annotation]


def inside(annotation: Any) -> list[Any]:
    """The types of a mapping's values or a sequence's items."""
    arguments = [each for each in get_args(annotation) if each is not Ellipsis]
    return members(arguments[-1]) if get_origin(annotation) in (dict, tuple, list) and arguments else []
