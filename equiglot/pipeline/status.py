"""How far a run is, read from its files while it may still be at work."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from equiglot.evaluation import Score, read_scores
from equiglot.pipeline.graph import Graph
from equiglot.pipeline.records import State, state_of
from equiglot.pipeline.running import read_run
from equiglot.run import RunDirectory, read_json
from equiglot.training import Progress


@dataclass(frozen=True)
class Status:
    """The state of a run.

    Attributes:
        states: job -> done, changed or left.
        running: job at work now -> how far it is (None where it does not say).
        process: the process id of the command at work, if one is.
        scores: MRR so far.
    """

    states: dict[str, State]
    running: dict[str, Progress | None]
    process: int | None
    scores: list[Score]


def read_status(root: Path) -> Status:
    """The state of the run in a folder.

    Raises:
        InputError: this is no run folder.
    """
    recipe, run = read_run(root), RunDirectory(root)
    states = {job.name: state_of(run, job) for job in Graph(recipe).jobs.values()}
    process = _process(run)
    running = _running(run) if process is not None else {}
    files = [run.scores_of(name.removeprefix("scores/")) for name, state in states.items() if name.startswith("scores/")]
    scores = [score for folder in files if (folder / "scores.jsonl").is_file() for score in read_scores(folder / "scores.jsonl")]
    return Status(states, running, process, [score for score in scores if score.metric == "mrr"])


def _process(run: RunDirectory) -> int | None:
    if not run.lock.is_file():
        return None
    handle = os.open(run.lock, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return int(os.read(handle, 20) or b"0")
    finally:
        os.close(handle)
    return None


def _running(run: RunDirectory) -> dict[str, Progress | None]:
    try:
        saved = read_json(run.progress)
    except (OSError, ValueError):
        return {}
    return {name: None if progress is None else Progress(**progress) for name, progress in saved.items()}
