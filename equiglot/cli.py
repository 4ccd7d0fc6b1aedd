"""The command line: words around the functions of the package, nothing more.

The package is imported inside the commands: it brings torch, and `equiglot --help` should not take seconds.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from equiglot.errors import InputError, Interrupted, refusal
from equiglot.run import RunDirectory

if TYPE_CHECKING:
    from equiglot.pipeline import Machine
    from equiglot.recipe import Recipe

app = typer.Typer(
    help="One multilingual encoder in which no language pays for another.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_output, _errors = Console(), Console(stderr=True)

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a built-in recipe.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Into = Annotated[Path | None, typer.Option(help="The run folder; runs/<name of the recipe> if not given.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Change a field: models.student.training.epochs=4")]
Workers = Annotated[int | None, typer.Option(min=1, help="Jobs at a time; one for each core if not given.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of each job, 1 if not given; they change results.")]
Reuse = Annotated[list[Path] | None, typer.Option(help="Another run folder: what it has done already is copied.")]
Replace = Annotated[bool, typer.Option("--replace", help="Do again what the folder has of another recipe.")]
Quick = Annotated[bool, typer.Option("--quick", help="Much less training: two minutes, to see how it works.")]


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
    from equiglot.display import print_recipes
    from equiglot.recipe import builtin_recipes

    print_recipes(_output, builtin_recipes())


@app.command()
def plan(
    recipe: RecipeName, into: Into = None, overrides: Overrides = None, workers: Workers = None, threads: Threads = None
) -> None:
    """Tells what a run will take, and what is done already; trains nothing."""
    from equiglot.display import print_plan
    from equiglot.pipeline import Machine, plan_recipe
    from equiglot.recipe import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    print_plan(_output, plan_recipe(loaded, _folder(loaded, into), Machine.of_here(workers, threads)))


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
) -> None:
    """Runs, or continues, everything that is not done."""
    from equiglot.pipeline import Machine
    from equiglot.recipe import load_recipe

    machine = Machine.of_here(workers, threads)
    machine = Machine(machine.workers, machine.threads, checkpoint_seconds)
    _run(load_recipe(recipe, overrides or []), into, machine, replace=replace, reuse=reuse)


@app.command()
def status(run: RunFolder) -> None:
    """Tells what is done, running and left, and the scores so far."""
    from equiglot.display import print_status
    from equiglot.pipeline import read_status

    print_status(_output, read_status(run))


@app.command()
def report(run: RunFolder) -> None:
    """Makes the page again."""
    from equiglot.pipeline import publish, read_run

    publish(RunDirectory(run), read_run(run))
    _print_page(RunDirectory(run).report)


@app.command()
def schema() -> None:
    """Prints the recipe's JSON Schema, for editors."""
    from equiglot.recipe import recipe_schema

    print(json.dumps(recipe_schema(), indent=1))


def _run(
    recipe: "Recipe", into: Path | None, machine: "Machine", *, replace: bool = False, reuse: list[Path] | None = None
) -> None:
    from equiglot.display import RunDisplay, print_results
    from equiglot.pipeline import read_status, run_recipe

    folder = _folder(recipe, into)
    with RunDisplay(_output) as shown:
        page = run_recipe(recipe, folder, replace=replace, reuse=reuse or [], machine=machine, watcher=shown.watcher())
    print_results(_output, read_status(folder), recipe)
    _print_page(page)


def _folder(recipe: "Recipe", into: Path | None) -> Path:
    return into or Path("runs") / recipe.name


def _print_page(page: Path) -> None:
    _output.print(f"The page: {page}", soft_wrap=True, highlight=False, markup=False)


def main() -> None:
    """The program: exit code 0 done, 2 bad input (one message), 1 a bug (a traceback), 128 + n after signal n."""
    try:
        app()
    except Interrupted as error:
        _errors.print("Stopped; the same command continues.")
        sys.exit(128 + error.signal)
    except InputError as error:
        _fail(error)
    except OSError as error:
        _fail(refusal(error))


def _fail(error: InputError | None) -> None:
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(2)
