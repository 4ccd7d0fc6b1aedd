"""Predicted labels against right ones: counts by sentence, and scores that are functions of their sums.

A bootstrap over sentences is then a product of matrices: of how often each sentence is drawn, and of its counts.
Entities are found in all sentences at once: strictly, and as seqeval reads them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equiglot.evaluation.statistics import Floats

Tags = npt.NDArray[np.int16]
Table = npt.NDArray[np.int64]
"""Whole numbers [sentences, columns]."""


@dataclass(frozen=True)
class TaggedText:
    """Sentences one after another, "O" after each, so that no entity goes from one into the next.

    Attributes:
        tags: int64 [words + sentences], places in the labels; `len(labels)` is the "O" after a sentence.
        sentences: int64 [words + sentences], the sentence of each.
        count: sentences.
    """

    tags: npt.NDArray[np.int64]
    sentences: npt.NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, tags: Tags, lengths: npt.NDArray[np.int64], labels: Sequence[str]) -> "TaggedText":
        """From tags [words], places in `labels`, and the number of words of each sentence."""
        words = np.repeat(np.arange(len(lengths)), lengths)
        padded = np.full(len(words) + len(lengths), len(labels), dtype=np.int64)
        padded[np.arange(len(words)) + words] = tags
        return cls(padded, np.repeat(np.arange(len(lengths)), lengths + 1), len(lengths))


@dataclass(frozen=True)
class Spans:
    """Entities, each at its last word.

    Attributes:
        last: bool [n], whether an entity ends here.
        first: int64 [n], where it begins; meaningless where none ends.
        kinds: int64 [n], its type as a number; meaningless where none ends.
    """

    last: npt.NDArray[np.bool_]
    first: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]

    def shared(self, other: "Spans") -> npt.NDArray[np.bool_]:
        """Where an entity ends that both have: the same words, the same type."""
        same: npt.NDArray[np.bool_] = (self.first == other.first) & (self.kinds == other.kinds)
        return self.last & other.last & same


Reader = Callable[[TaggedText, Sequence[str]], Spans]
"""Text and the names of its labels -> entities."""


def strict_spans(text: TaggedText, labels: Sequence[str]) -> Spans:
    """IOB2 by the letter: an entity begins with B- and goes on with I- of its type; any other I- is no entity.

    Equal to seqeval's mode="strict", scheme=IOB2.

    Args:
        text: the tags.
        labels: names: "O", "B-" or "I-" and a type.
    """
    names = [*labels, "O"]
    goes_on = [[now[0] == "I" and before[0] in "BI" and now[2:] == before[2:] for now in names] for before in names]
    begins = np.array([name[0] == "B" for name in names])
    joined = np.array(goes_on)[_before(text.tags, len(labels)), text.tags]
    first = _latest(~joined)
    return Spans(begins[text.tags[first]] & ~_after(joined), first, _kinds([name[2:] for name in names])[text.tags])


def lenient_spans(text: TaggedText, labels: Sequence[str]) -> Spans:
    """As seqeval reads tags by default, and XTREME with it: I- after "O" or after another type begins an entity.

    seqeval takes the first letter of any tag for its place in an entity and the rest for the type, so universal
    part-of-speech tags make "entities" too. Its oddities are kept, for the sake of comparable numbers: "X", which has
    no rest, is of the type of "O", so it neither begins after "O" nor ends before it; what ends without having
    begun counts from the latest beginning, be it in an earlier sentence.

    Args:
        text: the tags.
        labels: names, of any kind.
    """
    pieces = [_pieces(name) for name in [*labels, "O"]]
    begins = np.array([[_begins(*before, *now) for now in pieces] for before in pieces])
    ends = np.array([[_ends(*before, *now) for now in pieces] for before in pieces])
    before = _before(text.tags, len(labels))
    first = _latest(begins[before, text.tags])
    return Spans(_after(ends[before, text.tags]), first, _kinds([kind for _, kind in pieces])[text.tags])


def count_entities(gold: Spans, predicted: Spans, text: TaggedText) -> npt.NDArray[np.int64]:
    """Entities by sentence: int64 [sentences, 3], those that both have, those predicted, those in the gold."""
    counted = (gold.shared(predicted), predicted.last, gold.last)
    return np.stack([np.bincount(text.sentences[each], minlength=text.count) for each in counted], axis=1)


def _pieces(name: str) -> tuple[str, str]:
    """A tag's letter, and its type as seqeval takes it."""
    return name[0], name[1:].split("-", maxsplit=1)[-1] or "_"


def _begins(before: str, kind_before: str, now: str, kind: str) -> bool:
    """Whether seqeval begins an entity at a tag, after another (its `start_of_chunk`)."""
    pairs = ("EE", "EI", "SE", "SI", "OE", "OI")
    return now in "BS" or before + now in pairs or (now != "O" and kind_before != kind)


def _ends(before: str, kind_before: str, now: str, kind: str) -> bool:
    """Whether seqeval ends an entity between two tags (its `end_of_chunk`)."""
    pairs = ("BB", "BS", "BO", "IB", "IS", "IO")
    return before in "ES" or before + now in pairs or (before != "O" and kind_before != kind)


def _before(tags: npt.NDArray[np.int64], outside: int) -> npt.NDArray[np.int64]:
    return np.concatenate([[outside], tags])[:-1]


def _after(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.concatenate([flags, [False]])[1:]


def _latest(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """For each place the last one up to it where the flag is set; 0 where there is none."""
    return np.maximum.accumulate(np.where(flags, np.arange(len(flags)), 0))


def _kinds(names: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number for each name; equal names have equal numbers."""
    return np.unique(names, return_inverse=True)[1]


@dataclass(frozen=True)
class Gold:
    """The right labels of a test set. An item is a word, or a whole sentence where sentences are labelled.

    Attributes:
        labels: int16 [items], places in the task's labels; of trees [items, 2]: the number of a word's head in its
            sentence (0 for the root), and its relation's place in the labels.
        lengths: int64 [sentences], items of each; their sum is the number of items.
        scored: bool [items], whether each counts as one of all; None where all do. Of trees.
        lenient: whether entities are read as seqeval does by default, whatever the metric: an I- tag that goes on no
            entity of its type begins one (`lenient_spans`).
    """

    labels: Tags
    lengths: npt.NDArray[np.int64]
    scored: npt.NDArray[np.bool_] | None = None
    lenient: bool = False

    def __len__(self) -> int:
        return len(self.labels)


def count_right(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
    """[sentences, 2]: right items, all items."""
    return _count(gold, gold.labels == predicted)


def count_heads(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
    """[sentences, 2]: words with the right head, all words; `predicted` int16 [items, 2] as `Gold.labels` of trees."""
    return _count(gold, gold.labels[:, 0] == predicted[:, 0])


def count_arcs(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
    """[sentences, 2]: words with the right head and the right relation to it, all words."""
    return _count(gold, (gold.labels == predicted).all(axis=1))


def _count(gold: Gold, right: npt.NDArray[np.bool_]) -> Table:
    sentences, scored = _sentences(gold), np.ones(len(gold), np.bool_) if gold.scored is None else gold.scored
    counted = (np.bincount(sentences[each], minlength=len(gold.lengths)) for each in (right & scored, scored))
    return np.stack([*counted], axis=1)


def share(sums: Floats) -> Floats:
    """Sums over sentences of `count_right` [..., 2] -> percent [...]."""
    percent: Floats = 100 * sums[..., 0] / np.maximum(1, sums[..., 1])
    return percent


def count_classes(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
    """[sentences, 3 * classes]: of each class the items that are right, those predicted, those in the gold."""
    sentences, right = _sentences(gold), gold.labels == predicted
    counted = ((sentences[right], predicted[right]), (sentences, predicted), (sentences, gold.labels))
    size = len(gold.lengths), len(labels)
    tables = [np.bincount(where * size[1] + which, minlength=size[0] * size[1]) for where, which in counted]
    return np.concatenate([table.reshape(size) for table in tables], axis=1)


def count_spans(read: Reader) -> Callable[[Gold, Tags, Sequence[str]], Table]:
    """[sentences, 3]: entities, as `read` reads labels unless the gold is read leniently, that are right, those
    predicted, those in the gold."""

    def count(gold: Gold, predicted: Tags, labels: Sequence[str]) -> Table:
        right, guessed = (TaggedText.of(tags, gold.lengths, labels) for tags in (gold.labels, predicted))
        reader = lenient_spans if gold.lenient else read
        return count_entities(reader(right, labels), reader(guessed, labels), right)

    return count


def mean_f1(sums: Floats) -> Floats:
    """F1 in percent [...], the mean over the classes that stand in the gold labels; `sums` are of `count_classes`.

    Of words or sentences it is scikit-learn's f1_score(gold, predicted, labels=np.unique(gold), average="macro"). With
    no `labels`, scikit-learn takes a class that is only predicted, never right, into the mean as well, with an F1 of 0.
    With a single class, "entity", it is the usual F1 of entities. In a resample the classes are the resample's own.
    """
    right, predicted, gold = np.split(sums, 3, axis=-1)
    f1: Floats = 200 * right / np.maximum(1, predicted + gold)  # 0 for a class that is not in the gold
    mean: Floats = f1.sum(axis=-1) / np.maximum(1, (gold > 0).sum(axis=-1))
    return mean


def _sentences(gold: Gold) -> npt.NDArray[np.int64]:
    """The sentence of each item."""
    return np.repeat(np.arange(len(gold.lengths)), gold.lengths)
