"""What finished jobs have written: whether all of it is still there and unchanged, and nothing was put beside it.

Whoever reads an output asks here first. Its record has a checksum of every file; a file that was added counts as a
change, for libraries read what they find (a tokenizer takes `added_tokens.json` from beside it).
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from equiglot.errors import InputError
from equiglot.files import checksum, read_sealed
from equiglot.run import CARD, RunDirectory

_ODD = "no plain file"
Stamp = Mapping[str, tuple[int, ...]]
"""File -> inode, size, times of the last changes: where they are the same, the contents are."""


def output_checksums(folder: Path) -> dict[str, str]:
    """Relative path -> checksum, for every file of an output but a model's card and hidden files.

    What is neither a file nor a folder has no checksum, but words that are no file's.
    """
    files = _files(folder)
    return {name: checksum(path) if path.is_file() else _ODD for name, path in files}


def stamp_of(folder: Path) -> Stamp:
    """The stamp of the same files."""
    return {name: _stamp(path) for name, path in _files(folder)}


def changed_files(folder: Path, outputs: Mapping[str, str]) -> list[str]:
    """The files of an output that are not as its record says: gone, changed, or added."""
    now = output_checksums(folder)
    return sorted(name for name in {*now, *outputs} if now.get(name) != outputs.get(name))


def missing_files(folder: Path, outputs: Mapping[str, str]) -> list[str]:
    """The files of an output that are gone; contents are not looked at."""
    return sorted(name for name in outputs if not (folder / name).is_file())


def check_model(folder: Path) -> None:
    """Refuses a model of a run that is not what its training wrote; a folder without a record is what it is.

    Raises:
        InputError: with the files; or its record is damaged.
    """
    run = RunDirectory(folder.absolute().parent.parent)
    record = run.job(f"model/{folder.absolute().name}")
    if run.model(folder.absolute().name) != folder.absolute() or not record.is_file():
        return
    again = f"put back what was there, or delete the folder: `equiglot run` makes model/{folder.name} again"
    try:
        outputs = dict(read_sealed(record)["outputs"])
    except (ValueError, KeyError, TypeError):
        raise InputError("the record of this model is damaged", where=record, fix=again) from None
    changed = changed_files(folder, outputs)
    if changed:
        what = f"files of this model have changed since they were made: {named(changed)}"
        raise InputError(what, where=folder, fix=again)


def named(files: list[str]) -> str:
    """The first of some files, for a message."""
    return ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """All that is in a folder and below and is no folder, sorted; nothing where the folder is a link or not there."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if Path(place, name).is_symlink()]
        found += [Path(place, name) for name in (*files, *links) if not name.startswith(".")]
    for path in sorted(found):
        name = str(path.relative_to(folder))
        if name != CARD:
            yield name, path


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, stat.S_IFMT(found.st_mode))
