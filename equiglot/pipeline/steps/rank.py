"""The main function of a process that trains a model together with others, and is not the first of them."""

import json
import os
import sys
import threading
from pathlib import Path

import torch
import transformers

from equiglot.errors import InputError, refusal
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.model import TrainedModel
from equiglot.pipeline.steps.ranks import LOST, REFUSED, meeting, ready_file
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from equiglot.training import RankLost, Stopped, joined


def main() -> None:
    """Trains what standard input says, until it ends."""
    told = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_the_first, daemon=True).start()
    torch.set_num_threads(told["threads"])
    transformers.logging.set_verbosity_error()
    recipe, folder, rank = Recipe.model_validate(told["recipe"]), Path(told["folder"]), told["rank"]
    step = TrainedModel(recipe, recipe.plans()[told["model"]])
    context = Context(RunDirectory(Path(told["run"])), Path(told["output"]), Path(told["checkpoints"]))
    ready_file(folder, rank).touch()
    try:
        with joined(meeting(folder), rank, told["size"]) as ranks:
            step.train(context, ranks)
    except Stopped:
        pass
    except RankLost:
        sys.exit(LOST)
    except Exception as error:
        refused = error if isinstance(error, InputError) else refusal(error)
        if refused is None:
            raise
        print(refused, file=sys.stderr)
        sys.exit(REFUSED)


def _die_with_the_first() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
