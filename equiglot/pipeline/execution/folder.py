"""The run folder: made, held by one command at a time, cleared of what a killed command left; and its log."""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from equiglot.errors import InputError
from equiglot.files import check_plain, naming, open_plain, place_of
from equiglot.lease import Lease, leases_of, take_lease
from equiglot.reading import read_yaml, read_yaml_text
from equiglot.recipe import Origin, Recipe, check_settings, validate_recipe
from equiglot.run import RunDirectory

_NAME = re.compile(r"\w[\w.-]*")


def read_run(root: Path) -> Recipe:
    """The recipe of a run folder.

    Raises:
        InputError: this is no run folder; it cannot be read; a model or language is called by what is no plain name.
    """
    path = RunDirectory(root).recipe
    if not path.is_file():
        raise InputError("this is no run folder: it has no recipe.yaml", where=root, fix="name the folder of a run")
    try:
        tree, node = read_yaml(read_yaml_text(path), str(path))
    except InputError as error:
        fix = "`equiglot run` with the recipe writes it anew"
        raise InputError(f"the run's recipe cannot be read: {error.what}", where=error.where, fix=fix) from None
    recipe = validate_recipe(tree, Origin(((str(path), node),)))
    _check_names(recipe, path)
    return recipe


def saved_recipe(run: RunDirectory) -> Recipe | None:
    """The recipe that a run folder has, if it has one that can be read."""
    try:
        return read_run(run.root)
    except InputError:
        return None


def _check_names(recipe: Recipe, path: Path) -> None:
    """The recipe may be a stranger's: its names become paths, and its models must know each other."""
    for name in (*recipe.languages, *(plan.name for plan in recipe.expanded())):
        if not _NAME.fullmatch(name):
            fix = "make the run anew: `equiglot run` refuses such a recipe, and says what may be written"
            raise InputError(f"{name!r} cannot be the name of a model or a language", where=path, fix=fix)
    try:
        check_settings(recipe)
    except InputError as error:
        what, where = f"the run's recipe contradicts itself: {error.what}", f"{path}: {error.where}"
        raise InputError(what, where=where, fix=error.fix) from None


def make_folder(root: Path) -> None:
    """Makes a run folder, if it is not there.

    Raises:
        InputError: something else is there.
    """
    if root.exists() and not root.is_dir():
        raise InputError("a file stands where the run folder should be", where=root, fix="choose another --into")
    if root.is_dir() and any(root.iterdir()) and not _is_run(root):
        raise InputError("the folder is not empty and no run folder", where=root, fix="choose another --into")
    root.mkdir(parents=True, exist_ok=True)


def check_other(root: Path) -> None:
    """Refuses a folder to reuse that is no run folder.

    Raises:
        InputError: it is none.
    """
    if not root.is_dir() or not _is_run(root):
        raise InputError("there is no run folder to reuse", where=root, fix="name the folder of another run")


def _is_run(root: Path) -> bool:
    # Not by its recipe.yaml, which may be a recipe of the user's own.
    return leases_of(root).is_dir() or (root / "jobs").is_dir()


@contextmanager
def held(
    run: RunDirectory,
    *,
    take_over: bool = False,
    ended: str = "",
    patience: float = 0.0,
    adopt: bool = False,
    fix: str = "wait for it, or choose another --into",
) -> Iterator[Lease]:
    """Holds the run folder, with nothing in it half-written.

    What workers of a killed command still write is in the folders of their attempts, whose numbers are not given again.

    Args:
        run: the folder.
        take_over, ended, patience: as `take_lease`.
        adopt: whether attempts that an earlier command has left with an engine are kept; they are rubbish otherwise.
        fix: what to do where another command holds it.

    Raises:
        InputError: another command holds it; something in the folder is a link, a pipe or a device.
    """
    check_plain(run.root)
    lease = take_lease(run.root, take_over=take_over, ended=ended, patience=patience, fix=fix)
    try:
        _sweep(run, adopt)
        yield lease
    finally:  # where the disk refuses that, too, what has ended the command counts more
        with suppress(OSError):
            if lease.is_held:
                _sweep(run, adopt)
        with suppress(OSError):
            lease.release()


def _sweep(run: RunDirectory, adopt: bool) -> None:
    """Removes what was begun in processes that were killed, but for attempts that are still to be adopted.

    While there are such, nobody but their workers knows what is half written among checkpoints and attempts.
    """
    kept = {path.name for path in run.attempts.glob("*")} if adopt else set()
    if not kept:
        shutil.rmtree(run.attempts, ignore_errors=True)
    for old in _ending_in(".old", run.root):
        if not place_of(old).exists():  # killed between the two renames: what stood there comes back
            old.rename(place_of(old))
    for ending in (".tmp", ".old"):
        for path in _ending_in(ending, run.root):
            in_use = kept and any(path.is_relative_to(folder) for folder in (run.attempts, run.checkpoints(".")))
            if in_use or path.name.rsplit(".", 2)[1] in kept:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _ending_in(ending: str, root: Path) -> list[Path]:
    """Hidden files and folders of such a name; what workers remove meanwhile does no harm."""
    return [
        Path(folder, name)
        for folder, folders, files in os.walk(root)
        for name in (*folders, *files)
        if name.startswith(".") and name.endswith(ending)
    ]


class Log:
    """The structured log: one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, what: str, **details: Any) -> None:
        """Adds an event, or nothing at all where the disk is full."""
        event = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": what, **details}
        line = (json.dumps(event, ensure_ascii=False) + "\n").encode()
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        with naming(self._path), open(open_plain(self._path, flags), "wb", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(end)
                raise
