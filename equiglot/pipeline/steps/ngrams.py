"""What a classifier without pretraining scores on a task that models are fine-tuned on (`finetuning.ngrams`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from safetensors.numpy import save_file

from equiglot.evaluation import ESTIMATES, Bootstrap, PairEstimates, write_estimates
from equiglot.finetuning import PREDICTIONS, fine_tuned_estimates
from equiglot.finetuning.kinds import KINDS
from equiglot.finetuning.ngrams import NGRAM_TASKS, ngram_predictions
from equiglot.finetuning.scores import Predictions
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import FINE_TUNING, Cost, Meter
from equiglot.pipeline.steps.probe import data_sizes
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import FineTunedTask, Recipe
from equiglot.run import RunDirectory, atomic_folder
from equiglot.tasks import OpenTask, open_task

_WORD_SECONDS, _TEXT_SECONDS = 4e-4, 2e-3  # of all trainings, on one core


@dataclass(frozen=True)
class NGrams(Step):
    """A classifier on character n-grams, trained and tested as the models of the task are."""

    kind = "ngrams"
    folder = staticmethod(RunDirectory.ngrams)
    group = FINE_TUNING
    tools = ("scikit-learn",)
    settings: FineTunedTask

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

    def cost(self, meter: Meter) -> Cost:
        """Of all words or texts that are trained on."""
        _, items = data_sizes(meter, self.settings, self.recipe.labelled_languages(self.settings), "train")
        return Cost(items, items * (_WORD_SECONDS if self.settings.unit == "word" else _TEXT_SECONDS))

    def run(self, context: Context) -> None:
        """Trains and tests it: on one language at a time, or on several together."""
        task = open_task(context.run.task(self.settings.name))
        estimates: PairEstimates = {}
        predictions: Predictions = {}
        for trained, tested in self._trainings(task):
            predicted = ngram_predictions(task, trained, tested)
            predictions = {**predictions, **predicted}
            estimates |= fine_tuned_estimates(
                self.settings.name,
                task.summary.labels,
                {code: KINDS[task.summary.task].gold(task, code) for code in predicted},
                predicted,
                trained=trained,
                bootstrap=Bootstrap(self.settings.resamples, self.settings.seed),
            )
        with atomic_folder(context.output) as folder:
            save_file(dict(predictions), folder / PREDICTIONS)
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


def ngram_steps(recipe: Recipe) -> Iterator[NGrams]:
    """A step for each task of an audit that n-grams can be classified for."""
    if recipe.audit is not None:
        yield from (NGrams(recipe, each) for each in recipe.fine_tuned.values() if each.task in NGRAM_TASKS)
