"""Disks that refuse, clocks that differ, copies of run folders, two commands: one message, nothing lost, and the same
command continues."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from equiglot import lease, worker
from equiglot.errors import InputError
from equiglot.files import checksums, read_json, write_json, write_text
from equiglot.lease import Lease, Owner, TakenOver, lease_owner, leases_of, take_lease
from equiglot.pipeline import Event, Machine, Watcher, publish, read_status, run_recipe
from equiglot.pipeline.execution import elsewhere, orders, scheduler
from equiglot.pipeline.execution.elsewhere import Elsewhere
from equiglot.pipeline.execution.folder import Log
from equiglot.pipeline.execution.orders import SAID, TICKET, carry_out, left_attempts, read_said
from equiglot.pipeline.execution.pool import Assignment
from equiglot.pipeline.execution.workers import StepWorker
from equiglot.pipeline.steps import Step
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from tests.pipeline.conftest import Change, PoolOfTests, half_written, results, run_here

Limit = Callable[[int], AbstractContextManager[None]]


@dataclass
class AtOnce:
    """An engine whose workers are done when they are started, in this process."""

    look_seconds = 0.0
    then: Callable[[str], None] = lambda job: None  # happens when a job is done
    given: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def called(self, ticket: str) -> str:
        return f"engine's {ticket}"

    def check(self, steps: Sequence[Step], threads: int) -> None: ...

    def start(self, run: RunDirectory, attempts: Sequence[str]) -> dict[str, str]:
        threads = torch.get_num_threads()
        for attempt in attempts:
            self.given.append(orders.read_order(run, attempt).task.job)
            carry_out(run.root, attempt)
            self.then(self.given[-1])
        torch.set_num_threads(threads)
        return {attempt: f"7{attempt.rpartition('-')[2]}" for attempt in attempts}

    def places(self, tickets: Sequence[str]) -> Mapping[str, str] | None:
        return {}

    def cancel(self, tickets: Sequence[str]) -> None:
        self.ended += tickets


def _run(engine: AtOnce, recipe: Recipe, into: Path, **options: Any) -> None:
    def pool(run: RunDirectory, recipe: Recipe, *, count: int, threads: int, checkpoint_seconds: float) -> Elsewhere:
        return Elsewhere(engine, run, recipe, count=count, threads=threads, checkpoint_seconds=checkpoint_seconds)

    run_recipe(recipe, into, machine=Machine(workers=2), pool=pool, **options)


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# --- a disk that is full


def test_a_log_has_whole_lines(tmp_path: Path, file_size_limit: Limit) -> None:
    log = Log(tmp_path / "log.jsonl")
    log.add("one")
    before = (tmp_path / "log.jsonl").read_bytes()
    with file_size_limit(len(before) + 10), pytest.raises(OSError, match="No space left") as caught:
        log.add("two")
    assert caught.value.filename == str(tmp_path / "log.jsonl")
    assert (tmp_path / "log.jsonl").read_bytes() == before


def test_a_file_that_finds_no_room_is_named(tmp_path: Path, file_size_limit: Limit) -> None:
    write_text(tmp_path / "x", "what was there")
    with file_size_limit(100), pytest.raises(OSError, match="File too large") as caught:
        write_text(tmp_path / "x", "y" * 1000)
    assert caught.value.filename == str(tmp_path / "x")
    assert (tmp_path / "x").read_text() == "what was there" and half_written(tmp_path) == []


_WRITES = {
    "a record": (scheduler, "write_record"),
    "what status reads": (scheduler, "write_json"),
    "an order": (elsewhere, "give_order"),
    "the log": (Log, "add"),
}


@pytest.mark.parametrize("what", _WRITES)
def test_the_command_finds_no_room_and_its_jobs_go_on(
    what: str, make: Change, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done when the command cannot record it is not done again."""
    monkeypatch.setattr(scheduler, "_NOTE_SECONDS", 0.0)
    into, engine, (place, name) = tmp_path / "run", AtOnce(), _WRITES[what]

    def watch(event: Event) -> None:
        if event.job == "corpus/en" and event.kind == "done":
            monkeypatch.setattr(place, name, _full)

    write = getattr(place, name)
    with pytest.raises(InputError, match="No space left on device") as caught:
        _run(engine, make(), into, only="vocabulary", watcher=Watcher(event=watch))
    assert "make room" in str(caught.value.fix) and caught.value.where
    assert engine.ended == []
    monkeypatch.setattr(place, name, write)
    _run(engine, make(), into, only="vocabulary")
    assert len(engine.given) == len(set(engine.given))
    assert checksums(into / "vocabulary") == checksums(finished / "vocabulary")
    assert half_written(into) == [] and not (into / ".attempts").exists()


def test_jobs_that_nobody_could_take_up_are_ended(
    make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when their tickets are written down."""
    engine = AtOnce()
    monkeypatch.setattr(elsewhere, "write_text", lambda path, text: _full() if path.name == TICKET else None)
    with pytest.raises(InputError, match="No space left on device"):
        _run(engine, make(), tmp_path / "run")
    assert len(engine.ended) == len(engine.given) > 0
    assert list(left_attempts(RunDirectory(tmp_path / "run"))) == []


def test_words_of_a_worker_that_find_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_size_limit: Limit
) -> None:
    """What says how far it is may be lost, what says how it ended is said again, behind half a line."""
    monkeypatch.setattr(orders, "_LATE_SECONDS", 10.0)
    with orders._talking(tmp_path) as (say, tell, _):
        limit = file_size_limit(20)
        monkeypatch.setattr(orders.time, "sleep", lambda _: limit.__exit__(None, None, None))
        limit.__enter__()
        say(b'{"kind": "progress", "progress": {}}')
        assert read_said(tmp_path / SAID, 0)[0] == []
        tell(b'{"kind": "stopped"}')
    assert read_said(tmp_path / SAID, 0)[0] == [b'{"kind": "progress",', b'{"kind": "stopped"}']


def test_a_worker_that_can_say_nothing(
    make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One message where the engine keeps its output, and exit code 2."""
    monkeypatch.setattr(orders, "_LATE_SECONDS", 0.0)
    run = RunDirectory(tmp_path)
    attempt = _left(run, make)
    (run.attempts / attempt / SAID).mkdir()
    monkeypatch.setattr(sys, "argv", ["worker", str(tmp_path), attempt])
    with pytest.raises(SystemExit) as end:
        worker.main()
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.startswith("Error: Is a directory\n  where: ") and SAID in said


def test_the_message_of_another_machine_says_which(make: Change, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(StepWorker, "do", _full)
    with pytest.raises(InputError, match="No space left on device") as caught:
        _run(AtOnce(), make(), tmp_path / "run")
    assert f"process {os.getpid()} on {os.uname().nodename} (engine's 7" in str(caught.value.where)


def test_workers_that_never_begin(make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their machines have another disk there, or may not write to it: the engine cannot even keep their output."""
    monkeypatch.setattr(elsewhere, "_LATE_SECONDS", 0.0)
    monkeypatch.setattr(AtOnce, "start", lambda self, run, attempts: {each: "7" for each in attempts})
    with pytest.raises(InputError, match=r"gone without a word .*which never began") as caught:
        _run(AtOnce(), make(), tmp_path / "run")
    assert caught.value.where == str(tmp_path / "run") and "the same folder there, may write to it" in str(caught.value)


# --- a disk that can only be read


def test_a_disk_that_can_only_be_read(small_disk: Path, make: Change, finished: Path) -> None:
    """It becomes so while the run is at work; then nothing can be begun; status can be read.

    A command that could not give the run back is taken over from: here its process goes on living.
    """
    _mount(small_disk, "size=50m")
    into = small_disk / "run"

    def watch(event: Event) -> None:
        if event.job == "vocabulary/shared" and event.kind == "done":
            _mount(small_disk, "ro")

    for watcher in (Watcher(event=watch), Watcher()):
        with pytest.raises(InputError, match="Read-only file system") as caught:
            run_here(make(), into, watcher=watcher, take_over=True)
        assert "once it can be written again, the same command continues" in str(caught.value.fix)
        assert caught.value.where
    assert read_status(into).states["vocabulary/shared"] == "done"
    _mount(small_disk, "rw")
    run_here(make(), into, take_over=True)
    assert results(into) == results(finished) and half_written(into) == []


def _mount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


# --- clocks


class Silent(PoolOfTests):
    """A pool whose worker elsewhere says that it lives, and then nothing; `then` happens at each look at it."""

    def __init__(self, then: Callable[[int], None]) -> None:
        self.then, self.looks = then, 0
        self.task: Assignment | None = None

    def start(self, task: Assignment) -> bool:
        self.task, before = self.task or task, self.task
        return before is None

    def ask_to_stop(self, why: Exception) -> bool:
        return True

    def events(self, seconds: float) -> Iterator[Event]:
        assert self.task is not None
        self.looks += 1
        self.then(self.looks)
        if self.looks == 1:
            yield Event(self.task.job, self.task.attempt, "alive")
        if self.looks == 4:
            yield Event(self.task.job, self.task.attempt, "failed", error=InputError("enough"))


def test_silence_is_told_by_one_clock(make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's, which says how long it has heard nothing; what the time is elsewhere is not asked."""
    monkeypatch.setattr(scheduler, "_NOTE_SECONDS", 0.0)
    into, silent, clock = tmp_path / "run", list[float | None](), iter(range(0, 10**6, 100))
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: float(next(clock)))

    def then(look: int) -> None:
        if look > 2:
            silent.append(next(iter(read_status(into).running.values())).silent)

    with pytest.raises(InputError, match="enough"):
        run_recipe(make(), into, machine=Machine(), pool=lambda *_, **__: Silent(then))
    first, second = silent
    assert first is not None and second is not None and 100 <= first < second


# --- copies of a run folder


def _left(run: RunDirectory, make: Change) -> str:
    """What a command has left with an engine: an attempt at tokens/en."""
    from equiglot.pipeline import Graph
    from equiglot.recipe import recipe_tree

    graph = Graph(make())
    held = take_lease(run.root)
    task = Assignment.of(run, graph, graph.jobs["tokens/en"], f"{held.name}-1")
    order = orders.Order(task=task, recipe=recipe_tree(make()), threads=1, checkpoint_seconds=1, versions={})
    (orders.give_order(run, order) / TICKET).write_text("7")
    held.release()
    return task.attempt


@pytest.mark.parametrize("moved", [False, True])
def test_a_copy_neither_takes_up_nor_ends_the_jobs_of_the_original(make: Change, tmp_path: Path, moved: bool) -> None:
    """Their workers write to the folder that they were given; where that is gone they end themselves."""
    run, copy, engine = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "copy"), AtOnce()
    attempt = _left(run, make)
    assert [task.attempt for task, _ in left_attempts(run)] == [attempt]
    if moved:
        run.root.rename(copy.root)
    else:
        shutil.copytree(run.root, copy.root)
    wanted = {"tokens/en": next(iter(left_attempts(run)))[0].fingerprint} if not moved else {}
    pool = Elsewhere(engine, copy, make(), count=1, threads=1, checkpoint_seconds=1)
    assert list(pool.adopt(wanted)) == [] and engine.ended == []
    assert list(copy.attempts.iterdir()) == [] and (run.attempts / attempt).is_dir() != moved


def test_the_command_of_the_original_does_not_work_on_a_copy(tmp_path: Path) -> None:
    run, copy, link = (RunDirectory(tmp_path / name) for name in ("run", "copy", "link"))
    mine = take_lease(run.root)
    shutil.copytree(run.root, copy.root)
    link.root.symlink_to(run.root)
    assert lease_owner(copy.root) is None and lease_owner(run.root) == lease_owner(link.root) is not None
    with pytest.raises(InputError, match="works on this folder"):
        take_lease(link.root)
    its = take_lease(copy.root)
    mine.check()
    its.check()


def test_attempts_of_two_copies_are_never_called_alike(make: Change, tmp_path: Path) -> None:
    """A machine that sees the other one has no such order."""
    run, copy = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "copy")
    take_lease(run.root).release()
    shutil.copytree(run.root, copy.root)
    one, other = take_lease(run.root), take_lease(copy.root)
    assert one.number == other.number == 2 and one.name != other.name


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_is_gone_or_another(tmp_path: Path, there: bool) -> None:
    """A disk that was taken away, and perhaps another one, or an old copy, in its place."""
    run = RunDirectory(tmp_path / "run")
    take_lease(run.root).release()
    shutil.copytree(run.root, tmp_path / "old")
    mine = take_lease(run.root)
    run.root.rename(tmp_path / "away")
    if there:
        (tmp_path / "old").rename(run.root)
    with pytest.raises(TakenOver, match="the folder is gone, or another one is in its place"):
        mine.check()


# --- two commands


def test_a_command_that_was_taken_over_from_leaves_all_as_it_is(make: Change, finished: Path, tmp_path: Path) -> None:
    """It hears that a job is done, which belongs to the other by now."""
    run, taken = RunDirectory(tmp_path / "run"), list[Lease]()

    def then(job: str) -> None:
        if job == "vocabulary/shared":
            taken.append(take_lease(run.root, take_over=True))

    first, second = AtOnce(then=then), AtOnce()
    with pytest.raises(InputError, match="another command has taken this folder over"):
        _run(first, make(), run.root, only="vocabulary")
    assert [task.job for task, _ in left_attempts(run)] == ["vocabulary/shared"] and first.ended == []
    assert not run.job("vocabulary/shared").exists()
    taken[0].release()
    _run(second, make(), run.root, only="vocabulary")
    assert second.given == [] and checksums(run.vocabulary) == checksums(finished / "vocabulary")


def test_a_command_that_hears_nothing_notices_too(
    make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it write over what the other says of its jobs."""
    monkeypatch.setattr(scheduler, "_NOTE_SECONDS", 0.0)
    run = RunDirectory(tmp_path / "run")

    def then(look: int) -> None:
        if look == 2:
            take_lease(run.root, take_over=True)
            write_json(run.progress, {"the": "other's"})

    with pytest.raises(InputError, match="another command has taken this folder over"):
        run_recipe(make(), run.root, machine=Machine(), pool=lambda *_, **__: Silent(then))
    assert read_json(run.progress) == {"the": "other's"}


def test_who_was_held_up_gets_no_number_that_was_given_before(tmp_path: Path) -> None:
    """Between its look at the numbers and its own a whole command has come and gone."""
    run = RunDirectory(tmp_path)
    take_lease(run.root).release()
    assert not lease._make(run.root, 1, Owner.of_here(run.root))
    assert os.listdir(leases_of(run.root)) == ["000001"]


def test_a_page_is_made_while_jobs_of_a_stopped_command_go_on(make: Change, done: Path) -> None:
    run = RunDirectory(done)
    attempt = _left(run, make)
    publish(run, make())
    assert [task.attempt for task, _ in left_attempts(run)] == [attempt]
