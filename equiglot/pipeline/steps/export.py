"""A fine-tuned model with weights in int8: exported, and scored on the test data of its task."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from equiglot import exporting, finetuning
from equiglot.files import atomic_folder, read_json
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import FINE_TUNING, FLOAT_BYTES, PROCESS, Cost, Meter
from equiglot.pipeline.steps.finetune import FineTuned, fine_tuned_steps
from equiglot.pipeline.steps.probe import data_sizes, data_tokens
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import FineTunedTask, Recipe
from equiglot.run import RunDirectory
from equiglot.tasks import open_task

_TRACING_SECONDS = 15.0
"""To trace a small model, to quantise it, and to compare it at all shapes."""
_FORMS = 3  # PyTorch, ONNX in fp32 and in int8, all of which read the test data


@dataclass(frozen=True)
class Exported(Step):
    """The kept model of `tuned`, as `equiglot export --quantize int8` writes it for any processor.

    Its weights have seven bits on every machine: they must not differ with the processor that a step is done on. The
    folder is empty where there was no data to train or to test the model on. It names no `tools`: they come with an
    extra, without which a run must still be read; `export.json` has their versions.
    """

    kind = "export"
    folder = staticmethod(RunDirectory.exported)
    group = FINE_TUNING
    tuned: FineTuned

    @property
    def subject(self) -> str:
        """That of the fine-tuned model."""
        return self.tuned.subject

    @property
    def needs(self) -> tuple[str, ...]:
        """The model and the test data."""
        return (self.tuned.name, f"task/{self.tuned.settings.name}")

    def cost(self, meter: Meter) -> Cost:
        """Every form reads the test data."""
        settings, model = self.tuned.settings, self.tuned.plan.name
        sizes, parameters = data_sizes(meter, settings, self.tuned.tested, "test"), meter.parameters(model)
        seconds = _TRACING_SECONDS + _FORMS * data_tokens(settings, *sizes) / meter.reader(model).speed
        whole = FLOAT_BYTES * parameters
        return Cost(sizes[1], seconds, disk=parameters, memory=PROCESS + 4 * whole)

    def run(self, context: Context) -> None:
        """Exports and scores it, whatever int8 loses."""
        run, settings, trained = context.run, self.tuned.settings, self.tuned.folder(context.run, self.subject)
        if not (trained / "model").is_dir():
            with atomic_folder(context.output):
                return
        task = open_task(run.task(settings.name))
        there = {each.code for each in task.summary.languages if "test" in each.sentences}
        tested = tuple(code for code in self.tuned.tested if code in there)
        data = exporting.ScoredData(
            settings.task, tested, tuple(read_json(trained / finetuning.TRAINING)["languages"]), lambda place: task
        )
        name = f"{self.tuned.plan.name}, fine-tuned on {settings.task}"
        how = exporting.ExportSettings("int8", name, texts=None, data=data, max_loss=math.inf, any_processor=True)
        exporting.export_onnx(str(trained / "model"), context.output, how)


def exported_steps(recipe: Recipe, settings: FineTunedTask) -> Iterator[Exported]:
    """One of each fine-tuned model of an entry of `evaluation`, where it asks for it."""
    for tuned in fine_tuned_steps(recipe, settings) if settings.exported else ():
        yield Exported(recipe, tuned)
