"""What workers say comes back as it was said; what they raise is told as what it is."""

import os
from pathlib import Path

import pytest

from equiglot.errors import InputError
from equiglot.pipeline import Event, Machine, Remark, TextProgress, WorkerFailed
from equiglot.pipeline.execution.pool import Made, failure, perform
from equiglot.pipeline.execution.workers import _environment, decode_event, encode_event, gpu_of
from equiglot.pipeline.steps import Context, Corpus
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
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [gpu_of(number, 2)["CUDA_VISIBLE_DEVICES"] for number in range(4)] == ["0", "1", "0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    assert gpu_of(1, 2) == {"CUDA_VISIBLE_DEVICES": "7"}
    assert gpu_of(0, 1) == gpu_of(3, 0) == {}
    with _environment({"CUDA_VISIBLE_DEVICES": "7", "EQUIGLOT_OF_NOBODY": "1"}):
        assert (os.environ["CUDA_VISIBLE_DEVICES"], os.environ["EQUIGLOT_OF_NOBODY"]) == ("7", "1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "5,7" and "EQUIGLOT_OF_NOBODY" not in os.environ
