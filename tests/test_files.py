"""What is written to disk is whole or not there, and known by what went in and what came out."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.errors import InputError
from equiglot.files import (
    _mine,
    aside,
    atomic_file,
    atomic_folder,
    checksum,
    checksums,
    fingerprint,
    open_plain,
    publish,
    read_json,
    read_sealed,
    write_json,
    write_sealed,
    write_text,
)

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(value=_VALUES)
def test_json_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value


@given(value=st.dictionaries(_TEXT, _VALUES, min_size=2, max_size=5))
def test_a_fingerprint_does_not_know_the_order_of_keys(value: dict[str, object]) -> None:
    assert fingerprint(value) == fingerprint(dict(reversed(value.items())))
    assert fingerprint(value) != fingerprint({**value, "one more": 1, "and another": 2})
    assert len(fingerprint(value)) == 32


def test_fingerprints_stay_the_same_from_version_to_version() -> None:
    # Jobs of yesterday's runs are found again by them.
    assert fingerprint({"b": [1, 2.5, None], "a": "ü"}) == fingerprint({"a": "ü", "b": [1, 2.5, None]})
    assert fingerprint({"b": [1, 2.5, None], "a": "ü"}) == "c239a4a8c77eaa057e329e97f7c35441"


def test_checksums_see_a_flipped_bit(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "file", "text")
    before = checksums(tmp_path)
    assert list(before) == [os.path.join("deep", "file")]
    (tmp_path / "deep" / "file").write_bytes(b"tezt")
    assert checksums(tmp_path) != before
    assert checksum(tmp_path / "deep" / "file") == checksums(tmp_path)[os.path.join("deep", "file")]


def test_a_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write("half of the ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert _files(tmp_path) == ["file"]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with atomic_folder(folder) as made:
        write_text(made / "old", "old")
    with pytest.raises(RuntimeError), atomic_folder(folder) as made:
        write_text(made / "new", "new")
        raise RuntimeError
    assert _files(folder) == ["old"]
    assert _files(tmp_path) == ["folder"]


def test_a_folder_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with atomic_folder(tmp_path / "folder") as made:
            write_text(made / "sub" / name, name)
    assert _files(tmp_path / "folder" / "sub") == ["new"]
    assert _files(tmp_path) == ["folder"]


_DIES = """
import os, sys
from pathlib import Path
from equiglot.files import (atomic_file, atomic_folder, write_text)
root = Path(sys.argv[1])
with atomic_folder(root / "folder") as made, atomic_file(root / "file") as file:
    write_text(made / "new", "new")
    file.write("new")
    file.flush()
    os._exit(9)
"""


def test_a_process_that_is_killed_leaves_the_old_ones(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    with atomic_folder(tmp_path / "folder") as made:
        write_text(made / "old", "old")
    died = subprocess.run([sys.executable, "-c", _DIES, str(tmp_path)], check=False)
    assert died.returncode == 9
    assert (tmp_path / "file").read_text() == "old"
    assert _files(tmp_path / "folder") == ["old"]
    with atomic_folder(tmp_path / "folder") as made:  # What the dead one left is no obstacle ...
        write_text(made / "newer", "newer")
    assert _files(tmp_path / "folder") == ["newer"]  # ... not taken for the new one's, and removed.
    write_text(tmp_path / "file", "newer")
    assert _files(tmp_path) == ["file", "folder"]


def test_a_link_in_the_place_of_a_folder_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    write_text(tmp_path / "elsewhere" / "mine", "mine")
    (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="folder is a link"), atomic_folder(tmp_path / "folder"):
        raise AssertionError
    write_text(tmp_path / "finished" / "new", "new")
    with pytest.raises(InputError, match="folder is a link"):
        publish(tmp_path / "finished", tmp_path / "folder")
    assert (tmp_path / "folder").readlink() == tmp_path / "elsewhere"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "finished", "folder"]
    assert _files(tmp_path / "elsewhere") == ["mine"]


@pytest.mark.parametrize("number", [errno.EROFS, errno.EBUSY, errno.EPERM, errno.ENOTEMPTY])
@pytest.mark.parametrize("refused", [1, 2])
def test_a_disk_that_renames_nothing_is_not_asked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, refused: int
) -> None:
    """What stood there stays, whichever of the two renames is refused."""
    write_text(tmp_path / "folder" / "old", "old")
    write_text(tmp_path / "finished" / "new", "new")
    rename, asked = Path.rename, list[Path]()

    def rename_not(path: Path, to: Path) -> Path:
        asked.append(path)
        if path.name == ("folder", "finished")[refused - 1]:
            raise OSError(number, "no", str(path))
        return rename(path, to)

    with monkeypatch.context() as patched, pytest.raises(OSError, match="no"):
        patched.setattr(Path, "rename", rename_not)
        publish(tmp_path / "finished", tmp_path / "folder")
    assert _files(tmp_path / "folder") == ["old"] and len(asked) < 100
    publish(tmp_path / "finished", tmp_path / "folder")
    assert _files(tmp_path / "folder") == ["new"]


def test_what_a_stranger_laid_in_the_way_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    write_text(tmp_path / "elsewhere" / "mine", "mine")
    for name in (
        aside(tmp_path / "folder", _mine()).name,
        aside(tmp_path / "folder", _mine(), "old").name,
        aside(tmp_path / "file", _mine()).name,
    ):
        (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    for text in ("old", "new"):
        with atomic_folder(tmp_path / "folder") as made:
            write_text(made / "inside", text)
        write_text(tmp_path / "file", text)
    assert (tmp_path / "folder" / "inside").read_text() == (tmp_path / "file").read_text() == "new"
    assert _files(tmp_path / "elsewhere") == ["mine"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "file", "folder"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_have_the_rights_that_the_umask_leaves(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with atomic_folder(tmp_path / "folder") as made:
            for path in (made / "own", made / "deep" / "own"):
                write_text(path, "for the owner alone, as some libraries write")
                path.chmod(0o600)
        write_text(tmp_path / "file", "")
    finally:
        os.umask(before)
    files = (tmp_path / "folder/own", tmp_path / "folder/deep/own", tmp_path / "file")
    assert [path.stat().st_mode & 0o777 for path in files] == [0o666 & ~mask] * 3


def test_new_folders_are_synced_in_their_own_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("equiglot.files._sync", synced.append)
    write_text(tmp_path / "a" / "b" / "file", "")
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    write_text(tmp_path / "file", "5")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_json(tmp_path / "link") == 5
    for path in (tmp_path / "pipe", tmp_path, Path(os.devnull)):
        with pytest.raises(InputError, match="no plain file"):
            read_json(path)
    with pytest.raises(InputError, match="link is a link"):
        open_plain(tmp_path / "link", os.O_WRONLY)
    assert read_json(tmp_path / "file") == 5


@given(value=st.dictionaries(_TEXT, _VALUES))
def test_sealed_objects_come_back_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, object]
) -> None:
    value.pop("checksum", None)
    path = tmp_path_factory.mktemp("sealed") / "file"
    write_sealed(path, value)
    assert read_sealed(path) == value
    write_json(path, {**read_json(path), "more": 1})
    with pytest.raises(ValueError, match="its checksum is another"):
        read_sealed(path)
