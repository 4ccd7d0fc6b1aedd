"""Probes trained on every language and tested on every language: what they predict, and how they came about."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from safetensors.numpy import load_file, save_file

from equiglot.files import read_json, write_json
from equiglot.probing.converged import Fit, train_converged
from equiglot.probing.features import Features
from equiglot.probing.fixed import train_fixed
from equiglot.probing.linear import Labelled, LinearProbe, one_thread
from equiglot.probing.settings import FixedProbe, Probing
from equiglot.tasks import OpenTask

Labels = npt.NDArray[np.int16]
ProbeMetric = Callable[[Labels, Labels], float]
"""Gold and predicted labels, int16 [n] each -> how good; more is better."""

_PREDICTIONS, _FACTS = "predictions.safetensors", "facts.json"


class ProbeFacts(BaseModel):
    """How the probe of one language came about.

    Attributes:
        source: the language.
        items: words or sentences that it was trained on.
        penalty: the one that was chosen; None for a fixed probe.
        dev: the metric on dev with each penalty that was tried, strong to weak; empty where there is no dev.
        iterations: evaluations of the loss with the penalty that was chosen; updates of a fixed probe.
        slope: norm of the loss's slopes where the training ended, in coordinates scaled by its curvature at the start.
            None for a fixed probe.
        converged: whether they are all so small that training on would change nothing that matters; None for a fixed
            probe.
        layers: shares of the layers, a row a repeat; empty unless layers are mixed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str
    items: int
    penalty: float | None = None
    dev: tuple[tuple[float, float], ...] = ()
    iterations: int
    slope: float | None = None
    converged: bool | None = None
    layers: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class PairPredictions:
    """What a probe that was trained on one language predicts for the test items of another, or of its own.

    Attributes:
        source: the language of its training.
        target: the language of the items.
        seed: which repeat: 0, 1, ... of a fixed probe, 0 of a converged one.
        predicted: int16 [items], numbers of the task's labels.
        facts: how the probe came about; the same for all pairs of a source.
    """

    source: str
    target: str
    seed: int
    predicted: Labels
    facts: ProbeFacts


def probe_pairs(
    task: OpenTask,
    features: Features,
    languages: Sequence[str],
    settings: Probing,
    metric: ProbeMetric,
    progress: Callable[[int], None] = lambda sources: None,
) -> Iterator[tuple[PairPredictions, ...]]:
    """Trains a probe on every language that has training data, and tests it on every one that has test data.

    Args:
        task: the labels.
        features: what a model makes of the task's items.
        languages: those to train and test on.
        settings: how.
        metric: what a penalty is chosen by, on dev.
        progress: told how many languages have been trained on since the last call.

    Yields:
        All predictions of one language's probe.

    Raises:
        InputError: features are damaged.
    """
    for source in languages:
        with one_thread():
            pairs = tuple(_pairs_of(source, task, features, languages, settings, metric))
        if pairs:
            progress(1)
            yield pairs


def _pairs_of(
    source: str, task: OpenTask, features: Features, languages: Sequence[str], settings: Probing, metric: ProbeMetric
) -> Iterator[PairPredictions]:
    train, dev = (_labelled(task, features, source, split) for split in ("train", "dev"))
    if train is None:
        return
    probe, facts = _train(source, train, dev, len(task.summary.labels), settings, metric)
    for target in languages:
        states = features.of(target, "test")
        for seed, predicted in enumerate([] if states is None else probe.predict(states)):
            yield PairPredictions(source, target, seed, predicted, facts)


def _labelled(task: OpenTask, features: Features, language: str, split: str) -> Labelled | None:
    labelled, states = task.split(language, split), features.of(language, split)
    if labelled is None or states is None or not len(labelled.labels):
        return None
    return Labelled(states, labelled.labels, labelled.lengths)


def _train(
    source: str, train: Labelled, dev: Labelled | None, labels: int, settings: Probing, metric: ProbeMetric
) -> tuple[LinearProbe, ProbeFacts]:
    mixed, items = settings.layers == "mix", len(train.labels)
    if isinstance(settings.probe, FixedProbe):
        probe, shares, updates = train_fixed(train, labels, settings.probe, mixed=mixed, seed=settings.seed)
        return probe, ProbeFacts(source=source, items=items, iterations=updates, layers=_shares(shares.numpy()))
    probe, fit, curve = _choose(train, dev, settings.probe.penalties, metric, mixed=mixed)
    return probe, ProbeFacts(
        source=source,
        items=items,
        penalty=fit.penalty,
        dev=curve,
        iterations=fit.evaluations,
        slope=fit.slope,
        converged=fit.converged,
        layers=_shares(fit.found.shares[None].numpy()),
    )


def _choose(
    train: Labelled, dev: Labelled | None, penalties: Sequence[float], metric: ProbeMetric, *, mixed: bool
) -> tuple[LinearProbe, Fit, tuple[tuple[float, float], ...]]:
    """The probe that is best on dev, the stronger penalty of equals; without dev, that of the strongest."""
    scores, best = list[tuple[float, float]](), None
    for probe, fit in train_converged(train, penalties, mixed=mixed):
        if dev is None:
            return probe, fit, ()
        score = metric(dev.labels, probe.predict(dev.states)[0])
        if best is None or score > max(other for _, other in scores):
            best = probe, fit
        scores.append((fit.penalty, score))
    assert best is not None  # there is a penalty
    return *best, tuple(scores)


def _shares(shares: npt.NDArray[np.floating]) -> tuple[tuple[float, ...], ...]:
    """Shares of layers [repeats, layers], as a row a repeat; none where layers are not mixed."""
    return tuple(tuple(row) for row in shares.tolist() if row)


def write_predictions(folder: Path, pairs: Iterable[PairPredictions]) -> None:
    """Writes predictions and how they came about into an existing folder."""
    found = list(pairs)
    arrays = {f"{pair.source}/{pair.target}/{pair.seed}": pair.predicted for pair in found}
    facts = {pair.source: pair.facts.model_dump(mode="json") for pair in found}
    save_file(arrays, folder / _PREDICTIONS)
    write_json(folder / _FACTS, list(facts.values()))


def read_facts(folder: Path) -> dict[str, ProbeFacts]:
    """Language -> how its probe came about, of what `write_predictions` wrote."""
    return {each["source"]: ProbeFacts.model_validate(each) for each in read_json(folder / _FACTS)}


def read_predictions(folder: Path) -> list[PairPredictions]:
    """What `write_predictions` wrote, in no particular order."""
    facts = read_facts(folder)
    found = []
    for name, predicted in load_file(folder / _PREDICTIONS).items():
        source, target, seed = name.split("/")
        found.append(PairPredictions(source, target, int(seed), predicted, facts[source]))
    return found
