from collections.abc import Callable
from pathlib import Path

import pytest

from equiglot.corpus import Document, FilesSource
from equiglot.corpus import opening as opening_module
from equiglot.corpus import sources as sources_module
from equiglot.errors import InputError

Write = Callable[..., str]


def documents(*paths: str) -> list[Document]:
    return list(FilesSource(paths=paths).documents("en"))


def test_without_blank_lines_every_line_is_its_own(written: Write) -> None:
    found = documents(written("one\ntwo\n\n\n"))  # blank lines at the end separate nothing
    assert found == [Document("0:0", ["one"], False), Document("0:1", ["two"], False)]


def test_blank_lines_separate_documents(written: Write) -> None:
    found = documents(written("\n\na\nb\n \t\n\nc\n"))
    assert found == [Document("0:0", ["a", "b"], True), Document("0:1", ["c"], True)]


def test_byte_order_mark_and_mixed_line_ends(written: Write) -> None:
    found = documents(written("\ufeffone\r\ntwo\rthree\nfour\u0085still four\x1cyes"))
    assert [d.paragraphs for d in found] == [["one"], ["two"], ["three"], ["four\u0085still four\x1cyes"]]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_blocks_do_not_matter(written: Write, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    path = written("α\r\nβ\r\n\r\nγγγγγ\nδ\r\rε")
    whole = documents(path)
    monkeypatch.setattr(opening_module, "BLOCK_CHARACTERS", size)
    assert documents(path) == whole
    assert [d.paragraphs for d in whole] == [["α", "β"], ["γγγγγ", "δ"], ["ε"]]


def test_a_long_document_comes_in_pieces(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources_module, "PIECE_PARAGRAPHS", 2)
    found = documents(written("a\nb\nc\nd\n\ne\n"))
    assert [(d.id, d.paragraphs) for d in found] == [("0:0", ["a", "b"]), ("0:0", ["c", "d"]), ("0:1", ["e"])]
    monkeypatch.setattr(sources_module, "PIECE_CHARACTERS", 3)
    found = documents(written("aaa\nb\ncccc\n\ne\n"))
    assert [d.paragraphs for d in found] == [["aaa"], ["b", "cccc"], ["e"]]


def test_folders_globs_and_order(written: Write, tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/sub/1.txt", "a.text", "b/ignored.md"):
        written(name, name)
    source = FilesSource(paths=("b", "*.text", "b/2.txt")).resolve(tmp_path)
    assert [str(f.relative_to(tmp_path)) for f in source.files()] == ["b/2.txt", "b/sub/1.txt", "a.text"]
    assert all(Path(path).is_absolute() for path in source.paths)
    assert FilesSource(paths=("**/1.txt",)).resolve(tmp_path).files() == [tmp_path / "b/sub/1.txt"]


def test_a_file_whose_name_looks_like_a_glob(written: Write, tmp_path: Path) -> None:
    written("x", "[a].txt")
    assert FilesSource(paths=("[a].txt",)).resolve(tmp_path).files() == [tmp_path / "[a].txt"]


def test_identity_follows_content_not_place(written: Write) -> None:
    one, same, other = written("text", "1.txt"), written("text", "folder/2.txt"), written("texT", "3.txt")
    identities = [FilesSource(paths=(path,)).identity("en") for path in (one, same, other)]
    assert identities[0] == identities[1] != identities[2]


def test_description_names_the_files(written: Write) -> None:
    assert "one file (text.txt)" in FilesSource(paths=(written("x"),)).describe("en")


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"", "empty", None),
        (b"\xef\xbb\xbf\n \n", "all lines are blank", None),
        (b"good\n\x00\x01", "NUL", None),
        ("text".encode("utf-16"), "NUL", None),
        (b"one\r\ntwo\rthree\nna\xefve\n", "not UTF-8: byte 0xef in line 4", 4),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8|NUL", None),
    ],
)
def test_bad_files(written: Write, content: bytes, message: str, line: int | None) -> None:
    path = written(content)
    with pytest.raises(InputError, match=message) as caught:
        documents(path)
    assert caught.value.where == (f"{path}:{line}" if line else caught.value.where)
    assert path in str(caught.value.where)
    assert caught.value.fix
    assert line is None or "iconv" in caught.value.fix


@pytest.mark.parametrize("text", ["सभी\nमनुष्य", "один\nдва", "one\n😀"])
def test_a_file_that_was_cut_off_inside_of_a_character(written: Write, text: str) -> None:
    path = written(text.encode()[:-1])
    with pytest.raises(InputError, match="ends in the middle of a character, in line 2") as caught:
        documents(path)
    assert caught.value.where == f"{path}:2" and "copy the file again" in str(caught.value.fix)


def test_the_bad_byte_may_stand_far_inside(written: Write) -> None:
    with pytest.raises(InputError, match="line 300,001"):
        documents(written(b"a line of text\n" * 300_000 + b"\xff\n"))


@pytest.mark.parametrize("path", ["missing.txt", "missing/*.txt", "empty-folder"])
def test_nothing_there(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty-folder").mkdir()
    with pytest.raises(InputError) as caught:
        FilesSource(paths=(path,)).resolve(tmp_path).files()
    assert path in str(caught.value) and caught.value.fix


def test_unreadable(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written("text")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        documents(path)
    with pytest.raises(InputError, match="Permission denied"):
        FilesSource(paths=(path,)).identity("en")


def test_signs_of_patterns_in_the_name_of_a_folder(written: Write, tmp_path: Path) -> None:
    """A pattern joined to such a folder matches its files, and not those of another project."""
    for name in ("[ab]/x.txt", "a/y.txt", "b/text/z.txt", "[ab]/text/v.txt"):
        written(name, name)
    base = tmp_path / "[ab]"
    assert FilesSource(paths=("*.txt",)).resolve(base).files() == [base / "x.txt"]
    assert FilesSource(paths=("**/v.txt", "t*/*.txt")).resolve(base).files() == [base / "text" / "v.txt"]
    with pytest.raises(InputError, match="matches no file"):
        FilesSource(paths=("y*",)).resolve(base).files()
    assert FilesSource(paths=("[ab]/text/*.txt",)).resolve(tmp_path).files() == [base / "text" / "v.txt"]
    assert len(FilesSource(paths=("[bc]/**/*.txt",)).resolve(tmp_path).files()) == 1
