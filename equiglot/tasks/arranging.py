"""The sentences of one language as a probe uses them: labels renamed, splits that are missing made, cut down."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from equiglot.errors import InputError
from equiglot.hashing import reseed
from equiglot.tasks.sentences import CLASSES, Sentence
from equiglot.tasks.settings import (
    SPLITS,
    DependencyParsing,
    Labelled,
    NamedEntities,
    PartOfSpeech,
    Place,
    Sentences,
    Task,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIVERSAL = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT"),
    *("SCONJ", "SYM", "VERB", "X"),
)
"""The part-of-speech tags of Universal Dependencies."""

OUTSIDE = "O"

Labelling = Callable[[str], str]
"""From a label in a file to the label that is used; ValueError(what is wrong, what to do) where there is none."""


def labelling(task: Labelled, language: str) -> Labelling:
    """How a language's labels become the task's."""
    renamed = {**task.map.get("all", {}), **task.map.get(language, {})}
    if isinstance(task, NamedEntities):
        return cache(lambda label: _entity(label, renamed, task.types))
    known = UNIVERSAL if isinstance(task, PartOfSpeech) else None
    return cache(lambda label: _renamed(label, renamed, known, f"map: {{{language}: {{{label}: ...}}}}"))


def kind_of(label: str) -> str:
    """The type of a BIO tag: PER for B-PER and I-PER; nothing for O."""
    return label.partition("-")[2]


def stray(labels: Sequence[str]) -> int:
    """How many I- tags follow no tag of their type."""
    pairs = zip([OUTSIDE, *labels[:-1]], labels, strict=True)
    return sum(label[:2] == "I-" and kind_of(before) != kind_of(label) for before, label in pairs)


def in_order(task: Labelled, labels: Iterable[str]) -> tuple[str, ...]:
    """All labels of a task: sorted, O last; of parts of speech all that there are, whether they occur or not."""
    if isinstance(task, PartOfSpeech):
        return UNIVERSAL
    outside = OUTSIDE if isinstance(task, NamedEntities) else None
    return tuple(sorted({*labels}, key=lambda label: (label == outside, label)))


def check_agreement(task: Labelled, trained: Mapping[str, Set[str]]) -> None:
    """Refuses languages whose probes, or fine-tuned models, would learn different things.

    Args:
        task: the task.
        trained: language -> the labels in all of its training data.

    Raises:
        InputError: with each language's types or classes, and what to do.
    """
    if isinstance(task, PartOfSpeech | DependencyParsing | Place):
        return
    entities = isinstance(task, NamedEntities)
    kinds = {
        code: {kind_of(each) for each in labels} - {""} if entities else labels for code, labels in trained.items()
    }
    found, common = set().union(*kinds.values()), set(found_in_all(kinds))
    if isinstance(task, NamedEntities):
        _check_types(task, found)
    if found == common or not task.joins_languages:
        return
    groups: dict[tuple[str, ...], list[str]] = {}
    for code, labels in kinds.items():
        groups.setdefault(tuple(sorted(labels)), []).append(code)
    shown = "; ".join(f"{', '.join(codes)}: {', '.join(labels) or 'none'}" for labels, codes in groups.items())
    what = f"Languages are trained on different {'types of entities' if entities else 'classes'} ({shown})."
    fix = "rename some with `map`, such as map: {vi: {NAME: PER}}" if entities else "rename some with `map`"
    if entities and common:
        fix = f"keep what all have with `types: [{', '.join(sorted(common))}]`, or {fix}"
    raise InputError(what, where=f"evaluation.{task.task}", fix=fix)


def found_in_all(kinds: Mapping[str, Set[str]]) -> Set[str]:
    """What all languages have."""
    sets = [set(each) for each in kinds.values()]
    return set.intersection(*sets) if sets else set()


def _check_types(task: NamedEntities, found: Set[str]) -> None:
    unknown = [name for name in task.types or () if name not in found]
    if unknown:
        what = f"No training data has entities of the type {unknown[0]}."
        fix = f"correct `types`, or rename others to it with `map`; there is: {', '.join(sorted(found)) or 'none'}"
        raise InputError(what, where=f"evaluation.{task.task}.types", fix=fix)


def _renamed(label: str, renamed: Mapping[str, str], known: Sequence[str] | None, example: str) -> str:
    name = renamed.get(label, label)
    if not name:
        raise ValueError("A label is missing.", "add it, or leave its line out")
    if known is not None and name not in known:
        what = f"{name!r} is no universal part-of-speech tag."
        raise ValueError(what, f"write one of {', '.join(known)}, or map it: {example}")
    return name


def _entity(tag: str, renamed: Mapping[str, str], types: Sequence[str] | None) -> str:
    name = renamed.get(tag, tag)
    prefix, _, kind = name.partition("-")
    if name == OUTSIDE:
        return OUTSIDE
    if prefix not in ("B", "I") or not kind:
        raise ValueError(f"{name!r} is no BIO tag.", "write O, B-TYPE or I-TYPE, or map it to one")
    kind = renamed.get(kind, kind)
    return OUTSIDE if kind == OUTSIDE or (types is not None and kind not in types) else f"{prefix}-{kind}"


HELD_OUT = 10  # one of each ten sentences
_FROM_TRAIN = "no dev data: a tenth of its training data held out to choose settings"
_FROM_DEV = "no training data: trained on its dev data, a tenth of it held out to choose settings"


class Row(NamedTuple):
    """A sentence: its words, the label of each, of trees the head of each, and whether each counts (`Sentence`)."""

    words: list[str]
    labels: list[str]
    heads: Sequence[int] = ()
    scored: Sequence[bool] = ()


Rows = list[Row]


@dataclass(frozen=True)
class Arranged:
    """The labelled data of one language.

    Attributes:
        splits: what is used; only splits that have sentences.
        available: split -> items to choose from.
        trained: the labels in all training data, used or not.
        notes: what readers must know.
        counts: what was counted while it was read.
    """

    splits: dict[str, Rows]
    available: dict[str, int]
    trained: frozenset[str]
    notes: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


def labelled(sentences: Iterable[Sentence], label: Labelling, notes: Counter[str], seen: set[str]) -> Rows:
    """Words, labels and heads of all sentences that have words.

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
            rows.append(Row(sentence.words, _labels(sentence, label, seen), sentence.heads, sentence.scored))
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
    splits, notes = held_out(there, language, where)
    return Arranged(
        splits={split: spread(splits[split], getattr(limits, split)) for split in SPLITS if split in splits},
        available={split: items(splits[split]) for split in SPLITS if split in splits},
        trained=labels_of(splits.get("train", [])),
        notes=notes,
    )


def check_amount(task: Task, found: Mapping[str, Collection[str]], *, learnt: bool) -> None:
    """Refuses data without anything to train on (where it is to be `learnt`), or to test on; `found` are the splits of
    each language.

    Raises:
        InputError: with the task.
    """
    for split, purpose in (("train", "train on"), ("test", "score models on")):
        if not any(split in each for each in found.values()) and (learnt or split == "test"):
            what = f"The task {task.task} has no data to {purpose} in any of the languages {', '.join(found)}."
            raise InputError(what, where=f"evaluation.{task.task}", fix="give more data, or leave the task out")


def items(rows: Rows) -> int:
    """How many words, texts or pairs there are."""
    return sum(len(row.labels) for row in rows)


def labels_of(rows: Rows) -> frozenset[str]:
    """The labels that occur."""
    return frozenset(label for row in rows for label in row.labels)


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


Each = TypeVar("Each")


def held_out(
    splits: Mapping[str, list[Each]], language: str, where: str
) -> tuple[dict[str, list[Each]], tuple[str, ...]]:
    """The same splits, with train and dev made from each other where one of them is missing; and what was done.

    Args:
        splits: only those that have rows: sentences, or paragraphs with questions.
        language: named in errors.
        where: the recipe's field, for errors.

    Raises:
        InputError: one row is all that there is to train on.
    """
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
        what = f"The {source} data of {language} is one sentence, and more are needed."
        raise InputError(what, where=where, fix="add some, or give this language test data only")
    chosen = {*one_of_each(len(whole), ceil(len(whole) / HELD_OUT)).tolist()}
    train, dev = ([row for at, row in enumerate(whole) if (at in chosen) is held] for held in (False, True))
    return {**splits, "train": train, "dev": dev}, (note, *untested)


def spread(rows: list[Each], limit: int | None) -> list[Each]:
    """At most so many rows: one of each of `limit` stretches of equal length, in order."""
    return rows if limit is None or len(rows) <= limit else [rows[at] for at in one_of_each(len(rows), limit)]


def one_of_each(count: int, stretches: int) -> "NDArray[np.int64]":
    """One place of each of so many stretches of equal length that `count` places are cut into, ascending [stretches].

    They depend on the two numbers alone. Not the first of each: classes that take turns would give one of them, and
    documents of equal length their first paragraphs.
    """
    edges: NDArray[np.int64] = np.arange(stretches + 1) * count // stretches
    shift = reseed(np.arange(stretches, dtype=np.uint64), 0) % np.diff(edges).astype(np.uint64)
    return edges[:-1] + shift.astype(np.int64)
