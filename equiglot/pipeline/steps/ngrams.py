"""What is scored without pretraining, and without an encoder, on a task that models are fine-tuned on.

Words and texts are classified by their character n-grams (`finetuning.ngrams`); in trees every word hangs on its
neighbour (`finetuning.neighbours`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from safetensors.numpy import save_file

from equiglot import finetuning
from equiglot.evaluation import ESTIMATES, Bootstrap, PairEstimates, write_estimates
from equiglot.files import atomic_folder
from equiglot.finetuning import NGRAM_TASKS, Predictions, fine_tuned_estimates
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import FINE_TUNING, Cost, Meter
from equiglot.pipeline.steps.probe import data_sizes
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import FineTunedTask, Recipe
from equiglot.run import RunDirectory
from equiglot.tasks import OpenTask, open_task

_WORD_SECONDS, _TEXT_SECONDS = 4e-4, 2e-3  # of all trainings, on one core


@dataclass(frozen=True)
class _Simple(Step):
    """A baseline that is trained and tested as the models of the task are."""

    group = FINE_TUNING
    called: ClassVar[str]
    """On the page."""
    settings: FineTunedTask

    @abstractmethod
    def predict(self, task: OpenTask, trained: Sequence[str], tested: Sequence[str]) -> Predictions:
        """What it predicts of the test data of some languages, after it was trained on others together."""

    @property
    def subject(self) -> str:
        """The task."""
        return self.settings.name

    @property
    def inputs(self) -> dict[str, Any]:
        """On what it is trained, and how intervals are made; test data are another step's."""
        settings = self.settings.model_dump(mode="json", include={"train", "resamples", "seed"})
        return {**settings, "languages": list(self.recipe.labelled_languages(self.settings))}

    @property
    def needs(self) -> tuple[str, ...]:
        """The data."""
        return (f"task/{self.settings.name}",)

    def run(self, context: Context) -> None:
        """Trains and tests it: on one language at a time, or on several together."""
        task = open_task(context.run.task(self.settings.name))
        estimates: PairEstimates = {}
        predictions: Predictions = {}
        for trained, tested in self._trainings(task):
            predicted = self.predict(task, trained, tested)
            predictions = {**predictions, **predicted}
            estimates |= fine_tuned_estimates(
                self.settings.name,
                task.summary.labels,
                {code: finetuning.KINDS[task.summary.task].gold(task, code) for code in predicted},
                predicted,
                trained=trained,
                bootstrap=Bootstrap(self.settings.resamples, self.settings.seed),
            )
        with atomic_folder(context.output) as folder:
            save_file(dict(predictions), folder / finetuning.PREDICTIONS)
            write_estimates(folder / ESTIMATES, estimates)

    def _trainings(self, task: OpenTask) -> Iterator[tuple[list[str], list[str]]]:
        """The languages that are trained on together, and those that are tested then; only such as have the data."""
        there = {each.code: each.sentences for each in task.summary.languages}
        tested = [code for code in self.recipe.labelled_languages(self.settings) if "test" in there.get(code, {})]
        if self.settings.train == "each":
            yield from (([code], [code]) for code in tested if "train" in there[code])
            return
        trained = [code for code in self.settings.train if "train" in there.get(code, {})]
        if trained:
            yield trained, tested


@dataclass(frozen=True)
class NGrams(_Simple):
    """A classifier on character n-grams."""

    kind, called = "ngrams", "n-grams"
    folder = staticmethod(RunDirectory.ngrams)
    tools = ("scikit-learn",)

    def cost(self, meter: Meter) -> Cost:
        """Of all words or texts that are trained on."""
        _, items = data_sizes(meter, self.settings, self.recipe.labelled_languages(self.settings), "train")
        return Cost(items, items * (_WORD_SECONDS if self.settings.unit == "word" else _TEXT_SECONDS))

    def predict(self, task: OpenTask, trained: Sequence[str], tested: Sequence[str]) -> Predictions:
        """Labels, one for each word or text."""
        return finetuning.ngram_predictions(task, trained, tested)


@dataclass(frozen=True)
class Neighbours(_Simple):
    """Trees in which every word hangs on its neighbour."""

    kind, called = "neighbours", "neighbours"
    folder = staticmethod(RunDirectory.neighbours)
    version = 2

    def predict(self, task: OpenTask, trained: Sequence[str], tested: Sequence[str]) -> Predictions:
        """Heads and relations."""
        return finetuning.neighbour_predictions(task, trained, tested)


def simple_steps(recipe: Recipe) -> Iterator[NGrams | Neighbours]:
    """A step for each task of an audit that there is a baseline without an encoder for."""
    for settings in recipe.fine_tuned.values() if recipe.audit is not None else ():
        if settings.task in NGRAM_TASKS:
            yield NGrams(recipe, settings)
        elif settings.task == "parse":
            yield Neighbours(recipe, settings)
