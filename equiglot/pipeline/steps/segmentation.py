"""How a model's tokenizer cuts the labelled sentences of its languages, beside vocabularies of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from equiglot import evaluation, models, vocabulary
from equiglot.evaluation import Bootstrap
from equiglot.files import atomic_folder, read_json, write_json
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.step import Step
from equiglot.recipe import Audit, ModelPlan
from equiglot.run import RunDirectory
from equiglot.tasks import SPLITS, open_task

_MOST = 2_000  # sentences of a language
_FILE = "segmentation.json"


@dataclass(frozen=True)
class Segmented(Step):
    """The labelled sentences of the languages of `plan`, as its tokenizer cuts them."""

    kind = "segmentation"
    folder = staticmethod(RunDirectory.segmentation)
    tools = ("tokenizers",)
    plan: ModelPlan

    @property
    def subject(self) -> str:
        """The model."""
        return self.plan.name

    @property
    def inputs(self) -> dict[str, Any]:
        """What vocabularies are learnt, of which languages, and how intervals are drawn."""
        return {"entries": self._audit.entries, "languages": self.plan.languages, "seed": self.recipe.seed}

    @property
    def needs(self) -> tuple[str, ...]:
        """The model, and all labelled data."""
        return (f"model/{self.plan.name}", *(f"task/{name}" for name in self.recipe.fine_tuned))

    def run(self, context: Context) -> None:
        """Cuts the sentences of each language that has any."""
        model = context.run.model(self.plan.name)
        tokenizer = vocabulary.load_tokenizer(model)
        longest = min(512, tokenizer.model_max_length, models.longest_input(model)) - 2  # special tokens
        found = {}
        for code in self.plan.languages:
            sentences = evaluation.spread(list(dict.fromkeys(self._sentences(context.run, code))), _MOST)
            if sentences:
                bootstrap = Bootstrap(1000, self.recipe.seed)
                cut = evaluation.measure_segmentation(
                    tokenizer, sentences, code, max_tokens=longest, bootstrap=bootstrap
                )
                own = evaluation.own_vocabulary(
                    tokenizer, sentences, code, size=self._audit.entries, bootstrap=bootstrap
                )
                found[code] = evaluation.LanguageSegmentation(cut=cut, own=own).model_dump(mode="json")
        with atomic_folder(context.output) as folder:
            write_json(folder / _FILE, found)

    @property
    def _audit(self) -> Audit:
        assert self.recipe.audit is not None
        return self.recipe.audit

    def _sentences(self, run: RunDirectory, language: str) -> Iterator[str]:
        for name in self.recipe.fine_tuned:
            task = open_task(run.task(name))
            for split in SPLITS:
                yield from (text for each in task.texts(language, split) if (text := each.strip()))


def read_segmentation(run: RunDirectory, model: str) -> dict[str, evaluation.LanguageSegmentation]:
    """Language -> how a model's tokenizer cuts it; the step is done."""
    found = read_json(run.segmentation(model) / _FILE)
    return {code: evaluation.LanguageSegmentation.model_validate(each) for code, each in found.items()}
