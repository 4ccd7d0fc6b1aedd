"""Sorting on disk, against numpy's sort in memory."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.corpus import sorting as sorting_module
from equiglot.corpus.sorting import Rows, Sorter, selected

WITH_TEXT = np.dtype([("key", np.uint64), ("bytes", np.int32)])
NUMBERED = np.dtype([("key", np.uint64), ("row", np.int64)])
WORDS = ["", "one", "δύο", "तीन", "넷", "خمسة", "шесть"]
spread = st.integers(0, (1 << 64) - 1)
close = st.sampled_from([5, 6, 7, 1 << 63])  # most of the highest bits agree


def rows_of(keys: list[int], texts: list[str]) -> Rows:
    encoded = [text.encode() for text in texts]
    numbers = np.array(list(zip(keys, map(len, encoded), strict=True)), WITH_TEXT)
    return Rows(numbers, b"".join(encoded))


@given(
    st.lists(st.tuples(spread | close, st.sampled_from(WORDS)), max_size=60), st.integers(12, 500), st.integers(1, 20)
)
def test_rows_and_their_text_come_in_order(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[int, str]], limit: int, at_a_time: int
) -> None:
    folder = tmp_path_factory.mktemp("sorting")
    with pytest.MonkeyPatch.context() as patch:
        for name, size in (("LIMIT", limit), ("WAITING", 100), ("ROWS", 4), ("MOST_BITS", 3)):
            patch.setattr(sorting_module, name, size)
        with Sorter(folder, WITH_TEXT, size=16 * len(pairs)) as sorter:
            for start in range(0, len(pairs), at_a_time):
                part = pairs[start : start + at_a_time]
                sorter.add(rows_of([key for key, _ in part], [text for _, text in part]))
            found = list(sorter.sorted())
            assert [piece.text for piece in sorter.sorted()] == [piece.text for piece in found]
    expected = sorted(pairs, key=lambda pair: pair[0])
    assert [key for piece in found for key in piece.numbers["key"].tolist()] == [key for key, _ in expected]
    assert b"".join(piece.text for piece in found).decode() == "".join(text for _, text in expected)
    assert not list(folder.iterdir())


def test_equal_keys_keep_their_order_and_come_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting_module, "LIMIT", 1 << 10)
    monkeypatch.setattr(sorting_module, "ROWS", 100)
    numbers = np.zeros(5000, NUMBERED)
    numbers["row"] = np.arange(5000)
    numbers["key"][2500] = 1 << 63
    with Sorter(tmp_path, NUMBERED, size=numbers.nbytes) as sorter:
        sorter.add(Rows(numbers))
        found = [piece.numbers["row"] for piece in sorter.sorted()]
    assert max(map(len, found)) <= 100
    assert np.concatenate(found).tolist() == [*range(2500), *range(2501, 5000), 2500]


def test_its_files_go_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting_module, "WAITING", 1)
    with pytest.raises(KeyError), Sorter(tmp_path, WITH_TEXT, size=100) as sorter:
        sorter.add(rows_of([1, 2], ["one", "two"]))
        assert list(tmp_path.rglob("*.text"))
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_selected_texts() -> None:
    encoded = [word.encode() for word in WORDS]
    lengths = np.array([len(word) for word in encoded])
    assert selected(b"".join(encoded), lengths, np.array([4, 0, 1, 4])).decode() == "넷one넷"
