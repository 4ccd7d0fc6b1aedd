"""Several runs of one recipe with different seeds, as one Markdown table: mean and range over the runs.

    equiglot run RECIPE --into runs/seed-0
    equiglot run RECIPE --into runs/seed-1 --set training.seed=1 --reuse runs/seed-0
    python benchmarks/seeds.py runs/seed-0 runs/seed-1 [--metric mrr]

A bootstrap over sentences does not know the noise of training; this does. Each number is the mean over the runs, with
the smallest and the largest in brackets.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from equiglot.evaluation import Score, read_scores
from equiglot.run import RunDirectory, read_json


def table(runs: Iterable[list[Score]], metric: str) -> str:
    """Rows are models, columns languages and groups."""
    values: dict[str, dict[str, list[float]]] = {}
    places: dict[str, None] = {}
    for scores in runs:
        for score in scores:
            if score.metric == metric:
                values.setdefault(score.model, {}).setdefault(score.language, []).append(score.value)
                places[score.language] = None
    header = ["model", *(place.removeprefix("group:") for place in places)]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += [
        "| " + " | ".join([model, *(_cell(by_place.get(place, [])) for place in places)]) + " |"
        for model, by_place in values.items()
    ]
    return "\n".join(lines)


def _cell(numbers: list[float]) -> str:
    if not numbers:
        return ""
    mean = f"{sum(numbers) / len(numbers):.1f}"
    return mean if len(numbers) == 1 else f"{mean} [{min(numbers):.1f}, {max(numbers):.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--metric", default="d", choices=["d", "mrr", "accuracy", "loss"])
    arguments = parser.parse_args()
    vocabularies = {read_json(RunDirectory(run).job("vocabulary/shared"))["fingerprint"] for run in arguments.runs}
    if len(vocabularies) > 1:
        sys.exit("the runs have different vocabularies: their numbers cannot be averaged (vary training.seed alone)")
    print(table([read_scores(RunDirectory(run).scores) for run in arguments.runs], arguments.metric))


if __name__ == "__main__":
    main()
