"""An audit from models and a folder of labelled data to its page."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from equiglot.cli import main
from equiglot.evaluation import ESTIMATES, PairKey, read_estimates, read_scores
from equiglot.recipe import audit_recipe, parse_recipe
from tests.finetuning.conftest import write_data
from tests.pipeline.conftest import run_here
from tests.stock import save_stock

LANGUAGES = ["en", "ru", "hi", "ko"]
TUNING: dict[str, Any] = {"epochs": 1, "warmup": 1, "learning_rate": 1e-3, "seeds": 2, "resamples": 100}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an audit of two models in four languages and two tasks, one language without entities."""
    place = tmp_path_factory.mktemp("audit")
    models = [str(save_stock(place / name, name)) for name in ("bert", "xlm-roberta")]
    write_data(place / "data/topic", "topic", LANGUAGES)
    write_data(place / "data/ner", "ner", LANGUAGES[:-1])
    tree, found = audit_recipe(models, LANGUAGES, place / "data", name="audit", tuning=TUNING)
    assert not found.others and found.data.keys() == {"topic", "ner"}
    run_here(parse_recipe(tree, place), place / "run")
    return place / "run"


def test_every_model_stands_beside_itself_without_pretraining(audited: Path) -> None:
    scores = read_scores(audited / "scores.jsonl")
    models = {each.model for each in scores if each.task == "topic-finetune" and each.language == "ko"}
    assert {"bert", "fresh-bert", "xlm-roberta", "fresh-xlm-roberta"} <= models
    assert not any(each.task == "ner-finetune" and each.language == "ko" for each in scores)


def test_the_page_has_a_verdict_on_every_language(audited: Path) -> None:
    page = (audited / "report/index.html").read_text(encoding="utf-8")
    assert 'id="audit"' in page and "How verdicts are given." in page
    assert "fresh-bert: " not in page  # what models are compared with is not judged itself
    with (audited / "report/tables/audit.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["Language code"] for row in rows} == set(LANGUAGES) and len(rows) == 4
    with (audited / "report/tables/audit-bert.csv").open(encoding="utf-8") as file:
        details = list(csv.DictReader(file))
    assert len(details) == 8  # the hole is shown, not dropped
    assert all(each["Twice the labels (points)"] for each in details if each["Score"])
    assert re.search(r"fresh-bert; n-grams \d|n-grams; fresh-bert \d", page)  # the best baseline, and the others
    hole = next(each for each in details if (each["Language code"], each["Task"]) == ("ko", "ner-finetune"))
    assert hole["Score"] == ""


def test_every_task_has_a_classifier_without_pretraining(audited: Path) -> None:
    for task, codes in (("topic-finetune", LANGUAGES), ("ner-finetune", LANGUAGES[:-1])):
        ngrams = read_estimates(audited / "ngrams" / task / ESTIMATES)
        model = read_estimates(audited / "finetuned" / f"{task}.en.bert" / ESTIMATES)
        assert {key.target for key in ngrams} == {*codes}
        theirs = {key.metric: each for key, each in model.items() if key.seed == 0}
        for metric, each in theirs.items():  # the same items, and as many resamples of them
            own = ngrams[PairKey(metric, "en", "en", 0)]
            assert own.n == each.n and len(own.replicates) == len(each.replicates)


def test_an_audit_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    model = str(save_stock(tmp_path / "bert", "bert"))
    write_data(tmp_path / "data", "topic", ["en", "ar"])
    begin = ["equiglot", "audit", model, "--data", str(tmp_path / "data"), "--languages", "en,ar"]
    monkeypatch.setattr("sys.argv", [*begin, "--seeds", "1", "--workers", "1", "--into", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    said = capsys.readouterr()
    assert "topic: en, ar" in said.err and "fresh-bert" in said.out and "unknown" in said.out
    audit = json.dumps((tmp_path / "run/recipe.yaml").read_text(encoding="utf-8"))
    assert "untrained" in audit or "audit" in audit
    page = (tmp_path / "run/report/index.html").read_text(encoding="utf-8")
    assert "0 of 2 languages served; unknown: all." in page  # one training gives no verdict
