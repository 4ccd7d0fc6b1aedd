"""Rows of columns with types, from Parquet or the Hub: words and tags as lists, or a text and its class."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from equiglot.corpus.parquet import ROWS, check_column, opened_table
from equiglot.errors import InputError
from equiglot.tasks.sentences import Sentence

Unit = Literal["word", "sentence"]


def read_parquet(file: Path, text: str, label: str, unit: Unit) -> Iterator[Sentence]:
    """The rows of a Parquet file; numbers stand for the names in the metadata that `datasets` writes.

    Args:
        file: the file.
        text: the column with words or a text.
        label: the column with tags or a class.
        unit: what is labelled.

    Raises:
        InputError: a column that is not there or holds something else, or a number without a name.
    """
    with opened_table(file) as table:
        schema = table.schema_arrow
        for name in (text, label):
            check_column(schema, name, file)
        batches = table.iter_batches(ROWS, columns=[text, label])
        pairs = ((row[text], row[label]) for batch in batches for row in batch.to_pylist())
        try:
            yield from labelled_rows(pairs, unit, class_names(schema, label), lambda row: f"{file}, row {row:,}")
        except UnicodeDecodeError:
            what = f"{file.name} holds text that is not UTF-8."
            raise InputError(what, where=file, fix="write it as UTF-8 again") from None


def labelled_rows(
    rows: Iterable[tuple[Any, Any]], unit: Unit, names: Sequence[str], place: Callable[[int], str]
) -> Iterator[Sentence]:
    """Rows as sentences; null and blank ones have no words.

    Args:
        rows: of each, words and tags, or a text and its class; a tag or class is text or a number.
        unit: what is labelled.
        names: what the numbers stand for.
        place: number of a row, from 1 on -> where it stands, for a message.

    Raises:
        InputError: a row that is not so.
    """
    for number, (text, label) in enumerate(rows, 1):
        words, labels = _lists(text, label, unit)
        if not _are_texts(words) or not isinstance(labels, list):
            what = "Lists of words and tags are expected" if unit == "word" else "A text and its class are expected"
            fix = "name the right columns with `text` and `label`"
            raise InputError(f"{what}, not {_short(text)} and {_short(label)}.", where=place(number), fix=fix)
        if len(words) != len(labels):
            what = f"This sentence has {len(words)} words and {len(labels)} tags."
            raise InputError(what, where=place(number), fix="give each word one tag")
        names_of_labels = [_name(each, names, place(number)) for each in labels]
        yield Sentence(words, names_of_labels, _always(place(number)))


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """The names that a column's numbers stand for, by the metadata that `datasets` writes; or nothing."""
    try:
        feature = json.loads(schema.metadata[b"huggingface"])["info"]["features"][column]
        return tuple(map(str, feature.get("feature", feature)["names"]))
    except (AttributeError, KeyError, TypeError, ValueError):  # none, or of another form
        return ()


def _always(where: str) -> Callable[[int], str]:
    return lambda _: where


def _lists(text: Any, label: Any, unit: Unit) -> tuple[Any, Any]:
    if text is None or (unit == "sentence" and isinstance(text, str) and not text.strip()):
        return [], []
    return (text, label) if unit == "word" else ([text], [label])


def _are_texts(words: Any) -> bool:
    return isinstance(words, list) and all(isinstance(word, str) for word in words)


def _name(label: Any, names: Sequence[str], where: str) -> str:
    if isinstance(label, str):
        return label
    if isinstance(label, int) and 0 <= label < len(names):
        return names[label]
    if isinstance(label, int) and not names:
        what, fix = f"The label is the number {label}, and nothing says what it stands for.", "give labels as text"
        raise InputError(what, where=where, fix=f"{fix}, or as ClassLabel of the package datasets")
    raise InputError(f"{_short(label)} is no label.", where=where, fix=f"there is: {', '.join(names) or 'text'}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
