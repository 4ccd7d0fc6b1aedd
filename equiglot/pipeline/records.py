"""What is done: the record of each finished job, and whether its output is still what it was."""

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.pipeline.environment import hardware, versions
from equiglot.pipeline.graph import Graph, Job, differences
from equiglot.recipe import Recipe
from equiglot.run import CARD, RunDirectory, atomic_folder, checksums, read_json, write_json

State = Literal["done", "changed", "left"]


class Record(BaseModel):
    """A finished job.

    Attributes:
        name, fingerprint, inputs: the job's.
        needs: the jobs before it -> their fingerprints.
        outputs: file -> checksum.
        seconds: how long it took.
        begun, finished: when, UTC, ISO 8601.
        versions, hardware: what it was done with and on.
        source: the run that it was taken from, if it was not done here.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    fingerprint: str
    inputs: dict[str, Any]
    needs: dict[str, str]
    outputs: dict[str, str]
    seconds: float
    begun: str
    finished: str
    versions: dict[str, str]
    hardware: dict[str, str]
    source: str | None = None


def read_record(run: RunDirectory, name: str) -> Record | None:
    """The record of a job; None where there is none, or none that can be read."""
    try:
        return Record.model_validate(read_json(run.job(name)))
    except (OSError, ValueError):
        return None


def recorded_graph(run: RunDirectory, recipe: Recipe) -> Graph:
    """The jobs of a run as it stands: what its text, labels and existing models were is read from the
    records, they themselves not."""
    jobs = [*(f"corpus/{language}" for language in recipe.languages), *(f"task/{task}" for task in recipe.probed)]
    jobs += [f"model/{plan.name}" for plan in recipe.expanded() if plan.existing is not None]
    records = {job: read_record(run, job) for job in jobs}
    return Graph(recipe, {job: record.inputs.get("source") for job, record in records.items() if record})


def write_record(run: RunDirectory, graph: Graph, job: Job, seconds: float, source: str | None = None) -> Record:
    """Records that a job is done; its output is on the disk."""
    now = datetime.now(UTC)
    record = Record(
        name=job.name,
        fingerprint=job.fingerprint,
        inputs=dict(job.inputs),
        needs={name: graph.jobs[name].fingerprint for name in job.needs},
        outputs=checksums(job.output(run)),
        seconds=round(seconds, 3),
        begun=(now - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        finished=now.isoformat(timespec="seconds"),
        versions=versions(),
        hardware=hardware(),
        source=source,
    )
    write_json(run.job(job.name), record.model_dump(mode="json"))
    return record


def state_of(run: RunDirectory, job: Job) -> State:
    """Whether a job is done, done with other inputs, or left to do (also where a file of its output is gone)."""
    record = read_record(run, job.name)
    if record is None or not all((job.output(run) / file).is_file() for file in record.outputs):
        return "left"
    return "done" if record.fingerprint == job.fingerprint else "changed"


def damaged(run: RunDirectory, job: Job) -> list[str]:
    """The files of a done job that are no longer what the job wrote."""
    record = read_record(run, job.name)
    if record is None:
        return []
    now = checksums(job.output(run))
    return [file for file, mark in record.outputs.items() if now.get(file) != mark]


def check_outputs(run: RunDirectory, jobs: Iterable[Job]) -> None:
    """Refuses outputs of done jobs that are no longer what the jobs wrote.

    Raises:
        InputError: with the files.
    """
    for job in jobs:
        files = damaged(run, job)
        if files:
            raise InputError(
                f"files of {job.name} have changed since they were made: {', '.join(files[:3])}",
                where=job.output(run),
                fix=f"put them back, or delete that folder: the same command makes {job.name} again",
            )


def explain_change(run: RunDirectory, job: Job, graph: Graph) -> list[str]:
    """Why a job done before is another one now: the settings that differ, or the jobs before it."""
    record = read_record(run, job.name)
    if record is None:
        return []
    changed = differences(record.inputs, dict(job.inputs))
    sources = {"task": "the labels themselves", "model": "the model itself"}
    changed = [sources.get(job.kind, each) if each == "the text itself" else each for each in changed]
    changed += [f"after {name}" for name in job.needs if record.needs.get(name) != graph.jobs[name].fingerprint]
    return changed or ["it is made in another way by this version"]


def take_from(others: Iterable[Path], run: RunDirectory, graph: Graph, job: Job) -> str | None:
    """Copies a job's output from another run where the same job is done and undamaged; gives that run's path."""
    for root in others:
        other = RunDirectory(root)
        for path in sorted((root / "jobs" / job.kind).glob("*.json")):
            name = f"{job.kind}/{path.stem}"
            record = read_record(other, name)
            if record is None or record.fingerprint != job.fingerprint:
                continue
            source = Job(job.kind, path.stem, {}, (), job.fingerprint)
            if not source.output(other).is_dir():
                continue
            try:
                with atomic_folder(job.output(run)) as folder:
                    shutil.copytree(
                        source.output(other), folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CARD)
                    )
                    if checksums(folder) != record.outputs:
                        raise _DamagedError
            except _DamagedError:
                continue
            write_record(run, graph, job, record.seconds, source=os.fspath(root))
            return os.fspath(root)
    return None


class _DamagedError(Exception):
    """What was copied is not what the other run's job wrote."""
