import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from equiglot.corpus import LanguageText, TextSettings, build_corpus
from equiglot.corpus import building as building_module
from equiglot.corpus import opening as opening_module
from equiglot.corpus import sorting as sorting_module
from equiglot.corpus import spool as spool_module


def peak(path: str, into: Path) -> int:
    into.mkdir()
    tracemalloc.start()
    try:
        build_corpus("en", LanguageText(text=path), TextSettings(valid=20, test=20), 0, into)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_memory_stays_flat(
    tmp_path: Path,
    written: Callable[..., str],
    sentences: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    between: str,
) -> None:
    for module, name, size in (
        (building_module, "BATCH_CHARACTERS", 1 << 12), (opening_module, "BLOCK_CHARACTERS", 1 << 12),
        (sorting_module, "LIMIT", 1 << 13), (sorting_module, "WAITING", 1 << 13),
        (spool_module, "BLOCK", 1 << 9), (spool_module, "TEXT_BLOCK", 1 << 12),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, size)  # so that the smaller text is many times as large
    texts = sentences(30_000)
    documents = [" ".join(texts[i : i + 5]) for i in range(0, 30_000, 5)] if between == "\n\n" else texts
    small = written(between.join(documents[: len(documents) // 4]), "small.txt")
    large = written(between.join(documents), "large.txt")
    del texts, documents
    runs = (tmp_path / f"into-{number}" for number in range(20))
    peak(small, next(runs))  # tables are made once
    least = min(peak(small, next(runs)) for _ in range(2))
    more_text = Path(large).stat().st_size - Path(small).stat().st_size
    # Now and then the interpreter enlarges a table of its own, which is megabytes: it is enough that one run is small.
    assert any(peak(large, next(runs)) - least < 0.1 * more_text for _ in range(8))  # some five bytes a sentence
