"""The sentences of one language as a probe uses them: labels renamed, splits that are missing made, cut down."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equiglot.errors import InputError
from equiglot.hashing import reseed
from equiglot.tasks.labels import Labelling
from equiglot.tasks.screening import CLASSES
from equiglot.tasks.sentences import Sentence
from equiglot.tasks.settings import SPLITS, Sentences

HELD_OUT = 10  # every tenth sentence
_FROM_TRAIN = "no dev data: a tenth of its training data held out to choose settings"
_FROM_DEV = "no training data: trained on its dev data, a tenth of it held out to choose settings"
Rows = list[tuple[list[str], list[str]]]
"""Words and labels of sentences."""


@dataclass(frozen=True)
class Arranged:
    """The labelled data of one language.

    Attributes:
        splits: what is used; only splits that have sentences.
        available: split -> items to choose from.
        trained: the labels in all training data, used or not.
        notes: what readers must know.
    """

    splits: dict[str, Rows]
    available: dict[str, int]
    trained: frozenset[str]
    notes: tuple[str, ...]


def labelled(sentences: Iterable[Sentence], label: Labelling, notes: Counter[str], seen: set[str]) -> Rows:
    """Words and labels of all sentences that have words.

    Args:
        sentences: as their source writes them.
        label: renames a label.
        notes: counts sentences without words.
        seen: the labels of the task so far; grows.

    Raises:
        InputError: a label that there is not, or one more than a task has, with its place.
    """
    rows: Rows = []
    for sentence in sentences:
        if sentence.words:
            rows.append((sentence.words, _labels(sentence, label, seen)))
        else:
            notes["empty sentences left out"] += 1
    return rows


def arrange(found: Mapping[str, Rows], limits: Sentences, language: str, where: str) -> Arranged:
    """The splits that a probe uses.

    Args:
        found: split -> sentences; a split may be missing or empty.
        limits: how many sentences are used at most.
        language: named in errors.
        where: the recipe's field, for errors.

    Raises:
        InputError: one sentence is all that there is to train on.
    """
    there = {split: found[split] for split in SPLITS if found.get(split)}
    splits, notes = _held_out(there, language, where)
    return Arranged(
        splits={split: _spread(splits[split], getattr(limits, split)) for split in SPLITS if split in splits},
        available={split: items(splits[split]) for split in SPLITS if split in splits},
        trained=labels_of(splits.get("train", [])),
        notes=notes,
    )


def items(rows: Rows) -> int:
    """How many words or texts there are."""
    return sum(len(words) for words, _ in rows)


def labels_of(rows: Rows) -> frozenset[str]:
    """The labels that occur."""
    return frozenset(label for _, labels in rows for label in labels)


def _labels(sentence: Sentence, label: Labelling, seen: set[str]) -> list[str]:
    labels: list[str] = []
    for written in sentence.labels:
        try:
            labels.append(label(written))
        except ValueError as error:
            what, fix = error.args
            raise InputError(what, where=sentence.where(len(labels)), fix=fix) from None
        seen.add(labels[-1])
        if len(seen) > CLASSES:
            what = f"The data has more than {CLASSES:,} different labels."
            fix = "name the column that holds classes, or join some of them with `map`"
            raise InputError(what, where=sentence.where(len(labels) - 1), fix=fix)
    return labels


def _held_out(splits: Mapping[str, Rows], language: str, where: str) -> tuple[dict[str, Rows], tuple[str, ...]]:
    """The same splits, with train and dev made from each other where one of them is missing; and what was done."""
    if not splits:
        return {}, ("no data",)
    untested = () if "test" in splits else ("no test data: only trained on",)
    if "train" not in splits and "dev" not in splits:
        return dict(splits), ("no training data: only tested on",)
    if "train" in splits and "dev" in splits:
        return dict(splits), untested
    source, note = ("train", _FROM_TRAIN) if "train" in splits else ("dev", _FROM_DEV)
    whole = splits[source]
    if len(whole) < 2:
        what = f"The {source} data of {language} is one sentence, and a probe needs more."
        raise InputError(what, where=where, fix="add some, or give this language test data only")
    train = [row for number, row in enumerate(whole) if number % HELD_OUT]
    return {**splits, "train": train, "dev": whole[::HELD_OUT]}, (note, *untested)


def _spread(rows: Rows, limit: int | None) -> Rows:
    """At most so many sentences: one of each of `limit` stretches of equal length, in order."""
    if limit is None or len(rows) <= limit:
        return rows
    edges: NDArray[np.int64] = np.arange(limit + 1) * len(rows) // limit
    # Not the first of each: documents of equal length would give their first paragraphs only.
    shift = reseed(np.arange(limit, dtype=np.uint64), 0) % np.diff(edges).astype(np.uint64)
    return [rows[at] for at in edges[:-1] + shift.astype(np.int64)]
