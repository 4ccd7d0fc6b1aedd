"""Dependency parsing as part of a run: an entry of the recipe, its data, what is kept, the page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from equiglot.errors import InputError
from equiglot.evaluation import ESTIMATES, ZERO_SHOT, PairKey, read_estimates, read_scores
from equiglot.finetuning import open_parser, parse
from equiglot.finetuning.neighbours import neighbour_predictions
from equiglot.pipeline.steps.finetune import FineTunedData
from equiglot.probing.linear import one_thread
from equiglot.run import RunDirectory
from equiglot.tasks import open_task
from tests.pipeline.conftest import Change, run_here

QUICK = {"epochs": 2, "learning_rate": 5e-3, "batch": 8, "resamples": 100, "precision": "fp32", "max_length": 64}
NAME = "parse-finetune"


@pytest.fixture(autouse=True)
def on_one_thread() -> Iterator[None]:
    """As in a run here."""
    with one_thread():
        yield


def test_a_run_parses(finished: Path, make: Change, labels: Path, tmp_path: Path) -> None:
    files = {split: f"{labels}/ud/{{language}}_*-{split}.conllu" for split in ("train", "dev", "test")}
    entry = {"task": "parse", "method": "finetune", "data": {"kind": "conllu", **files}, **QUICK}
    entry |= {"train": ["en"], "models": ["hl"], "keep": True, "sentences": {"train": 20, "dev": 6, "test": 10}}
    recipe = make(evaluation=[{"task": "mlm", "sequences": 20, "resamples": 100}, entry], audit={})
    run_here(recipe, tmp_path / "run", reuse=[finished])
    run = RunDirectory(tmp_path / "run")
    folder = run.fine_tuned(f"{NAME}.together.hl")
    rows = {(row.language, row.metric): row for row in read_scores(run.root / "scores.jsonl") if row.task == NAME}
    task = open_task(run.task(NAME))
    opened, predicted = open_parser(folder / "model"), load_file(folder / "predictions.safetensors")
    for code in ("en", "ru"):
        split = task.split(code, "test")
        assert split is not None and split.heads is not None
        trees = [arc for tree in parse(opened, split.words) for arc in tree]
        assert trees == [(int(head), task.summary.labels[label]) for head, label in predicted[code][0]]
        right = [head == gold for (head, _), gold in zip(trees, split.heads.tolist(), strict=True)]
        assert rows[code, "uas"].value == pytest.approx(100 * sum(right) / len(right))
        assert rows[code, "las"].value <= rows[code, "uas"].value and rows[code, "las"].n == len(right)
    assert rows["ru", "las"].source == ZERO_SHOT
    simple = read_estimates(run.neighbours(NAME) / ESTIMATES)
    trees = neighbour_predictions(task, ["en"], ["en", "ru"])
    for code in ("en", "ru"):
        split = task.split(code, "test")
        assert split is not None and split.heads is not None
        right = 100 * (trees[code][0, :, 0] == split.heads).mean()
        assert simple[PairKey("uas", "en", code, 0)].value == pytest.approx(right)
        assert len(simple[PairKey("las", "en", code, 0)].replicates) == 100
    page = (run.root / "report" / "index.html").read_text(encoding="utf-8")
    assert "Dependency trees" in page and "LAS in percent: the share of words, punctuation too" in page
    assert (run.root / "report" / "tables" / f"{NAME}-las.csv").is_file()


def test_trees_are_not_probed_and_not_read_from_other_files(make: Change, labels: Path) -> None:
    data = {"kind": "conllu", "train": f"{labels}/ud/en_*-train.conllu", "test": f"{labels}/ud/en_*-test.conllu"}
    for entry in ({"data": data, "method": "probe"}, {"data": {**data, "kind": "bio"}, "method": "finetune"}):
        with pytest.raises(InputError, match=r"finetune|conllu"):
            make(evaluation=[{"task": "parse", **entry}])


def test_rules_that_are_not_official_make_the_data_anew(make: Change, labels: Path) -> None:
    """Runs that were made before there were others stay as they are."""
    data = {"kind": "conllu", "train": f"{labels}/ud/en_*-train.conllu", "test": f"{labels}/ud/en_*-test.conllu"}
    found = {}
    for rules in ("official", "paper3"):
        entry = {"task": "parse", "method": "finetune", "data": data, "languages": ["en"], "rules": rules}
        recipe = make(evaluation=[entry])
        found[rules] = FineTunedData(recipe, recipe.fine_tuned[NAME]).inputs["task"]
    assert "rules" not in found["official"] and found["paper3"] == {**found["official"], "rules": "paper3"}
