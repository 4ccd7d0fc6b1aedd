"""What a run will cost, before anything is trained: counted where it can be, measured by a short probe where not."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from equiglot.pipeline.execution.folder import saved_recipe
from equiglot.pipeline.execution.machine import Machine, capacity, core_count, gpu_count
from equiglot.pipeline.execution.states import State, current_graph, state_of
from equiglot.pipeline.graph import Graph, Job
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
        largest: the job that is left whose process has most memory at a time, and its bytes, about; None where all is
            done.
        doubts: what there is too little text for, or what this machine is too small for, and what to change.
    """

    states: dict[str, State]
    models: list[ModelCost]
    steps: list[StepCost]
    seconds: float
    disk: int
    workers: int
    largest: tuple[str, int] | None
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
    models = [
        _with_needs(meter.training(plan), graph.jobs[f"model/{name}"], meter, machine)
        for name, plan in recipe.plans().items()
        if plan.is_trained
    ]
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
        side_by_side(
            {name: cost.seconds for name, cost in costs.items()},
            needs,
            machine.workers,
            {job.name: job.step.resources.cores(machine.threads) for job in left},
            capacity(machine.workers, machine.threads),
        ),
        disk + sum(cost.disk for cost in costs.values()),
        machine.workers,
        max(((name, cost.memory) for name, cost in costs.items()), key=lambda each: each[1], default=None),
        (*doubts_of(recipe, {code: meter.text_size(code) for code in recipe.sources}), *_too_large(left, machine)),
    )


def _with_needs(model: ModelCost, job: Job, meter: RunMeter, machine: Machine) -> ModelCost:
    """A model with what its step keeps busy."""
    takes, gpus = job.step.resources, job.step.resources.gpus if gpu_count() else 0
    memory = job.step.cost(meter).memory
    return replace(model, cores=takes.cores(machine.threads), gpus=gpus, memory=memory)


def _too_large(left: Iterable[Job], machine: Machine) -> Iterator[str]:
    """Models that more processes train than this machine has cores for."""
    for job in left:
        takes, cores = job.step.resources, core_count()
        if takes.processes > 1 and takes.cores(machine.threads) > cores and not gpu_count():
            yield (
                f"{job.name} takes {takes.cores(machine.threads)} cores ({takes.processes} processes together): this "
                f"machine has {cores}, and `run` refuses it here. Set models.{job.subject}.training.devices to less, "
                "or give it to a cluster (`--on`); the model is the same, bit by bit."
            )


def side_by_side(
    seconds: Mapping[str, float],
    needs: Mapping[str, set[str]],
    workers: int,
    cores: Mapping[str, int] | None = None,
    capacity: int = 0,
) -> float:
    """How long jobs take that are begun in order, as soon as a worker is free and what they need is done.

    Args:
        seconds: job -> its time.
        needs: job -> the jobs before it; those without a time are done.
        workers: jobs at a time.
        cores: job -> the cores that it takes; nothing is begun before one that waits for cores.
        capacity: cores that are taken at a time, if a job does not take more alone.
    """
    now, waiting, ends = 0.0, dict.fromkeys(seconds), dict[str, float]()
    while waiting or ends:
        for name in [each for each in waiting if not needs[each] & (waiting.keys() | ends.keys())]:
            if len(ends) == workers or (cores and ends and sum(cores[each] for each in (name, *ends)) > capacity):
                break
            del waiting[name]
            ends[name] = now + seconds[name]
        now = min(ends.values())
        ends = {name: end for name, end in ends.items() if end > now}
    return now
