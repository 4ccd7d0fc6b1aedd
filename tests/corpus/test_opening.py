"""Packed files read like plain ones, and whatever is wrong with them is said."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from equiglot.corpus import Document, FilesSource
from equiglot.corpus import opening as opening_module
from equiglot.corpus import paths as paths_module
from equiglot.corpus.documents import LONGEST_TEXT
from equiglot.corpus.opening import head, read_lines
from equiglot.errors import InputError
from tests.articles import ARTICLE
from tests.corpus.conftest import random_sentences
from tests.corpus.packing import SUFFIXES, packed

Write = Callable[..., str]
MIXED = "\ufeffодин\r\nδύο\rतीन\n\u0085셋\x1c నాలుగు\r\n\r\nخمسة".encode()


def documents(*paths: str) -> list[Document]:
    return list(FilesSource(paths=paths).documents("en"))


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_line_ends_are_the_same_in_every_packing(
    written: Write, monkeypatch: pytest.MonkeyPatch, suffix: str, size: int
) -> None:
    monkeypatch.setattr(opening_module, "BLOCK_CHARACTERS", size)
    found = documents(written(packed(MIXED, suffix), f"a.txt{suffix}"))
    assert [d.paragraphs for d in found] == [["один", "δύο", "तीन", "\u0085셋\x1c నాలుగు"], ["خمسة"]]
    assert found == documents(written(MIXED))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_several_streams_in_one_file(written: Write, suffix: str) -> None:
    parts = [packed(text.encode() + b"\n", suffix) for text in ARTICLE.values()]
    assert [d.paragraphs for d in documents(written(b"".join(parts), f"a.txt{suffix}"))] == [
        [text] for text in ARTICLE.values()
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_packed_file_that_is_cut_off(written: Write, suffix: str) -> None:
    lines = random_sentences(20_000)
    whole = packed("\n".join(lines).encode(), suffix)
    path = written(whole[: len(whole) * 3 // 4], f"a.txt{suffix}")
    with pytest.raises(InputError, match=rf"a\.txt\{suffix} ends in the middle: it can be read up to line") as caught:
        documents(path)
    assert caught.value.where == path and "again" in str(caught.value.fix)
    line = int(caught.value.what.rsplit(" ", 1)[1].rstrip(".").replace(",", ""))
    assert len(lines) // 4 < line < len(lines)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])  # Arrow writes zstandard without a check of the content
def test_a_packed_file_with_a_wrong_byte(written: Write, suffix: str) -> None:
    whole = bytearray(packed("\n".join(random_sentences(20_000)).encode(), suffix))
    whole[len(whole) // 2] ^= 0xFF
    with pytest.raises(InputError, match="is damaged: it can be read up to line"):
        documents(written(bytes(whole), f"a.txt{suffix}"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_that_lies(written: Write, suffix: str) -> None:
    with pytest.raises(InputError, match=f"is not packed with .*, though its name ends in \\{suffix}"):
        documents(written(ARTICLE["ko"], f"a.txt{suffix}"))
    with pytest.raises(InputError, match=r"is packed with .*, but its name does not say so") as caught:
        documents(written(packed(ARTICLE["ko"].encode(), suffix), "b.txt"))
    assert caught.value.fix == f"rename it to b.txt{suffix}"


@pytest.mark.parametrize("name", ["a.zip", "a.txt.7z", "a.tar"])
def test_a_packing_that_is_not_read(written: Write, name: str) -> None:
    with pytest.raises(InputError, match="packed in a way that is not read here"):
        documents(written("x", name))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_wrong_inside_is_said_with_its_line(written: Write, suffix: str) -> None:
    latin = written(packed(b"one\r\ntwo\rthree\nna\xefve\n", suffix), f"a.txt{suffix}")
    with pytest.raises(InputError, match="not UTF-8: byte 0xef in line 4") as caught:
        documents(latin)
    assert caught.value.where == f"{latin}:4"
    with pytest.raises(InputError, match="NUL"):
        documents(written(packed("text".encode("utf-16"), suffix), f"b.txt{suffix}"))
    with pytest.raises(InputError, match="all lines are blank"):
        documents(written(packed(b"\n \n", suffix), f"c.txt{suffix}"))


def test_folders_take_packed_files(written: Write, tmp_path: Path) -> None:
    for name in ("b/1.txt.gz", "b/sub/2.txt.zst", "b/3.txt", "b/4.md.gz", "b/5.txt.zip"):
        written("x", name)
    files = FilesSource(paths=("b",)).resolve(tmp_path).files()
    assert [file.name for file in files] == ["1.txt.gz", "3.txt", "2.txt.zst"]


@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
def test_the_amount_is_estimated_without_reading_all(
    written: Write, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(paths_module, "SAMPLE_BYTES", 1 << 21)
    text = "ж".join(random_sentences(60_000))
    source = FilesSource(paths=(written(packed(text.encode(), suffix), f"a.txt{suffix}"),))
    assert source.estimate_characters("en") == pytest.approx(len(text), rel=0.4)
    start, taken = head(source.files()[0], 1 << 20)
    assert len(start) == 1 << 20 and taken < source.files()[0].stat().st_size


def test_lines_come_in_blocks(written: Write) -> None:
    path = Path(written(packed(b"a line of text\n" * 300_000, ".xz"), "a.txt.xz"))
    blocks = list(read_lines(path))
    assert len(blocks) > 2 and sum(map(len, blocks)) == 300_000


@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(written: Write, suffix: str) -> None:
    text = b"one\n\ntwo\r\n" + b"x" * (6 * LONGEST_TEXT)
    path = written(packed(text, suffix), f"a.txt{suffix}")
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"Line 4 of a\.txt.* is longer than 10,000,000 characters") as caught:
            documents(path)
        assert tracemalloc.get_traced_memory()[1] < 5 * LONGEST_TEXT
    finally:
        tracemalloc.stop()
    assert caught.value.where == f"{path}:4" and "break it up" in str(caught.value.fix)


def test_the_longest_line_that_is_read(written: Write) -> None:
    found = documents(written(b"a line\n" * 100 + b"x" * LONGEST_TEXT + b"\nlast"))
    assert [len(document.paragraphs[0]) for document in found[-2:]] == [LONGEST_TEXT, 4]
    with pytest.raises(InputError, match="Line 102 "):
        documents(written(b"a line\n" * 101 + b"x" * (LONGEST_TEXT + 1) + b"\nlast"))


@pytest.mark.parametrize(("byte", "said"), [(b"\0", "NUL"), (b"\xff", "byte 0xff in line 2")])
def test_bytes_that_are_no_text_are_not_read_to_the_end(written: Write, byte: bytes, said: str) -> None:
    path = written(packed(b"one\n" + byte * (6 * LONGEST_TEXT), ".xz"), "a.txt.xz")
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=said):
            documents(path)
        assert tracemalloc.get_traced_memory()[1] < 5 * LONGEST_TEXT
    finally:
        tracemalloc.stop()
