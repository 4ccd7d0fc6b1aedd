"""Several runs of one recipe with different seeds, as one Markdown table: mean and range over the runs.

    equiglot run RECIPE --into runs/seed-0
    equiglot run RECIPE --into runs/seed-1 --set training.seed=1 --reuse runs/seed-0
    python -m benchmarks.seeds runs/seed-0 runs/seed-1 [--metric mrr]
    python -m benchmarks.seeds runs/seed-0 runs/seed-1 --task pos --source zero-shot

A bootstrap over sentences does not know the noise of training; this does. Each number is the mean over the runs, with
the smallest and the largest in brackets; a training that several runs share (`--reuse`) is counted once.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from equiglot.evaluation import IN_LANGUAGE, METRICS, ZERO_SHOT, Score, primary_of, read_scores
from equiglot.files import read_json
from equiglot.run import RunDirectory

Values = dict[str, dict[str, list[float]]]
"""Model -> language or group -> a number of each run."""


def collect(runs: Iterable[list[Score]], metric: str, task: str = "mlm", source: str | None = None) -> Values:
    """The numbers of all runs, a training that they share once."""
    values: Values = {}
    seen: dict[str, list[dict[str, float]]] = {}
    for scores in runs:
        found: dict[str, dict[str, float]] = {}
        for score in scores:
            if (score.metric, score.task, score.source) == (metric, task, source):
                found.setdefault(score.model, {})[score.language] = score.value
        for model, by_place in found.items():
            known = next((each for each in seen.setdefault(model, []) if _is_same(each, by_place)), {})
            seen[model].append(by_place)
            for place, value in by_place.items():
                if place not in known:
                    values.setdefault(model, {}).setdefault(place, []).append(value)
    return values


def table(runs: Iterable[list[Score]], metric: str, task: str = "mlm", source: str | None = None) -> str:
    """Rows are models, columns languages and groups."""
    values = collect(runs, metric, task, source)
    places = dict.fromkeys(place for by_place in values.values() for place in by_place)
    header = ["model", *(place.removeprefix("group:") for place in places)]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += [
        "| " + " | ".join([model, *(cell(by_place.get(place, [])) for place in places)]) + " |"
        for model, by_place in values.items()
    ]
    return "\n".join(lines)


def _is_same(one: dict[str, float], other: dict[str, float]) -> bool:
    """Whether these are numbers of one training: equal in every bit where both have them."""
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[place] == other[place] for place in shared)


def cell(numbers: list[float]) -> str:
    """Their mean, with the smallest and the largest where there are several."""
    if not numbers:
        return ""
    mean = f"{sum(numbers) / len(numbers):.1f}"
    return mean if len(numbers) == 1 else f"{mean} [{min(numbers):.1f}, {max(numbers):.1f}]"


def read_runs(runs: Iterable[Path], masked: bool = True) -> list[list[Score]]:
    """The scores of runs, whose masked words must be those of one vocabulary."""
    folders = [RunDirectory(run) for run in runs]
    vocabularies = {read_json(folder.job("vocabulary/shared"))["fingerprint"] for folder in folders}
    if masked and len(vocabularies) > 1:
        sys.exit("the runs have different vocabularies: their numbers cannot be averaged (vary training.seed alone)")
    return [read_scores(folder.scores) for folder in folders]


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
    scores = read_runs(arguments.runs, masked)
    print(table(scores, metric, arguments.task, None if masked else arguments.source))


if __name__ == "__main__":
    main()
