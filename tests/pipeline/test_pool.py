"""What workers say comes back as it was said; what they raise is told as what it is."""

from pathlib import Path

import pytest

from equiglot.errors import InputError
from equiglot.pipeline import Event, Remark, TextProgress, WorkerFailed
from equiglot.pipeline.execution.pool import Made, failure, perform
from equiglot.pipeline.execution.workers import _decoded, _encoded
from equiglot.pipeline.steps import Context, Corpus
from equiglot.run import RunDirectory
from equiglot.training import Stopped
from tests.pipeline.conftest import Change

EVENTS = [
    Event("corpus/en", "progress", progress=TextProgress(stage="reading", done=7)),
    Event("corpus/en", "progress", progress=Remark(remark="«x»")),
    Event("corpus/en", "done", made=Made(1.5, {"train.arrow": "0"}, {"of": ["en"]})),
    Event("tokens/en", "done", made=Made(1.5, {}, None)),
    Event("model/hl", "stopped"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.job} {event.kind}")
def test_events_come_back(event: Event) -> None:
    assert _decoded(_encoded(event), event.job) == event


def test_bad_input_comes_back() -> None:
    error = _decoded(_encoded(failure("corpus/en", InputError("what", where="here", fix="so"), "")), "corpus/en").error
    assert isinstance(error, InputError) and (error.what, error.where, error.fix) == ("what", "here", "so")


@pytest.mark.parametrize(("raised", "kind"), [(ValueError("a bug"), "failed"), (Stopped(), "stopped")])
def test_what_a_step_raises(
    raised: Exception, kind: str, make: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(Corpus, "run", fail)
    event = perform(Corpus(make(), "en"), Context(RunDirectory(tmp_path), tmp_path / "checkpoints"))
    assert (event.job, event.kind) == ("corpus/en", kind)
    back = _decoded(_encoded(event), event.job).error
    assert str(back) == str(event.error) and type(back) is type(event.error)
    if kind == "failed":
        assert isinstance(back, WorkerFailed) and str(back).startswith("corpus/en failed:\nTraceback")
        with pytest.raises(ValueError):  # nobody is there to be told
            perform(Corpus(make(), "en"), Context(RunDirectory(tmp_path), tmp_path / "checkpoints"), (ValueError,))
