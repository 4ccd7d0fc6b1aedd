"""Real processes that label parts of a text, that are killed, and that find no room on the disk."""

import errno
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equiglot.errors import refusal
from equiglot.files import link_files
from equiglot.labels import StoreSettings, label_text, open_store, writing
from tests.labels.stores import FACTS, make_store, source, teacher
from tests.tiny import SPECIAL
from tests.waiting import until

_SETTINGS = StoreSettings(k=4, samples=1, draws=2)
_SHARD = 150  # tokens
_FULL = 28
"""The exit code of a process that found no room."""


def _label(into: Path, pace: float = 0.0, limit_after: int | None = None, part: tuple[int, int] = (0, 1)) -> None:
    """What a worker process does: it notes every shard that it writes, and takes its time."""
    finish, written = writing.atomic_folder, 0

    @contextmanager
    def noting(folder: Path) -> Iterator[Path]:
        nonlocal written
        if written == limit_after:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
        with finish(folder) as aside:
            yield aside
        written += 1
        with (into / "log").open("a") as log:
            log.write(f"{os.getpid()} {folder.name}\n")

    def wait() -> bool:
        time.sleep(pace)
        return False

    writing.atomic_folder = noting  # type: ignore[assignment]
    try:
        assert label_text(
            teacher(), source(2), SPECIAL, _SETTINGS, FACTS, into, stop=wait, shard_tokens=_SHARD, part=part
        )
    except OSError as error:
        refused = refusal(error)
        sys.exit(_FULL if error.errno == errno.EFBIG and refused and "make room" in str(refused) else 1)


def _start(*arguments: Any) -> Any:
    process = multiprocessing.get_context("spawn").Process(target=_label, args=arguments)
    process.start()
    return process


def _log(into: Path) -> list[list[str]]:
    log = into / "log"
    return [line.split() for line in log.read_text().splitlines()] if log.is_file() else []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("store"), _SETTINGS, source(2), shard_tokens=_SHARD).path


def _check_same(undisturbed: Path, into: Path) -> None:
    """The two stores hold the same labels, and nothing half-written lies about."""
    one, other = open_store(undisturbed), open_store(into)
    other.check(FACTS)
    assert one.manifest == other.manifest and one.positions == other.positions > 300
    places = np.arange(one.positions)
    ours, theirs = one.read(places), other.read(places)
    for name in ("ids", "log_probabilities", "rest", "samples"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    assert {each.name for each in (into / "shards").iterdir()} == {f"{number:06d}" for number in range(len(one.shards))}


def test_parts_of_a_text_that_processes_label_side_by_side_are_the_whole(undisturbed: Path, tmp_path: Path) -> None:
    workers = [_start(tmp_path / str(number), 0.0, None, (number, 3)) for number in range(3)]
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    shards = [shard for number in range(3) for _, shard in _log(tmp_path / str(number))]
    assert sorted(shards) == [f"{number:06d}" for number in range(open_store(undisturbed).manifest.shards)]
    for number in range(3):
        link_files(tmp_path / str(number), tmp_path / "whole")
    _check_same(undisturbed, tmp_path / "whole")


def test_a_labelling_that_is_killed_continues_at_the_shard(undisturbed: Path, tmp_path: Path) -> None:
    shards = open_store(undisturbed).manifest.shards
    worker = _start(tmp_path, 0.1)
    until(lambda: len(_log(tmp_path)) >= 3)
    worker.kill()
    worker.join()
    assert len(_log(tmp_path)) < shards
    last = _start(tmp_path)
    last.join()
    assert last.exitcode == 0
    done = [shard for _, shard in _log(tmp_path)]
    assert len(set(done)) == len(done) >= shards - 1  # one may have been finished and not noted
    _check_same(undisturbed, tmp_path)


def test_a_full_disk_is_said_and_loses_nothing(undisturbed: Path, tmp_path: Path) -> None:
    worker = _start(tmp_path, 0.0, 3)
    worker.join()
    assert worker.exitcode == _FULL
    assert sorted(each.name for each in (tmp_path / "shards").iterdir()) == ["000000", "000001", "000002"]
    last = _start(tmp_path)
    last.join()
    assert last.exitcode == 0 and len(_log(tmp_path)) == open_store(undisturbed).manifest.shards
    _check_same(undisturbed, tmp_path)
