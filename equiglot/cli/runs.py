"""Commands about runs: what makes them, watches them, and shows what they have."""

import json
import os
import shlex
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from equiglot.cli.arguments import (
    Into,
    Models,
    On,
    Overrides,
    Quick,
    RecipeName,
    Replace,
    ReplaceFile,
    Reuse,
    RunFolder,
    Threads,
    Workers,
)
from equiglot.cli.program import app, be_quiet, errors, listed, output
from equiglot.errors import InputError, Interrupted
from equiglot.run import RunDirectory

if TYPE_CHECKING:
    from equiglot.pipeline import Machine
    from equiglot.recipe import Recipe


@app.command()
def demo(quick: Quick = False, into: Into = None, replace: Replace = False, workers: Workers = None) -> None:
    """Trains everything on the embedded sample and ends with a page."""
    from equiglot.pipeline import Machine
    from equiglot.recipe import load_recipe

    recipe = load_recipe("demo-quick" if quick else "demo")
    _run(recipe, into, Machine.of_here(workers), replace=replace)


@app.command()
def recipes() -> None:
    """Lists the built-in recipes."""
    from equiglot.recipe import builtin_recipes

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, description in builtin_recipes().items():
        table.add_row(Text(name, style="bold"), Text(description))
    output.print(table)


@app.command()
def plan(
    recipe: RecipeName, into: Into = None, overrides: Overrides = None, workers: Workers = None, threads: Threads = None
) -> None:
    """Tells what a run will take, and what is done already; trains nothing."""
    from equiglot.display import print_plan
    from equiglot.pipeline import Machine, plan_recipe
    from equiglot.recipe import load_recipe

    be_quiet()
    loaded = load_recipe(recipe, overrides or [])
    print_plan(output, plan_recipe(loaded, _folder(loaded, into), Machine.of_here(workers, threads)))


@app.command()
def run(
    recipe: RecipeName,
    into: Into = None,
    overrides: Overrides = None,
    replace: Replace = False,
    reuse: Reuse = None,
    workers: Workers = None,
    threads: Threads = None,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="Time between checkpoints of a training.")] = 60.0,
    on: On = "local",
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Though a command elsewhere holds the run: you know that it has ended.")
    ] = False,
    other_conditions: Annotated[
        bool,
        typer.Option(
            "--other-conditions",
            help="Continue unfinished trainings with other threads, another device or library: not bit for bit.",
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="With slurm:PROFILE: the command itself becomes a job, too; log out.")
    ] = False,
) -> None:
    """Runs, or continues, everything that is not done."""
    from equiglot.pipeline import Machine, detach_recipe
    from equiglot.recipe import load_recipe

    if on.startswith("slurm") and (workers or threads):
        fix = "change `jobs` and `cpus` there, and leave these options out"
        raise InputError("the profile says how many jobs and threads there are", where="--workers, --threads", fix=fix)
    loaded = load_recipe(recipe, overrides or [])  # what is wrong with it is said before PyTorch is loaded
    machine = Machine.of_here(workers, threads)
    machine = Machine(machine.workers, machine.threads, checkpoint_seconds)
    options: dict[str, Any] = {"replace": replace, "reuse": reuse or [], "take_over": take_over}
    same = _same_command(_folder(loaded, into), on, checkpoint_seconds, other_conditions=other_conditions, **options)
    if detach:
        job = detach_recipe(loaded, _folder(loaded, into), on, same, **options)
        _print_detached(job, _folder(loaded, into))
    else:
        _run(loaded, into, machine, on, same, other_conditions=other_conditions, **options)


@app.command()
def label(
    recipe: RecipeName,
    into: Into = None,
    overrides: Overrides = None,
    replace: Replace = False,
    reuse: Reuse = None,
    workers: Workers = None,
    threads: Threads = None,
) -> None:
    """Computes and stores the labels of a run's teachers, and what they need; trains no student.

    `equiglot run` does it too where it is not done. Killed, it continues where it was.
    """
    from equiglot.display import RunDisplay, print_stores
    from equiglot.pipeline import Machine, run_recipe, stored_texts, stores_labels
    from equiglot.recipe import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    folder = _folder(loaded, into)
    if not stores_labels(loaded):
        fix = "give a model `labels: {kind: stored, teachers: ...}`"
        raise InputError("no model of this recipe learns from stored labels", where=recipe, fix=fix)
    machine = Machine.of_here(workers, threads)
    with RunDisplay(output) as shown:
        run_recipe(
            loaded,
            folder,
            only="labels",
            replace=replace,
            reuse=reuse or [],
            machine=machine,
            watcher=shown.watcher(),
        )
    print_stores(output, stored_texts(folder, loaded))


labels_app = typer.Typer(help="Looks at stored labels.", no_args_is_help=True)
app.add_typer(labels_app, name="labels")


@labels_app.command()
def inspect(
    store: Annotated[Path, typer.Argument(help="A store of labels: RUN/labels/TEACHER.LANGUAGE.k8")],
    examples: Annotated[int, typer.Option(min=0, max=10_000, help="Masked positions shown in words.")] = 5,
) -> None:
    """Shows what a store holds: sizes, the probability that is kept, entropy, agreement, and examples in words."""
    from equiglot.display import print_store
    from equiglot.pipeline import inspect_labels

    print_store(output, inspect_labels(store, examples))


@app.command()
def status(run: RunFolder) -> None:
    """Tells what is done, running and left, and the scores so far."""
    from equiglot.display import print_status
    from equiglot.pipeline import read_status

    print_status(output, read_status(run))


@app.command()
def report(run: RunFolder) -> None:
    """Makes the page again."""
    from equiglot.pipeline import publish, read_run

    publish(RunDirectory(run), read_run(run))
    _print_page(RunDirectory(run).report)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Two run folders or more.")],
    into: Annotated[Path, typer.Option(help="The page, an HTML file.")] = Path("comparison.html"),
    replace: ReplaceFile = False,
) -> None:
    """Makes one page of several runs: what differs, scores side by side, the spread over seeds."""
    from equiglot.pipeline import compare_runs

    _print_page(compare_runs(runs, into, replace=replace))


@app.command()
def schema() -> None:
    """Prints the recipe's JSON Schema, for editors."""
    from equiglot.recipe import recipe_schema

    print(json.dumps(recipe_schema(), indent=1))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of text: en.txt, tr/, wiki.de.txt, ...")],
    into: Annotated[Path, typer.Option(help="The recipe to write.")] = Path("recipe.yaml"),
    replace: ReplaceFile = False,
) -> None:
    """Makes a commented recipe from a folder of text."""
    from equiglot.display import print_found
    from equiglot.pipeline import gpu_count
    from equiglot.recipe import initialise

    found, doubts = initialise(folder, into, gpu=gpu_count() > 0, replace=replace)
    print_found(output, found, doubts, str(into))


@app.command()
def audit(
    models: Models,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder with labelled data; the text of a run if not given.")
    ] = None,
    languages: Annotated[
        str, typer.Option(metavar="CODE,...", help="Needed with --data; of a run's own text, all if not given.")
    ] = "",
    tasks: Annotated[str, typer.Option(metavar="TASK,...", help="Of those with data; all if not given.")] = "",
    source: Annotated[
        str, typer.Option(metavar="CODE,...", help="Train on these together, and test on all (zero-shot).")
    ] = "",
    preset: Annotated[str, typer.Option(help="quick, or paper3: how models are fine-tuned.")] = "quick",
    seeds: Annotated[int | None, typer.Option(min=1, help="Trainings of each; one gives no verdict.")] = None,
    train_sentences: Annotated[int | None, typer.Option(min=1, help="Train on so many of a language at most.")] = None,
    into: Into = None,
    replace: Replace = False,
    workers: Workers = None,
    threads: Threads = None,
) -> None:
    """Tells which languages models serve badly, and why. Killed, the same command continues.

    A MODEL is a Hugging Face folder, RUN/model, a run folder for all its models, or a name on the hub.
    """
    from equiglot.display import print_labelled
    from equiglot.pipeline import Machine
    from equiglot.recipe import audit_recipe, parse_recipe, preset_of

    be_quiet()
    tuning = preset_of(preset, seeds=seeds, train_sentences=train_sentences)
    folder = into or Path("runs/audit")
    tree, found = audit_recipe(
        models,
        listed(languages),
        data,
        name=folder.name,
        tuning=tuning,
        tasks=listed(tasks),
        source=listed(source),
    )
    print_labelled(errors, found)
    _run(parse_recipe(tree, Path.cwd()), folder, Machine.of_here(workers, threads), replace=replace)


def _same_command(
    folder: Path,
    on: str,
    checkpoint_seconds: float,
    *,
    replace: bool,
    reuse: Sequence[Path],
    take_over: bool,
    other_conditions: bool,
) -> list[str]:
    """The arguments of `equiglot` that go on with a run from any folder, with the recipe as it is there."""
    kind, colon, about = on.partition(":")
    flags = {"--replace": replace, "--take-over": take_over, "--other-conditions": other_conditions}
    return [
        "run",
        os.path.abspath(RunDirectory(folder).recipe),
        f"--into={os.path.abspath(folder)}",
        f"--on={kind}{colon}{os.path.abspath(about) if kind == 'slurm' and about else about}",
        f"--checkpoint-seconds={checkpoint_seconds}",
        *(f"--reuse={os.path.abspath(each)}" for each in reuse),
        *(name for name, given in flags.items() if given),
    ]


def _run(
    recipe: "Recipe",
    into: Path | None,
    machine: "Machine",
    on: str = "local",
    same: Sequence[str] = (),
    **options: Any,
) -> None:
    """Runs a recipe `on` other machines or here, where it can be watched.

    Before the time of a job is over that the command itself is, it is given to the cluster once more, with the
    arguments `same`; `options` are those of `run_recipe`.
    """
    from equiglot.display import RunDisplay, print_audit, print_doubts, print_results
    from equiglot.pipeline import detach_again, pool_on, read_audit, read_status, run_recipe, stored_texts

    folder, display, begun = _folder(recipe, into), RunDisplay(output), time.monotonic()
    pool = pool_on(on, display.ask)
    try:
        with display as shown:
            page = run_recipe(recipe, folder, machine=machine, watcher=shown.watcher(), pool=pool, **options)
    except Interrupted as why:
        if why.signal == signal.SIGUSR1 and (job := detach_again(folder, on, same, time.monotonic() - begun)):
            output.print(f"The time of this job is nearly over; SLURM job {job} goes on.", highlight=False)
            return
        raise
    print_results(output, read_status(folder), recipe)
    if (audited := read_audit(folder, recipe)) is not None:
        print_audit(output, audited)
    print_doubts(output, stored_texts(folder, recipe))
    _print_page(page)


def _print_detached(job: str, folder: Path) -> None:
    words = (
        f"The command is SLURM job {job}. Follow it: equiglot status {shlex.quote(str(folder))}; end it: scancel {job}"
    )
    output.print(words, highlight=False, soft_wrap=True)


def _folder(recipe: "Recipe", into: Path | None) -> Path:
    return into or Path("runs") / recipe.name


def _print_page(page: Path) -> None:
    output.print(f"The page: {page}", soft_wrap=True, highlight=False)
