"""A task's data on disk: an Arrow file for each split of a language, and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.files import read_json, write_json
from equiglot.tasks.arranging import Rows, one_of_each
from equiglot.tasks.health import DataHealth

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TaskLanguage(BaseModel):
    """The labelled data of one language.

    Attributes:
        code: the language.
        files: where it comes from, in words; empty if there is none.
        sentences: split -> how many sentences (or texts; paragraphs with questions) are used.
        items: split -> how many words (or texts, or questions) are used.
        available: split -> how many words (or texts, or questions) there were to choose from.
        notes: what readers of the scores must know.
        health: what is wrong with it, in numbers; None where nobody looked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    files: str = ""
    sentences: dict[str, int] = {}
    items: dict[str, int] = {}
    available: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    health: DataHealth | None = None


class TaskSummary(BaseModel):
    """The labelled data of a task.

    Attributes:
        task: its name.
        unit: what is labelled, or answered.
        labels: all labels, sorted, O last; labels on disk are numbers of these. Questions have none.
        rules: how answers are compared, "squad" or "mlqa"; "paper3" where words and entities count as in its code;
            empty where they count as is official.
        languages: every language of the run, also those without data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    unit: Literal["word", "sentence", "pair", "question"]
    labels: tuple[str, ...]
    rules: Literal["", "squad", "mlqa", "paper3"] = ""
    languages: tuple[TaskLanguage, ...]


SCHEMA = pa.schema({"words": pa.list_(pa.string()), "labels": pa.list_(pa.int16())})
_HEADS = pa.field("heads", pa.list_(pa.int16()))  # of trees
_SCORED = pa.field("scored", pa.list_(pa.bool_()))  # where not all words count
SUMMARY = "task.json"


@dataclass(frozen=True)
class LabelledSplit:
    """The labelled sentences of one split of a language.

    Attributes:
        words: the words of each sentence; for labelled texts, the text alone, or both of a pair. [sentences]
        labels: the label of each item (word or text), as a number of the summary's labels, int16 [items].
        lengths: the items of each sentence, int64 [sentences].
        heads: of trees, the number of each word's head in its sentence (1, 2, ...; 0 for the root), int16 [items].
        scored: whether each item counts in scores, bool [items]; None where all do.
        lenient: whether an I- tag that goes on no entity of its type begins one.
    """

    words: list[list[str]]
    labels: NDArray[np.int16]
    lengths: NDArray[np.int64]
    heads: NDArray[np.int16] | None = None
    scored: NDArray[np.bool_] | None = None
    lenient: bool = False


@dataclass(frozen=True)
class OpenTask:
    """A task's data on disk.

    Attributes:
        folder: where.
        summary: what it is.
        halved: whether only half of the training data is given, one sentence, text or question of each two.
    """

    folder: Path
    summary: TaskSummary
    halved: bool = False

    def split(self, language: str, split: str) -> LabelledSplit | None:
        """The sentences of a split (train, dev or test) in a language; None where there are none.

        Raises:
            InputError: its file is damaged.
        """
        table = self.table(language, split)
        if table is None:
            return None
        labels, lengths = pc.list_flatten(table["labels"]), pc.list_value_length(table["labels"])
        heads, scored = (
            pc.list_flatten(table[name]).to_numpy() if name in table.column_names else None
            for name in ("heads", "scored")
        )
        words, counts = table["words"].to_pylist(), lengths.to_numpy().astype(np.int64)
        lenient = (self.summary.task, self.summary.rules) == ("ner", "paper3")
        return LabelledSplit(words, labels.to_numpy(), counts, heads, scored, lenient)

    def texts(self, language: str, split: str) -> list[str]:
        """What models read of a split: sentences or texts; questions, and each of their paragraphs once."""
        table = self.table(language, split)
        if table is None:
            return []
        if "words" in table.column_names:
            return [" ".join(words) for words in table["words"].to_pylist()]
        return list(dict.fromkeys((*table["context"].to_pylist(), *table["question"].to_pylist())))

    def table(self, language: str, split: str) -> pa.Table | None:
        """The rows of a split as they are stored; None where there are none.

        Raises:
            InputError: its file is damaged.
        """
        path = split_file(self.folder, language, split)
        if not path.is_file():
            return None
        try:
            with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
                table = reader.read_all()
        except pa.ArrowInvalid as error:
            raise InputError(f"{path.name} is damaged ({error}).", where=path, fix="build the task again") from None
        half = self.halved and split == "train"
        return table.take(one_of_each(len(table), ceil(len(table) / 2))) if half else table


def open_task(folder: Path) -> OpenTask:
    """The task in a folder that `build_task` filled.

    Raises:
        InputError: there is none.
    """
    path = folder / SUMMARY
    try:
        return OpenTask(folder, TaskSummary.model_validate(read_json(path)))
    except FileNotFoundError:
        raise InputError("There is no task here.", where=path, fix="build the task first") from None
    except ValueError:
        raise InputError(f"{path.name} is damaged.", where=path, fix="build the task again") from None


def write_summary(folder: Path, summary: TaskSummary) -> None:
    """Writes task.json."""
    write_json(folder / SUMMARY, summary.model_dump(mode="json"))


def write_split(path: Path, rows: Rows, labels: Sequence[str]) -> None:
    """Writes the sentences of a split.

    Args:
        path: the file.
        rows: the words, labels and heads of each.
        labels: all labels that there are.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    columns = [[row.words for row in rows], [[numbers[label] for label in row.labels] for row in rows]]
    schema = SCHEMA
    if rows[0].heads:
        columns, schema = [*columns, [row.heads for row in rows]], schema.append(_HEADS)
    if rows[0].scored:
        columns, schema = [*columns, [row.scored for row in rows]], schema.append(_SCORED)
    write_table(path, pa.table(columns, schema=schema))


def write_table(path: Path, table: pa.Table) -> None:
    """Writes rows as `OpenTask.table` reads them."""
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


def split_file(folder: Path, language: str, split: str) -> Path:
    """Where the sentences of a split are."""
    return folder / f"{language}-{split}.arrow"
