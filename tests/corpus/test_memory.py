import tracemalloc
from collections.abc import Callable
from pathlib import Path

from equiglot.corpus import LanguageText, TextSettings, build_corpus


def peak(path: str, into: Path) -> int:
    into.mkdir()
    tracemalloc.start()
    try:
        build_corpus("en", LanguageText(text=path), TextSettings(valid=200, test=200), 0, into)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_stays_flat(tmp_path: Path, written: Callable[..., str], sentences: Callable[..., list[str]]) -> None:
    texts = sentences(80_000)
    small, large = written("\n".join(texts[:20_000]), "small.txt"), written("\n".join(texts), "large.txt")
    del texts
    peak(small, tmp_path / "warm")  # tables are made once
    extra = peak(large, tmp_path / "large") - peak(small, tmp_path / "small")
    more_text = Path(large).stat().st_size - Path(small).stat().st_size
    assert extra < more_text  # text as Python strings would take twice its size, and more
