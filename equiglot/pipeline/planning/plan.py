"""What a run will cost, before anything is trained: counted where it can be, measured by a short probe where not."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from equiglot.pipeline.execution.folder import saved_recipe
from equiglot.pipeline.execution.machine import Machine
from equiglot.pipeline.execution.states import State, current_graph, state_of
from equiglot.pipeline.graph import Graph
from equiglot.pipeline.planning.meter import ModelCost, RunMeter
from equiglot.pipeline.steps.cost import FLOAT_BYTES
from equiglot.pipeline.steps.uniting import check_union
from equiglot.recipe import Recipe, doubts_of
from equiglot.run import RunDirectory

_CHECKPOINTS = 2 * 4  # two are kept; each holds weights, best weights, and two moments


@dataclass(frozen=True)
class StepCost:
    """What is left of the work around trainings.

    Attributes:
        name: text (preparing and cutting it), labels (stored ones, and losses by sentence), new rows, fine-tuning,
            probes or scores.
        jobs: how many are left.
        amount: how much of it there is.
        unit: what the amount is counted in.
        seconds: on this machine, one job at a time.
        disk: bytes.
    """

    name: str
    jobs: int
    amount: int
    unit: str
    seconds: float
    disk: int


@dataclass(frozen=True)
class Plan:
    """What a run will take.

    Attributes:
        states: job -> done, changed or left.
        models: the cost of each model.
        steps: the cost of what is left besides.
        seconds: of all that is left, side by side, no training stopped early.
        disk: bytes, at most, of what is left and of all models.
        workers: jobs at a time.
        doubts: what there is too little text for, and what to change.
    """

    states: dict[str, State]
    models: list[ModelCost]
    steps: list[StepCost]
    seconds: float
    disk: int
    workers: int
    doubts: tuple[str, ...]


def plan_recipe(recipe: Recipe, into: Path | None = None, machine: Machine | None = None) -> Plan:
    """The cost of a recipe on this machine; `into` tells what is done already.

    Every step says what it takes. Time of trainings, of labelling and of scoring comes from a few measured updates, or
    forward passes, of each size of model, on made-up tokens; that of preparing text, of training probes and of
    resampling from usual speeds. Nothing is written.
    """
    machine = machine or Machine.of_here()
    run = RunDirectory(into or Path("."))
    graph, _ = current_graph(run, recipe, saved_recipe(run)) if into else (Graph(recipe), {})
    jobs = graph.jobs.values()
    states: dict[str, State] = {job.name: state_of(run, job) if into else "left" for job in jobs}
    check_union(run, recipe, {name for name, state in states.items() if state != "done"})
    meter = RunMeter(recipe, run, states, machine)
    models = [meter.training(plan) for plan in recipe.plans().values() if plan.is_trained]
    left = [job for job in jobs if states[job.name] != "done"]
    costs = {job.name: job.step.cost(meter) for job in left}
    parameters = sum(model.parameters for model in models)
    largest = max((model.parameters for model in models), default=0)
    disk = FLOAT_BYTES * (parameters + machine.workers * _CHECKPOINTS * largest)
    needs = {job.name: {*job.needs} & costs.keys() for job in left}
    steps: dict[str, StepCost] = {}
    for job in left:
        if (group := job.step.group) is not None:
            sums, cost = steps.get(group.name, StepCost(group.name, 0, 0, group.unit, 0.0, 0)), costs[job.name]
            amount, seconds, together = sums.amount + cost.amount, sums.seconds + cost.seconds, sums.disk + cost.disk
            steps[group.name] = StepCost(group.name, sums.jobs + 1, amount, group.unit, seconds, together)
    return Plan(
        states,
        models,
        list(steps.values()),
        side_by_side({name: cost.seconds for name, cost in costs.items()}, needs, machine.workers),
        disk + sum(cost.disk for cost in costs.values()),
        machine.workers,
        doubts_of(recipe, {code: meter.text_size(code) for code in recipe.sources}),
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
