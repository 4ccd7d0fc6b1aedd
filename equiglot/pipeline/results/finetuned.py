"""What a run knows of one task that models are fine-tuned on: its data, the estimates of every model, all rows."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from equiglot.evaluation import (
    ESTIMATES,
    IN_LANGUAGE,
    ZERO_SHOT,
    PairEstimates,
    Score,
    average_rows,
    groups_within,
    monolingual,
    read_estimates,
    reference_rows,
    transfer_rows,
)
from equiglot.exporting import read_record
from equiglot.files import read_json
from equiglot.finetuning import TRAINING
from equiglot.pipeline.results.wording import fine_tuning_in_words
from equiglot.pipeline.steps import Exported, FineTuned
from equiglot.pipeline.steps.finetune import TOGETHER
from equiglot.recipe import FineTunedTask as Settings
from equiglot.recipe import Recipe
from equiglot.report import FineTunedTask
from equiglot.run import RunDirectory
from equiglot.tasks import TaskSummary, open_task


class FineTunedModels:
    """The models that were fine-tuned on a task, as far as they are done.

    Args:
        run: the run folder.
        recipe: its recipe.
        settings: how they are fine-tuned.
        steps: those that are done.
        exported: the exports that are done.
    """

    def __init__(
        self,
        run: RunDirectory,
        recipe: Recipe,
        settings: Settings,
        steps: Sequence[FineTuned],
        exported: Sequence[Exported],
    ) -> None:
        self._run, self._recipe, self._settings = run, recipe, settings
        self._steps, self._exported = steps, exported

    @cached_property
    def summary(self) -> TaskSummary:
        """What the labelled data is."""
        return open_task(self._run.task(self._settings.name)).summary

    @cached_property
    def estimates(self) -> dict[str, PairEstimates]:
        """Model -> all that is known of it, of all languages that it was trained on one by one."""
        found: dict[str, PairEstimates] = {}
        for step in self._steps:
            found.setdefault(step.plan.name, {}).update(read_estimates(self._run.fine_tuned(step.subject) / ESTIMATES))
        return found

    def scores(self, groups: Mapping[str, Sequence[str]]) -> Iterator[Score]:
        """Every number: of each model by language, of groups, of the references together, and differences."""
        recipe, task, plans = self._recipe, self._settings.name, self._recipe.plans()
        for name, estimates in self.estimates.items():
            yield from average_rows(estimates, name, task, plans[name].seed(recipe))
        references = {code: name for code in recipe.trained_languages if (name := recipe.reference(code))}
        together, members, seed = recipe.reference_name, self._members(groups), recipe.seed
        compared = {name: each for name, each in self.estimates.items() if not recipe.is_expert(plans[name])}
        known = {code: self.estimates[name] for code, name in references.items() if name in self.estimates}
        yield from transfer_rows(task, compared, monolingual(known), reference=together, members=members, seed=seed)
        yield from reference_rows(task, self.estimates, references, reference=together, members=members, seed=seed)

    def exported(self, form: str) -> Iterator[Score]:
        """What exported models score by language, in a form, as their record calls it."""
        for step in self._exported:
            record = read_record(self._run.exported(step.subject))
            for score in record.scores if record else ():
                if score.model == form and score.group is None:
                    yield score.model_copy(update={"model": step.tuned.plan.name, "task": self._settings.name})

    def task(self) -> FineTunedTask:
        """What the page says of the task."""
        trained = self._settings.train
        return FineTunedTask(
            **dict(self.summary),
            name=self._settings.name,
            method=fine_tuning_in_words(self._settings),
            seeds=self._settings.seeds,
            together=() if trained == "each" else trained,
            tried=self._tried(),
        )

    def _tried(self) -> dict[str, dict[str, list[dict[str, float]]]]:
        """Model -> what it was trained on, "" for several languages -> what was tried to choose its settings."""
        found: dict[str, dict[str, list[dict[str, float]]]] = {}
        for step in self._steps:
            tried = read_json(self._run.fine_tuned(step.subject) / TRAINING).get("tried")
            if tried:
                trained = "" if step.training == TOGETHER else step.training
                found.setdefault(step.plan.name, {})[trained] = tried
        return found

    def _members(self, groups: Mapping[str, Sequence[str]]) -> dict[str, dict[str, tuple[str, ...]]]:
        """Of each group the languages with data that models are trained on, and those that are only tested."""
        data, trained = self.summary.languages, self._settings.train
        tested = [each.code for each in data if "test" in each.sentences]
        learnt = [
            each.code for each in data if "train" in each.sentences and (trained == "each" or each.code in trained)
        ]
        return {
            IN_LANGUAGE: groups_within(groups, [code for code in tested if code in learnt]),
            ZERO_SHOT: groups_within(groups, [code for code in tested if code not in learnt]),
        }
