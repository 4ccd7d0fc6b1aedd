"""JSON Lines and Parquet files as sources: one column of text, one row a document."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pyarrow import parquet
from pydantic import Field

from equiglot.corpus.documents import LONGEST_TEXT, Document, lines_of, too_long
from equiglot.corpus.opening import numbered_lines, unreadable
from equiglot.corpus.paths import SAMPLE_BYTES, ParallelPathSource, estimate_by_start
from equiglot.errors import InputError
from equiglot.reading import without_halves


class JsonlSource(ParallelPathSource):
    """Files of JSON Lines, plain or packed: each line is an object, and one field of it a document.

    Fields in fields are written with dots. Lines of the text are its paragraphs; null and blank texts are skipped.
    """

    PATTERN: ClassVar[str] = "*.jsonl"
    FORM: ClassVar[str] = "JSON Lines"

    kind: Literal["jsonl"]
    field: str = Field("text", min_length=1, description="the field with the text; one inside another as outer.inner")
    id: str | None = Field(None, min_length=1, description="the field with a document's id; its line's number if null")

    @property
    def part(self) -> str:
        """The field."""
        return self.field

    def _documents(self, index: int, file: Path) -> Iterator[Document]:
        for number, line in numbered_lines(file):
            record = _record(line, file, number)
            paragraphs = lines_of(_text(record, self.field, file, number))
            name = f"{index}:{number}" if self.id is None else _id(record, self.id, file, number)
            if paragraphs:
                yield Document(name, paragraphs)

    def _estimate(self, files: Sequence[Path]) -> float:
        return estimate_by_start(files, lambda start: self._characters(files[0], start))

    def _characters(self, file: Path, start: bytes) -> int:
        lines = start.decode("utf-8-sig", errors="ignore").split("\n")
        cut = lines.pop() if len(start) == SAMPLE_BYTES else ""
        rows = [(number, line) for number, line in enumerate(lines, 1) if line and not line.isspace()]
        if not rows:  # the first line is longer than what was read: nearly all of it is text
            return len(cut)
        return sum(len(_text(_record(line, file, number), self.field, file, number)) for number, line in rows)

    def _nothing(self) -> str:
        return f"the field {self.field!r} is null or blank in every line"


def _record(line: str, file: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, brackets a thousand deep
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "too deep or too long"
        raise _wrong(f"is no JSON ({reason})", file, number, "write one JSON object a line") from None
    if not isinstance(record, dict):
        raise _wrong("is no JSON object", file, number, 'write one JSON object a line, such as {"text": "..."}')
    return record


def _value(record: dict[str, Any], field: str, file: Path, number: int) -> Any:
    value: Any = record
    for step in field.split("."):
        if not isinstance(value, dict) or step not in value:
            names = [str(name) for name in value] if isinstance(value, dict) else []
            near = get_close_matches(step, names, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"its fields are: {', '.join(names[:20]) or 'none'}"
            raise _wrong(f"has no field {field!r}", file, number, fix)
        value = value[step]
    return value


def _text(record: dict[str, Any], field: str, file: Path, number: int) -> str:
    value = _value(record, field, file, number)
    if value is not None and not isinstance(value, str):
        raise _wrong(f"has no text in the field {field!r}: {_shown(value)}", file, number, "name a field with a string")
    return value or ""


def _id(record: dict[str, Any], field: str, file: Path, number: int) -> str:
    value = _value(record, field, file, number)
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise _wrong(f"has no id in the field {field!r}: {_shown(value)}", file, number, "give a string or a number")
    return without_halves(str(value))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:40] + "..."


def _wrong(what: str, file: Path, number: int, fix: str) -> InputError:
    return InputError(f"Line {number:,} of {file.name} {what}.", where=f"{file}:{number}", fix=fix)


ROWS = 16  # read at a time: few, since a dictionary can hold one long text for all of them
SAMPLE_ROWS = 256  # from which the amount of all text is estimated
BUFFER_BYTES = 1 << 20
LONGEST_BYTES = 4 * LONGEST_TEXT  # in UTF-8
BREAK_UP = "break it up: a document a row"


class ParquetSource(ParallelPathSource):
    """Parquet files: each row of a column is a document; only that column is read.

    Lines of the text are its paragraphs; null and blank texts are skipped.
    """

    PATTERN: ClassVar[str] = "*.parquet"
    FORM: ClassVar[str] = "Parquet"

    kind: Literal["parquet"]
    column: str = Field("text", min_length=1, description="the column with the text")
    id: str | None = Field(None, min_length=1, description="the column with a document's id; its row's number if null")

    @property
    def part(self) -> str:
        """The column."""
        return self.column

    def _estimate(self, files: Sequence[Path]) -> float:
        rows = 0
        for file in files:
            with opened_table(file) as table:
                rows += table.metadata.num_rows
        some = [len(text or "") for _, _, text in islice(self._texts(files[0]), SAMPLE_ROWS)]
        return rows * sum(some) / max(1, len(some))

    def _documents(self, index: int, file: Path) -> Iterator[Document]:
        for number, name, text in self._texts(file):
            if paragraphs := lines_of(text or ""):
                yield Document(f"{index}:{number}" if name is None else str(name), paragraphs)

    def _texts(self, file: Path) -> Iterator[tuple[int, Any, str | None]]:
        """Number, id if there is one, and text of each row."""
        columns = [self.column] if self.id is None else [self.column, self.id]
        with opened_table(file) as table:
            for name in columns:
                check_column(table.schema_arrow, name, file)
                _check_kind(table.schema_arrow, name, file, text=name == self.column)
            check_row_groups(table.metadata, self.column, file)
            start = 0
            for batch in table.iter_batches(ROWS, columns=columns):
                texts = _values(batch.column(self.column), file, start)
                _check_lengths(texts, file, start)
                ids = [None] * len(texts)
                if self.id is not None:
                    ids = _values(batch.column(self.id), file, start)
                    _check_ids(ids, self.id, file, start)
                yield from zip(range(start, start + len(texts)), ids, texts, strict=True)
                start += len(texts)

    def _nothing(self) -> str:
        return f"the column {self.column!r} is null or blank in every row"


@contextmanager
def opened_table(file: Path) -> Iterator[parquet.ParquetFile]:
    """An open Parquet file, whose faults become one message.

    Raises:
        InputError: it cannot be read, is cut off or damaged, or is of another form.
    """
    try:
        with parquet.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False) as table:
            yield table
    except OSError as error:
        if error.errno is not None:
            raise unreadable(file, error) from None
        raise _damaged(file, error) from None
    except pa.ArrowException as error:
        raise _damaged(file, error) from None


def check_column(schema: pa.Schema, name: str, file: Path) -> None:
    """Refuses a column that is not there, or there twice.

    Raises:
        InputError: with the nearest name.
    """
    if name not in schema.names:
        near = get_close_matches(name, schema.names, n=1)
        fix = f"did you mean {near[0]!r}?" if near else f"its columns are: {', '.join(schema.names[:20])}"
        raise InputError(f"{file.name} has no column {name!r}.", where=file, fix=fix)
    if schema.names.count(name) > 1:
        what = f"{file.name} has several columns that are called {name!r}."
        raise InputError(what, where=file, fix="write it again with one of that name")


def check_row_groups(metadata: parquet.FileMetaData, column: str, file: str | Path) -> None:
    """Refuses, before they are unpacked, row groups whose texts are too long on average; what is packed well can be
    thousands of times as large.

    Raises:
        InputError: with the file and the number of the row group, from 1 on.
    """
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for chunk in (group.column(place) for place in range(group.num_columns)):
            if chunk.path_in_schema == column and chunk.total_uncompressed_size > LONGEST_BYTES * max(
                1, group.num_rows
            ):
                raise too_long(f"A text in row group {number + 1:,} of {Path(file).name}", file, BREAK_UP)


def _check_lengths(texts: Sequence[str | None], file: Path, start: int) -> None:
    for number, text in enumerate(texts, start + 1):
        if text is not None and len(text) > LONGEST_TEXT:
            raise too_long(f"The text in row {number:,} of {file.name}", f"{file}, row {number:,}", BREAK_UP)


def _check_ids(ids: Sequence[str | int | None], column: str, file: Path, start: int) -> None:
    for number, name in enumerate(ids, start + 1):
        if name is None or name == "":
            what = f"Row {number:,} of {file.name} has no id in the column {column!r}."
            raise InputError(what, where=f"{file}, row {number:,}", fix="give a string or a number, or leave `id` out")


def _check_kind(schema: pa.Schema, name: str, file: Path, *, text: bool) -> None:
    kind = schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    strings = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if text and not strings:
        what = f"The column {name!r} of {file.name} holds no text: its type is {kind}."
        raise InputError(what, where=file, fix=f"name a column of strings: {_string_columns(schema)}")
    if not text and not (strings or pa.types.is_integer(kind)):
        what = f"The column {name!r} of {file.name} holds no ids: its type is {kind}."
        raise InputError(what, where=file, fix="name a column of strings or whole numbers, or leave `id` out")


def _string_columns(schema: pa.Schema) -> str:
    names = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    return ", ".join(names) or "there is none here"


def _values(column: pa.Array, file: Path, start: int) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        what = f"{file.name} holds text that is not UTF-8 in rows {start + 1:,} to {start + len(column):,}."
        raise InputError(what, where=file, fix="write its column as UTF-8 again") from None
    return values


def _damaged(file: Path, error: Exception) -> InputError:
    reason = str(error).strip().splitlines()[0].rstrip(".")
    what = f"{file.name} is no Parquet file, or cut off or damaged: {reason}."
    return InputError(what, where=file, fix="copy or download it again; compare its size or checksum")
