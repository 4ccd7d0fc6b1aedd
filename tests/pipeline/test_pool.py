"""What workers say comes back as it was said; what they raise is told as what it is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from equiglot.errors import InputError
from equiglot.pipeline import Event, Machine, Remark, TextProgress, WorkerFailed
from equiglot.pipeline.execution import workers as pool_of_here
from equiglot.pipeline.execution.pool import Assignment, Made, failure, perform
from equiglot.pipeline.execution.workers import Workers, _environment, _Worker, decode_event, encode_event, gpu_of
from equiglot.pipeline.graph import steps_of
from equiglot.pipeline.steps import Context, Corpus
from equiglot.pipeline.steps.cost import Resources
from equiglot.run import RunDirectory
from equiglot.training import Stopped
from tests.pipeline.conftest import Change

EVENTS = [
    Event("corpus/en", "2-13", "progress", progress=TextProgress(stage="reading", done=7)),
    Event("corpus/en", "2-13", "progress", progress=Remark(remark="«x»")),
    Event("corpus/en", "2-13", "done", made=Made(1.5, {"train.arrow": "0"}, {"of": ["en"]})),
    Event("tokens/en", "2-13", "done", made=Made(1.5, {}, None)),
    Event("model/hl", "2-13", "stopped"),
]


def _back(event: Event) -> Event:
    return decode_event(encode_event(event), event.job, event.attempt)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.job} {event.kind}")
def test_events_come_back(event: Event) -> None:
    assert _back(event) == event


def test_bad_input_comes_back() -> None:
    error = _back(failure("corpus/en", "1-1", InputError("what", where="here", fix="so"))).error
    assert isinstance(error, InputError) and (error.what, error.where, error.fix) == ("what", "here", "so")


@pytest.mark.parametrize(("raised", "kind"), [(ValueError("a bug"), "failed"), (Stopped(), "stopped")])
def test_what_a_step_raises(
    raised: Exception, kind: str, make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(Corpus, "run", fail)
    event = perform(
        Corpus(make(), "en"), "1-1", Context(RunDirectory(tmp_path), tmp_path / "made", tmp_path / "checkpoints")
    )
    assert (event.job, event.kind) == ("corpus/en", kind)
    back = _back(event).error
    assert str(back) == str(event.error) and type(back) is type(event.error)
    if kind == "failed":
        assert isinstance(back, WorkerFailed) and str(back).startswith("corpus/en failed:\nTraceback")
        with pytest.raises(ValueError):  # nobody is there to be told
            perform(
                Corpus(make(), "en"),
                "1-1",
                Context(RunDirectory(tmp_path), tmp_path / "made", tmp_path / "checkpoints"),
                (ValueError,),
            )


def test_with_several_gpus_each_worker_sees_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert (Machine.of_here(), Machine.of_here(workers=4)) == (Machine(2, 4), Machine(4, 2))
    assert Machine.of_here(workers=1) == Machine(1, 4)  # as each of the two processes of a model that has both GPUs
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [gpu_of(number, 2)["CUDA_VISIBLE_DEVICES"] for number in range(4)] == ["0", "1", "0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    assert gpu_of(1, 2) == {"CUDA_VISIBLE_DEVICES": "7"}
    assert gpu_of(0, 1) == gpu_of(3, 0) == {}
    with _environment({"CUDA_VISIBLE_DEVICES": "7", "EQUIGLOT_OF_NOBODY": "1"}):
        assert (os.environ["CUDA_VISIBLE_DEVICES"], os.environ["EQUIGLOT_OF_NOBODY"]) == ("7", "1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "5,7" and "EQUIGLOT_OF_NOBODY" not in os.environ


class _Silent:
    """A worker, or the way to talk to one, of which nothing comes."""

    def send_bytes(self, message: bytes) -> None: ...

    def kill(self) -> None: ...

    def join(self) -> None: ...


@pytest.fixture
def workers(make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Workers]:
    """Some workers, none of them a process, on a machine of four cores."""
    monkeypatch.setattr(pool_of_here, "_start", lambda *_: _Worker(_Silent(), _Silent()))  # type: ignore[arg-type]
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    return lambda count: Workers(RunDirectory(tmp_path), make(), count=count, threads=1, checkpoint_seconds=1)


def _task(job: str, ranks: int) -> Assignment:
    return Assignment(
        job=job,
        attempt="1-1",
        output="",
        checkpoints="",
        fingerprint="",
        needs={},
        resources=Resources(processes=ranks),
    )


def test_no_more_is_begun_than_there_are_cores(workers: Callable[[int], Workers]) -> None:
    """Who waits for cores is next: small jobs do not go before it for ever."""
    with workers(3) as pool:
        begun = [pool.start(_task(*each)) for each in (("a", 2), ("b", 2), ("four", 4))]
        assert begun == [True, True, False]
        pool._workers[0].task = None
        assert not pool.start(_task("c", 1)) and not pool.start(_task("four", 4))
        pool._workers[1].task = None
        assert pool.start(_task("four", 4)) and not pool.start(_task("c", 1))


def test_who_takes_more_than_all_runs_alone_and_asking_for_more_workers_is_obeyed(
    workers: Callable[[int], Workers],
) -> None:
    with workers(8) as pool:
        assert all(pool.start(_task(str(number), 1)) for number in range(8))
    with workers(2) as pool:
        assert pool.start(_task("threads", 8)) and not pool.start(_task("a", 1))


def test_ranks_that_the_machine_has_no_cores_for_are_refused(workers: Callable[[int], Workers], make: Change) -> None:
    for devices in (4, 8):
        steps = list(steps_of(make(training__devices=devices, training__accumulation=8)))
        with workers(1) as pool:
            if devices == 4:
                pool.check(steps)
                continue
            with pytest.raises(
                InputError, match=r"takes 8 cores \(8 processes together\), and this machine has 4"
            ) as no:
                pool.check(steps)
            assert "training.devices to less" in str(no.value.fix)


def test_each_rank_needs_a_gpu(
    workers: Callable[[int], Workers], make: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    steps = list(steps_of(make(training__devices=2, training__accumulation=2)))
    with workers(1) as pool:
        pool.check(steps)
    with workers(2) as pool, pytest.raises(InputError, match="each of 2 workers sees 1"):
        pool.check(steps)
