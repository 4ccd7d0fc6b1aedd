"""Several runs with different seeds as one table."""

from benchmarks.seeds import table
from equiglot.evaluation import Score


def _score(model: str, value: float, language: str = "en") -> Score:
    return Score(model=model, task="mlm", language=language, metric="mrr", value=value, n=10, seed=0)


def test_a_training_that_runs_share_is_counted_once() -> None:
    runs = [[_score("teacher", 40.0), _score("student", value)] for value in (30.0, 32.0)]
    assert table(runs, "mrr").splitlines()[2:] == ["| teacher | 40.0 |", "| student | 31.0 [30.0, 32.0] |"]
    other = [_score("teacher", 40.0), _score("teacher", 20.0, "tr"), _score("student", 30.0)]
    assert table([*runs, other], "mrr").splitlines()[2] == "| teacher | 40.0 | 20.0 |"
