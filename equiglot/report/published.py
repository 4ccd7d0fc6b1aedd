"""What others have published: rows of scores, read from a YAML file as readable as the tables that they come from."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, ClassVar, Self

import langcodes
from pydantic import AfterValidator, Field, FiniteFloat, ValidationError, model_validator

from equiglot.errors import InputError
from equiglot.evaluation import METRICS, Score, group_language
from equiglot.reading import read_yaml, read_yaml_text
from equiglot.report.parts import Part

TEACHERS = "teachers"
"""In a publication, the model that stands for each language's own teacher, whatever its name."""
_NUMBER = re.compile(r"([-\N{MINUS SIGN}]?\d+(?:\.\d+)?)(?:\s*±\s*(\d+(?:\.\d+)?))?")

_Cell = FiniteFloat | str | None
_Place = Mapping[str, str | None]


class PublishedNumber(Score):
    """One number of a publication: a score of the model of the run that it is to be compared with.

    `TEACHERS` are those together, as `model` and as `reference`; `n` and `seed` are 0, for they are not known.

    Attributes:
        table: where it stands there, such as "Table 2".
        doubt: why it may not be what was meant, a phrase; empty where nothing is in doubt.
    """

    n: int = 0
    seed: int = 0
    table: str
    doubt: str = ""


class Published(Part):
    """What others have published of the same experiment.

    Attributes:
        source: the publication.
        scale: at what scale it was done there, a phrase.
        groups: name -> the codes that its groups of languages have.
        numbers: its numbers.
    """

    source: str
    scale: str
    groups: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    numbers: tuple[PublishedNumber, ...]


def _check_metrics(value: str) -> str:
    unknown = [name for name in value.split("/") if name not in METRICS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no metric: use {', '.join(METRICS)}, or two of them with / between")
    return value


_Metrics = Annotated[str, AfterValidator(_check_metrics)]
"""A metric, or two that are printed as one: f1/exact_match, of cells such as 70.3/57.5."""


class _Doubt(Part):
    """Why one number, of two in a cell the last, may not be what was meant; its table, row and column tell which."""

    row: str | None = None
    model: str
    task: str | None = None
    source: str | None = None
    says: str

    @property
    def place(self) -> dict[str, str]:
        given = {"language": self.row, "model": self.model, "task": self.task, "source": self.source}
        return {field: value for field, value in given.items() if value is not None}

    def is_of(self, place: _Place) -> bool:
        return self.place.items() <= place.items()


class _Printed(Part):
    """A table as it is printed: every cell is of its line and of its column, by the fields of `Score`."""

    size: ClassVar[str]
    table: str
    reference: str | None = None
    doubts: tuple[_Doubt, ...] = ()

    @property
    def lines(self) -> tuple[tuple[_Place, tuple[_Cell, ...]], ...]:
        raise NotImplementedError

    @property
    def columns(self) -> tuple[_Place, ...]:
        raise NotImplementedError

    @property
    def cells(self) -> Iterator[tuple[dict[str, str | None], _Cell]]:
        for line, cells in self.lines:
            for column, cell in zip(self.columns, cells, strict=True):
                yield {**line, **column}, cell

    @model_validator(mode="after")
    def _check(self) -> Self:
        for line, cells in self.lines:
            _check_row(str(*line.values()), cells, [str(column["metric"]) for column in self.columns], self.size)
        for doubt in self.doubts:
            if (found := sum(doubt.is_of(place) for place, _ in self.cells)) != 1:
                number = f"are {found} numbers" if found else "is no number"
                raise ValueError(f"there {number} ({', '.join(doubt.place.values())}) to doubt")
        return self

    def numbers(self, groups: Mapping[str, tuple[str, ...]]) -> Iterator[PublishedNumber]:
        for place, cell in self.cells:
            doubt = next((doubt.says for doubt in self.doubts if doubt.is_of(place)), "")
            row = str(place["language"])
            where = {"table": self.table, "reference": self.reference}
            yield from _numbers(
                cell, doubt, {**place, **where, "language": group_language(row) if row in groups else row}
            )


class _Table(_Printed):
    """A row is a group or a language, with `sources` many numbers of each model."""

    size: ClassVar[str] = "models times sources make"
    task: str
    metric: _Metrics
    models: tuple[str, ...] = Field(min_length=1)
    sources: tuple[str | None, ...] = Field((None,), min_length=1)
    rows: dict[str, tuple[_Cell, ...]] = Field(min_length=1)

    @property
    def lines(self) -> tuple[tuple[_Place, tuple[_Cell, ...]], ...]:
        return tuple(({"language": row}, cells) for row, cells in self.rows.items())

    @property
    def columns(self) -> tuple[_Place, ...]:
        same = {"task": self.task, "metric": self.metric}
        return tuple({**same, "model": model, "source": source} for model in self.models for source in self.sources)


class _TasksTable(_Printed):
    """A row is a model, with a number of each task; all in one language or group."""

    size: ClassVar[str] = "tasks make"
    row: str
    source: str | None = None
    tasks: dict[str, _Metrics] = Field(min_length=1)
    models: dict[str, tuple[_Cell, ...]] = Field(min_length=1)

    @property
    def lines(self) -> tuple[tuple[_Place, tuple[_Cell, ...]], ...]:
        return tuple(({"model": model}, cells) for model, cells in self.models.items())

    @property
    def columns(self) -> tuple[_Place, ...]:
        same = {"language": self.row, "source": self.source}
        return tuple({**same, "task": task, "metric": metric} for task, metric in self.tasks.items())


def _check_row(name: str, cells: Sequence[_Cell], metrics: Sequence[str], why: str) -> None:
    if len(cells) != len(metrics):
        raise ValueError(f"row {name} has {len(cells)} numbers, and {why} {len(metrics)}")
    for cell, metric in zip(cells, metrics, strict=True):
        parts = cell.split("/") if isinstance(cell, str) else [] if cell is None else [str(cell)]
        if parts and len(parts) != len(metric.split("/")):
            raise ValueError(f"{cell!r} in row {name} is not as many numbers as {metric} says")
        for part in parts if isinstance(cell, str) else ():
            if not _NUMBER.fullmatch(part.strip()):
                raise ValueError(f"{part!r} in row {name} is neither a number nor written as 87.1 ± 0.3")


class _File(Part):
    source: str
    scale: str
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    tables: tuple[_Table, ...] = ()
    across_tasks: tuple[_TasksTable, ...] = ()

    @property
    def all_tables(self) -> tuple[_Printed, ...]:
        return (*self.tables, *self.across_tasks)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.all_tables:
            raise ValueError("there are no numbers in it: give `tables` or `across_tasks`")
        rows = {str(place["language"]) for table in self.all_tables for place, _ in table.cells}
        for code in sorted((rows - self.groups.keys()) | {code for codes in self.groups.values() for code in codes}):
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
    numbers = tuple(number for table in file.all_tables for number in table.numbers(file.groups))
    return Published(source=file.source, scale=file.scale, groups=file.groups, numbers=numbers)


def _tree(name: str) -> object:
    if name in published_names():
        text = (resources.files("equiglot.report") / "published" / f"{name}.yaml").read_text("utf-8")
        return read_yaml(text, name)[0]
    if not Path(name).is_file():
        fix = f"give a file that ends in .yaml, or one of: {', '.join(published_names())}"
        raise InputError("no such published numbers", where=name, fix=fix)
    try:
        return read_yaml(read_yaml_text(Path(name)), name)[0]
    except InputError as error:
        raise InputError(f"published numbers cannot be read: {error.what}", where=error.where, fix=error.fix) from None


def _numbers(cell: _Cell, doubt: str, place: _Place) -> Iterator[PublishedNumber]:
    """The numbers of a cell: none, one, or one for each metric; a doubt is of the last."""
    if cell is None:
        return
    parts: Sequence[float | str] = cell.split("/") if isinstance(cell, str) else [cell]
    names = str(place["metric"]).split("/")
    for part, metric in zip(parts, names, strict=True):
        value, deviation = _value(part)
        said = {"doubt": doubt if metric == names[-1] else "", "value": value, "deviation": deviation}
        against = {"reference": place["reference"] or (TEACHERS if METRICS[metric].relative_to else None)}
        yield PublishedNumber.model_validate({**place, **against, **said, "metric": metric})


def _value(cell: float | str) -> tuple[float, float | None]:
    """A number, and the standard deviation that stands behind it."""
    found = _NUMBER.fullmatch(cell.strip()) if isinstance(cell, str) else None
    if found is None:
        return float(cell), None
    return float(found[1].replace("\N{MINUS SIGN}", "-")), None if found[2] is None else float(found[2])
