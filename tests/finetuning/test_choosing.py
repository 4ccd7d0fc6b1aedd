"""Several learning rates and batches: which is taken, what is written of it, and what a kill changes."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from safetensors.numpy import load_file

from equiglot.files import checksums
from equiglot.finetuning import FineTuned, FineTuning, fine_tune, name_data
from equiglot.training import Progress, Stopped
from tests.finetuning.conftest import Model, write_data

QUICK: dict[str, Any] = {"epochs": 2, "warmup": 1, "precision": "fp32", "resamples": 100}
SEVERAL = FineTuning(**QUICK, learning_rate=(1e-6, 1e-2), batch=(8, 16), seeds=2)


def _tuned(folder: Path, model: str, settings: FineTuning, stop_at: int = -1) -> tuple[FineTuned, list[int]]:
    data, seen = write_data(folder / "data", "pos"), list[int]()

    def watch(number: int, progress: Progress) -> None:
        seen.append(number)

    named = name_data("pos", [data], ["en"])
    stop = lambda: len(seen) == stop_at  # noqa: E731
    return fine_tune(model, named, ["en"], settings, folder / "model", watch=watch, stop=stop), seen


def test_all_pairs() -> None:
    found = [(each.only_rate, each.only_batch) for each in SEVERAL.candidates()]
    assert found == [(1e-6, 8), (1e-6, 16), (1e-2, 8), (1e-2, 16)] and SEVERAL.trainings == 5
    one = FineTuning(learning_rate=(1e-3, 1e-3), batch=8, seeds=3)
    assert [each.only_rate for each in one.candidates()] == [1e-3] and one.trainings == 3
    assert FineTuning().candidates() == (FineTuning(),)
    for fields in ({"learning_rate": []}, {"batch": [8, 0]}, {"learning_rate": [1e-3, 11]}, {"batch": [8, 1.5]}):
        with pytest.raises(ValidationError):
            FineTuning(**fields)
    with pytest.raises(ValueError, match="several learning rates"):
        SEVERAL.training(10)


def test_the_best_on_dev_data_is_taken_for_all_seeds(model: Model, tmp_path: Path) -> None:
    done, seen = _tuned(tmp_path / "several", model("bert"), SEVERAL)
    record = json.loads((done.folder / "training.json").read_text(encoding="utf-8"))
    tried = record["tried"]
    assert [(each["learning_rate"], each["batch"]) for each in tried] == [(1e-6, 8), (1e-6, 16), (1e-2, 8), (1e-2, 16)]
    best = max(tried, key=lambda each: each["score"])
    assert best["learning_rate"] == 1e-2 and best["score"] > tried[0]["score"]
    assert sorted(set(seen)) == [0, 1, 2, 3, 4] and seen == sorted(seen)
    chosen = FineTuning(**QUICK, learning_rate=best["learning_rate"], batch=best["batch"], seeds=2)
    alone, _ = _tuned(tmp_path / "alone", model("bert"), chosen)
    several, one = (load_file(each.folder / "predictions.safetensors")["en"] for each in (done, alone))
    assert several.tolist() == one.tolist() and done.scores == alone.scores  # as if nothing else had been tried
    assert "tried" not in json.loads((alone.folder / "training.json").read_text(encoding="utf-8"))
    assert record["seeds"].keys() == {"0", "1"}


@pytest.mark.parametrize("trial", [1, 4])  # the second pair, and the second seed with the pair that was best
def test_a_kill_changes_no_choice(trial: int, model: Model, tmp_path: Path) -> None:
    whole, seen = _tuned(tmp_path / "whole", model("bert"), SEVERAL)
    with pytest.raises(Stopped):
        _tuned(tmp_path / "killed", model("bert"), SEVERAL, stop_at=seen.index(trial) + 1)
    done, again = _tuned(tmp_path / "killed", model("bert"), SEVERAL)
    assert min(again) == trial  # what was done is not done again
    one, other = (checksums(each.folder) for each in (whole, done))
    assert {name for name in one if one[name] != other[name]} <= {"training.json"}  # has seconds
    assert not [*(tmp_path / "killed").glob(".*.unfinished")]
