"""What a step takes, as far as that is known without measuring: from the size of its text, at usual speeds."""

from collections.abc import Callable

from equiglot.corpus import HubSource, read_statistics
from equiglot.errors import InputError
from equiglot.pipeline.execution.machine import Machine
from equiglot.pipeline.planning.meter import ModelCost, RunMeter
from equiglot.pipeline.records import read_record
from equiglot.pipeline.steps import Step
from equiglot.pipeline.steps.cost import Reader
from equiglot.recipe import ModelPlan, Recipe
from equiglot.run import RunDirectory


class _UnmeasuredError(Exception):
    """The speed of a model is asked for."""


class _Unmeasured(RunMeter):
    """A meter of a run at work that measures nothing, and looks at no model."""

    def done(self, step: str) -> bool:
        """Whether a step is done by now."""
        return read_record(self.run, step) is not None

    def reader(self, model: str) -> Reader:
        """Not known."""
        raise _UnmeasuredError

    def training(self, plan: ModelPlan) -> ModelCost:
        """Not known."""
        raise _UnmeasuredError

    def parameters(self, model: str) -> int:
        """Of no interest: time alone is."""
        return 0

    def _source_characters(self, language: str) -> int:
        """Counted, as soon as they can be; the Hub is not asked before."""
        if self.done(f"corpus/{language}"):
            splits = read_statistics(self.run.corpus(language))
            return splits.train.characters + splits.valid.characters + splits.test.characters
        if isinstance(self._recipe.languages[language].source, HubSource):
            raise _UnmeasuredError
        return super()._source_characters(language)

    def _fit(self, plan: ModelPlan) -> None:
        """Nor which layers fit into a size."""


def quick_estimate(recipe: Recipe, run: RunDirectory) -> Callable[[Step], float | None]:
    """What tells the seconds that a step will take; None where a measurement would be needed, or text is not there.

    To be asked when all that a step needs is done; what it has said stands.
    """
    found: dict[str, float | None] = {}
    meters: list[RunMeter] = []

    def seconds(step: Step) -> float | None:
        if step.name not in found:
            try:
                meters[:] = meters or [_Unmeasured(recipe, run, {}, Machine())]
                found[step.name] = step.cost(meters[0]).seconds
            except (_UnmeasuredError, InputError, OSError):
                found[step.name] = None
        return found[step.name]

    return seconds
