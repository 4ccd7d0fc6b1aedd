"""Numbers that others have published, read from a YAML file as readable as the tables that they come from."""

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Self

import langcodes
import yaml
from pydantic import Field, FiniteFloat, ValidationError, model_validator

from equiglot.errors import InputError
from equiglot.evaluation import Metric, group_language
from equiglot.report.data import Published, PublishedNumber
from equiglot.report.parts import Part

_NUMBER = re.compile(r"([-\N{MINUS SIGN}]?\d+(?:\.\d+)?)(?:\s*±\s*(\d+(?:\.\d+)?))?")


class _Doubt(Part):
    """Why one number may not be what was meant."""

    row: str
    model: str
    source: str | None = None
    says: str


class _Table(Part):
    """A table as it is printed: a row is a group or a language, with `sources` many numbers of each model."""

    table: str
    task: str
    metric: Metric
    models: tuple[str, ...] = Field(min_length=1)
    sources: tuple[str | None, ...] = Field((None,), min_length=1)
    rows: dict[str, tuple[FiniteFloat | str | None, ...]] = Field(min_length=1)
    doubts: tuple[_Doubt, ...] = ()

    @property
    def columns(self) -> tuple[tuple[str, str | None], ...]:
        """(model, source) of each number of a row."""
        return tuple((model, source) for model in self.models for source in self.sources)

    @model_validator(mode="after")
    def _check(self) -> Self:
        wanted = len(self.columns)
        for name, cells in self.rows.items():
            if len(cells) != wanted:
                raise ValueError(f"row {name} has {len(cells)} numbers, and models times sources make {wanted}")
            for cell in cells:
                if isinstance(cell, str) and not _NUMBER.fullmatch(cell.strip()):
                    raise ValueError(f"{cell!r} in row {name} is neither a number nor written as 87.1 ± 0.3")
        for doubt in self.doubts:
            if doubt.row not in self.rows or (doubt.model, doubt.source) not in self.columns:
                place = ", ".join(filter(None, (doubt.row, doubt.model, doubt.source)))
                raise ValueError(f"there is no number ({place}) to doubt")
        return self


class _File(Part):
    source: str
    scale: str
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    tables: tuple[_Table, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        rows = {row for table in self.tables for row in table.rows if row not in self.groups}
        for code in sorted(rows | {code for codes in self.groups.values() for code in codes}):
            if not langcodes.tag_is_valid(code):
                raise ValueError(f"{code!r} is neither a language code nor one of `groups`")
        return self


def published_names() -> tuple[str, ...]:
    """The names of what comes with Equiglot."""
    files = (resources.files("equiglot.report") / "published").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def read_published(name: str) -> Published:
    """The numbers in a YAML file, or of a built-in name.

    Raises:
        InputError: no such file or name, no YAML, or a field of it is missing or wrong.
    """
    tree = _tree(name)
    try:
        file = _File.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        what = re.sub(r"valid dictionary or instance of \w+", "mapping", first["msg"].removeprefix("Value error, "))
        raise InputError(
            f"published numbers cannot be read: {what}",
            where=f"{name}, field {field}" if field else name,
            fix="correct it; `paper1-shared` is an example",
        ) from None
    numbers = tuple(number for table in file.tables for number in _numbers(table, file.groups))
    return Published(source=file.source, scale=file.scale, groups=file.groups, numbers=numbers)


def _tree(name: str) -> object:
    if name in published_names():
        return yaml.safe_load((resources.files("equiglot.report") / "published" / f"{name}.yaml").read_text("utf-8"))
    if not Path(name).is_file():
        fix = f"give a file that ends in .yaml, or one of: {', '.join(published_names())}"
        raise InputError("no such published numbers", where=name, fix=fix)
    try:
        return yaml.safe_load(Path(name).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise InputError(
            f"published numbers cannot be read, for they are no YAML: {problem}", where=name, fix="correct it"
        ) from None


def _numbers(table: _Table, groups: dict[str, tuple[str, ...]]) -> Iterator[PublishedNumber]:
    doubts = {(doubt.row, doubt.model, doubt.source): doubt.says for doubt in table.doubts}
    for row, cells in table.rows.items():
        for (model, source), cell in zip(table.columns, cells, strict=True):
            if cell is not None:
                value, deviation = _value(cell)
                yield PublishedNumber(
                    table=table.table,
                    task=table.task,
                    metric=table.metric,
                    language=group_language(row) if row in groups else row,
                    source=source,
                    model=model,
                    value=value,
                    deviation=deviation,
                    doubt=doubts.get((row, model, source), ""),
                )


def _value(cell: float | str) -> tuple[float, float | None]:
    """A number, and the standard deviation that stands behind it."""
    found = _NUMBER.fullmatch(cell.strip()) if isinstance(cell, str) else None
    if found is None:
        return float(cell), None
    return float(found[1].replace("\N{MINUS SIGN}", "-")), None if found[2] is None else float(found[2])
