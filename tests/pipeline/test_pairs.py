"""Pairs of texts as part of a run: an entry of the recipe, zero-shot scores, the page."""

from pathlib import Path

import pytest

from equiglot.errors import InputError
from equiglot.evaluation import ESTIMATES, ZERO_SHOT, read_estimates, read_scores
from equiglot.pipeline import plan_recipe
from equiglot.run import RunDirectory
from equiglot.tasks import open_task
from tests.pipeline.conftest import Change, run_here

NAME = "pair-finetune"


@pytest.fixture
def pairs(tmp_path: Path) -> dict[str, str]:
    """Files of pairs in two languages, as a recipe names them."""
    words = {"en": ("rain", "sun", "snow", "wind"), "ru": ("дождь", "солнце", "снег", "ветер")}
    for code, drawn in words.items():
        for split, count in {"train": 24, "dev": 8, "test": 8}.items():
            rows = [(drawn[at % 4], drawn[(at + at % 2) % 4], str(at % 2)) for at in range(count)]
            text = "".join(f"{first}\t{second}\t{label}\n" for first, second, label in rows)
            (tmp_path / f"pairs-{code}-{split}.tsv").write_text("premise\thypothesis\tlabel\n" + text, encoding="utf-8")
    files = {split: f"{tmp_path}/pairs-{{language}}-{split}.tsv" for split in ("train", "dev", "test")}
    return {"kind": "tsv", "text": "premise", "second": "hypothesis", **files}


def test_a_run_classifies_pairs(finished: Path, make: Change, pairs: dict[str, str], tmp_path: Path) -> None:
    entry = {"task": "pair", "method": "finetune", "data": pairs, "train": ["en"], "models": ["hl"], "epochs": 1}
    recipe = make(evaluation=[{**entry, "resamples": 100, "precision": "fp32"}], audit={})
    (cost,) = [each for each in plan_recipe(recipe).steps if each.name == "fine-tuning"]
    assert cost.seconds > 0
    run_here(recipe, tmp_path / "run", reuse=[finished])
    run = RunDirectory(tmp_path / "run")
    rows = {(row.language, row.metric): row for row in read_scores(run.root / "scores.jsonl") if row.task == NAME}
    assert rows["ru", "accuracy"].source == ZERO_SHOT and rows["ru", "accuracy"].n == 8
    assert open_task(run.task(NAME)).summary.labels == ("0", "1")
    assert {key.target for key in read_estimates(run.ngrams(NAME) / ESTIMATES)} == {"en", "ru"}
    page = (run.root / "report" / "index.html").read_text(encoding="utf-8")
    assert "Class of a pair of texts" in page and "the share of pairs that get the right label" in page


def test_pairs_are_not_probed(make: Change, pairs: dict[str, str]) -> None:
    with pytest.raises(InputError, match="finetune"):
        make(evaluation=[{"task": "pair", "method": "probe", "data": pairs}])
