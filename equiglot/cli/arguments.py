"""What the commands of the command line share: arguments and options, and what Tab offers for them.

What is offered is imported when Tab is pressed: `equiglot --help` should not wait for it.
"""

from pathlib import Path
from typing import Annotated

import typer


def _recipes(incomplete: str) -> list[str]:
    from equiglot.recipe.completing import complete_recipes

    return complete_recipes(incomplete)


def _runs(incomplete: str) -> list[str]:
    from equiglot.recipe.completing import complete_runs

    return complete_runs(incomplete)


def _models(incomplete: str) -> list[str]:
    from equiglot.recipe.completing import complete_models

    return complete_models(incomplete)


def _fields(ctx: typer.Context, incomplete: str) -> list[str]:
    from equiglot.recipe.completing import complete_fields

    # While the value of an option is missing, as here, arguments are not parsed.
    return complete_fields(incomplete, ctx.params.get("recipe") or next(iter(ctx.args), None))


RecipeName = Annotated[
    str,
    typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a built-in recipe.", autocompletion=_recipes),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", autocompletion=_runs)]
Into = Annotated[
    Path | None, typer.Option(help="The run folder; runs/<name of the recipe> if not given.", autocompletion=_runs)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a field: models.student.training.epochs=4", autocompletion=_fields),
]
Workers = Annotated[int | None, typer.Option(min=1, max=4096, help="Jobs at a time; one for each core if not given.")]
Threads = Annotated[
    int | None, typer.Option(min=1, max=4096, help="Threads of each job, 1 if not given; they change results.")
]
On = Annotated[
    str,
    typer.Option(metavar="WHERE", help="Where the jobs are done: local, slurm:PROFILE, ray, or ray:ADDRESS."),
]
Reuse = Annotated[
    list[Path] | None,
    typer.Option(help="Another run folder: what it has done already is copied.", autocompletion=_runs),
]
Replace = Annotated[bool, typer.Option("--replace", help="Do again what the folder has of another recipe.")]
ReplaceFile = Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")]
Models = Annotated[
    list[str],
    typer.Argument(metavar="MODEL...", help="Folders, runs, or names on the hub.", autocompletion=_models),
]
ModelsAndText = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL... TEXT", help="Models, then a text with [MASK] in it, in quotes.", autocompletion=_models
    ),
]
OneModel = Annotated[
    str, typer.Argument(metavar="MODEL", help="A Hugging Face folder, or RUN/model.", autocompletion=_models)
]
Quick = Annotated[bool, typer.Option("--quick", help="Much less training: a minute or two, to see how it works.")]
Texts = Annotated[
    list[str],
    typer.Option(metavar="CODE=PATH", help="A language, and a file or folder of its text, a sentence a line."),
]
