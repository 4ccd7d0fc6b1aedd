"""What is done: whether the output of each finished job is there, and still what it was; how far a run at work is."""

import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

from equiglot.errors import InputError
from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, Score, primary_of, read_scores
from equiglot.files import atomic_folder, read_json, write_sealed
from equiglot.lease import Owner, lease_owner
from equiglot.outputs import Stamp, changed_files, missing_files, named, stamp_of
from equiglot.pipeline.execution.detaching import Whereabouts, find_command
from equiglot.pipeline.execution.folder import read_run
from equiglot.pipeline.execution.machine import versions
from equiglot.pipeline.execution.orders import left_attempts
from equiglot.pipeline.execution.pool import Made
from equiglot.pipeline.graph import Graph, Job, steps_of
from equiglot.pipeline.progress import Working
from equiglot.pipeline.records import Record, read_record
from equiglot.pipeline.steps import Step
from equiglot.recipe import Recipe
from equiglot.run import CARD, RunDirectory

State = Literal["done", "changed", "left"]


def recorded_graph(run: RunDirectory, recipe: Recipe) -> Graph:
    """The jobs of a run as it stands: what its text, labels and foreign models were is read from the records, they
    themselves not."""
    return Graph(recipe, partial(_recorded_source, run))


def current_graph(run: RunDirectory, recipe: Recipe, before: Recipe | None) -> tuple[Graph, dict[str, InputError]]:
    """The jobs of a recipe, and those whose foreign model cannot be looked at any more, with why.

    What such a model was, its record says, if `before`, the recipe that the run folder has, takes it from the same
    place.

    Raises:
        InputError: text, labels or a model cannot be read, and nothing is known of it.
    """
    unchecked: dict[str, InputError] = {}

    def source(step: Step) -> Any:
        try:
            return step.source()
        except InputError as error:
            recorded = _recorded_source(run, step)
            if recorded is None or before is None or step.place is None or step.place != _place(before, step.name):
                raise
            unchecked[step.name] = error
            return recorded

    return Graph(recipe, source), unchecked


def _place(recipe: Recipe, name: str) -> str | None:
    """Where what a step makes is taken from."""
    return {step.name: step.place for step in steps_of(recipe)}.get(name)


def _recorded_source(run: RunDirectory, step: Step) -> Any:
    record = read_record(run, step.name)
    return record and record.inputs.get("source")


def write_record(
    run: RunDirectory, graph: Graph, job: Job, made: Made, *, place: str = "", source: str | None = None
) -> Record:
    """Records that a job is done, in some place, or taken from another run; its output is on the disk."""
    now = datetime.now(UTC)
    record = Record(
        name=job.name,
        fingerprint=job.fingerprint,
        inputs=dict(job.inputs),
        needs={name: graph.jobs[name].fingerprint for name in job.needs},
        outputs=made.outputs,
        seconds=round(made.seconds, 3),
        begun=(now - timedelta(seconds=made.seconds)).isoformat(timespec="seconds"),
        finished=now.isoformat(timespec="seconds"),
        versions=versions(),
        hardware=made.hardware,
        place=place,
        source=source,
    )
    write_sealed(run.job(job.name), record.model_dump(mode="json"))
    return record


def state_of(run: RunDirectory, job: Job) -> State:
    """Whether a job is done, done with other inputs, or left to do (also where a file of its output is gone)."""
    record = read_record(run, job.name)
    if record is None or missing_files(job.output(run), record.outputs):
        return "left"
    return "done" if record.fingerprint == job.fingerprint else "changed"


def damaged(run: RunDirectory, job: Job) -> list[str]:
    """The files of a done job that are no longer what the job wrote, and those that were added."""
    record = read_record(run, job.name)
    return [] if record is None else changed_files(job.output(run), record.outputs)


def added(run: RunDirectory, job: Job) -> bool:
    """Whether there are files in the output of a done job that it did not write; contents are not looked at."""
    record = read_record(run, job.name)
    return record is not None and not stamp_of(job.output(run)).keys() <= record.outputs.keys()


def check_outputs(run: RunDirectory, jobs: Iterable[Job]) -> None:
    """Refuses outputs of done jobs that are no longer what the jobs wrote.

    Raises:
        InputError: with the files.
    """
    listed = list(jobs)
    with ThreadPoolExecutor() as pool:  # checksums are computed without Python's lock
        for job, files in zip(listed, pool.map(partial(damaged, run), listed), strict=True):
            if files:
                raise InputError(
                    f"files of {job.name} have changed since they were made: {named(files)}",
                    where=job.output(run),
                    fix=f"put back what was there, or delete that folder: `equiglot run` makes {job.name} again",
                )


def checked_graph(run: RunDirectory, recipe: Recipe) -> Graph:
    """The jobs of a run as it stands, whose outputs may be read: they are what the jobs wrote.

    Raises:
        InputError: some are not.
    """
    graph = recorded_graph(run, recipe)
    done = (job for job in graph.jobs.values() if state_of(run, job) == "done")
    check_outputs(run, (job for job in done if not job.step.internal))
    return graph


class Unchanged:
    """Whether the outputs of jobs are still what they were when their checksums were compared, or made.

    Contents are compared again only where a file was touched.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._stamps: dict[str, Stamp] = {}

    def note(self, jobs: Iterable[Job]) -> None:
        """Remembers outputs; to be called before their contents are compared."""
        self._stamps |= {job.name: stamp_of(job.output(self._run)) for job in jobs}

    def check(self, jobs: Iterable[Job]) -> None:
        """Refuses outputs that have changed.

        Raises:
            InputError: with the files.
        """
        touched = [job for job in jobs if self._stamps.get(job.name) != stamp_of(job.output(self._run))]
        stamps = {job.name: stamp_of(job.output(self._run)) for job in touched}
        check_outputs(self._run, touched)
        self._stamps |= stamps


def explain_change(run: RunDirectory, job: Job, graph: Graph) -> list[str]:
    """Why a job done before is another one now: the settings that differ, or the jobs before it."""
    record = read_record(run, job.name)
    if record is None:
        return []
    changed = list(_differences(record.inputs, dict(job.inputs), job.step.source_change))
    changed += [f"after {name}" for name in job.needs if record.needs.get(name) != graph.jobs[name].fingerprint]
    return changed or ["it is made in another way by this version"]


def _differences(old: Any, new: Any, source_change: str, path: str = "") -> Iterator[str]:
    """What changed between two JSON-able trees, one line a leaf: path: old -> new."""
    if old == new:
        return
    if path == "source":
        yield source_change
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _differences(old.get(key), new.get(key), source_change, f"{path}.{key}".lstrip("."))
    else:
        yield f"{path}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def take_from(others: Iterable[Path], run: RunDirectory, graph: Graph, job: Job) -> str | None:
    """Copies a job's output from another run where the same job is done and undamaged; gives that run's path."""
    for root, record, made in made_in(others, job):
        try:
            with atomic_folder(job.output(run)) as folder:
                shutil.copytree(made, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CARD))
                if changed_files(folder, record.outputs):
                    raise _DamagedError
        except _DamagedError:
            continue
        done = Made(record.seconds, record.outputs, None, record.hardware)
        write_record(run, graph, job, done, place=record.place, source=os.fspath(root))
        return os.fspath(root)
    return None


def made_in(others: Iterable[Path], job: Job) -> Iterator[tuple[Path, Record, Path]]:
    """The other runs where the same job is done, each with its record and the folder of its output."""
    for root in others:
        other = RunDirectory(root)
        for path in sorted((root / "jobs" / job.kind).glob("*.json")):
            record = read_record(other, f"{job.kind}/{path.stem}")
            if record is not None and record.fingerprint == job.fingerprint:
                made = job.step.folder(other, path.stem)
                if made.is_dir():
                    yield root, record, made


class _DamagedError(Exception):
    """What was copied is not what the other run's job wrote."""


@dataclass(frozen=True)
class Status:
    """The state of a run.

    Attributes:
        states: job -> done, changed or left; damaged, where files of its output are added, or scores have changed.
        running: job at work now -> how far it is, and where; where no command is at work, those that the last one
            has left with an engine, as far as they were then.
        places: done job -> where it was done; empty for the machine of the command.
        owner: the process of the command at work, if one is.
        detached: where the command is that was given to a cluster as a job, if it was.
        scores: by language, so far: MRR, and of probes each task's first metric, in-language and zero-shot.
    """

    states: dict[str, State | Literal["damaged"]]
    running: dict[str, Working]
    places: dict[str, str]
    owner: Owner | None
    scores: list[Score]
    detached: Whereabouts | None = None


def read_status(root: Path) -> Status:
    """The state of the run in a folder; its text is not read again.

    Raises:
        InputError: this is no run folder.
    """
    recipe, run = read_run(root), RunDirectory(root)
    jobs = recorded_graph(run, recipe).jobs
    states = {name: _state(run, job) for name, job in jobs.items()}
    owner, detached = lease_owner(run.root), find_command(run)
    if owner is not None and detached is not None and detached.has_ended and owner.job == detached.name:
        owner = None
    running = _running(run)
    if owner is None:
        left = {task.job for task, _ in left_attempts(run)}
        running = {name: working for name, working in running.items() if name in left}
    places = {name: record.place for name in jobs if (record := read_record(run, name)) is not None}
    done = [job for name, job in jobs.items() if job.step.scored and states[name] == "done"]
    scores = [score for job in done for score in read_scores(job.output(run) / "scores.jsonl") if _is_main(score)]
    return Status(states, running, places, owner, scores, detached)


def _state(run: RunDirectory, job: Job) -> State | Literal["damaged"]:
    """The state of a job; of scores, which are shown, the contents are compared too."""
    state = state_of(run, job)
    return "damaged" if state == "done" and (damaged(run, job) if job.step.scored else added(run, job)) else state


def _is_main(score: Score) -> bool:
    return score.metric == primary_of(score.task).name and score.source in (None, IN_LANGUAGE, ZERO_SHOT)


def _running(run: RunDirectory) -> dict[str, Working]:
    try:
        return {name: Working.model_validate(each) for name, each in read_json(run.progress).items()}
    except (OSError, ValueError, AttributeError):  # half-written, or no list of jobs
        return {}
