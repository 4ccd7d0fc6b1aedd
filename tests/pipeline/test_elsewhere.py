"""Workers on other machines: whatever happens to them, the run ends with the same bytes."""

import copy
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from equiglot.display import print_status
from equiglot.errors import InputError, Interrupted
from equiglot.files import read_json
from equiglot.lease import Owner, TakenOver, take_lease
from equiglot.pipeline import Event, Graph, Machine, Remark, Status, Watcher, Working, pool_on, read_status, run_recipe
from equiglot.pipeline.execution import elsewhere, orders, scheduler
from equiglot.pipeline.execution.divided import Divided
from equiglot.pipeline.execution.elsewhere import OUTPUT, Elsewhere, EngineRefuses
from equiglot.pipeline.execution.folder import _ending_in, held
from equiglot.pipeline.execution.orders import SAID, STOP, Order, carry_out, give_order, read_said
from equiglot.pipeline.execution.pool import Assignment, Made
from equiglot.pipeline.steps import Step
from equiglot.recipe import Recipe, parse_recipe, recipe_tree
from equiglot.run import RunDirectory
from equiglot.terminal import Terminal
from tests.pipeline.conftest import TREE, Change, PoolOfTests, half_written, results, run_here
from tests.waiting import until


@dataclass
class Processes:
    """An engine that starts its workers as processes here; `mischief` is done to each that was started."""

    mischief: Callable[[int, subprocess.Popen[bytes]], None] = lambda number, process: None
    look_seconds = 0.2
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def called(self, ticket: str) -> str:
        return f"engine's {ticket}"

    def check(self, steps: Sequence[Step], threads: int) -> None: ...

    def start(self, run: RunDirectory, attempts: Sequence[str]) -> dict[str, str]:
        tickets = {}
        for attempt in attempts:
            with (run.attempts / attempt / OUTPUT).open("wb") as output:
                command = [sys.executable, "-m", "equiglot.worker", str(run.root), attempt]
                process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
            tickets[attempt] = str(process.pid)
            self.started[str(process.pid)] = process
            self.mischief(len(self.started), process)
        return tickets

    def places(self, tickets: Sequence[str]) -> Mapping[str, str] | None:
        return {each: f"runs as {each}" for each in tickets if self.started[each].poll() is None}

    def cancel(self, tickets: Sequence[str]) -> None:
        for each in tickets:
            self.started[each].kill()
            self.started[each].wait()


@pytest.fixture
def engine() -> Iterator[Processes]:
    engine = Processes()
    yield engine
    engine.cancel(list(engine.started))


def _run(
    engine: Processes, recipe: Recipe, into: Path, watcher: Watcher | None = None, short_seconds: float = 0.0
) -> None:
    def pool(run: RunDirectory, recipe: Recipe, *, count: int, threads: int, checkpoint_seconds: float) -> Divided:
        far = Elsewhere(engine, run, recipe, count=count, threads=threads, checkpoint_seconds=checkpoint_seconds)
        return Divided(far, short_seconds)

    run_recipe(recipe, into, machine=Machine(workers=2, checkpoint_seconds=0), pool=pool, watcher=watcher)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits a minute for a shared disk."""
    monkeypatch.setattr(elsewhere, "_LATE_SECONDS", 0.5)
    monkeypatch.setattr(elsewhere, "_POLL_SECONDS", 0.05)


@pytest.fixture
def small(text_files: Path) -> Recipe:
    """One model in two languages."""
    return parse_recipe({**copy.deepcopy(TREE), "models": {"hl": {}}}, text_files)


def test_the_same_bytes_though_workers_die_and_the_command_is_stopped(
    engine: Processes, small: Recipe, tmp_path: Path, quick: None
) -> None:
    """The command does short steps itself. Some workers elsewhere are killed, one before it begins; then the command
    ends, and its jobs go on without it."""
    into, events = tmp_path / "run", list[Event]()

    def mischief(number: int, process: subprocess.Popen[bytes]) -> None:
        if number == 2:
            process.kill()

    def watch(event: Event) -> None:
        if event.job == "model/hl" and event.place.startswith("process"):
            if any(each.job == "model/hl" and each.kind == "lost" for each in events):
                os.kill(os.getpid(), signal.SIGTERM)
            else:
                engine.started[event.place.split()[1]].kill()
        events.append(event)

    engine.mischief = mischief
    with pytest.raises(Interrupted):
        _run(engine, small, into, watcher=Watcher(event=watch), short_seconds=20)
    lost = [event for event in events if event.kind == "lost"]
    assert [event.job for event in lost][-1] == "model/hl" and len(lost) == 2
    assert all("gone without a word" in str(event.error) for event in lost)
    left = [path.name for path in (into / ".attempts").glob("*")]
    assert len(left) == 1
    status = read_status(into)
    assert status.owner is None and list(status.running) == ["model/hl"]
    assert "gone without a word (engine's" in status.running["model/hl"].why and status.running["model/hl"].lost == 2
    assert "No command is at work. 1 jobs were left to go on" in _printed(status)
    _run(engine, small, into, short_seconds=20)
    log = [json.loads(line) for line in (into / "log.jsonl").read_text().splitlines()]
    assert [each["attempt"] for each in log if each["event"] == "adopted"] == left
    run_here(small, tmp_path / "here")
    assert results(into) == results(tmp_path / "here")
    assert half_written(into) == [] and not (into / ".attempts").exists()
    places = read_status(into).places
    assert {name for name, place in places.items() if place.startswith("process")} == {"model/hl", "scores/hl"}
    assert {place for place in places.values() if not place.startswith("process")} == {"the command itself"}
    assert set(read_status(tmp_path / "here").places.values()) == {""}


@pytest.mark.parametrize("adopts", [True, False])
def test_what_a_worker_elsewhere_is_writing_is_left_alone(tmp_path: Path, adopts: bool) -> None:
    """A command begins while an attempt of an earlier one saves; where nothing is adopted, both are rubbish."""
    run = RunDirectory(tmp_path / "run")
    saving = run.checkpoints("hl-0123456789ab") / ".update-000000003.vm-7.tmp"
    telling, older = run.attempts / "1-1" / ".said.vm-7.tmp", run.root / "models" / ".hl.1-2.tmp"
    for folder in (saving, telling, older):
        folder.mkdir(parents=True)
    with held(run, adopt=adopts):
        assert [folder.exists() for folder in (saving, telling, older)] == [adopts, adopts, False]


def _printed(status: Status) -> str:
    console = Terminal(width=400, file=io.StringIO())
    print_status(console, status)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_status_says_who_is_silent_and_what_was_begun_again() -> None:
    working = Working(
        since="2026-11-29T03:00:00+00:00",
        place="process 5 on n7 (SLURM job 8_1)",
        silent=300.0,
        lost=2,
        why="it was gone",
    )
    status = Status({"model/hl": "left"}, {"model/hl": working}, {}, Owner.of_here(Path("run")), [])
    shown = _printed(status)
    place = "process 5 on n7 (SLURM job 8_1) since 2026-11-29T03:00:00+00:00"
    assert f"{place}; no word for 5 min; begun again (2 times lost): it was gone" in shown
    working.silent, working.lost = 0.0, 0
    shown = _printed(status)
    assert f"{place}; begun again: it was gone" in shown and "no word" not in shown


def test_a_job_that_is_lost_again_and_again(engine: Processes, make: Change, tmp_path: Path, quick: None) -> None:
    engine.mischief = lambda number, process: process.kill()
    with pytest.raises(InputError, match="gone without a word"):
        _run(engine, make(), tmp_path / "run")
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    failed = next(each["job"] for each in log if each["event"] == "failed")
    assert sum(each["event"] == "job" and each["job"] == failed for each in log) == 1 + scheduler._RETRIES
    assert read_status(tmp_path / "run").running == {}


def _order(run: RunDirectory, make: Change, **changes: object) -> Order:
    graph = Graph(make())
    task = Assignment.of(run, graph, graph.jobs["tokens/en"], "1-1")
    order = Order(task=task, recipe=recipe_tree(make()), threads=1, checkpoint_seconds=1, versions={})
    order = order.model_copy(update=changes)
    give_order(run, order)
    return order


def _ended(run: RunDirectory) -> dict[str, object]:
    lines, _ = read_said(run.attempts / "1-1" / SAID, 0)
    said = [json.loads(line) for line in lines]
    assert said[0]["kind"] == "started" and said[0]["pid"] == os.getpid()
    assert isinstance(said[-1], dict)
    return said[-1]


def test_a_machine_that_sees_another_folder(make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "_LATE_SECONDS", 0.1)
    run = RunDirectory(tmp_path)
    _order(run, make)
    carry_out(tmp_path, "1-1")
    assert "not seen here: corpus/en" in str(_ended(run)["refused"])
    with pytest.raises(InputError, match="no order 1-2 here"):
        carry_out(tmp_path, "1-2")


def test_a_machine_with_other_packages(make: Change, tmp_path: Path) -> None:
    _order(RunDirectory(tmp_path), make, versions={"torch": "1.0"})
    carry_out(tmp_path, "1-1")
    assert "instead of 1.0" in str(_ended(RunDirectory(tmp_path))["refused"])


def test_whole_lines_are_read_once(tmp_path: Path) -> None:
    assert read_said(tmp_path / "said", 0) == ([], 0)
    (tmp_path / "said").write_bytes(b"one\ntwo\nthr")
    assert read_said(tmp_path / "said", 0) == ([b"one", b"two"], 8)
    (tmp_path / "said").write_bytes(b"one\ntwo\nthree\n")
    assert read_said(tmp_path / "said", 8) == ([b"three"], 14)


class OnePool(PoolOfTests):
    """A pool that is given one job at a time; what it says of it is a test's."""

    idle = True

    def start(self, task: Assignment) -> bool:
        if not self.idle:
            return False
        self.idle, self.task = False, task
        return True

    def ask_to_stop(self, why: Exception) -> bool:
        return True

    def events(self, seconds: float) -> Iterator[Event]:
        raise NotImplementedError


def test_what_a_zombie_says_is_not_heard(make: Change, tmp_path: Path) -> None:
    """An attempt that was given up ends after all: neither its output nor its word counts."""

    class Pool(OnePool):
        def events(self, seconds: float) -> Iterator[Event]:
            job, attempt = self.task.job, self.task.attempt
            if attempt.endswith("-1"):
                yield Event(job, attempt, "lost", error=InputError("gone"))
            else:
                yield Event(job, attempt.rpartition("-")[0] + "-1", "failed", error=InputError("the zombie's"))
                yield Event(job, attempt, "failed", error=InputError("the living one's"))
            self.idle = True

    with pytest.raises(InputError, match="the living one's"):
        run_recipe(make(), tmp_path / "run", machine=Machine(), pool=lambda *_, **__: Pool())
    assert not (tmp_path / "run" / "jobs").exists()
    assert read_json(tmp_path / "run" / ".progress.json") == {}


def test_a_command_that_was_taken_over_from_publishes_and_removes_nothing(make: Change, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")

    class Pool(OnePool):
        def events(self, seconds: float) -> Iterator[Event]:
            (run.root / self.task.checkpoints).mkdir(parents=True)
            (run.root / self.task.output).mkdir(parents=True)
            other = take_lease(run.root, take_over=True)
            yield Event(self.task.job, self.task.attempt, "done", made=Made(1.0, {}, None))
            other.release()

    with pytest.raises(InputError, match="another command has taken this folder over"):
        run_recipe(make(), run.root, machine=Machine(), pool=lambda *_, **__: Pool())
    assert not (run.root / "jobs").exists() and len(list(run.root.glob("checkpoints/*"))) == 1
    assert len(list(run.root.glob("tasks/.*.tmp")) + list(run.root.glob("corpus/.*.tmp"))) == 1


def _left(run: RunDirectory, make: Change, attempt: str, ticket: str = "7", **changes: object) -> Assignment:
    """What a command has left of an attempt at tokens/en."""
    graph = Graph(make())
    task = Assignment.of(run, graph, graph.jobs["tokens/en"], attempt).model_copy(update=changes)
    order = Order(task=task, recipe=recipe_tree(make()), threads=1, checkpoint_seconds=1, versions={})
    folder = give_order(run, order)
    (folder / "ticket").write_text(ticket)
    return task


@dataclass
class Asked:
    """An engine that has what it is told to have, and notes what it is asked to end."""

    alive: tuple[str, ...] = ()
    look_seconds = 0.0
    ended: list[str] = field(default_factory=list)

    def called(self, ticket: str) -> str:
        return f"engine's {ticket}"

    def check(self, steps: Sequence[Step], threads: int) -> None: ...

    def start(self, run: RunDirectory, attempts: Sequence[str]) -> dict[str, str]:
        raise NotImplementedError

    def places(self, tickets: Sequence[str]) -> Mapping[str, str] | None:
        return {each: "runs" for each in tickets if each in self.alive}

    def cancel(self, tickets: Sequence[str]) -> None:
        self.ended += tickets


def _pool(engine: Asked, run: RunDirectory, recipe: Recipe) -> Elsewhere:
    return Elsewhere(engine, run, recipe, count=4, threads=1, checkpoint_seconds=1)


def test_what_is_taken_up_and_what_is_cleared_away(make: Change, tmp_path: Path) -> None:
    run, engine = RunDirectory(tmp_path), Asked(alive=("7", "8"))
    task = _left(run, make, "1-1")
    _left(run, make, "1-2", "8", fingerprint="of another recipe")
    _left(run, make, "1-3", "9")  # ended without a word
    _left(run, make, "1-4", "10")
    (run.attempts / "1-4" / SAID).write_bytes(b'{"kind": "do\n')  # nor did this one end
    (run.attempts / "1-5").mkdir()  # never given to the engine
    (run.attempts / "1-1").rename(run.attempts / "of-a-stranger")
    task = _left(run, make, "1-1")
    assert list(_pool(engine, run, make()).adopt({"tokens/en": task.fingerprint})) == [task]
    assert sorted(engine.ended) == ["10", "8", "9"]
    assert [path.name for path in run.attempts.iterdir()] == ["1-1"]


def test_an_attempt_leads_to_no_other_folder(make: Change, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    task = _left(run, make, "1-1")
    with pytest.raises(ValueError, match="attempt"):
        Assignment.model_validate({**task.model_dump(), "attempt": "../../mine"})


def test_half_a_line_is_not_understood_and_the_next_is(make: Change, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    task = _left(run, make, "1-1")
    pool = _pool(Asked(alive=("7",)), run, make())
    assert pool.adopt({"tokens/en": task.fingerprint})
    words = b'{"kind": "prog{"kind": "alive"}\n[]\n{"kind": "progress", "progress": {"remark": "a word"}}\n'
    (run.attempts / "1-1" / SAID).write_bytes(words)
    said = [event.progress for event in pool.events(0.0) if event.progress is not None]
    assert said == [Remark(remark="a word")]


@pytest.mark.parametrize(
    ("why", "go_on"),
    [
        (TakenOver("another command has"), True),
        (EngineRefuses("no more jobs of one user"), True),
        (OSError("the disk is full"), True),
        (InputError("the text has changed"), False),
    ],
)
def test_what_ends_the_command_and_not_its_jobs(why: Exception, go_on: bool, make: Change, tmp_path: Path) -> None:
    run, engine = RunDirectory(tmp_path), Asked(alive=("7",))
    task = _left(run, make, "1-1")
    with _pool(engine, run, make()) as pool:
        assert pool.adopt({"tokens/en": task.fingerprint})
        assert pool.ask_to_stop(why) != go_on
        assert (run.attempts / "1-1" / STOP).exists() != go_on
    assert (engine.ended == [] and (run.attempts / "1-1").is_dir()) == go_on


def test_who_has_said_how_it_ended_is_taken_up_though_it_lived_a_moment_longer(make: Change, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    task = _left(run, make, "1-1")
    (run.attempts / "1-1" / SAID).write_bytes(b'{"kind": "stopped"}\n{"kind": "alive"}\n')
    pool = _pool(Asked(), run, make())
    assert list(pool.adopt({"tokens/en": task.fingerprint})) == [task]
    assert next(iter(pool.events(0.0))).kind == "stopped"


def test_files_of_workers_are_read_once_in_a_while(
    make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory(tmp_path)
    task = _left(run, make, "1-1")
    pool = _pool(Asked(alive=("7",)), run, make())
    assert pool.adopt({"tokens/en": task.fingerprint})
    assert [event.place for event in pool.events(0.0)] == ["runs"]
    (run.attempts / "1-1" / SAID).write_bytes(b'{"kind": "alive"}\n')
    monkeypatch.setattr(elsewhere, "_POLL_SECONDS", 1e6)
    assert [event.kind for event in pool.events(0.0)] == []
    monkeypatch.setattr(elsewhere, "_POLL_SECONDS", 0.0)
    assert [event.kind for event in pool.events(0.0)] == ["alive"]


def test_what_is_removed_while_a_folder_is_looked_through(tmp_path: Path) -> None:
    """Workers whose jobs were left go on, and write and remove."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            (tmp_path / "checkpoints" / "update-1" / "deep").mkdir(parents=True)
            shutil.rmtree(tmp_path / "checkpoints")

    (tmp_path / ".text.9.tmp").mkdir()
    worker = threading.Thread(target=work)
    worker.start()
    try:
        found = [_ending_in(".tmp", tmp_path) for _ in range(2000)]
    finally:
        ended.set()
        worker.join()
    assert found == [[tmp_path / ".text.9.tmp"]] * 2000


def test_heartbeats(make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "_ALIVE_SECONDS", 0.02)
    (tmp_path / "1-1").mkdir()
    with orders._talking(tmp_path / "1-1") as (_, _, stop):
        until(lambda: read_said(tmp_path / "1-1" / SAID, 0)[0])
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
    assert json.loads(read_said(tmp_path / "1-1" / SAID, 0)[0][0]) == {"kind": "alive"}


def test_an_engine_that_there_is_not() -> None:
    with pytest.raises(InputError, match="no 'pbs' to run on"):
        pool_on("pbs:here")
