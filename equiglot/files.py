"""The only ways in which files are written, and what they are known by.

Nothing is ever half-written: a file or a folder is made aside, synced to the disk, and renamed into place. What went
into something is known by its fingerprint, what came out by its checksums. Only plain files are read, and nothing is
written through a link: a run folder may be a stranger's.
"""

import errno
import glob
import hashlib
import json
import os
import platform
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from equiglot.errors import InputError

_TRIES = 20  # to put a folder in a place where others put theirs


def canonical_json(value: Any) -> str:
    """`value` as JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(value: Any) -> str:
    """32 hexadecimal digits that stand for a JSON-able `value`."""
    return hashlib.blake2b(canonical_json(value).encode(), digest_size=16).hexdigest()


def checksum(path: Path) -> str:
    """32 hexadecimal digits that stand for the bytes of a file; memory stays flat."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """Relative path -> checksum, for every file below `folder`."""
    return {str(path.relative_to(folder)): checksum(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def check_new(path: Path, option: str, *, replace: bool) -> None:
    """Refuses to write over what is there; `option` is what the user named `path` with.

    Raises:
        InputError: a file that may not be replaced, or a folder.
    """
    if path.is_dir():
        raise InputError("a folder stands where the file would be", where=path, fix=f"choose another {option}")
    if path.exists() and not replace:
        fix = f"choose another {option}, or add --replace"
        raise InputError("the file is there already", where=path, fix=fix)


def check_absent(path: Path, option: str) -> None:
    """Refuses to make a folder where anything is already; `option` is what the user named `path` with.

    Raises:
        InputError: something is there, be it a link to nothing.
    """
    if path.exists() or path.is_symlink():
        raise InputError("something is there already", where=path, fix=f"choose another {option}")


def open_plain(path: Path, flags: int) -> int:
    """A descriptor of a plain file; a link, a pipe or a device in its place is refused, not followed or waited for.

    Args:
        path: the file.
        flags: of `os.open`.

    Raises:
        InputError: it is no plain file.
        OSError: as `os.open`.
    """
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError:
        if path.is_symlink():
            raise _not_plain(path) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _not_plain(path)
    return handle


def check_plain(root: Path) -> None:
    """Refuses a folder in which anything is a link, a pipe or a device: what is written there would go elsewhere.

    Raises:
        InputError: with the first that was found.
    """
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:  # a command at work has just removed it
                continue
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise _not_plain(path)


def _not_plain(path: Path) -> InputError:
    kind = "a link" if path.is_symlink() else "no plain file"
    fix = "put in its place what it points to, or delete it" if path.is_symlink() else "delete it"
    return InputError(f"{path.name} is {kind}; a run is written to plain files and folders alone", where=path, fix=fix)


def _mine(pid: int | str | None = None) -> str:
    """What no other process has, on this machine or another that shares its disk; or what another one here has."""
    return f"{platform.node().partition('.')[0]}-{os.getpid() if pid is None else pid}"


def is_alive(pid: int) -> bool:
    """Whether there is a process on this machine that has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _begin(path: Path) -> Path:
    """Where this process makes what is to take the place of `path`: nothing is there; nor what dead processes left."""
    make_parents(path)
    for left in path.parent.glob(aside(Path(glob.escape(path.name)), glob.escape(_mine("")) + "*").name):
        pid = left.name.rsplit(".", 2)[1].rpartition("-")[2]
        if pid.isdecimal() and (int(pid) == os.getpid() or not is_alive(int(pid))):
            _remove(left)
    return aside(path, _mine())


def aside(path: Path, mark: str, end: str = "tmp") -> Path:
    """Where something is made that is to take the place of `path`; a hidden name, with a mark of whoever makes it."""
    return path.with_name(f".{path.name}.{mark}.{end}")


def place_of(path: Path) -> Path:
    """The place that what stands aside is to take, or has stood in."""
    return path.with_name(path.name.removeprefix(".").rsplit(".", 2)[0])


@contextmanager
def atomic_file(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Opens a file beside `path` that takes its place, synced, when the block ends well, and vanishes otherwise."""
    made = _begin(path)
    try:
        with naming(path, made), made.open(mode.replace("w", "x"), encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
        _sync(path.parent)
    finally:
        with suppress(OSError):  # what was refused before counts more
            made.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, made: Path | None = None) -> Iterator[None]:
    """What the disk refuses meanwhile is said of `path` where the system names no file, as with every write, or the one
    that is `made` aside."""
    try:
        yield
    except OSError as error:
        if error.errno and error.filename in (None, os.fspath(made or path)):
            error.filename = os.fspath(path)
        raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder that takes `path`'s place, synced, when the block ends well, and vanishes otherwise.

    Raises:
        InputError: a link stands in its place.
    """
    _check_no_link(path)
    made = _begin(path)
    made.mkdir()
    try:
        yield made
        _share(made)
        for inside in sorted(made.rglob("*")):
            _sync(inside)
        _sync(made)
        publish(made, path)
    finally:
        _remove(made)


def publish(made: Path, path: Path) -> None:
    """Lets a finished folder, whose files are on the disk, take `path`'s place; what stood there stays until then.

    Raises:
        InputError: a link stands in its place.
    """
    _check_no_link(path)
    old = aside(path, _mine(), "old")
    for last in (*[False] * _TRIES, True):
        _remove(old)
        try:
            if path.exists():
                path.rename(old)
            made.rename(path)
            break
        except OSError as error:
            if old.exists() and not path.exists():
                with suppress(OSError):
                    old.rename(path)
            # Another process has just put its own there: the last one stays. Whatever else it is, it stays refused.
            if last or error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    _sync(path.parent)
    _remove(old)


def link_files(source: Path, into: Path) -> None:
    """Puts all files below `source` into the folder `into` as well: the same bytes on the disk where it can, copies
    elsewhere; what is there stays."""
    for path in sorted(source.rglob("*")):
        there = into / path.relative_to(source)
        if path.is_dir():
            there.mkdir(parents=True, exist_ok=True)
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        if there.exists():
            continue
        try:
            os.link(path, there)
        except OSError:  # a disk without hard links
            shutil.copyfile(path, there)


def make_parents(path: Path) -> None:
    """Makes the folders above `path` that are not there, each synced in its own parent."""
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _check_no_link(path: Path) -> None:
    if path.is_symlink():
        raise _not_plain(path)


def _remove(path: Path) -> None:
    """Removes a folder, or whatever else has its name; of a link, the link."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)


def _share(folder: Path) -> None:
    """Gives the files in a new folder the rights that its own say: some libraries write for the owner alone."""
    rights = stat.S_IMODE(folder.stat().st_mode) & 0o666
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(rights)


def write_text(path: Path, text: str) -> None:
    """Writes `text` to `path`, atomically."""
    with atomic_file(path) as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` to `path` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_bytes(path: Path) -> bytes:
    """The bytes of a plain file, or of one that a link points to; a pipe is refused, not waited for.

    Raises:
        InputError: it is no plain file.
        OSError: it cannot be read.
    """
    with open(open_plain(path.resolve(), os.O_RDONLY), "rb") as file:
        return file.read()


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        InputError: it is no plain file.
        OSError: it cannot be read.
        ValueError: it is no JSON in UTF-8.
    """
    return json.loads(read_bytes(path).decode())


def write_sealed(path: Path, value: dict[str, Any]) -> None:
    """Writes a JSON object with its own checksum, atomically."""
    write_json(path, {"checksum": fingerprint(value), **value})


def read_sealed(path: Path) -> dict[str, Any]:
    """What `write_sealed` wrote.

    Raises:
        InputError: it is no plain file.
        OSError: it cannot be read.
        ValueError: it is not what was written.
    """
    value = read_json(path)
    if not isinstance(value, dict) or value.pop("checksum", None) != fingerprint(value):
        raise ValueError(f"{path.name} is not what was written: its checksum is another")
    return value


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
