"""The command line: words around the functions of the package, nothing more."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from equiglot import display
from equiglot.errors import InputError
from equiglot.pipeline import (
    Interrupted,
    Machine,
    WorkerFailed,
    describe_os_error,
    plan_recipe,
    publish,
    read_run,
    read_status,
    run_recipe,
)
from equiglot.recipe import Recipe, builtin_recipes, load_recipe
from equiglot.run import RunDirectory

app = typer.Typer(
    help="One multilingual encoder in which no language pays for another.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_output, _errors = Console(), Console(stderr=True)

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a built-in recipe.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Into = Annotated[Path | None, typer.Option(help="The run folder; runs/<name of the recipe> if not given.")]
Overrides = Annotated[list[str], typer.Option("--set", help="Change a field: models.student.training.epochs=4")]
Workers = Annotated[int | None, typer.Option(min=1, help="Jobs at a time; one for each core if not given.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of each job.")]
Reuse = Annotated[list[Path], typer.Option(help="Another run folder: what it has done already is copied.")]
Replace = Annotated[bool, typer.Option("--replace", help="Do again what the folder has of another recipe.")]


@app.command()
def demo(
    quick: Annotated[bool, typer.Option("--quick", help="Much less training: two minutes, to see how it works.")] = False,
    into: Into = None,
    workers: Workers = None,
) -> None:
    """Trains everything on the embedded sample and ends with a page."""
    recipe = load_recipe("demo-quick" if quick else "demo")
    _run(recipe, into, Machine.of_here(workers))


@app.command()
def recipes() -> None:
    """Lists the built-in recipes."""
    display.print_recipes(_output, builtin_recipes())


@app.command()
def plan(
    recipe: RecipeName, into: Into = None, overrides: Overrides = [], workers: Workers = None, threads: Threads = None
) -> None:
    """Tells what a run will take, and what is done already; trains nothing."""
    loaded = load_recipe(recipe, overrides)
    display.print_plan(_output, plan_recipe(loaded, into, Machine.of_here(workers, threads)))


@app.command()
def run(
    recipe: RecipeName,
    into: Into = None,
    overrides: Overrides = [],
    replace: Replace = False,
    reuse: Reuse = [],
    workers: Workers = None,
    threads: Threads = None,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="Time between checkpoints of a training.")] = 60.0,
) -> None:
    """Runs, or continues, everything that is not done."""
    machine = Machine.of_here(workers, threads)
    machine = Machine(machine.workers, machine.threads, checkpoint_seconds)
    _run(load_recipe(recipe, overrides), into, machine, replace=replace, reuse=reuse)


@app.command()
def status(run: RunFolder) -> None:
    """Tells what is done, running and left, and the scores so far."""
    display.print_status(_output, read_status(run))


@app.command()
def report(run: RunFolder) -> None:
    """Makes the page again."""
    publish(RunDirectory(run), read_run(run))
    _output.print(f"The page: {RunDirectory(run).report}", soft_wrap=True, highlight=False)


@app.command()
def schema() -> None:
    """Prints the recipe's JSON Schema, for editors."""
    print(json.dumps(Recipe.model_json_schema(), indent=1))


def _run(
    recipe: Recipe, into: Path | None, machine: Machine, *, replace: bool = False, reuse: list[Path] | None = None
) -> None:
    folder = into or Path("runs") / recipe.name
    with display.RunDisplay(_output) as shown:
        page = run_recipe(
            recipe, folder, replace=replace, reuse=reuse or [], machine=machine, watcher=shown.watcher()
        )
    display.print_results(_output, read_status(folder), recipe)
    _output.print(f"The page: {page}", soft_wrap=True, highlight=False)


def main() -> None:
    """The program: exit code 0 done, 2 bad input (one message), 1 a bug (a traceback), 128 + n after signal n."""
    try:
        app()
    except InputError as error:
        _fail(error)
    except OSError as error:
        _fail(InputError(**describe_os_error(error)))  # type: ignore[arg-type]
    except Interrupted as error:
        _errors.print("Stopped; the same command continues.")
        sys.exit(128 + error.signal)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except WorkerFailed as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def _fail(error: InputError) -> None:
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(2)
