"""How far a run is, read from its files while it may still be at work."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, Score, primary_of, read_scores
from equiglot.pipeline.execution.folder import lock_owner, read_run
from equiglot.pipeline.execution.states import State, added, damaged, recorded_graph, state_of
from equiglot.pipeline.graph import Job
from equiglot.pipeline.progress import JobProgress, parse_progress
from equiglot.run import RunDirectory, read_json


@dataclass(frozen=True)
class Status:
    """The state of a run.

    Attributes:
        states: job -> done, changed or left; damaged, where files of its output are added, or scores have changed.
        running: job at work now -> how far it is (None where it does not say).
        process: the process id of the command at work, if one is.
        scores: by language, so far: MRR, and of probes each task's first metric, in-language and zero-shot.
    """

    states: dict[str, State | Literal["damaged"]]
    running: dict[str, JobProgress | None]
    process: int | None
    scores: list[Score]


def read_status(root: Path) -> Status:
    """The state of the run in a folder; its text is not read again.

    Raises:
        InputError: this is no run folder.
    """
    recipe, run = read_run(root), RunDirectory(root)
    jobs = recorded_graph(run, recipe).jobs
    states = {name: _state(run, job) for name, job in jobs.items()}
    process = lock_owner(run)
    running = _running(run) if process is not None else {}
    done = [job for name, job in jobs.items() if job.step.scored and states[name] == "done"]
    scores = [score for job in done for score in read_scores(job.output(run) / "scores.jsonl") if _is_main(score)]
    return Status(states, running, process, scores)


def _state(run: RunDirectory, job: Job) -> State | Literal["damaged"]:
    """The state of a job; of scores, which are shown, the contents are compared too."""
    state = state_of(run, job)
    return "damaged" if state == "done" and (damaged(run, job) if job.step.scored else added(run, job)) else state


def _is_main(score: Score) -> bool:
    return score.metric == primary_of(score.task).name and score.source in (None, IN_LANGUAGE, ZERO_SHOT)


def _running(run: RunDirectory) -> dict[str, JobProgress | None]:
    try:
        saved = read_json(run.progress)
        return {name: None if progress is None else parse_progress(progress) for name, progress in saved.items()}
    except (OSError, ValueError, AttributeError):  # half-written, or no list of jobs
        return {}
