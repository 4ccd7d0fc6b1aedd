"""What a run will take: how long jobs take side by side, and what is counted besides trainings."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from equiglot.display import print_plan
from equiglot.pipeline import Machine, Plan, StepCost, graph, plan_recipe, read_status
from equiglot.pipeline.planning import plan as planning
from equiglot.pipeline.planning.meter import RunMeter
from equiglot.pipeline.planning.plan import side_by_side
from equiglot.pipeline.steps import Context, Step
from equiglot.pipeline.steps.cost import PROCESS, Cost, Group, Meter, Reader
from equiglot.pipeline.steps.memory import longest_batch, reading_memory, training_memory
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from equiglot.tasks import open_task
from equiglot.vocabulary import TokenizedText, open_tokens
from tests.pipeline.conftest import Change


@pytest.mark.parametrize(
    ("workers", "expected"),
    # Two teachers of 2 and 3, a student of 4 after both, a baseline of 5 whenever there is room.
    [(1, 14.0), (2, 7.0), (3, 7.0)],
)
def test_students_wait_for_their_teachers(workers: int, expected: float) -> None:
    seconds = {"a": 2.0, "b": 3.0, "student": 4.0, "baseline": 5.0}
    needs = {"a": set(), "b": set(), "student": {"a", "b"}, "baseline": set()}
    assert side_by_side(seconds, needs, workers) == expected


def test_a_student_is_measured_beside_teachers_of_their_own_size(make: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    taught = list[tuple[int, int]]()

    def measured(own: Any, settings: Any, batch_tokens: int, teacher: Any = None) -> float:
        if teacher is not None:
            taught.append((own().num_parameters(), teacher().num_parameters()))
        return 1e6

    monkeypatch.setattr("equiglot.pipeline.planning.meter.measure_speed", measured)
    plan_recipe(make(), None, Machine())
    plan_recipe(make(**{"models__mono-{language}__encoder": {"hidden_size": 64}}), None, Machine())
    (student, alike), (same, large) = taught
    assert student == alike == same and large > 2 * student


def test_what_is_done_is_not_waited_for() -> None:
    needs = {"a": set(), "student": {"a"}}
    assert side_by_side({"student": 4.0}, needs, 2) == 4.0
    assert side_by_side({}, needs, 2) == 0.0


@given(st.lists(st.floats(0.1, 100), max_size=8), st.integers(1, 4))
def test_between_all_at_once_and_one_by_one(times: list[float], workers: int) -> None:
    seconds = {str(number): time for number, time in enumerate(times)}
    needs: dict[str, set[str]] = {name: set() for name in seconds}
    took = side_by_side(seconds, needs, workers)
    assert max(times, default=0.0) <= took + 1e-9 and took <= sum(times) + 1e-9
    assert took >= sum(times) / workers - 1e-9


@pytest.mark.parametrize(("cores", "capacity", "expected"), [(1, 2, 3.0), (2, 2, 5.0), (2, 3, 3.0), (9, 2, 5.0)])
def test_ranks_keep_several_cores_busy(cores: int, capacity: int, expected: float) -> None:
    """Nothing is begun before one that waits for cores; one that takes more than all is begun alone."""
    seconds, needs = {"a": 1.0, "ranks": 2.0, "b": 2.0}, {name: set[str]() for name in ("a", "ranks", "b")}
    assert side_by_side(seconds, needs, 2, {"a": 1, "ranks": cores, "b": 1}, capacity) == expected


def test_a_model_of_several_processes_is_planned_with_them(finished: Path, make: Change) -> None:
    fields = {"models": {"both": {}}, "training__devices": 64, "training__accumulation": 64}
    fields["training__batch"] = {"sentences": 2}
    plan = plan_recipe(make(**fields), finished, Machine(threads=2))
    assert [model.cores for model in plan.models] == [128]
    assert any("model/both takes 128 cores (64 processes together)" in doubt for doubt in plan.doubts)
    shown = _shown(plan)
    assert " 128\n" in shown.replace(" \n", "\n") and "GPUs" not in shown


def test_tokens_are_guessed_by_the_size_of_the_vocabulary(finished: Path, make: Change) -> None:
    """Before anything is cut; the vocabulary has 400 entries, and cuts text finely."""
    recipe, run = make(), RunDirectory(finished)
    counted, guessed = (RunMeter(recipe, run, states, Machine()) for states in (read_status(finished).states, {}))
    for code in ("en", "ru"):
        ratio = guessed.text(code, "").offsets[-1] / counted.text(code, "").offsets[-1]
        assert 0.75 < ratio < 1.25, (code, ratio)


def test_memory_stands_with_each_model_and_what_is_left(
    finished: Path, make: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores, too, may be what needs most of it; on a GPU machine a training says how many it takes."""
    monkeypatch.setattr(planning, "gpu_count", lambda: 4)
    fields = {"models": {"both": {}}, "training__devices": 4, "training__accumulation": 4}
    plan = plan_recipe(make(**fields, training__batch={"sentences": 2}), finished, Machine())
    (model,) = plan.models
    assert (model.cores, model.gpus) == (4, 4) and PROCESS < model.memory < 1.1 * PROCESS
    assert plan.largest is not None and plan.largest[1] >= model.memory
    shown = _shown(plan)
    assert " ~0.5 GB " in shown and " GPUs" in shown and f"0.5 GB of memory at most ({plan.largest[0]})" in shown
    done = plan_recipe(make(), finished, Machine())
    assert done.largest is None and "of memory at most" not in _shown(done)


def _shown(plan: Plan) -> str:
    file = io.StringIO()
    print_plan(Console(file=file, width=200), plan)
    return file.getvalue()


# What a training had at its most on a CPU, in MB, and how it was: docs/scale.md.
_MEASURED: list[tuple[int, dict[str, Any], tuple[int, int, int]]] = [
    (820, {"parameters": 3_000_000, "tokens": 1408, "masked": 192}, (2, 128, 20_000)),
    (912, {"parameters": 3_000_000, "tokens": 1408, "masked": 192, "teachers": 3_000_000}, (2, 128, 20_000)),
    (976, {"parameters": 8_380_000, "tokens": 1408, "masked": 192}, (4, 256, 20_000)),
    (2091, {"parameters": 4_010_000, "tokens": 5632, "masked": 768, "teachers": 4_010_000}, (2, 64, 60_000)),
    (1253, {"parameters": 4_530_000, "tokens": 5632, "masked": 768}, (4, 256, 5_000)),
]


@pytest.mark.parametrize(("measured", "amounts", "sizes"), _MEASURED)
def test_memory_is_near_what_was_measured(measured: int, amounts: dict[str, Any], sizes: tuple[int, int, int]) -> None:
    reader = Reader(1.0, *sizes)
    estimated = training_memory(reader, **amounts, taught="teachers" in amounts)
    assert estimated / 1e6 == pytest.approx(measured, rel=0.25)
    assert PROCESS < reading_memory(reader, amounts["parameters"]) < PROCESS + 1.1e9


def test_the_longest_batch_is_of_sentences_of_like_length() -> None:
    lengths = np.repeat([10, 50], [6_300, 100])
    text = TokenizedText(np.zeros(lengths.sum(), np.uint16), np.append(0, np.cumsum(lengths)), np.arange(6_401))
    assert longest_batch(text, 8) == 8 * 52


def steps(recipe: Recipe, into: Path | None = None) -> dict[str, StepCost]:
    plan = plan_recipe(recipe, into, Machine())
    assert plan.seconds >= sum(model.seconds for model in plan.models if model.state != "done") * 0.99
    assert plan.disk > sum(step.disk for step in plan.steps)
    return {step.name: step for step in plan.steps}


def test_text_is_counted_where_nothing_is_made_yet(make: Change) -> None:
    found = steps(make())
    assert found["text"].jobs == 7 and 20_000 < found["text"].amount < 200_000 and found["text"].disk > 100_000
    assert found.keys() == {"text", "scores"}


def test_nothing_is_left_of_a_finished_run(finished: Path, make: Change) -> None:
    plan = plan_recipe(make(), finished, Machine())
    assert plan.seconds == 0 and plan.steps == []


def test_stored_labels_are_counted_as_they_will_be(finished: Path, make: Change) -> None:
    labels = {"kind": "stored", "teachers": "mono-{language}", "draws": 2}
    left = steps(make(models__taught={"labels": labels}, models__student={}), finished)["labels"]
    texts = [open_tokens(RunDirectory(finished).tokens(code) / "train") for code in ("en", "ru")]
    tokens = sum(int(text.offsets[-1]) + 2 * len(text) for text in texts)
    assert (left.jobs, left.amount) == (2, 2 * tokens) and left.seconds > 0
    assert 0.15 * 2 * tokens * 8 < left.disk < 0.15 * 2 * tokens * 80


def test_probes_are_counted(finished_probes: Path, probed: Change, finished: Path) -> None:
    left = steps(probed(), finished)["probes"]
    assert left.jobs == 24 and left.amount > 1000 and left.seconds > 0
    again = probed(layers="all")
    counted = steps(again, finished_probes)["probes"]  # of data that is read already
    summaries = [open_task(RunDirectory(finished_probes).task(task)).summary for task in ("pos", "ner", "place")]
    items = {code: 0 for code in ("en", "ru")}
    for summary in summaries:
        for each in summary.languages:
            items[each.code] += sum(each.items.values())
    # Two monolingual models read one language each, two others both.
    assert counted.amount == 3 * (items["en"] + items["ru"])
    assert counted.disk == 2 * 16 * 2 * counted.amount


def test_scoring_is_counted_by_the_tokens_that_are_read(finished: Path, make: Change) -> None:
    task = {"task": "mlm", "sequences": 7, "draws": 3, "resamples": 100}
    left = steps(make(evaluation=[task, {"task": "likelihood", "sentences": 4}]), finished)["scores"]
    texts = [open_tokens(RunDirectory(finished).tokens(code) / "test") for code in ("en", "ru")]
    lengths = [int(text.offsets[-1]) / len(text) for text in texts]
    # Two monolingual models, two multilingual ones and the frequencies; the frequencies have no likelihood.
    masked, words = sum(3 * 7 * (each + 2) for each in lengths), sum(4 * each * (each + 2) for each in lengths)
    assert left.jobs == 5 + 4 and left.amount == pytest.approx(4 * masked + 3 * words, rel=0.01)
    assert left.seconds > 0


def test_validations_are_part_of_a_training(finished: Path, make: Change) -> None:
    def seconds(validations: int) -> float:
        plan = plan_recipe(make(training__validations=validations), finished, Machine())
        return sum(model.seconds for model in plan.models)

    assert seconds(4_000) > 10 * seconds(4)


@dataclass(frozen=True)
class Counting(Step):
    """A kind of step that planning has never heard of."""

    kind = "counting"
    folder = staticmethod(RunDirectory.corpus)
    group = Group("counts", "pages")

    @property
    def subject(self) -> str:
        return "all"

    def cost(self, meter: Meter) -> Cost:
        return Cost(meter.characters("en"), 1e6, 3)

    def run(self, context: Context) -> None:
        raise NotImplementedError


def test_a_new_kind_of_step_says_its_own_cost(make: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "STEPS", [*graph.STEPS, lambda recipe: iter([Counting(recipe)])])
    plan = plan_recipe(make(), None, Machine())
    step = next(each for each in plan.steps if each.name == "counts")
    assert (step.jobs, step.unit, step.seconds, step.disk) == (1, "pages", 1e6, 3)
    assert step.amount > 1000 and plan.seconds >= 1e6
    assert f"~{step.amount:,} pages" in _shown(plan)
