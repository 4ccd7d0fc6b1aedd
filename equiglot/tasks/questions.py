"""Questions of all languages, read, divided into splits, written and opened: what models learn to answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equiglot.errors import InputError
from equiglot.tasks.arranging import check_amount, held_out, spread
from equiglot.tasks.folder import OpenTask, TaskLanguage, TaskSummary, split_file, write_summary, write_table
from equiglot.tasks.place import split_of
from equiglot.tasks.reading import describe, files_of
from equiglot.tasks.settings import SPLITS, QuestionAnswering, source_of
from equiglot.tasks.squad import Paragraph, check_ids, read_squad

_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "article": pa.string(),
        "paragraph": pa.int32(),
        "context": pa.dictionary(pa.int32(), pa.string()),
        "question": pa.string(),
        "answers": pa.list_(pa.string()),
        "starts": pa.list_(pa.int32()),
    }
)


@dataclass(frozen=True)
class QuestionSplit:
    """The questions of one split of a language, those about a paragraph one after the other.

    Attributes:
        ids: names of the questions. [questions]
        questions: their texts. [questions]
        answers: texts of the right answers to each, one or more. [questions]
        starts: the character of its paragraph that each answer starts at. [questions]
        contexts: the text of each paragraph. [paragraphs]
        lengths: int64 [paragraphs], questions about each.
    """

    ids: list[str]
    questions: list[str]
    answers: list[list[str]]
    starts: list[list[int]]
    contexts: list[str]
    lengths: npt.NDArray[np.int64]

    @property
    def paragraphs(self) -> npt.NDArray[np.int64]:
        """int64 [questions], the paragraph that each is about."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)


def open_questions(task: OpenTask, language: str, split: str) -> QuestionSplit | None:
    """The questions of a split (train, dev or test) in a language; None where there are none.

    Raises:
        InputError: its file is damaged.
    """
    table = task.table(language, split)
    if table is None:
        return None
    _, firsts, lengths = np.unique(table["paragraph"].to_numpy(), return_index=True, return_counts=True)
    ids, questions, answers, starts = (table[name].to_pylist() for name in ("id", "question", "answers", "starts"))
    return QuestionSplit(ids, questions, answers, starts, table["context"].take(firsts).to_pylist(), lengths)


def build_questions(
    task: QuestionAnswering, languages: Sequence[str], folder: Path, *, learnt: bool = True
) -> TaskSummary:
    """Reads and checks the questions of a task, and writes what is used of them.

    Args:
        task: the task, its paths absolute.
        languages: the languages of the run.
        folder: an empty folder; gets LANGUAGE-SPLIT.arrow (a question a row: id, article, paragraph: its number in the
            file, context, question, answers: list of texts, starts: list of int32) and task.json, the summary.
        learnt: as of `build_task`.

    Raises:
        InputError: as `read_squad`; a question that is trained on in one language and tested in another, where a file
            is divided; no language to train on or none to test on.
    """
    found = {language: _Arranged.of(task, language) for language in languages}
    check_amount(task, {code: each.splits for code, each in found.items()}, learnt=learnt)
    trained = {name: code for code, each in found.items() for name in each.ids("train")}
    for language, each in found.items():
        for split, paragraphs in each.splits.items():
            write_table(split_file(folder, language, split), _table(paragraphs))
    described = tuple(_described(task, code, each, trained) for code, each in found.items())
    summary = TaskSummary(task=task.task, unit=task.unit, labels=(), rules=task.rules, languages=described)
    write_summary(folder, summary)
    return summary


@dataclass(frozen=True)
class _Arranged:
    """The questions of one language, by split.

    Attributes:
        splits: what is used; only splits that have questions.
        available: split -> questions to choose from.
        notes: what readers must know.
    """

    splits: dict[str, list[Paragraph]]
    available: dict[str, int]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, task: QuestionAnswering, language: str) -> "_Arranged":
        source, counted, where = source_of(task, language), Counter[str](), f"evaluation.{task.task}.data"
        files = {} if source is None else files_of(source, language)
        read = {file: read_squad(file, counted) for file in dict.fromkeys(chain.from_iterable(files.values()))}
        found = {
            split: [paragraph for file in of_split for paragraph in read[file]] for split, of_split in files.items()
        }
        if source is not None and source.all:
            found = {
                split: [each for each in found[split] if _split(each, source.split_by) == split] for split in found
            }
        for split, paragraphs in found.items():
            check_ids(paragraphs, f"{where}, {split} data of {language}")
        splits, notes = held_out({split: each for split, each in found.items() if each}, language, where)
        return cls(
            {split: _some(splits[split], getattr(task.sentences, split)) for split in SPLITS if split in splits},
            {split: _count(splits[split]) for split in SPLITS if split in splits},
            (*notes, *(f"{what}: {count:,}" for what, count in counted.items() if count)),
        )

    def ids(self, split: str) -> list[str]:
        """Of all questions."""
        return [question.id for paragraph in self.splits.get(split, ()) for question in paragraph.questions]


def _split(paragraph: Paragraph, by: str) -> str:
    """Where a paragraph of a divided file goes; in all languages the same, where titles are."""
    return split_of(paragraph.article if by == "article" else f"{paragraph.article}\n{paragraph.number}")


def _count(paragraphs: Sequence[Paragraph]) -> int:
    return sum(len(paragraph.questions) for paragraph in paragraphs)


def _some(paragraphs: list[Paragraph], limit: int | None) -> list[Paragraph]:
    """At most so many questions, spread over the paragraphs."""
    pairs = [(place, question) for place, each in enumerate(paragraphs) for question in each.questions]
    kept = groupby(spread(pairs, limit), lambda pair: pair[0])
    return [replace(paragraphs[place], questions=tuple(question for _, question in some)) for place, some in kept]


def _table(paragraphs: Sequence[Paragraph]) -> pa.Table:
    rows = [
        {
            "id": question.id,
            "article": paragraph.article,
            "paragraph": place,
            "context": paragraph.context,
            "question": question.text,
            "answers": question.answers,
            "starts": question.starts,
        }
        for place, paragraph in enumerate(paragraphs)
        for question in paragraph.questions
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _described(task: QuestionAnswering, language: str, data: _Arranged, trained: Mapping[str, str]) -> TaskLanguage:
    """What the data of a language is; `trained` are the ids that are trained on, each with a language.

    Raises:
        InputError: a question is tested that is trained on in another language, in a file that was divided.
    """
    tested, learnt = data.splits.get("test", []), {each.context for each in data.splits.get("train", [])}
    both = [name for name in data.ids("test") if name in trained]
    if both and source_of(task, language).all:
        what = f"The question {both[0]} is tested in {language} and trained on in {trained[both[0]]}"
        what += f" ({len(both):,} such questions): titles of articles differ between languages."
        fix = "give files of the same titles, or files for each split in place of `all`"
        raise InputError(what, where=f"evaluation.{task.task}.data", fix=fix)
    seen = sum(len(each.questions) for each in tested if each.context in learnt)
    notes = (
        *([f"test questions whose ids stand in training data, too: {len(both):,}"] if both else []),
        *([f"test questions whose paragraph stands in the training data, too: {seen:,}"] if seen else []),
        *(["a single test paragraph: its intervals mean nothing"] if len(tested) == 1 else []),
    )
    return TaskLanguage(
        code=language,
        files=describe(task, language),
        sentences={split: len(each) for split, each in data.splits.items()},
        items={split: _count(each) for split, each in data.splits.items()},
        available=data.available,
        notes=(*data.notes, *notes),
    )
