"""Which steps the command does itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from equiglot.pipeline import Event
from equiglot.pipeline.execution import divided
from equiglot.pipeline.execution.divided import Divided
from equiglot.pipeline.execution.elsewhere import Elsewhere
from equiglot.pipeline.execution.pool import Assignment
from equiglot.pipeline.graph import steps_of
from equiglot.pipeline.planning.estimating import quick_estimate
from equiglot.pipeline.steps.cost import Resources
from equiglot.run import RunDirectory
from tests.pipeline.conftest import Change

ORDERLY = {"corpus/en", "corpus/ru", "corpus/ar", "leaks/all", "vocabulary/shared", "tokens/en", "tokens/ru"}


def test_what_is_known_without_measuring(make: Change, finished: Path, tmp_path: Path) -> None:
    """Text is read at usual speeds; how fast a model is, nobody knows before."""
    known = {}
    for root in (finished, tmp_path):
        seconds = quick_estimate(make(), RunDirectory(root))
        known[root] = {step.name: each for step in steps_of(make()) if (each := seconds(step)) is not None}
        assert known[root].keys() == {*ORDERLY, "scores/frequency"}
        assert all(0 < each < 1 for each in known[root].values())
    assert known[finished] != known[tmp_path]  # counted, and by the sizes of files


class Far(Elsewhere):
    """An engine's side that takes everything."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def start(self, assignment: Assignment) -> bool:
        self.given.append(assignment.job)
        return True

    def events(self, seconds: float) -> Iterator[Event]:
        return iter(())


class Near:
    """A worker that is done with what it was given when it is heard."""

    task: Assignment | None = None

    def start(self, assignment: Assignment) -> bool:
        begun, self.task = self.task is None, self.task or assignment
        return begun

    def events(self, seconds: float) -> Iterator[Event]:
        assert self.task is not None
        task, self.task = self.task, None
        yield Event(task.job, task.attempt, "done")


def _task(job: str, seconds: float | None, **changes: object) -> Assignment:
    about: Mapping[str, object] = {"output": "", "checkpoints": "", "fingerprint": "", "needs": {}, **changes}
    return Assignment(job=job, attempt="1-1", seconds=seconds, **about)  # type: ignore[arg-type]


def test_as_much_as_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Together, not each: what would have to wait for others begins on the cluster sooner."""
    monkeypatch.setattr(Divided, "_own", near := Near())
    assert divided.SHORT_SECONDS == 20
    pool = Divided(far := Far(), 20)
    for name, seconds in {"a": 12.0, "b": 12.0, "c": 8.0, "training": None, "little": 0.0}.items():
        assert pool.start(_task(name, seconds))
    assert pool.start(_task("on a GPU", 1.0, resources=Resources(gpu=True)))
    assert far.given == ["b", "training", "little", "on a GPU"]
    said = [(event.job, event.kind, event.place) for _ in range(2) for event in pool.events(1)]
    place = "the command itself"
    assert said == [("a", "progress", place), ("a", "done", ""), ("c", "progress", place), ("c", "done", "")]
    assert near.task is None and pool.start(_task("d", 20.0)) and len(far.given) == 4


def test_nothing_is_begun_when_it_is_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Divided, "_own", Near())
    monkeypatch.setattr(Far, "ask_to_stop", lambda self, why: True)
    pool = Divided(Far(), 20)
    assert pool.start(_task("a", 1.0)) and pool.start(_task("b", 1.0))
    assert pool.ask_to_stop(Exception())
    assert [event.job for _ in range(2) for event in pool.events(1)] == ["a", "a"]
