"""Running a recipe: everything that is not done, and continuing it after a kill."""

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from equiglot.errors import InputError, Interrupted, refusal
from equiglot.files import write_text
from equiglot.lease import Lease
from equiglot.pipeline.execution.detaching import (
    check_command,
    forget_command,
    give_command,
    give_command_again,
    is_command,
)
from equiglot.pipeline.execution.engines import queue_on
from equiglot.pipeline.execution.folder import Log, check_other, held, make_folder, saved_recipe
from equiglot.pipeline.execution.machine import Machine
from equiglot.pipeline.execution.pool import MakePool, StopSignals
from equiglot.pipeline.execution.scheduler import Execution, Watcher
from equiglot.pipeline.execution.states import (
    Unchanged,
    check_outputs,
    current_graph,
    explain_change,
    made_in,
    state_of,
    take_from,
)
from equiglot.pipeline.execution.workers import Workers
from equiglot.pipeline.graph import Graph, Job
from equiglot.pipeline.planning.estimating import quick_estimate
from equiglot.pipeline.results.assembling import write_results
from equiglot.pipeline.steps.uniting import check_union
from equiglot.recipe import Recipe, recipe_text
from equiglot.run import RunDirectory
from equiglot.training import accept_other_conditions

_BEGIN_SECONDS = 60.0  # in which a command that was given to a cluster waits for the one that gave it to let the run go


def run_recipe(
    recipe: Recipe,
    into: Path,
    *,
    only: str | None = None,
    replace: bool = False,
    reuse: Sequence[Path] = (),
    machine: Machine | None = None,
    watcher: Watcher | None = None,
    pool: MakePool = Workers,
    take_over: bool = False,
    other_conditions: bool = False,
) -> Path:
    """Runs, or continues, everything of a recipe that is not done in the run folder `into`.

    Args:
        recipe: what to run.
        into: the run folder, made if it is not there.
        only: jobs of this kind alone, and what they need; all if None.
        replace: do again what the folder has from another version of the recipe.
        reuse: other run folders; what they have done already is copied.
        machine: how much of the machine to use; all of it by default.
        watcher: told what happens.
        pool: makes what does the jobs; processes on this machine by default.
        take_over: though another command works on the folder of which nobody can know here whether it lives.
        other_conditions: continue unfinished trainings on another kind of processor, say; their records say so.

    Returns:
        The path of the report.

    Raises:
        InputError: bad input; another command works on the folder; the recipe has changed and `replace` is not set;
            what was done before is damaged; the disk is full.
        Interrupted: a signal asked to stop.
    """
    run, watcher, machine = RunDirectory(into), watcher or Watcher(), machine or Machine.of_here()
    adopt = pool is not Workers
    with _held(recipe, into, only, replace=replace, reuse=reuse, take_over=take_over, adopt=adopt) as work:
        if not is_command(run):
            forget_command(run)
        write_text(run.recipe, recipe_text(recipe))
        if other_conditions:
            accept_other_conditions(run.root / "checkpoints")
        left, log = work.left, Log(run.log)
        log.add("start", recipe=recipe.name, left=[job.name for job in left])
        watcher.begin(work.graph, left)
        for name, why in work.unchecked.items():
            log.add("unchecked", job=name, why=str(why))
            watcher.unchecked(name, why)
        try:
            left = list(_without_reused(run, work, reuse, watcher, log))
            if left:
                estimate = quick_estimate(recipe, run) if pool is not Workers else lambda step: None
                Execution(work.lease, work.graph, left, watcher, log, work.unchanged, estimate).go(
                    pool, _at_commits(recipe, work.graph), machine, work.signals
                )
            work.unchanged.check(job for job in work.graph.jobs.values() if state_of(run, job) == "done")
            work.lease.check()
            write_results(run, recipe)
        except Interrupted as error:
            with suppress(OSError):
                log.add("interrupted", signal=str(error))
            raise
        except OSError as error:
            raise refusal(error, into) or error from None
        forget_command(run)
        log.add("end")
    return run.report


def detach_recipe(
    recipe: Recipe,
    into: Path,
    where: str,
    arguments: Sequence[str],
    *,
    replace: bool = False,
    reuse: Sequence[Path] = (),
    take_over: bool = False,
) -> str:
    """Gives the command that runs a recipe to a cluster as a job, if the command would not be refused.

    Args:
        recipe: what it runs; the run folder has it from now on.
        into: the run folder, made if it is not there.
        where: what the jobs of the run are given to, and the command as well.
        arguments: of `python -m equiglot`, in that job.
        replace, reuse, take_over: as `run_recipe`.

    Returns:
        The cluster's number of the job.

    Raises:
        InputError: bad input, as `run_recipe`; the cluster would refuse the command, or a job of the run.
        Interrupted: a signal asked to stop.
    """
    run, engine = RunDirectory(into), queue_on(where)
    with _held(recipe, into, None, replace=replace, reuse=reuse, take_over=take_over, adopt=True) as work:
        engine.check_command()
        steps = [job.step for job in work.left if not any(made_in(reuse, job))]
        engine.check(steps, engine.profile.cpus)
        work.signals.check()
        write_text(run.recipe, recipe_text(recipe))
        job = give_command(run, engine, arguments)
        Log(run.log).add("detached", job=job)
    return job


def detach_again(into: Path, where: str, arguments: Sequence[str], seconds: float) -> str:
    """Gives the command to the cluster once more, if this process is the job that it is; the new job begins when this
    one has ended.

    Args:
        into, where, arguments: as `detach_recipe`.
        seconds: that this job has had.

    Returns:
        The cluster's number of the job; nothing if this process is no such job.

    Raises:
        InputError: the cluster refuses, or the job has had so little time that another one would come to nothing.
    """
    run = RunDirectory(into)
    return give_command_again(run, queue_on(where), arguments, seconds) if is_command(run) else ""


@dataclass(frozen=True)
class _Work:
    """What is to be done in a run folder that this process holds.

    Attributes:
        lease: the right to write there.
        signals: notes what asks to stop.
        graph: all jobs.
        unchecked: those whose foreign model cannot be looked at any more, and why.
        left: those to do.
        unchanged: knows the outputs of those that are done.
    """

    lease: Lease
    signals: StopSignals
    graph: Graph
    unchecked: Mapping[str, InputError]
    left: list[Job]
    unchanged: Unchanged


@contextmanager
def _held(
    recipe: Recipe, into: Path, only: str | None, *, replace: bool, reuse: Sequence[Path], take_over: bool, adopt: bool
) -> Iterator[_Work]:
    """Holds a run folder for a command, if nothing of what the command is told is to be refused."""
    run = RunDirectory(into)
    graph, unchecked = current_graph(run, recipe, saved_recipe(run))
    for other in reuse:
        check_other(other)
    make_folder(into)
    ended = check_command(run, take_over=take_over)
    patience = _BEGIN_SECONDS if is_command(run) else 0.0
    with (
        held(run, take_over=take_over, ended=ended, patience=patience, adopt=adopt) as lease,
        StopSignals() as signals,
    ):
        unchanged = Unchanged(run)
        left = _left(run, graph, replace, graph.jobs if only is None else graph.before(only), unchanged)
        _check_known(left, unchecked)
        check_union(run, recipe, {job.name for job in left})
        yield _Work(lease, signals, graph, unchecked, left, unchanged)


def _at_commits(recipe: Recipe, graph: Graph) -> Recipe:
    """The recipe with the commits that the fingerprints stand for: a dataset of the Hub may change meanwhile."""
    for job in graph.jobs.values():
        if job.step.reads_outside:
            recipe = job.step.pinned(recipe, job.inputs["source"])
    return recipe


def _check_known(left: Sequence[Job], unchecked: Mapping[str, InputError]) -> None:
    """Refuses to do jobs that read what is gone.

    Raises:
        InputError: why it cannot be read.
    """
    for job in left:
        if job.name in unchecked:
            raise unchecked[job.name]


def _left(run: RunDirectory, graph: Graph, replace: bool, wanted: Container[str], unchanged: Unchanged) -> list[Job]:
    """The jobs to do, of those that are wanted; the others are done, and their output is what it was."""
    states = {name: state_of(run, job) for name, job in graph.jobs.items()}
    changed = [graph.jobs[name] for name, state in states.items() if state == "changed" and name in wanted]
    if changed and not replace:
        lines = [f"    {job.name}: {'; '.join(explain_change(run, job, graph)[:3])}" for job in changed]
        raise InputError(
            "the run folder holds jobs of another recipe, which would be done again:\n" + "\n".join(lines),
            where=run.root,
            fix="add --replace to do them again (all others are kept), or choose another --into",
        )
    done = [graph.jobs[name] for name, state in states.items() if state == "done"]
    unchanged.note(done)
    check_outputs(run, done)
    return [graph.jobs[name] for name, state in states.items() if state != "done" and name in wanted]


def _without_reused(run: RunDirectory, work: _Work, reuse: Sequence[Path], watcher: Watcher, log: Log) -> Iterator[Job]:
    for job in work.left:
        work.signals.check()
        source = take_from(reuse, run, work.graph, job)
        if source is None:
            yield job
        else:
            work.unchanged.note([job])
            log.add("reused", job=job.name, source=source)
            watcher.reuse(job, source)
