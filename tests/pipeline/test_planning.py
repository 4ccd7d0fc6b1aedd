"""How long jobs take side by side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.pipeline.graph import Graph
from equiglot.pipeline.planning import side_by_side
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


def test_trainings_that_sum_over_batches_are_known_by_how_they_are_cut(make: Change) -> None:
    plain, summed = (Graph(make(training__accumulation=count)).jobs["model/student"].inputs for count in (1, 2))
    assert "accumulated" not in plain and summed["accumulated"] == 2
