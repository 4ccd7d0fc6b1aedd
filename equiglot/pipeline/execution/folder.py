"""The run folder: made, held by one command at a time, cleared of what a killed command left; and its log."""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from equiglot.errors import InputError
from equiglot.reading import read_yaml, read_yaml_text
from equiglot.recipe import Origin, Recipe, check_settings, validate_recipe
from equiglot.run import RunDirectory, check_plain, open_plain

_NAME = re.compile(r"\w[\w.-]*")
_LOCK_SECONDS = 1.0  # `equiglot status` holds the lock for a moment
_WORKER_SECONDS = 20.0  # in which a worker notices that its command was killed


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
    return RunDirectory(root).lock.exists() or (root / "jobs").is_dir()


@contextmanager
def locked(run: RunDirectory, fix: str = "wait for it, or choose another --into") -> Iterator[None]:
    """Holds the run folder, with nothing in it half-written.

    Args:
        run: the folder.
        fix: what to do where another command holds it.

    Raises:
        InputError: another command, or a worker of a killed one, holds it, with the process id; something in the folder
            is a link, a pipe or a device.
    """
    handle = open_plain(run.lock, os.O_CREAT | os.O_RDWR)
    try:
        if not _take(handle, fcntl.LOCK_EX, _LOCK_SECONDS):
            owner = os.pread(handle, 20, 0).decode() or "unknown"
            raise InputError(f"process {owner} works on this run", where=run.root, fix=fix)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        check_plain(run.root)
        _wait_for_workers(run)
        _sweep(run)
        try:
            yield
        finally:
            _sweep(run)
    finally:
        os.close(handle)


def _take(handle: int, how: int, seconds: float) -> bool:
    """Takes a lock within some seconds, if it becomes free."""
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > end:
                return False
        time.sleep(0.05)


def lock_owner(run: RunDirectory) -> int | None:
    """The process id of the command that works on a run, if one does."""
    try:
        handle = open_plain(run.lock, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(handle, 20, 0) or b"0")
    finally:
        os.close(handle)
    return None


def hold_workers_lock(run: RunDirectory) -> None:
    """Takes the lock that all workers of a run share, for as long as this process lives.

    Raises:
        InputError: a command that has come since has it: this worker's own was killed.
    """
    handle = open_plain(run.workers, os.O_CREAT | os.O_RDWR | os.O_APPEND)
    if not _take(handle, fcntl.LOCK_SH, _WORKER_SECONDS):
        raise InputError("another command holds this run", where=run.root, fix="wait for it")
    os.write(handle, f"{os.getpid()}\n".encode())


def _wait_for_workers(run: RunDirectory) -> None:
    """Workers of a command that was killed end a moment after it; nothing is touched before they are gone.

    Raises:
        InputError: one does not end.
    """
    handle = open_plain(run.workers, os.O_CREAT | os.O_RDWR)
    try:
        if not _take(handle, fcntl.LOCK_EX, _WORKER_SECONDS):
            pids = [pid for pid in os.pread(handle, 1 << 16, 0).decode("ascii", "replace").split() if pid.isdecimal()]
            alive = [pid for pid in pids if _is_alive(int(pid))]
            what = f"a worker of an earlier command does not end (process {' or '.join(alive) or 'unknown'})"
            raise InputError(what, where=run.root, fix=f"end it: kill -9 {' '.join(alive)}" if alive else "end it")
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _sweep(run: RunDirectory) -> None:
    """Removes what `atomic_file` and `atomic_folder` had begun in processes that were killed."""
    for old in list(run.root.rglob(".*.old")):
        place = old.with_name(old.name.removeprefix(".").removesuffix(".old"))
        if not place.exists():  # killed between the two renames: what stood there comes back
            old.rename(place)
    for pattern in (".*.tmp", ".*.old"):
        for path in list(run.root.rglob(pattern)):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


class Log:
    """The structured log: one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, what: str, **details: Any) -> None:
        """Adds an event."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": what, **details}
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        with open(open_plain(self._path, flags), "w", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
