"""A model fine-tuned on a task: on one language, or on several together; what it predicts, and its scores."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from equiglot import exporting, finetuning
from equiglot.errors import InputError
from equiglot.evaluation import ESTIMATES, write_estimates, write_scores
from equiglot.files import atomic_folder, write_json
from equiglot.finetuning import FineTuning, fine_tuned_rows
from equiglot.pipeline.progress import JobProgress
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import FINE_TUNING, FLOAT_BYTES, Cost, Meter
from equiglot.pipeline.steps.memory import training_memory
from equiglot.pipeline.steps.probe import TaskData, data_sizes, data_tokens
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import FineTunedTask, ModelPlan, Recipe
from equiglot.run import RunDirectory
from equiglot.tasks import OpenTask, open_task
from equiglot.training import Progress

TOGETHER = "together"
"""What stands in the name of a job for all languages that a model is trained on together."""

_TUNING = set(FineTuning.model_fields)


@dataclass(frozen=True)
class FineTunedData(TaskData):
    """The labelled data of a task that models are fine-tuned on."""

    settings: FineTunedTask

    def check(self, task: OpenTask) -> None:
        """Classes that are tested must be trained on, and what exports models be installed: better said now than after
        models are trained."""
        if self.settings.exported:
            exporting.check_libraries()
        trained = self.settings.train
        finetuning.check_trained_labels(
            task, self.recipe.labelled_languages(self.settings) if trained == "each" else trained
        )


@dataclass(frozen=True)
class FineTuned(Step):
    """The model of `plan`, fine-tuned on the task of `settings` in the languages `trained`, and tested.

    Attributes:
        training: the language, or `TOGETHER`.
        trained: codes.
        tested: codes.
        half: whether it is trained on half of the training data, for a learning curve; no scores are written then.
    """

    kind = "finetune"
    uses_device = True
    folder = staticmethod(RunDirectory.fine_tuned)
    group = FINE_TUNING
    version = 4
    continues = True
    scored = True
    settings: FineTunedTask
    plan: ModelPlan
    training: str
    trained: tuple[str, ...]
    tested: tuple[str, ...]
    half: bool = False

    @property
    def subject(self) -> str:
        """task-finetune.language.model, and .half."""
        return f"{self.settings.name}.{self.training}.{self.plan.name}{'.half' if self.half else ''}"

    @property
    def inputs(self) -> dict[str, Any]:
        """How it is trained, and on what."""
        settings = self.settings.model_dump(mode="json", include=_TUNING)
        languages = {"trained": list(self.trained), "tested": list(self.tested)}
        half = {"half": "one of each two"} if self.half else {}
        return {**settings, "keep": self.settings.kept, **languages, **half, "training": self.plan.seed(self.recipe)}

    @property
    def needs(self) -> tuple[str, ...]:
        """The data and the model."""
        return (f"task/{self.settings.name}", f"model/{self.plan.name}")

    def cost(self, meter: Meter) -> Cost:
        """Of all trainings, also those that are tried to choose settings."""
        *tried, last = self.settings.candidates()
        costs = [*(self._training(each, meter) for each in tried)]
        # which of them the other seeds take is not known before: the costliest
        costs += [max((*costs, self._training(last, meter)), key=lambda each: each.seconds)] * self.settings.seeds
        kept = self.settings.kept and not self.half
        disk = FLOAT_BYTES * meter.parameters(self.plan.name) if kept else 0
        amount, seconds = sum(each.amount for each in costs), sum(each.seconds for each in costs)
        return Cost(amount, seconds, disk, max(each.memory for each in costs))

    def _training(self, settings: FineTuning, meter: Meter) -> Cost:
        """Of one: a token that is learnt from costs as much as three that are read."""
        learnt, tested = (
            data_sizes(meter, self.settings, codes, *splits)
            for codes, splits in ((self.trained, ("train",)), (self.tested, ("test",)))
        )
        if self.half:
            learnt = learnt[0] // 2, learnt[1] // 2
        batches = max(1, learnt[0] / settings.only_batch)
        epochs = (
            settings.epochs if settings.max_updates is None else min(settings.epochs, settings.max_updates / batches)
        )
        validations = settings.validations or max(1, round(epochs))
        tokens = 3 * epochs * data_tokens(self.settings, *learnt) + data_tokens(self.settings, *tested)
        tokens += validations * data_tokens(self.settings, *data_sizes(meter, self.settings, self.trained, "dev"))
        reader, parameters = meter.reader(self.plan.name), meter.parameters(self.plan.name)
        a_batch = settings.only_batch * data_tokens(self.settings, *learnt) / max(1, learnt[0])
        return Cost(learnt[1], tokens / reader.speed, memory=training_memory(reader, parameters, a_batch))

    def run(self, context: Context) -> None:
        """Trains and tests it; continues at the checkpoint of the seed that it was at."""
        run, settings, work, place = context.run, self.settings, context.checkpoints, context.run.model(self.plan.name)
        if settings.exported and not self.half:
            exporting.check_libraries()
        tuner = self._tuner(replace(open_task(run.task(settings.name)), halved=self.half), place)
        if tuner.trained and tuner.tested:
            with _named(settings):
                tuner.train(
                    work,
                    checkpoint_seconds=context.checkpoint_seconds,
                    watch=_all_trainings(settings.trainings, context.progress),
                    stop=context.stop,
                )
        with atomic_folder(context.output) as folder:
            self._write(tuner, work, folder)

    def _tuner(self, task: OpenTask, place: Path) -> finetuning.FineTuner:
        there = {each.code: each.sentences for each in task.summary.languages}
        trained, tested = (
            [code for code in codes if split in there.get(code, {})]
            for codes, split in ((self.trained, "train"), (self.tested, "test"))
        )
        name, settings = self.plan.name, self.settings
        return finetuning.FineTuner(
            name, place, str(place), task, settings, trained, tested, settings.kept and not self.half
        )

    def _write(self, tuner: finetuning.FineTuner, work: Path, folder: Path) -> None:
        """Writes what is there of all seeds; nothing but empty files where there is no data to train or to test on."""
        done = bool(tuner.trained and tuner.tested)
        predictions = dict(tuner.predictions(work)) if done else {}
        estimates = tuner.estimates(self.settings.name, predictions) if done else {}
        save_file(predictions, folder / finetuning.PREDICTIONS)
        write_estimates(folder / ESTIMATES, estimates)
        shown = {} if self.half else estimates
        rows = fine_tuned_rows(self.plan.name, self.settings.name, shown, seed=self.plan.seed(self.recipe))
        write_scores(folder / "scores.jsonl", rows)
        records = tuner.records(work) if done else {}
        about: dict[str, Any] = {"languages": list(tuner.trained)}
        if done:
            about |= tuner.choice(work)
            about["kept"], model = tuner.best(work)
            if tuner.keep:
                shutil.copytree(model, folder / "model")
        by_seed = {seed: record.model_dump(mode="json") for seed, record in records.items()}
        write_json(folder / finetuning.TRAINING, {**about, "seeds": by_seed})


def fine_tuned_steps(recipe: Recipe, settings: FineTunedTask) -> Iterator[FineTuned]:
    """The steps of an entry of `evaluation`: model by model, and with `train: each` language by language."""
    languages = recipe.labelled_languages(settings)
    for plan in recipe.fine_tuned_models(settings):
        known = tuple(code for code in languages if code in plan.languages)
        if settings.train == "each":
            for code in known:
                yield FineTuned(recipe, settings, plan, code, (code,), (code,))
            continue
        trained = tuple(code for code in known if code in settings.train)
        if trained:
            yield FineTuned(recipe, settings, plan, TOGETHER, trained, known)


def halved_steps(recipe: Recipe) -> Iterator[FineTuned]:
    """The same on half of the training data, of the models that an audit judges, where each language is trained on by
    itself."""
    if recipe.audit is None or not recipe.audit.learning_curve:
        return
    for settings in recipe.fine_tuned.values():
        for step in fine_tuned_steps(recipe, settings) if settings.train == "each" else ():
            if step.plan.fresh is None:
                yield replace(step, half=True)


def _all_trainings(count: int, tell: Callable[[JobProgress], None]) -> Callable[[int, Progress], None]:
    """Tells how far all trainings together are, as if they were one."""

    def watch(number: int, progress: Progress) -> None:
        before = number * progress.updates
        share = (before + progress.update) / max(1, progress.update)
        tell(
            progress.model_copy(
                update={
                    "update": before + progress.update,
                    "updates": count * progress.updates,
                    "tokens": round(share * progress.tokens),
                    "seconds": share * progress.seconds,
                }
            )
        )

    return watch


@contextmanager
def _named(settings: FineTunedTask) -> Iterator[None]:
    """Names the entry of `evaluation` where a training fails."""
    try:
        yield
    except InputError as error:
        field = f"evaluation.{settings.name}.learning_rate"
        where, fix = (part and part.replace("training.learning_rate", field) for part in (error.where, error.fix))
        raise InputError(error.what, where=where, fix=fix and fix.partition("; if it has a teacher")[0]) from None
