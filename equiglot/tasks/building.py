"""Labelled data of all languages, read, checked and written: what probes are trained and tested on."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

from equiglot.corpus import TextSource
from equiglot.errors import InputError
from equiglot.tasks.arranging import (
    Arranged,
    arrange,
    check_agreement,
    check_amount,
    in_order,
    items,
    labelled,
    labelling,
    labels_of,
    stray,
)
from equiglot.tasks.folder import TaskLanguage, TaskSummary, split_file, write_split, write_summary
from equiglot.tasks.health import health_of
from equiglot.tasks.questions import build_questions
from equiglot.tasks.reading import describe, read_language
from equiglot.tasks.settings import Labelled, NamedEntities, QuestionAnswering, Task


def build_task(
    task: Task,
    languages: Sequence[str],
    documents: Mapping[str, TextSource],
    folder: Path,
    *,
    learnt: bool = True,
) -> TaskSummary:
    """Reads and checks the data of a task, and writes what is used of it.

    Args:
        task: the task, its paths absolute.
        languages: the languages of the run.
        documents: language -> text, for the task that makes its labels of it.
        folder: an empty folder; gets LANGUAGE-SPLIT.arrow (words: list of texts, labels: list of int16, a sentence a
            row; of trees, heads: list of int16, too, and scored: list of bool where not all words count; questions
            otherwise, see `build_questions`) and task.json, the summary.
        learnt: whether models learn it; else finished ones are scored, and test data is all that is needed.

    Raises:
        InputError: data that is not as it should be, with file and line; languages whose labels differ; no language
            to train on or none to test on.
    """
    if isinstance(task, QuestionAnswering):
        return build_questions(task, languages, folder, learnt=learnt)
    seen: set[str] = set()
    found = {language: _arranged(task, language, documents, seen) for language in languages}
    check_amount(task, {code: each.splits for code, each in found.items()}, learnt=learnt)
    if learnt:
        check_agreement(task, {code: each.trained for code, each in found.items() if "train" in each.splits})
    used = {label for each in found.values() for rows in each.splits.values() for label in labels_of(rows)}
    labels = in_order(task, used)
    if learnt and len(labels) < 2:
        what = f"All data has one label only ({', '.join(labels)}): there is nothing to learn."
        raise InputError(what, where=f"evaluation.{task.task}", fix="give other data, or correct `types` and `map`")
    for language, each in found.items():
        for split, rows in each.splits.items():
            write_split(split_file(folder, language, split), rows, labels)
    known = {label for each in found.values() for label in labels_of(each.splits.get("train", []))}
    described = tuple(_described(task, code, each, known) for code, each in found.items())
    rules = "" if (named := getattr(task, "rules", "official")) == "official" else named
    summary = TaskSummary(task=task.task, unit=task.unit, labels=labels, rules=rules, languages=described)
    write_summary(folder, summary)
    return summary


def _arranged(task: Labelled, language: str, documents: Mapping[str, TextSource], seen: set[str]) -> Arranged:
    notes: Counter[str] = Counter()
    label = labelling(task, language)
    found = read_language(task, language, documents, notes)
    rows = {split: labelled(sentences, label, notes, seen) for split, sentences in found.items()}
    arranged = arrange(rows, task.sentences, language, f"evaluation.{task.task}.data")
    if isinstance(task, NamedEntities):
        used = (row.labels for rows in arranged.splits.values() for row in rows)
        notes["I- tags that follow no tag of their type (left as they are)"] = sum(map(stray, used))
    counted = (f"{what}: {count:,}" for what, count in notes.items() if count)
    return replace(arranged, notes=(*arranged.notes, *counted), counts=dict(notes))


def _described(task: Task, language: str, data: Arranged, known: Set[str]) -> TaskLanguage:
    """What the data of a language is; `known` are the labels that any language is trained on."""
    trained = labels_of(data.splits["train"]) if "train" in data.splits else known
    test = data.splits.get("test", [])
    health = health_of(data.splits, frozenset(trained), data.counts)
    new, both = health.unseen, health.repeated
    notes = (
        *([f"labels in test that training has not: {', '.join(new)}"] if new else []),
        *([f"test sentences that stand in the training data, too: {both:,}"] if both else []),
        *(["a single test sentence: its intervals mean nothing"] if len(test) == 1 else []),
    )
    return TaskLanguage(
        code=language,
        files=describe(task, language),
        sentences={split: len(rows) for split, rows in data.splits.items()},
        items={split: items(rows) for split, rows in data.splits.items()},
        available=data.available,
        notes=(*data.notes, *notes),
        health=health,
    )
