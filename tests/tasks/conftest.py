"""Files of labelled data made for a test, tasks of them, and what is on disk in words."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equiglot.corpus import TextSource
from equiglot.tasks import NamedEntities, PartOfSpeech, Task, TaskSummary, build_task, check_task, open_task
from tests.tasks.sentences import Tagged

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file; gives its path."""

    def written(content: str | bytes, name: str = "file") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


Files = dict[str, str]


def patterns(folder: Path, suffix: str) -> dict[str, str]:
    return {split: f"{folder}/{{language}}_*-{split}{suffix}" for split in ("train", "dev", "test")}


@pytest.fixture
def speech(tmp_path: Path, write: Write) -> Callable[[Files], PartOfSpeech]:
    """Writes treebanks, name -> content; gives the task."""

    def make(files: Files, **settings: Any) -> PartOfSpeech:
        for name, content in files.items():
            write(content, f"ud/{name}.conllu")
        return PartOfSpeech(task="pos", data={"kind": "conllu", **patterns(tmp_path / "ud", ".conllu")}, **settings)

    return make


@pytest.fixture
def entities(tmp_path: Path, write: Write) -> Callable[..., NamedEntities]:
    """Writes files of entities, name -> content; gives the task."""

    def make(files: Files, **settings: Any) -> NamedEntities:
        for name, content in files.items():
            write(content, f"ner/{name}.tsv")
        return NamedEntities(task="ner", data={"kind": "bio", **patterns(tmp_path / "ner", ".tsv")}, **settings)

    return make


def built(
    task: Task, languages: list[str], into: Path, documents: Mapping[str, TextSource] | None = None
) -> TaskSummary:
    """Checks and builds a task in a new folder."""
    check_task(task, languages, documents or {})
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    return build_task(task, languages, documents or {}, into)


def read_back(folder: Path, language: str, split: str) -> list[Tagged] | None:
    """The sentences of a split with their labels in words."""
    opened = open_task(folder)
    found = opened.split(language, split)
    if found is None:
        return None
    assert found.labels.dtype == np.int16 and found.lengths.dtype == np.int64
    assert len(found.labels) == found.lengths.sum() and len(found.words) == len(found.lengths)
    labels = np.split(found.labels, np.cumsum(found.lengths)[:-1])
    names = opened.summary.labels
    return [
        [(word, names[label]) for word, label in zip(words, numbers, strict=True)]
        for words, numbers in zip(found.words, labels, strict=True)
    ]
