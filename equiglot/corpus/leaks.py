"""Leaks: held-out sentences of one language that stand in the training text of another.

A model of both has seen them, however well each language was split by itself: English lines in a French manual are
often the same as those of the English one. Sentences are the same where their letters are, as for near duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from equiglot.corpus.characters import folded_hashes
from equiglot.corpus.documents import SentenceWriter, count_sentences, read_sentences
from equiglot.corpus.statistics import SplitStatistics
from equiglot.files import read_json, write_json
from equiglot.hashing import U64

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAKS = "leaks.json"
LARGE_LEAK = 0.01  # of a language's test sentences: more is told
_BATCH = 1 << 14  # sentences


class LanguageLeaks(BaseModel):
    """What leaks out of and into one language.

    Attributes:
        test: sentences of its test text.
        found: how many of them stand in the training text of any other language.
        where: other language -> how many of them stand in its training text.
        leaked: sentences, and their characters, of its training text that another language holds out, for validation
            or test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: int
    found: int
    where: dict[str, int]
    leaked: SplitStatistics


class Leaks(BaseModel):
    """The leaks between languages, and whether training text was written without them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dropped: bool
    languages: dict[str, LanguageLeaks]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Languages much of whose test text stands in others' training text, a sentence each."""
        end = "was dropped from there" if self.dropped else "text.drop_leaks: true drops it from there"
        return tuple(
            f"{each.found:,} of {each.test:,} test sentences of {language} stand in the training text of "
            f"{', '.join(f'{other} ({count:,})' for other, count in each.where.items())}; {end}"
            for language, each in self.languages.items()
            if each.found > LARGE_LEAK * each.test
        )


class _HeldOut:
    """The held-out sentences of all languages by the hash of their letters, ascending.

    Attributes:
        keys: uint64 [h].
        owners: the number of each one's language, int64 [h].
        is_test: whether it stands in the test text, bool [h].
    """

    def __init__(self, corpora: Mapping[str, Path]) -> None:
        parts = [
            (folded_hashes(batch), number, split == "test")
            for number, folder in enumerate(corpora.values())
            for split in ("valid", "test")
            for batch in read_sentences(folder / f"{split}.arrow", batch=_BATCH)
        ]
        keys = np.concatenate([np.empty(0, np.uint64), *(part for part, _, _ in parts)])
        order = np.argsort(keys, kind="stable")
        lengths = [len(part) for part, _, _ in parts]
        self.keys: U64 = keys[order]
        self.owners = np.repeat(np.array([number for _, number, _ in parts], np.int64), lengths)[order]
        self.is_test = np.repeat(np.array([test for _, _, test in parts], bool), lengths)[order]

    def others(self, keys: U64, language: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which of n sentences other languages hold out, bool [n], and the places of those in `keys`, int64."""
        first = np.searchsorted(self.keys, keys)
        counts = np.searchsorted(self.keys, keys, side="right") - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places = np.repeat(first, counts) + within
        rows = np.repeat(np.arange(len(keys)), counts)
        foreign = self.owners[places] != language
        leaked = np.zeros(len(keys), bool)
        leaked[rows[foreign]] = True
        return leaked, places[foreign]

    def tests_of(self, chosen: NDArray[np.bool_], languages: int) -> NDArray[np.int64]:
        """How many of the chosen ones, bool [h], stand in each language's test text, int64 [languages]."""
        return np.bincount(self.owners[chosen & self.is_test], minlength=languages)


def find_leaks(
    corpora: Mapping[str, Path], into: Path, *, drop: bool, progress: Callable[[int], None] = lambda amount: None
) -> Leaks:
    """Counts the leaks between corpora and writes leaks.json into the existing, empty folder `into`.

    Memory grows with the number of held-out sentences alone.

    Args:
        corpora: language -> the folder of its corpus.
        into: where to write.
        drop: write into/LANGUAGE/train.arrow as well: the training text without what another language holds out.
        progress: called with the number of training sentences of each block.
    """
    held_out, codes = _HeldOut(corpora), list(corpora)
    found, where = np.zeros(len(held_out.keys), bool), np.zeros((len(codes), len(codes)), np.int64)
    leaked = []
    for number, (language, folder) in enumerate(corpora.items()):
        kept = into / language / "train.arrow" if drop else None
        seen, size = _search(held_out, number, folder / "train.arrow", kept, progress)
        where[:, number] = held_out.tests_of(seen, len(codes))
        found |= seen
        leaked.append(size)
    tests = [count_sentences(folder / "test.arrow") for folder in corpora.values()]
    counts = held_out.tests_of(found, len(codes)).tolist()
    languages = {
        language: LanguageLeaks(
            test=tests[number],
            found=counts[number],
            where={other: count for other, count in zip(codes, where[number].tolist(), strict=True) if count},
            leaked=leaked[number],
        )
        for number, language in enumerate(codes)
    }
    leaks = Leaks(dropped=drop, languages=languages)
    write_json(into / LEAKS, leaks.model_dump())
    return leaks


def _search(
    held_out: _HeldOut, language: int, train: Path, kept: Path | None, progress: Callable[[int], None]
) -> tuple[NDArray[np.bool_], SplitStatistics]:
    """Which held-out sentences of other languages stand in a training text, bool [h], and how much of it they are;
    the rest of it is written to the file `kept`."""
    seen = np.zeros(len(held_out.keys), bool)
    sentences = characters = 0
    with _writing(kept) as writer:
        for batch in read_sentences(train, batch=_BATCH):
            leaks, places = held_out.others(folded_hashes(batch), language)
            seen[places] = True
            sentences, characters = sentences + int(leaks.sum()), characters + sum(map(len, compress(batch, leaks)))
            if writer is not None:
                texts = [text.encode() for text in compress(batch, ~leaks)]
                writer.write(b"".join(texts), [len(text) for text in texts])
            progress(len(batch))
    return seen, SplitStatistics(sentences=sentences, characters=characters)


def _writing(path: Path | None) -> AbstractContextManager[SentenceWriter | None]:
    if path is None:
        return nullcontext()
    path.parent.mkdir()
    return SentenceWriter(path)


def read_leaks(folder: Path) -> Leaks:
    """The leaks that are written down in `folder`."""
    return Leaks.model_validate(read_json(folder / LEAKS))
