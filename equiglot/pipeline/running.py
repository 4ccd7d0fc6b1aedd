"""Running a recipe: everything that is not done, and continuing it after a kill."""

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from equiglot.errors import InputError, Interrupted, refusal
from equiglot.pipeline.execution.folder import Log, check_other, held, make_folder, saved_recipe
from equiglot.pipeline.execution.machine import Machine
from equiglot.pipeline.execution.pool import MakePool, StopSignals
from equiglot.pipeline.execution.scheduler import Execution, Watcher
from equiglot.pipeline.execution.states import (
    Unchanged,
    check_outputs,
    current_graph,
    explain_change,
    state_of,
    take_from,
)
from equiglot.pipeline.execution.workers import Workers
from equiglot.pipeline.graph import Graph, Job
from equiglot.pipeline.planning.estimating import quick_estimate
from equiglot.pipeline.results.assembling import write_results
from equiglot.pipeline.steps.uniting import check_union
from equiglot.recipe import Recipe, recipe_text
from equiglot.run import RunDirectory, write_text
from equiglot.training import accept_other_conditions


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
    graph, unchecked = current_graph(run, recipe, saved_recipe(run))
    for other in reuse:
        check_other(other)
    make_folder(into)
    with held(run, take_over=take_over, adopt=pool is not Workers) as lease, StopSignals() as signals:
        unchanged = Unchanged(run)
        left = _left(run, graph, replace, graph.jobs if only is None else graph.before(only), unchanged)
        _check_known(left, unchecked)
        check_union(run, recipe, {job.name for job in left})
        write_text(run.recipe, recipe_text(recipe))
        if other_conditions:
            accept_other_conditions(run.root / "checkpoints")
        log = Log(run.log)
        log.add("start", recipe=recipe.name, left=[job.name for job in left])
        watcher.begin(graph, left)
        for name, why in unchecked.items():
            log.add("unchecked", job=name, why=str(why))
            watcher.unchecked(name, why)
        try:
            left = list(_without_reused(run, graph, left, reuse, watcher, log, signals, unchanged))
            if left:
                estimate = quick_estimate(recipe, run) if pool is not Workers else lambda step: None
                Execution(lease, graph, left, watcher, log, unchanged, estimate).go(
                    pool, _at_commits(recipe, graph), machine, signals
                )
            unchanged.check(job for job in graph.jobs.values() if state_of(run, job) == "done")
            lease.check()
            write_results(run, recipe)
        except Interrupted as error:
            with suppress(OSError):
                log.add("interrupted", signal=str(error))
            raise
        except OSError as error:
            raise refusal(error, into) or error from None
        log.add("end")
    return run.report


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


def _without_reused(
    run: RunDirectory,
    graph: Graph,
    left: Sequence[Job],
    reuse: Sequence[Path],
    watcher: Watcher,
    log: Log,
    signals: StopSignals,
    unchanged: Unchanged,
) -> Iterator[Job]:
    for job in left:
        signals.check()
        source = take_from(reuse, run, graph, job)
        if source is None:
            yield job
        else:
            unchanged.note([job])
            log.add("reused", job=job.name, source=source)
            watcher.reuse(job, source)
