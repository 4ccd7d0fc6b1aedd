"""What a run will cost, before anything is trained: counted where it can be, measured by a short probe where not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from equiglot.labels import SoftLabels
from equiglot.masking import Source, SpecialTokens
from equiglot.models import count_parameters, locate_model
from equiglot.pipeline.execution.folder import saved_recipe
from equiglot.pipeline.execution.machine import Machine
from equiglot.pipeline.execution.states import State, current_graph, state_of
from equiglot.pipeline.graph import Graph
from equiglot.pipeline.planning.speed import measure_speed, model_like, size_of
from equiglot.pipeline.planning.workload import STEPS, Cost, Workload
from equiglot.pipeline.steps.uniting import check_union
from equiglot.pipeline.steps.vocabulary import tokenizer_folder
from equiglot.recipe import ModelPlan, Recipe
from equiglot.run import RunDirectory, tokens_of
from equiglot.training import DataPlan, plan_data
from equiglot.vocabulary import TokenizedText, VocabularySettings, load_tokenizer, open_tokens

# Where nothing is tokenised yet: a token of a shared vocabulary is some four characters, a sentence some eighty.
_CHARACTERS_A_TOKEN, _CHARACTERS_A_SENTENCE = 4.0, 80
_BYTES_A_PARAMETER = 4
_CHECKPOINTS = 2 * 4  # two are kept; each holds weights, best weights, and two moments


@dataclass(frozen=True)
class ModelCost:
    """What a model will take.

    Attributes:
        name: the model's.
        state: whether it is done.
        parameters: how many.
        updates: of its training.
        tokens: read in its training, special tokens included.
        seconds: of training on this machine, one job at a time.
        counted: whether tokens and updates are exact; otherwise they come from sizes of files.
    """

    name: str
    state: State
    parameters: int
    updates: int
    tokens: int
    seconds: float
    counted: bool


@dataclass(frozen=True)
class StepCost:
    """What is left of the work around trainings.

    Attributes:
        name: text (preparing and cutting it), labels (stored ones, and losses by sentence) or probes.
        jobs: how many are left.
        amount: characters of text, tokens that teachers read, or labelled words and texts that are encoded.
        seconds: on this machine, one job at a time.
        disk: bytes.
    """

    name: str
    jobs: int
    amount: int
    seconds: float
    disk: int


@dataclass(frozen=True)
class Plan:
    """What a run will take.

    Attributes:
        states: job -> done, changed or left.
        models: the cost of each model.
        steps: the cost of what is left besides; scoring takes little.
        seconds: of all that is left, side by side, no training stopped early.
        disk: bytes, at most, of what is left and of all models.
        workers: jobs at a time.
    """

    states: dict[str, State]
    models: list[ModelCost]
    steps: list[StepCost]
    seconds: float
    disk: int
    workers: int


def plan_recipe(recipe: Recipe, into: Path | None = None, machine: Machine | None = None) -> Plan:
    """The cost of a recipe on this machine; `into` tells what is done already.

    Time of trainings and of labelling comes from a few measured updates, or forward passes, of each size of model, on
    made-up tokens; that of preparing text and of training probes from usual speeds. Nothing is written.
    """
    machine = machine or Machine.of_here()
    run = RunDirectory(into or Path("."))
    graph, _ = current_graph(run, recipe, saved_recipe(run)) if into else (Graph(recipe), {})
    jobs = graph.jobs.values()
    states: dict[str, State] = {job.name: state_of(run, job) if into else "left" for job in jobs}
    check_union(run, recipe, {name for name, state in states.items() if state != "done"})
    planner = _Planner(recipe, run, states, machine)
    models = [planner.cost(plan) for plan in recipe.plans().values() if plan.is_trained]
    work = planner.workload()
    left = [job for job in graph.jobs.values() if states[job.name] != "done"]
    costs = {job.name: work.cost(job) for job in left}
    seconds = {name: cost.seconds for name, cost in costs.items()}
    seconds |= {f"model/{model.name}": model.seconds for model in models if model.state != "done"}
    parameters = sum(model.parameters for model in models)
    largest = max((model.parameters for model in models), default=0)
    disk = _BYTES_A_PARAMETER * (parameters + machine.workers * _CHECKPOINTS * largest)
    return Plan(
        states,
        models,
        [_step(name, [costs[job.name] for job in left if job.kind in kinds]) for name, kinds in STEPS.items()],
        side_by_side(seconds, {job.name: {*job.needs} & seconds.keys() for job in left}, machine.workers),
        disk + sum(cost.disk for cost in costs.values()),
        machine.workers,
    )


def _step(name: str, costs: Sequence[Cost]) -> StepCost:
    return StepCost(
        name,
        len(costs),
        sum(cost.amount for cost in costs),
        sum(cost.seconds for cost in costs),
        sum(cost.disk for cost in costs),
    )


def side_by_side(seconds: Mapping[str, float], needs: Mapping[str, set[str]], workers: int) -> float:
    """How long jobs take that are begun in order, as soon as a worker is free and what they need is done.

    Args:
        seconds: job -> its time.
        needs: job -> the jobs before it; those without a time are done.
        workers: jobs at a time.
    """
    free = [0.0] * workers
    ends: dict[str, float] = {}
    waiting = dict.fromkeys(seconds)
    while waiting:
        now = min(free)
        known = (name for name in waiting if not needs[name] & waiting.keys())
        ready = next((name for name in known if all(ends.get(need, 0.0) <= now for need in needs[name])), None)
        if ready is None:  # all that can begin waits for a job at work
            free[free.index(now)] = min(end for end in (*free, *ends.values()) if end > now)
            continue
        del waiting[ready]
        ends[ready] = free[free.index(now)] = now + seconds[ready]
    return max(ends.values(), default=0.0)


class _Planner:
    """Costs of models, with speeds measured once for each size."""

    def __init__(self, recipe: Recipe, run: RunDirectory, states: dict[str, State], machine: Machine) -> None:
        self._recipe, self._run, self._states, self._machine = recipe, run, states, machine
        self._speeds: dict[str, float] = {}
        self._texts: dict[str, TokenizedText] = {}
        self._guesses: dict[str, TokenizedText] = {}
        self._special_tokens = SpecialTokens(2, 3, 0, 4, np.arange(5, 64))

    def cost(self, plan: ModelPlan) -> ModelCost:
        """The cost of one model."""
        sources = [
            Source(language, self._text(language, plan.owner), self._special_tokens, self._recipe.masking, 0)
            for language in plan.languages
        ]
        data = plan_data(sources, plan.balance, plan.training, special=self._special_tokens, seed=0)
        tokens = self._tokens(data, plan)
        return ModelCost(
            name=plan.name,
            state=self._states[f"model/{plan.name}"],
            parameters=self._parameters(plan),
            updates=data.updates,
            tokens=tokens,
            seconds=tokens / self._speed(plan, tokens / data.updates / plan.training.accumulation),
            counted=all(self._tokenised(language, plan.owner) for language in plan.languages),
        )

    def _parameters(self, plan: ModelPlan) -> int:
        if plan.start is None and plan.encoder is not None:  # nothing is built
            return count_parameters(plan.encoder, self._vocabulary_size(plan.owner))
        return model_like(plan, self._recipe.plans(), self._vocabulary_size).num_parameters()

    def workload(self) -> Workload:
        """Costs of the jobs around trainings."""
        return Workload(
            self._run,
            self._recipe,
            self._states,
            text=self._text,
            vocabulary_size=self._vocabulary_size,
            characters=lambda language: int(self._guess(language).characters[-1]),
            threads=self._machine.threads,
        )

    def _tokens(self, data: DataPlan, plan: ModelPlan) -> int:
        a_batch = data.stream.epoch_tokens() / data.stream.epoch_batches
        return round(a_batch * data.updates * plan.training.accumulation)

    def _tokenised(self, language: str, owner: str) -> bool:
        return self._states.get(f"tokens/{tokens_of(language, owner)}") == "done"

    def _text(self, language: str, owner: str) -> TokenizedText:
        key = tokens_of(language, owner)
        if key not in self._texts:
            done = self._tokenised(language, owner)
            folder = self._run.tokens(language, owner) / "train"
            self._texts[key] = open_tokens(folder) if done else self._guess(language)
        return self._texts[key]

    def _vocabulary_size(self, owner: str) -> int:
        """Entries of a vocabulary: as it is, if it is made, or as large as it can be."""
        folder = tokenizer_folder(self._run, self._recipe, owner)
        if (folder / "tokenizer.json").is_file():
            return len(load_tokenizer(folder))
        plan = self._recipe.plans().get(owner)
        if plan is not None and plan.existing is not None:
            return len(load_tokenizer(locate_model(plan.existing)))
        if plan is not None and plan.trim is not None:
            before = self._vocabulary_size(self._recipe.plans()[plan.trim.model].owner)
            return min(before, plan.trim.size or before)
        settings = plan.own_vocabulary if plan is not None else self._recipe.vocabulary
        if isinstance(settings, VocabularySettings):
            return settings.size
        return sum(self._vocabulary_size(name) for name in self._recipe.united)

    def _guess(self, language: str) -> TokenizedText:
        """Text of the size that the source seems to have: lengths without tokens."""
        if language not in self._guesses:
            self._guesses[language] = self._estimate(language)
        return self._guesses[language]

    def _estimate(self, language: str) -> TokenizedText:
        settings = self._recipe.languages[language]
        characters = settings.source.estimate_characters(language)
        characters = max(_CHARACTERS_A_SENTENCE, min(characters, settings.characters or characters))
        sentences = max(1, characters // _CHARACTERS_A_SENTENCE)
        length = round(_CHARACTERS_A_SENTENCE / _CHARACTERS_A_TOKEN)
        ids = np.broadcast_to(np.uint16(5), (sentences * length,))
        edges = np.arange(sentences + 1)
        return TokenizedText(ids, edges * length, edges * _CHARACTERS_A_SENTENCE)

    def _speed(self, plan: ModelPlan, batch_tokens: float) -> float:
        """Tokens a second of this kind of training."""
        taught, about = isinstance(plan.labels, SoftLabels), (plan, self._recipe.plans(), self._vocabulary_size)
        key = f"{size_of(*about)} {round(batch_tokens, -2)} {plan.training.precision} {taught}"
        if key not in self._speeds:
            threads = torch.get_num_threads()
            torch.set_num_threads(self._machine.threads)
            self._speeds[key] = measure_speed(
                lambda: model_like(*about), plan.training, round(batch_tokens), taught=taught
            )
            torch.set_num_threads(threads)
        return self._speeds[key]
