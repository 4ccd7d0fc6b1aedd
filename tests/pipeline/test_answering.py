"""Question answering as part of a run: one file for all splits, zero-shot, what is kept, the page, an audit's texts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from transformers import AutoModelForQuestionAnswering

from equiglot.errors import InputError
from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, read_scores
from equiglot.probing.linear import one_thread
from equiglot.run import RunDirectory
from equiglot.tasks import open_questions, open_task
from tests.labelled import write_questions
from tests.pipeline.conftest import Change, run_here

QUICK = {"epochs": 1, "learning_rate": 5e-3, "batch": 8, "resamples": 100, "precision": "fp32", "max_length": 48}
NAME = "qa-finetune"


@pytest.fixture(autouse=True)
def on_one_thread() -> Iterator[None]:
    """As in a run here."""
    with one_thread():
        yield


def test_a_run_answers(finished: Path, make: Change, tmp_path: Path) -> None:
    write_questions(tmp_path, ["en", "ru"])
    entry = {"task": "qa", "method": "finetune", "data": {"kind": "squad", "all": f"{tmp_path}/qa/{{language}}.json"}}
    entry |= {"train": ["en"], "models": ["hl"], "keep": True, "sentences": {"train": 20, "dev": 6}, **QUICK}
    recipe = make(evaluation=[{"task": "mlm", "sequences": 20, "resamples": 100}, entry])
    run_here(recipe, tmp_path / "run", reuse=[finished])
    run = RunDirectory(tmp_path / "run")
    folder = run.fine_tuned(f"{NAME}.together.hl")
    rows = {(row.language, row.metric): row for row in read_scores(run.root / "scores.jsonl") if row.task == NAME}
    task, predicted = open_task(run.task(NAME)), load_file(folder / "predictions.safetensors")
    assert AutoModelForQuestionAnswering.from_pretrained(folder / "model").config.num_labels == 2
    for code, source in (("en", IN_LANGUAGE), ("ru", ZERO_SHOT)):
        split = open_questions(task, code, "test")
        assert split is not None and predicted[code].shape == (1, len(split.ids), 3)
        spans = zip(split.paragraphs, predicted[code][0], strict=True)
        given = [split.contexts[place][start:end] for place, (start, end, _) in spans]
        exact = [text.lower() in map(str.lower, right) for text, right in zip(given, split.answers, strict=True)]
        assert rows[code, "exact_match"].value >= 100 * sum(exact) / len(exact)  # points and articles do not count
        assert rows[code, "f1"].value >= rows[code, "exact_match"].value and rows[code, "f1"].source == source
        assert {*split.questions, *split.contexts} == {*task.texts(code, "test")}
    page = (run.root / "report" / "index.html").read_text(encoding="utf-8")
    assert "Question answering" in page and "over test paragraphs" in page and "Reachable answers in percent" in page
    assert "the script of SQuAD 1.1" in page and "en.json, divided by article" in page
    assert (run.root / "report" / "tables" / f"{NAME}-exact-match.csv").is_file()


def test_questions_are_not_probed_and_not_read_from_other_files(make: Change, tmp_path: Path) -> None:
    write_questions(tmp_path, ["en", "ru"])
    data = {"kind": "squad", "all": f"{tmp_path}/qa/{{language}}.json"}
    for entry in ({"data": data, "method": "probe"}, {"data": {**data, "kind": "bio"}, "method": "finetune"}):
        with pytest.raises(InputError, match=r"finetune|squad"):
            make(evaluation=[{"task": "qa", **entry}])
    with pytest.raises(InputError, match="MLQA has no rules of comparing answers in ru"):
        make(evaluation=[{"task": "qa", "method": "finetune", "data": data, "rules": "mlqa"}])
