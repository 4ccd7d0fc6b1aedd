"""Columns on disk, and the text of a spool in blocks."""

from pathlib import Path

import numpy as np
import pytest

from equiglot.corpus import TextSettings
from equiglot.corpus import spool as spool_module
from equiglot.corpus.cleaning import Cleaner
from equiglot.corpus.spool import DROPPED, TRAIN, Column, Spool, SpoolWriter, open_spool
from equiglot.hashing import digest

TEXTS = ["one", "δύο τρία", "तीन चार पाँच", "넷", "fünf" * 20, "six"]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Two sentences in each of three documents, with one before them that has none."""
    cleaner = Cleaner("en", TextSettings(min_characters=1, split_sentences=False))
    with SpoolWriter(tmp_path, seed=0) as writer:
        writer.add(cleaner.clean(TEXTS[:3], [1, 1, 2]), [digest(f"{i}") for i in range(3)])
        writer.add(cleaner.clean(TEXTS[3:], [2, 3, 3]), [digest("3")])
    return open_spool(tmp_path)


def test_a_column_is_read_and_written_by_slices(tmp_path: Path) -> None:
    column = Column.filled(tmp_path / "column", np.int64, 10, 7)
    column[2:4] = np.array([1, 2])
    column[8:10] += np.array([1, 2])
    assert column[:].tolist() == [7, 7, 1, 2, 7, 7, 7, 7, 8, 9] and len(column) == 10
    assert column[3:3].tolist() == [] and column[9:20].tolist() == [9] and column.at(3) == 2
    assert Column.of_file(tmp_path / "column", np.int64)[:].tolist() == column[:].tolist()
    assert Column.filled(tmp_path / "empty", np.int64, 0, 1)[:].tolist() == []


@pytest.mark.parametrize("size", [1, 10, 25, 1000])
def test_text_comes_in_blocks(spool: Spool, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(spool_module, "BLOCK", 4)
    monkeypatch.setattr(spool_module, "TEXT_BLOCK", size)
    found = list(spool.text_blocks())
    assert [row for block in found for row in range(block.start, block.stop)] == list(range(len(TEXTS)))
    for block in found:
        lengths = [len(text.encode()) for text in TEXTS[block]]
        assert spool.block_text(block).decode() == "".join(TEXTS[block])
        assert spool.block_bytes(block).tolist() == lengths
        assert sum(lengths) <= size or len(lengths) == 1


def test_values_of_documents(spool: Spool) -> None:
    assert spool.of_documents(spool.first, slice(1, 5)).tolist() == [0, 2, 2, 4]
    assert spool.first[:].tolist() == [0, 0, 2, 4]


def test_sentences_are_dropped(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "BLOCK", 2)
    spool.drop(np.array([], np.int64))
    assert spool.left().sentences == 6
    spool.drop(np.array([0, 3, 5]))
    assert spool.fate[:].tolist() == [DROPPED, TRAIN, TRAIN, DROPPED, TRAIN, DROPPED] and spool.left().sentences == 3
