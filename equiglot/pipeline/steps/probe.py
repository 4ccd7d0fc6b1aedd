"""Probes of one model, trained on each of its languages and tested on all of them; and what they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from equiglot import models, probing
from equiglot.evaluation import (
    ESTIMATES,
    Bootstrap,
    Gold,
    pair_estimates,
    pair_rows,
    primary_metric,
    write_estimates,
    write_scores,
)
from equiglot.files import atomic_folder
from equiglot.finetuning import FineTuning
from equiglot.pipeline.steps.context import Context
from equiglot.pipeline.steps.corpus import Corpus
from equiglot.pipeline.steps.cost import FLOAT_BYTES, PROBES, PROCESS, Cost, Meter
from equiglot.pipeline.steps.step import Step
from equiglot.probing import ConvergedProbe, Probing
from equiglot.recipe import LabelledEntry, ModelPlan, ProbedTask, Recipe
from equiglot.run import RunDirectory
from equiglot.tasks import SPLITS, OpenTask, Place, build_task, open_task, task_at, task_identity

_PROBING = set(Probing.model_fields)
_HOW = _PROBING | set(FineTuning.model_fields) | {"method", "languages", "models", "keep", "int8"}
"""What is done with labelled data, and to whom; `train` says what labels must be there."""
_FLOPS = 1e10  # additions and multiplications a second, in the training of probes
_EVALUATIONS = 40  # of a converged probe's loss for each penalty: "some 20 to 60"
_UPDATE_SECONDS = 1e-3  # of a probe that is trained for a fixed number of epochs
# Where labelled data is not read yet: what a recipe leaves open, and how long sentences and texts are.
_SENTENCES, _WORDS, _LABELS = 1_000, 20, 17
_TOKENS_AN_ITEM = {"word": 1.5, "sentence": 100, "pair": 100, "question": 250}


@dataclass(frozen=True)
class TaskData(Step):
    """The labelled data of the task of `settings`, in all languages that have any."""

    kind = "task"
    folder = staticmethod(RunDirectory.task)
    version = 4
    source_name = "the labelled data"
    source_change = "the labels themselves"
    settings: LabelledEntry

    @property
    def subject(self) -> str:
        """The task, and how models are scored on it."""
        return self.settings.name

    @property
    def inputs(self) -> dict[str, Any]:
        """How data is read, not from where, and for which languages."""
        described = self.settings.model_dump(mode="json", exclude=_HOW)
        described.pop("data", None)
        if described.get("rules") == "official":
            described.pop("rules")  # what runs were made by before there were others
        inputs: dict[str, Any] = {"task": described, "languages": list(self._languages)}
        if isinstance(self.settings, Place):  # which reads text, as corpora do
            inputs["text"] = {"version": Corpus.version, **Corpus.tool_versions()}
        return inputs

    def source(self) -> Any:
        """What the data is."""
        return task_identity(self.settings, self._languages, self.recipe.sources)

    def pinned(self, recipe: Recipe, source: Any) -> Recipe:
        """With the commits of datasets of the Hub."""
        fixed = task_at(self.settings, source)
        tasks = tuple(fixed if each == self.settings else each for each in recipe.evaluation)
        return recipe.model_copy(update={"evaluation": tasks})

    def run(self, context: Context) -> None:
        """Reads and checks the data."""
        with atomic_folder(context.output) as folder:
            build_task(self.settings, self._languages, self.recipe.sources, folder)
            self.check(open_task(folder))

    def check(self, task: OpenTask) -> None:
        """Refuses data of which more is seen only when it is read.

        Raises:
            InputError: with the language.
        """

    @property
    def _languages(self) -> tuple[str, ...]:
        return self.recipe.labelled_languages(self.settings)


def data_sizes(meter: Meter, settings: LabelledEntry, languages: Sequence[str], *splits: str) -> tuple[int, int]:
    """Sentences and items (words, texts or questions) in all languages: counted, or as many as the recipe lets them be.

    A question with its paragraph counts as a sentence.
    """
    known = {}
    if counted := meter.done(f"task/{settings.name}"):
        known = {each.code: each for each in open_task(meter.run.task(settings.name)).summary.languages}
    sentences = items = 0
    for language, split in product(languages, splits):
        if not counted:
            size = getattr(settings.sentences, split) or _SENTENCES
            sentences, items = sentences + size, items + size * (_WORDS if settings.unit == "word" else 1)
        elif language in known:
            data = known[language]
            sentences += (data.items if settings.unit == "question" else data.sentences).get(split, 0)
            items += data.items.get(split, 0)
    return sentences, items


def data_tokens(settings: LabelledEntry, sentences: int, items: int) -> float:
    """Tokens that a model reads of so many, special ones included, about."""
    return items * _TOKENS_AN_ITEM[settings.unit] + 2 * sentences


@dataclass(frozen=True)
class OfTaskAndModel(Step):
    """What is made of the task of `settings` and the model of `plan`."""

    settings: ProbedTask
    plan: ModelPlan

    @property
    def subject(self) -> str:
        """task.model."""
        return f"{self.settings.task}.{self.plan.name}"


@dataclass(frozen=True)
class Features(OfTaskAndModel):
    """The hidden states of a task's words or texts, for one model."""

    kind = "features"
    uses_device = True
    group = PROBES
    folder = staticmethod(RunDirectory.features)
    internal = True  # and large

    @property
    def inputs(self) -> dict[str, Any]:
        """The languages and layers."""
        return {"languages": list(self.plan.languages), "layers": self.settings.layers}

    @property
    def needs(self) -> tuple[str, ...]:
        """The data and the model."""
        return (f"task/{self.settings.task}", f"model/{self.plan.name}")

    def cost(self, meter: Meter) -> Cost:
        """Of what the model reads, and of the states of all layers that are kept."""
        reader, sizes = meter.reader(self.plan.name), data_sizes(meter, self.settings, self.plan.languages, *SPLITS)
        (_, items), tokens = sizes, data_tokens(self.settings, *sizes)
        layers = reader.layers + 1 if self.settings.layers in ("all", "mix") else 1
        memory = PROCESS + FLOAT_BYTES * meter.parameters(self.plan.name)
        return Cost(items, tokens / reader.speed, 2 * items * layers * reader.hidden, memory)

    def run(self, context: Context) -> None:
        """Lets the model read the data."""
        run, name, tell = context.run, self.plan.name, context.counter()
        opened, layers = models.open_model(name, str(run.model(name))), self.settings.layers
        with atomic_folder(context.output) as folder:
            task = open_task(run.task(self.settings.task))
            probing.write_features(
                opened, task, self.plan.languages, layers, folder, lambda done: tell("encoding", done)
            )


@dataclass(frozen=True)
class Probes(OfTaskAndModel):
    """Probes of one model, trained on each of its languages and tested on all of them."""

    kind = "probes"
    group = PROBES
    folder = staticmethod(RunDirectory.probes)
    scored = True

    @property
    def inputs(self) -> dict[str, Any]:
        """How probes are trained."""
        settings = self.settings.model_dump(mode="json", include=_PROBING - {"layers"})
        return {**settings, "training": self.plan.seed(self.recipe)}

    @property
    def needs(self) -> tuple[str, ...]:
        """The data and the hidden states."""
        return (f"task/{self.settings.task}", f"features/{self.subject}")

    def cost(self, meter: Meter) -> Cost:
        """Of the training of its probes."""
        probe = self.settings.probe
        sentences, items = data_sizes(meter, self.settings, self.plan.languages, "train")
        if not isinstance(probe, ConvergedProbe):
            return Cost(seconds=sentences * probe.epochs * probe.seeds / probe.batch * _UPDATE_SECONDS)
        reader = meter.reader(self.plan.name)
        width = reader.hidden * (reader.layers + 1 if self.settings.layers == "all" else 1)
        return Cost(seconds=4 * items * width * _LABELS * _EVALUATIONS * len(probe.penalties) / _FLOPS)

    def run(self, context: Context) -> None:
        """Trains and tests the probes."""
        run, settings, plan, tell = context.run, self.settings, self.plan, context.counter()
        task = open_task(run.task(settings.task))
        metric = primary_metric(settings.task, task.summary.labels)
        features = probing.open_features(run.features(self.subject))
        pairs = [
            pair
            for of_source in probing.probe_pairs(
                task, features, plan.languages, settings, metric, lambda n: tell("probing", n)
            )
            for pair in of_source
        ]
        estimates = pair_estimates(
            settings.task,
            task.summary.labels,
            {code: _gold(task, code) for code in dict.fromkeys(pair.target for pair in pairs)},
            {(pair.source, pair.target, pair.seed): pair.predicted for pair in pairs},
            Bootstrap(settings.resamples, settings.seed),
        )
        with atomic_folder(context.output) as folder:
            probing.write_predictions(folder, pairs)
            write_estimates(folder / ESTIMATES, estimates)
            write_scores(
                folder / "scores.jsonl", pair_rows(plan.name, settings.task, estimates, plan.seed(self.recipe))
            )


def _gold(task: OpenTask, language: str) -> Gold:
    split = task.split(language, "test")
    assert split is not None  # something was predicted for it
    return Gold(split.labels, split.lengths, lenient=split.lenient)
