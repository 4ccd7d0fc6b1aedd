"""What is wrong with labelled data, or makes its scores mean less, as numbers: it is used all the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from equiglot.tasks.arranging import Rows, stray

if TYPE_CHECKING:
    from conllu import Token

OTHER_TEXT = "sentences whose words are not those of their text"
"""What read files are counted under in notes."""


class DataHealth(BaseModel):
    """Counts over the labelled data of a language, as far as they are used.

    Attributes:
        repeated: test sentences that stand in the training data, too, word for word: their labels were learnt.
        contradicted: of these, the ones that have other labels there, wherever they stand there.
        twice: test sentences that stand in the test data before.
        unseen: label -> test items that have it, for labels that training data lacks; nobody can get them right.
        stray: I- tags that follow no tag of their type, in all splits; entities that begin with one are not counted.
        other_text: sentences of treebanks whose words, one after the other, are not what stands in `# text`: words are
            missing, or the text is another one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    repeated: int = 0
    contradicted: int = 0
    twice: int = 0
    unseen: dict[str, int] = {}
    stray: int = 0
    other_text: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether all of it is 0."""
        return self == DataHealth()


def health_of(splits: Mapping[str, Rows], trained: frozenset[str], counted: Mapping[str, int]) -> DataHealth:
    """Looks at labelled data.

    Args:
        splits: train, dev and test, as far as they are there.
        trained: the labels that training data has.
        counted: what readers of files counted (`OTHER_TEXT`).
    """
    train, test = splits.get("train", []), splits.get("test", [])
    labels: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for row in train:
        labels.setdefault(tuple(row.words), set()).add(tuple(row.labels))
    known = [(row, labels[tuple(row.words)]) for row in test if tuple(row.words) in labels]
    unseen: dict[str, int] = {}
    for label in chain.from_iterable(row.labels for row in test):
        if label not in trained:
            unseen[label] = unseen.get(label, 0) + 1
    return DataHealth(
        repeated=len(known),
        contradicted=sum(tuple(row.labels) not in there for row, there in known),
        twice=len(test) - len({tuple(row.words) for row in test}),
        unseen=dict(sorted(unseen.items())),
        stray=sum(stray(row.labels) for rows in splits.values() for row in rows),
        other_text=counted.get(OTHER_TEXT, 0),
    )


def is_other_text(lines: Iterable[str], tokens: Iterable[Token]) -> bool:
    """Whether a sentence of a treebank has other words than its `# text`, spaces apart; false where there is none.

    Of a range (1-2 du) the form counts, and not those of its words; empty nodes (1.1) have none.
    """
    text = next((line.partition("=")[2] for line in lines if line.startswith(("# text =", "# text="))), None)
    if text is None:
        return False
    forms, covered = list[str](), 0
    for token in tokens:
        number = token["id"]
        if isinstance(number, tuple):
            if number[1] == "-":
                forms.append(token["form"])
                covered = number[2]
        elif number > covered:
            forms.append(token["form"])
    return _letters("".join(forms)) != _letters(text)


def _letters(text: str) -> str:
    return "".join(text.split())
