"""Labelled words of real text in several scripts, and what a tiny model makes of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from equiglot.models import open_model
from equiglot.probing import Features, open_features, write_features
from equiglot.probing.linear import one_thread
from equiglot.tasks import OpenTask, TaskSummary
from equiglot.tasks.arranging import Row
from equiglot.tasks.folder import split_file, write_split
from tests.stock import save_stock

SHAPES = ("digit", "one", "symbol", "three", "two")
LANGUAGES = ("en", "ru", "ar")
SENTENCES = {"train": 60, "dev": 20, "test": 30}


def shape_of(word: str) -> str:
    """A class of words that stands in their first character: what the hidden states of any model tell something of."""
    if not word[0].isalnum():
        return "symbol"
    if word[0].isdigit():
        return "digit"
    return ("one", "two", "three")[ord(word[0].lower()) % 3]


def most_frequent(labels: npt.NDArray[np.int16]) -> float:
    """How often one is right who knows nothing but how frequent the labels are."""
    return float(np.bincount(labels).max() / len(labels))


def make_task(
    folder: Path,
    splits: Mapping[tuple[str, str], Sequence[tuple[list[str], list[str]]]],
    labels: Sequence[str] = SHAPES,
    unit: str = "word",
) -> OpenTask:
    """A task on disk, of (language, split) -> words and labels of sentences."""
    for (language, split), rows in splits.items():
        write_split(split_file(folder, language, split), [Row(*row) for row in rows], labels)
    return OpenTask(folder, TaskSummary(task="pos", unit=unit, labels=tuple(labels), languages=()))


@pytest.fixture(autouse=True)
def on_one_thread() -> Iterator[None]:
    """As probes are trained."""
    with one_thread():
        yield


@pytest.fixture(scope="session")
def shapes(text_files: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenTask:
    """Words of real pages in three scripts, by their first character; some sentences are longer than a window."""
    splits = {}
    for language in LANGUAGES:
        lines = [line.split() for line in (text_files / f"{language}.txt").read_text(encoding="utf-8").splitlines()]
        rows = [(words, [shape_of(word) for word in words]) for words in lines if words]
        begin = 0
        for split, count in SENTENCES.items():
            splits[language, split] = rows[begin : begin + count]
            begin += count
    return make_task(tmp_path_factory.mktemp("shapes"), splits)


@pytest.fixture(scope="session")
def shape_features(shapes: OpenTask, tmp_path_factory: pytest.TempPathFactory) -> Features:
    """All hidden states of a tiny model at these words: float16 [words, 3, 16]."""
    opened = open_model("tiny", str(save_stock(tmp_path_factory.mktemp("model"), "bert")))
    folder = tmp_path_factory.mktemp("features")
    write_features(opened, shapes, LANGUAGES, "all", folder)
    return open_features(folder)
