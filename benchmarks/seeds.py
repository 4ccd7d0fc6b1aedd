"""Several runs of one recipe with different seeds, as one Markdown table: mean and range over the runs.

    equiglot run RECIPE --into runs/seed-0
    equiglot run RECIPE --into runs/seed-1 --set training.seed=1 --reuse runs/seed-0
    python benchmarks/seeds.py runs/seed-0 runs/seed-1 [--metric mrr]
    python benchmarks/seeds.py runs/seed-0 runs/seed-1 --task pos --source zero-shot

A bootstrap over sentences does not know the noise of training; this does. Each number is the mean over the runs, with
the smallest and the largest in brackets; a training that several runs share (`--reuse`) is counted once.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from equiglot.evaluation import IN_LANGUAGE, METRICS, ZERO_SHOT, Score, primary_of, read_scores
from equiglot.run import RunDirectory, read_json


def table(runs: Iterable[list[Score]], metric: str, task: str = "mlm", source: str | None = None) -> str:
    """Rows are models, columns languages and groups."""
    values: dict[str, dict[str, list[float]]] = {}
    places: dict[str, None] = {}
    seen: dict[str, list[dict[str, float]]] = {}
    for scores in runs:
        found: dict[str, dict[str, float]] = {}
        for score in scores:
            if (score.metric, score.task, score.source) == (metric, task, source):
                found.setdefault(score.model, {})[score.language] = score.value
                places[score.language] = None
        for model, by_place in found.items():
            known = next((each for each in seen.setdefault(model, []) if _is_same(each, by_place)), {})
            seen[model].append(by_place)
            for place, value in by_place.items():
                if place not in known:
                    values.setdefault(model, {}).setdefault(place, []).append(value)
    header = ["model", *(place.removeprefix("group:") for place in places)]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += [
        "| " + " | ".join([model, *(_cell(by_place.get(place, [])) for place in places)]) + " |"
        for model, by_place in values.items()
    ]
    return "\n".join(lines)


def _is_same(one: dict[str, float], other: dict[str, float]) -> bool:
    """Whether these are numbers of one training: equal in every bit where both have them."""
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[place] == other[place] for place in shared)


def _cell(numbers: list[float]) -> str:
    if not numbers:
        return ""
    mean = f"{sum(numbers) / len(numbers):.1f}"
    return mean if len(numbers) == 1 else f"{mean} [{min(numbers):.1f}, {max(numbers):.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    tasks = [task for metric in METRICS.values() for task in metric.first_of]
    parser.add_argument("--task", default="mlm", choices=tasks)
    parser.add_argument("--source", choices=[IN_LANGUAGE, ZERO_SHOT], default=IN_LANGUAGE, help="of a task's probes")
    parser.add_argument("--metric", help="D for masked words, each task's first metric for probes, if not given")
    arguments = parser.parse_args()
    masked = arguments.task == "mlm"
    metric = arguments.metric or ("d" if masked else primary_of(arguments.task).name)
    vocabularies = {read_json(RunDirectory(run).job("vocabulary/shared"))["fingerprint"] for run in arguments.runs}
    if masked and len(vocabularies) > 1:
        sys.exit("the runs have different vocabularies: their numbers cannot be averaged (vary training.seed alone)")
    scores = [read_scores(RunDirectory(run).scores) for run in arguments.runs]
    print(table(scores, metric, arguments.task, None if masked else arguments.source))


if __name__ == "__main__":
    main()
