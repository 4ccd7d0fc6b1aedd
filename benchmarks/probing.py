"""What it saves that the encoder reads each sentence once: probes of a finished run, made again in two ways.

    equiglot run benchmarks/recipes/paper1-shared-25th.yaml --into runs/shared
    python -m benchmarks.probing runs/shared --model student

Both ways train the same probes and give the same predictions, on one thread:

- as Equiglot does it: hidden states of all sentences once, then every probe from them;
- the encoder again for every probe: to train one, its language's sentences are read; to test it, the target's are.

With several starts and epochs in which the encoder stays in the loop, it would read the training sentences that many
times more; how often, the last line of each task says, from the times measured.
"""

import argparse
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equiglot.evaluation import primary_metric
from equiglot.models import OpenModel, open_model
from equiglot.pipeline import read_run
from equiglot.pipeline.execution.workers import prepare_process
from equiglot.probing import FixedProbe, open_features, probe_pairs, write_features
from equiglot.recipe import ProbedTask
from equiglot.run import RunDirectory
from equiglot.tasks import LabelledSplit, OpenTask, open_task

PAPER = FixedProbe(kind="fixed")


@dataclass(frozen=True)
class Part(OpenTask):
    """Some splits of some languages of a task."""

    wanted: Collection[tuple[str, str]] = ()

    def split(self, language: str, split: str) -> LabelledSplit | None:
        return super().split(language, split) if (language, split) in self.wanted else None


@dataclass
class Times:
    """Seconds of reading with the encoder, and of training and testing probes."""

    encoder: float = 0.0
    probes: float = 0.0

    @property
    def all(self) -> float:
        return self.encoder + self.probes


Predictions = dict[tuple[str, str, int], np.ndarray]


def once(opened: OpenModel, task: OpenTask, languages: list[str], settings: ProbedTask) -> tuple[Times, Predictions]:
    """Hidden states once, then all probes."""
    return _probe(opened, task, languages, settings)


def again(opened: OpenModel, task: OpenTask, languages: list[str], settings: ProbedTask) -> tuple[Times, Predictions]:
    """The encoder for every probe: it reads the probe's training data, and the test data of all languages."""
    times, found = Times(), Predictions()
    tests = [(code, "test") for code in languages]
    for source in languages:
        part = Part(task.folder, task.summary, [(source, "train"), (source, "dev"), *tests])
        alone, predictions = _probe(opened, part, languages, settings)
        times = Times(times.encoder + alone.encoder, times.probes + alone.probes)
        found |= predictions
    return times, found


def _probe(opened: OpenModel, task: OpenTask, languages: list[str], settings: ProbedTask) -> tuple[Times, Predictions]:
    metric = primary_metric(settings.task, task.summary.labels)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        write_features(opened, task, languages, settings.layers, Path(folder), lambda _: None)
        encoded = time.perf_counter()
        pairs = [
            pair
            for of_source in probe_pairs(task, open_features(Path(folder)), languages, settings, metric)
            for pair in of_source
        ]
        times = Times(encoded - begun, time.perf_counter() - encoded)
    return times, {(pair.source, pair.target, pair.seed): pair.predicted for pair in pairs}


def compare(opened: OpenModel, task: OpenTask, languages: list[str], settings: ProbedTask) -> str:
    """Both ways, as lines to print."""
    first, ours = once(opened, task, languages, settings)
    second, theirs = again(opened, task, languages, settings)
    if ours.keys() != theirs.keys():
        raise SystemExit("the two ways did not test the same pairs")
    same = 100 * np.mean([np.mean(ours[pair] == theirs[pair]) for pair in ours])
    training = Part(task.folder, task.summary, [(code, "train") for code in languages])
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        write_features(opened, training, languages, settings.layers, Path(folder), lambda _: None)
        loop = PAPER.epochs * PAPER.seeds * (time.perf_counter() - begun)
    lines = (
        f"{settings.task}: {len(languages)} languages, {len(ours)} pairs, {same:.2f} % of the predictions equal",
        f"  once:  encoder {first.encoder:6.1f} s, probes {first.probes:6.1f} s",
        f"  again: encoder {second.encoder:6.1f} s, probes {second.probes:6.1f} s",
        f"  ratio: encoder {second.encoder / first.encoder:6.1f},   all {second.all / first.all:9.1f}",
        f"  with the encoder in the loop of {PAPER.epochs} epochs and {PAPER.seeds} starts it would read the training "
        f"sentences for {loop:.0f} s",
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--task", action="append", help="all of the run's if not given")
    arguments = parser.parse_args()
    run, recipe = RunDirectory(arguments.run), read_run(arguments.run)
    prepare_process(1)
    opened = open_model(arguments.model, str(run.model(arguments.model)))
    for name in arguments.task or recipe.probed:
        settings, task = recipe.probed[name], open_task(run.task(name))
        trained = [code for code in recipe.plans()[arguments.model].languages if task.split(code, "train")]
        languages = [code for code in trained if task.split(code, "test")]
        print(compare(opened, task, languages, settings), flush=True)


if __name__ == "__main__":
    main()
