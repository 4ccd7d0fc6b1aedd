"""Processes that train a model together, of which one is killed, or asked to stop by who knows nothing of them."""

import os
import signal
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from equiglot.pipeline import Event, Machine, Watcher, run_recipe
from equiglot.pipeline.execution.pool import failure
from equiglot.pipeline.execution.workers import decode_event, encode_event
from equiglot.pipeline.steps.ranks import RankKilled
from tests.pipeline.conftest import Change, results, run_here


def _other_ranks() -> list[int]:
    return [
        process.pid
        for process in psutil.Process().children(recursive=True)
        if "equiglot.pipeline.steps.rank" in process.cmdline()
    ]


@pytest.mark.slow
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two ranks need two cores")
def test_the_same_bytes_though_a_rank_is_killed(make: Change, finished: Path, tmp_path: Path) -> None:
    """SIGTERM is not for it; after SIGKILL the training is begun again from its checkpoint, by another process."""
    events = list[Event]()

    def watch(event: Event) -> None:
        before, lost = any(each.progress for each in events), any(each.kind == "lost" for each in events)
        if event.job == "model/hl":
            events.append(event)
        if event.job == "model/hl" and event.progress is not None and not lost:
            for rank in _other_ranks():
                os.kill(rank, signal.SIGKILL if before else signal.SIGTERM)

    settings = {"training__updates": 60, "training__accumulation": 2, "models": {"hl": {}}}
    recipe = make(**settings, training__devices=2)
    machine = Machine(checkpoint_seconds=0)
    run_recipe(recipe, tmp_path / "run", machine=machine, watcher=Watcher(event=watch), reuse=[finished])
    (lost,) = (str(each.error) for each in events if each.kind == "lost")
    assert "rank 1 of the training was killed (SIGKILL)" in lost
    run_here(make(**settings), tmp_path / "here", reuse=[finished])
    assert results(tmp_path / "run") == results(tmp_path / "here")


def test_a_killed_rank_is_a_loss_wherever_it_was() -> None:
    event = failure("model/hl", "1-1", RankKilled("rank 1 was killed"))
    assert decode_event(encode_event(event), "model/hl", "1-1").kind == event.kind == "lost"
