"""JSON Lines as a source: one JSON object a line, one of its fields a document."""

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from equiglot.corpus.documents import Document, lines_of
from equiglot.corpus.opening import numbered_lines
from equiglot.corpus.paths import SAMPLE_BYTES, ParallelPathSource, estimate_by_start
from equiglot.errors import InputError


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
    return str(value)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:40] + "..."


def _wrong(what: str, file: Path, number: int, fix: str) -> InputError:
    return InputError(f"Line {number:,} of {file.name} {what}.", where=f"{file}:{number}", fix=fix)
