"""One command at a time works on a folder, wherever it is; and nobody is thought gone who may live."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from equiglot import lease
from equiglot.errors import InputError
from equiglot.files import read_json, write_json
from equiglot.lease import Lease, Owner, lease_owner, leases_of, take_lease


def _given_to(tmp_path: Path, number: int, **changes: str | int) -> Owner:
    """A lease of somebody else."""
    owner = Owner.of_here(tmp_path).model_copy(update=changes)
    write_json(leases_of(tmp_path) / f"{number:06d}" / "owner.json", owner.model_dump())
    return owner


def _ended() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def test_one_after_the_other(tmp_path: Path) -> None:
    first = take_lease(tmp_path)
    owner = lease_owner(tmp_path)
    assert owner is not None and owner.pid == os.getpid()
    with pytest.raises(InputError, match=f"process {os.getpid()} works on this folder"):
        take_lease(tmp_path)
    first.check()
    first.release()
    assert lease_owner(tmp_path) is None
    assert [first.number, take_lease(tmp_path).number] == [1, 2]
    assert sorted(os.listdir(leases_of(tmp_path))) == ["000002"]


def test_a_number_is_not_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared disk shows a folder as it was before others took it, and ended."""
    _given_to(tmp_path, 3, pid=_ended())
    seen = iter([[1]])
    true = lease._numbers
    monkeypatch.setattr(lease, "_numbers", lambda root: next(seen, None) or true(root))
    assert take_lease(tmp_path).number == 4
    assert sorted(os.listdir(leases_of(tmp_path))) == ["000004"]


def test_the_numbers_go_on_after_a_command_that_was_killed(tmp_path: Path) -> None:
    _given_to(tmp_path, 7, pid=_ended())
    assert lease_owner(tmp_path) is None
    assert take_lease(tmp_path).number == 8


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({}, False),
        ({"started": "1"}, True),  # its number was given to another process since
        ({"boot": "before"}, True),
        ({"boot": "before", "machine": "a twin of this one's name"}, False),
        ({"boot": "before", "address": "that of one made from the same image"}, False),
        ({"boot": "before", "address": ""}, False),
        ({"namespace": "pid:[1]"}, False),  # another container
        ({"namespace": "pid:[1]", "pid": 10**7}, False),
        ({"host": "node7", "pid": 10**7, "boot": "other"}, False),
    ],
)
def test_who_is_known_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | int], gone: bool
) -> None:
    monkeypatch.setattr(lease, "_address", lambda: "0123456789ab")
    owner = _given_to(tmp_path, 3, **changes)
    assert owner.is_gone == gone
    if gone:
        assert take_lease(tmp_path).number == 4
        return
    with pytest.raises(InputError, match="works on this folder") as refused:
        take_lease(tmp_path)
    assert ("--take-over" in str(refused.value.fix)) == bool(changes)
    assert ("on node7" in str(refused.value)) == ("host" in changes)
    assert take_lease(tmp_path, take_over=True).number == 4


def test_who_is_patient_gets_what_is_given_back(tmp_path: Path) -> None:
    first = take_lease(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(take_lease, tmp_path, patience=60)
        time.sleep(0.1)
        first.release()
        assert waiting.result().number == 2


def test_a_job_that_has_ended_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_NAME", "mine")
    _given_to(tmp_path, 1, host="node7")
    for other in ("", "other"):
        with pytest.raises(InputError, match="on node7 works on this folder"):
            take_lease(tmp_path, ended=other)
    assert take_lease(tmp_path, ended="mine").number == 2


def test_who_was_taken_over_from_publishes_nothing(tmp_path: Path) -> None:
    mine = take_lease(tmp_path)
    take_lease(tmp_path, take_over=True)
    with pytest.raises(InputError, match="another command has taken this folder over"):
        mine.check()
    mine.release()
    assert lease_owner(tmp_path) is not None


def test_of_many_who_want_it_one_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All see that the owner is gone, and try at once."""
    _given_to(tmp_path, 1, pid=_ended())
    names = iter(range(100))
    monkeypatch.setattr(lease, "aside", lambda path, mark: path.with_name(f".{path.name}.{next(names)}.tmp"))

    def attempt(_: int) -> Lease | None:
        try:
            return take_lease(tmp_path)
        except InputError:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [each for each in pool.map(attempt, range(8)) if each is not None]
    assert [each.number for each in won] == [2]
    assert [name for name in os.listdir(leases_of(tmp_path)) if not name.startswith(".")] == ["000002"]


def test_what_no_command_has_written(tmp_path: Path) -> None:
    _given_to(tmp_path, 1)
    path = leases_of(tmp_path) / "000001" / "owner.json"
    write_json(path, {**read_json(path), "more": 1})
    with pytest.raises(InputError, match="not what a command has written") as refused:
        take_lease(tmp_path)
    assert str(refused.value.where) == str(path)
