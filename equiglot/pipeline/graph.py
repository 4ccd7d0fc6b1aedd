"""A recipe as a graph of jobs, each with a fingerprint of all that goes into it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from equiglot.files import aside, fingerprint
from equiglot.pipeline.steps import (
    Agreement,
    Corpus,
    Exported,
    ExtendedModel,
    Features,
    FineTunedData,
    FreshModel,
    Labels,
    LeakSearch,
    LikelihoodBits,
    Losses,
    Measuring,
    Probes,
    Scores,
    Segmented,
    Step,
    TakenModel,
    TaskData,
    Tokens,
    TrainedModel,
    TrimmedModel,
    Vocabulary,
    exported_steps,
    fine_tuned_steps,
    halved_steps,
    simple_steps,
)
from equiglot.pipeline.steps.stores import stores_of, texts_of
from equiglot.recipe import ModelPlan, Recipe
from equiglot.run import RunDirectory


@dataclass(frozen=True)
class Job:
    """A step with all that its output depends on.

    Attributes:
        step: what is made.
        inputs: JSON-able, all that it depends on besides other jobs.
        needs: the names of the jobs that come before.
        fingerprint: of inputs and needs.
    """

    step: Step
    inputs: Mapping[str, Any]
    needs: tuple[str, ...]
    fingerprint: str

    @property
    def kind(self) -> str:
        """What is made."""
        return self.step.kind

    @property
    def subject(self) -> str:
        """Of what: a language, a model, a task, or task.model."""
        return self.step.subject

    @property
    def name(self) -> str:
        """kind/subject."""
        return self.step.name

    def output(self, run: RunDirectory) -> Path:
        """The folder that it makes."""
        return self.step.folder(run, self.subject)

    def aside(self, run: RunDirectory, attempt: str) -> Path:
        """Where an attempt makes that folder."""
        return aside(self.output(run), attempt)

    def checkpoints(self, run: RunDirectory) -> Path:
        """Where it continues from, if it is a training."""
        return run.checkpoints(f"{self.subject}-{self.fingerprint[:12]}")


Sources = Callable[[Step], Any]
"""A step -> what stands for what it reads from outside the run; None where that is not known."""


class Graph:
    """The jobs of a recipe, each after those that it needs.

    Args:
        recipe: the recipe.
        sources: what stands for what comes from outside the run; read now, if not given.
    """

    def __init__(self, recipe: Recipe, sources: Sources = lambda step: step.source()) -> None:
        self.jobs: dict[str, Job] = {}
        steps = list(steps_of(recipe))
        tools = {kind: kind.tool_versions() for kind in {type(step) for step in steps}}
        for step in steps:
            inputs = {**({"source": sources(step)} if step.reads_outside else {}), **step.inputs}
            inputs |= {"tools": tools[type(step)]} if step.tools else {}
            needs = step.needs
            before = {name: self.jobs[name].fingerprint for name in needs}
            mark = fingerprint({"kind": step.kind, "version": step.version, "inputs": inputs, "needs": before})
            self.jobs[step.name] = Job(step, inputs, needs, mark)

    def before(self, kind: str) -> set[str]:
        """The jobs of a kind and all that they need."""
        wanted: set[str] = set()
        for job in reversed(self.jobs.values()):  # each stands after those that it needs
            if job.kind == kind or job.name in wanted:
                wanted |= {job.name, *job.needs}
        return wanted


def steps_of(recipe: Recipe) -> Iterator[Step]:
    """The steps of a recipe, each after those that it needs; some several times."""
    return chain.from_iterable(some(recipe) for some in STEPS)


def _labelled_data(recipe: Recipe) -> Iterator[Step]:
    for settings in recipe.probed.values():
        yield TaskData(recipe, settings)
    for tuned in recipe.fine_tuned.values():
        yield FineTunedData(recipe, tuned)


def _taken_models(recipe: Recipe) -> Iterator[Step]:
    for plan in recipe.plans().values():
        if plan.existing is not None:
            yield TakenModel(recipe, plan)


def _text(recipe: Recipe) -> Iterator[Step]:
    own = [plan.own_vocabulary.languages or () for plan in recipe.plans().values() if plan.own_vocabulary]
    for language in dict.fromkeys((*recipe.text_languages, *recipe.vocabulary_languages, *chain(*own))):
        yield Corpus(recipe, language)
    if len(recipe.text_languages) > 1:
        yield LeakSearch(recipe)


def _vocabularies(recipe: Recipe) -> Iterator[Step]:
    for plan in recipe.plans().values():
        if plan.own_vocabulary is not None:
            yield Vocabulary(recipe, plan.name)
    if recipe.has_vocabulary:
        yield Vocabulary(recipe, "")


def _stored_labels(recipe: Recipe) -> Iterator[Step]:
    for plan in recipe.plans().values():
        yield from _labels_of(recipe, plan)


def _labels_of(recipe: Recipe, plan: ModelPlan) -> Iterator[Step]:
    """What a model learns from besides text: its teachers' text and labels; before that, teachers that are trained."""
    stores, plans = stores_of(recipe, plan), recipe.plans()
    if stores and plan.owner in plans and plan.owner != plan.name:
        yield from _vocabulary_of(recipe, plans[plan.owner])
    for store in stores:
        yield from _made(recipe, plans[store.teacher])
        for owner in texts_of(recipe, store):
            yield Tokens(recipe, store.language, owner)
        if store.owner != plan.owner and not recipe.trimmed_from(plan.owner, store.owner):
            yield Tokens(recipe, store.language, plan.owner)
            yield Agreement(recipe, store.language, store.owner, plan.owner)
    for store in stores:
        if store.losses is not None:
            yield Losses(recipe, store)
        if not store.labels.unused:
            labels = Labels(recipe, store)
            yield from labels.parts
            yield labels


def _vocabulary_of(recipe: Recipe, plan: ModelPlan) -> Iterator[Step]:
    """A model whose vocabulary another one has, where it comes with the model."""
    if not plan.is_trained:
        yield from _made(recipe, plan)


def _made(recipe: Recipe, plan: ModelPlan) -> Iterator[Step]:
    """A model that is not taken, after all that it is made from."""
    if plan.existing is None:
        for name in plan.made_from:
            yield from _made(recipe, recipe.plans()[name])
        yield from _labels_of(recipe, plan)
        yield from _making(recipe, plan)


def _made_models(recipe: Recipe) -> Iterator[Step]:
    for plan in recipe.plans().values():
        if plan.existing is None:
            yield from _making(recipe, plan)


def _making(recipe: Recipe, plan: ModelPlan) -> Iterator[Step]:
    if plan.revises is not None:
        kinds: dict[str, Callable[[Recipe, ModelPlan], Step]]
        kinds = {"trim": TrimmedModel, "extend": ExtendedModel, "fresh": FreshModel}
        yield kinds[str(plan.revised_by)](recipe, plan)
        return
    for language in plan.languages:
        yield Tokens(recipe, language, plan.owner)
    yield TrainedModel(recipe, plan)


def _evaluation(recipe: Recipe) -> Iterator[Step]:
    if recipe.masked is not None:
        for language in recipe.text_languages:
            yield Tokens(recipe, language, "")
        yield Scores(recipe, None)
    for plan in recipe.plans().values():
        if plan.owner == "" and recipe.masked is not None:
            yield Scores(recipe, plan)
        if recipe.likelihood is not None:
            yield LikelihoodBits(recipe, plan)


def _probes(recipe: Recipe) -> Iterator[Step]:
    for settings in recipe.probed.values():
        for plan in recipe.plans().values():
            yield Features(recipe, settings, plan)
            yield Probes(recipe, settings, plan)


def _fine_tuned(recipe: Recipe) -> Iterator[Step]:
    for settings in recipe.fine_tuned.values():
        yield from fine_tuned_steps(recipe, settings)
        yield from exported_steps(recipe, settings)
    yield from halved_steps(recipe)


def _segmentations(recipe: Recipe) -> Iterator[Step]:
    if recipe.audit is not None:
        for plan in recipe.plans().values():
            if plan.fresh is None:
                yield Segmented(recipe, plan)


def _costs(recipe: Recipe) -> Iterator[Step]:
    if recipe.costs is not None:
        others = list(chain.from_iterable(some(recipe) for some in STEPS if some is not _costs))
        exported = tuple(step for step in others if isinstance(step, Exported))
        yield Measuring(recipe, tuple(dict.fromkeys(step.name for step in others)), exported)


STEPS: list[Callable[[Recipe], Iterator[Step]]] = [
    _labelled_data,  # first: what is wrong with labels shows before anything is trained
    _taken_models,
    _text,
    _vocabularies,
    _stored_labels,
    _made_models,
    _evaluation,
    _probes,
    _segmentations,
    _fine_tuned,
    simple_steps,
    _costs,  # last: nothing else is at work then
]
"""What the steps of a recipe are made by: a new kind of step is one more line."""
