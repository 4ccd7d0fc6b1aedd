"""What the models of a run cost: all of them measured together, when everything else is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from equiglot import exporting
from equiglot.corpus import read_sentences
from equiglot.evaluation import in_int8, write_scores
from equiglot.files import atomic_folder, write_json
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.cost import SCORES, Cost, Meter, Resources, read_tokens
from equiglot.pipeline.steps.export import Exported
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import Costs
from equiglot.run import RunDirectory

COST_RECORD = "cost.json"
"""In the folder of the measurement, beside scores.jsonl."""


@dataclass(frozen=True)
class Measuring(Step):
    """What all models cost, in processes of their own that take turns.

    `after` are the steps that come before, `exported` those of them that export models: of each model the first export
    is measured, too.

    No other step runs beside it: it needs all of them. Times are no part of its identity, nor of any other step's.
    """

    kind = "cost"
    version = 2
    group = SCORES
    folder = staticmethod(lambda run, subject: run.costs)
    after: tuple[str, ...]
    exported: tuple[Exported, ...] = ()

    @property
    def subject(self) -> str:
        """All models."""
        return "all"

    @property
    def inputs(self) -> dict[str, Any]:
        """How they are measured."""
        inputs = {"settings": self._settings.model_dump(mode="json"), "models": list(self.recipe.plans())}
        return {**inputs, "exported": [each.name for each in self.exported]} if self.exported else inputs

    @property
    def needs(self) -> tuple[str, ...]:
        """Everything."""
        return self.after

    def cost(self, meter: Meter) -> Cost:
        """Every model reads the sentences twice in a round."""
        language, plans = self.recipe.text_languages[0], self.recipe.plans()
        measured = [*plans, *dict.fromkeys(each.tuned.plan.name for each in self.exported)]
        texts = [meter.text(language, plans[name].owner, "test") for name in measured]
        lengths = [read_tokens(text) / max(1, len(text)) for text in texts]
        tokens = [round(2 * self._settings.rounds * self._settings.sentences * length) for length in lengths]
        speeds = [meter.reader(name).speed for name in measured]
        return Cost(sum(tokens), sum(count / speed for count, speed in zip(tokens, speeds, strict=True)))

    @property
    def resources(self) -> Resources:
        """The threads that models are measured with, on a processor alone."""
        return Resources(threads=self._settings.threads)

    def run(self, context: Context) -> None:
        """Measures the models on test sentences of all languages."""
        run, settings = context.run, self._settings
        models = {name: str(run.model(name)) for name in self.recipe.plans()}
        for each in self.exported:
            if exporting.read_record(folder := run.exported(each.subject)) is not None:  # there was data to train it on
                models.setdefault(in_int8(each.tuned.plan.name), str(folder))
        how = exporting.CostSettings(threads=settings.threads, sentences=settings.sentences, rounds=settings.rounds)
        record = exporting.measure_cost(models, list(self._sentences(run)), how)
        with atomic_folder(context.output) as folder:
            write_json(folder / COST_RECORD, record.model_dump(mode="json"))
            write_scores(folder / "scores.jsonl", exporting.cost_rows(record, self.recipe.seed))

    def _sentences(self, run: RunDirectory) -> Iterator[str]:
        """Of each language as many as are measured on, at most."""
        for language in self.recipe.text_languages:
            test = chain.from_iterable(read_sentences(run.corpus(language) / "test.arrow"))
            yield from islice(test, self._settings.sentences)

    @property
    def _settings(self) -> Costs:
        assert self.recipe.costs is not None
        return self.recipe.costs
