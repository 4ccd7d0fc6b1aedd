"""Making the page of a run again, while no other command works on it."""

from equiglot.errors import InputError
from equiglot.pipeline.execution.folder import held
from equiglot.pipeline.execution.states import checked_graph, state_of
from equiglot.pipeline.results.assembling import write_results
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory


def publish(run: RunDirectory, recipe: Recipe) -> None:
    """Writes the run's scores, its page with tables and figures, and the cards of its models, from all that is done.

    Raises:
        InputError: another command works on the run; its files have changed since they were made; there is a page, and
            none of its scores can be used any more.
    """
    with held(run, adopt=True, fix="wait for it: it makes the page itself; `equiglot status` shows the scores so far"):
        _check_scores(run, recipe)
        write_results(run, recipe)


def _check_scores(run: RunDirectory, recipe: Recipe) -> None:
    """Refuses to write a page without scores over one that has them."""
    jobs = checked_graph(run, recipe).jobs.values()
    states = {state_of(run, job) for job in jobs if job.kind == "scores"}
    if run.report.is_file() and "changed" in states and "done" not in states:
        raise InputError(
            "all scores of this run were made with another recipe or version; its page stays as it is",
            where=run.report,
            fix=f"equiglot run {run.recipe} --into {run.root} --replace",
        )
