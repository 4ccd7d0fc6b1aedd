"""What the numbers of a run hang on besides its models: runs in which that is the same can be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from equiglot.evaluation import ByLanguage, averages, primary_of
from equiglot.files import canonical_json, fingerprint
from equiglot.finetuning import FineTuning
from equiglot.pipeline.execution.states import checked_graph
from equiglot.pipeline.results.assembling import Assembly
from equiglot.recipe import Recipe
from equiglot.report import ComparedRun
from equiglot.run import RunDirectory
from equiglot.tasks import SPLITS, fine_tuned_name

_WORDS: dict[str, Any] = {  # fields of a recipe that change nothing that is made
    "name": True, "description": True, "report": True, "languages": {"__all__": {"wikipedia"}},
}  # fmt: skip
_CUT = "their test texts are cut otherwise"
_OTHER_SOURCES = "some of the probes are trained on other labelled data"
_FOLLOWING = (_CUT, _OTHER_SOURCES)  # not worth saying where there is another reason
_TRAINING = set(FineTuning.model_fields) - {"seed", "seeds", "resamples"}


@dataclass(frozen=True)
class RunToCompare:
    """One of the runs."""

    name: str
    root: Path
    recipe: Recipe

    @cached_property
    def assembly(self) -> Assembly:
        """What it has made; refused if a file of it has changed since."""
        checked_graph(RunDirectory(self.root), self.recipe)
        return Assembly(RunDirectory(self.root), self.recipe)

    @property
    def scores(self) -> dict[str, ByLanguage]:
        """MRR of the monolingual teachers together, and of every model that is compared with them."""
        shown = {name for name, plan in self.recipe.plans().items() if not self.recipe.is_expert(plan)}
        models = {name: scores for name, scores in self.assembly.mrr.items() if name in shown}
        return {self.recipe.reference_name: self.assembly.teachers(), **models}

    def compared(self, groups: Mapping[str, Sequence[str]]) -> ComparedRun:
        """What the page shows of it, with means over these groups of languages."""
        records = {name: self.assembly.record(f"model/{name}") for name in self.recipe.plans()}
        tests = {code: test for code in self.recipe.trained_languages if (test := self.test_of(code))}
        return ComparedRun(
            name=self.name,
            folder=str(self.root),
            report=self.assembly.report(list(self.assembly.scores(groups))),
            trainings={name: record.fingerprint for name, record in records.items() if record},
            seeds={name: canonical_json(self._seeds(name)) for name in self.recipe.plans()},
            seedless=fingerprint(self._seedless()),
            tests={code: fingerprint(test) for code, test in tests.items()},
            labels={
                task: {code: fingerprint(self.labels_of(task, code)) for code in self.recipe.trained_languages}
                for task in self.tasks
            },
        )

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks whose data is prepared, by their names in scores: probed, then fine-tuned."""
        return (*self.assembly.probed, *self.assembly.fine_tuned)

    @cached_property
    def tuned_scores(self) -> dict[tuple[str, str], dict[str, ByLanguage]]:
        """(name in scores, source as in `Score`) -> fine-tuned model -> its scores by the task's first metric."""
        found: dict[tuple[str, str], dict[str, ByLanguage]] = {}
        for task, tuned in self.assembly.fine_tuned.items():
            for model, estimates in tuned.estimates.items():
                for (metric, source), numbers in averages(estimates).items():
                    if source is not None and metric == primary_of(task).name:
                        found.setdefault((task, source), {})[model] = numbers
        return found

    def resampled(self, task: str) -> int:
        """The seed by which the test sentences of a task that models are fine-tuned on are resampled."""
        return self.recipe.fine_tuned[task].seed

    def _seedless(self) -> Any:
        """Its recipe without names, words and seeds, and what its texts, labels and start weights are, not where.

        Of what is not known, nothing can be said: it is that of this run alone.
        """
        alone = {"of": str(self.root)}
        corpora = sorted({*self.recipe.text_languages, *self.recipe.vocabulary_languages})
        starts = {
            name: self.assembly.record(f"model/{name}")
            for name, plan in self.recipe.plans().items()
            if plan.start is not None and plan.start.folder is not None
        }
        return {
            "recipe": _without_seeds(self.recipe),
            "texts": {code: self.source_of(f"corpus/{code}") or alone for code in corpora},
            "labels": {task: self.source_of(f"task/{task}") or alone for task in self.labelled},
            "starts": {name: record.inputs["source"] if record else alone for name, record in starts.items()},
        }

    @property
    def labelled(self) -> tuple[str, ...]:
        """All tasks with labelled data, whether it is prepared or not."""
        return (*self.recipe.probed, *self.recipe.fine_tuned)

    def _seeds(self, name: str) -> Any:
        """All that is drawn for a training is drawn from these: of its text, of itself and of what it is made from."""
        plans = self.recipe.plans()
        before = sorted(set(plans[name].made_from) & plans.keys())
        return [self.recipe.seed, plans[name].seed(self.recipe), *map(self._seeds, before)]

    def source_of(self, job: str) -> Any:
        """What stands for a job's text or labels; None where that is not known."""
        record = self.assembly.record(job)
        return record.inputs["source"] if record else None

    def test_of(self, language: str) -> dict[str, Any]:
        """What its scores in a language hang on besides the model: reason -> a mark; nothing if that is not known."""
        task = self.recipe.masked
        if task is None or not all(
            map(self.assembly.record, ("vocabulary/shared", f"corpus/{language}", f"tokens/{language}"))
        ):
            return {}
        cut = {file: mark for file, mark in self._outputs(f"tokens/{language}").items() if file.startswith("test")}
        return {
            "their vocabularies differ, and other tokens are easier or harder to guess":
                self._outputs("vocabulary/shared").get("tokenizer.json"),
            "their test texts differ": self._outputs(f"corpus/{language}").get("test.arrow"),
            _CUT: cut,
            "other positions are masked": task.model_dump(exclude={"resamples"}),
        }  # fmt: skip

    def labels_of(self, task: str, language: str) -> dict[str, Any]:
        """The same of a task whose data is prepared: model and vocabulary may be any."""
        return self.probe_of(task, language) if task in self.recipe.probed else self.tuning_of(task, language)

    def tuning_of(self, task: str, language: str) -> dict[str, Any]:
        """The same of fine-tuned models; what else they were trained on counts, too."""
        settings, data = self.recipe.fine_tuned[task], self._outputs(f"task/{task}")
        languages = (language,) if settings.train == "each" else settings.train
        learnt = {code: [data.get(f"{code}-{split}.arrow") for split in ("train", "dev")] for code in languages}
        return {
            "their models are trained on other languages": sorted(code for code in learnt if any(learnt[code])),
            "their labelled data differ": [data.get(f"{language}-test.arrow"), *sorted(map(str, learnt.values()))],
            "their models are fine-tuned otherwise": settings.model_dump(mode="json", include=_TRAINING),
        }

    def probe_of(self, task: str, language: str) -> dict[str, Any]:
        """The same of probes."""
        settings, data = self.recipe.probed[task], self._outputs(f"task/{task}")
        return {
            "their labelled data differ": [data.get(f"{language}-{split}.arrow") for split in SPLITS],
            "their probes are trained otherwise": settings.probe.model_dump(mode="json", exclude={"seeds"}),
            "their probes read other layers": settings.layers,
        }

    def sources_of(self, task: str, language: str) -> dict[str, Any]:
        """The same of the means over the probes that were trained on all other languages."""
        data = self._outputs(f"task/{task}")
        others = [code for code in self.recipe.trained_languages if code != language]
        sources = {code: data[f"{code}-train.arrow"] for code in sorted(others) if f"{code}-train.arrow" in data}
        chosen = {code: data.get(f"{code}-dev.arrow") for code in sources}
        return {"their probes are trained on other languages": list(sources), _OTHER_SOURCES: [sources, chosen]}

    def _outputs(self, job: str) -> dict[str, str]:
        record = self.assembly.record(job)
        return record.outputs if record else {}


def recipe_tree(recipe: Recipe) -> Any:
    """A recipe without names and words, JSON-able; how it is scored by task, in whatever order."""
    tree = recipe.model_dump(mode="json", exclude=_WORDS)
    return {**tree, "evaluation": {_named(settings): settings for settings in tree["evaluation"]}}


def _named(settings: Mapping[str, Any]) -> str:
    task = str(settings["task"])
    return fine_tuned_name(task) if settings.get("method") == "finetune" else task


def _without_seeds(recipe: Recipe) -> Any:
    """A recipe without names, words, places and the seeds of trainings; those of tests and probes belong to it."""
    tree = recipe_tree(recipe)
    tree.pop("seed")
    for settings in (tree, *tree["models"].values()):
        settings["training"].pop("seed")
        (settings.get("from") or {}).pop("folder", None)
    for language in tree["languages"].values():
        language.pop("text")
    for settings in tree["evaluation"].values():
        settings.pop("data", None)
    return tree


def unlike(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[str, ...]:
    """Why scores of two runs cannot be compared, of reason -> a mark; nothing where they can, or that is not known."""
    if not first or not second:
        return ()
    reasons = [reason for reason in first if first[reason] != second[reason]]
    return tuple(reason for reason in reasons if reason not in _FOLLOWING or reasons[0] == reason)
