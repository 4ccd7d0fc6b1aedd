"""What is typed after --data."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from equiglot.errors import InputError
from equiglot.finetuning import FineTuning, check_settings, name_data
from equiglot.tasks import build_task
from tests.finetuning.conftest import write_data
from tests.labelled import write_questions


def test_files_say_their_split_and_kind(tmp_path: Path) -> None:
    for name in ("sl_ssj-ud-train.conllu", "sl_ssj-ud-dev.conllu", "sl_ssj-ud-test.conllu.gz", "README.md"):
        (tmp_path / name).touch()
    source = name_data("pos", [str(tmp_path)], ["sl"]).data["sl"]  # type: ignore[index, union-attr]
    names = {split: [Path(file).name for file in getattr(source, split)] for split in ("train", "dev", "test")}
    assert source.kind == "conllu"
    assert names == {
        "train": ["sl_ssj-ud-train.conllu"],
        "dev": ["sl_ssj-ud-dev.conllu"],
        "test": ["sl_ssj-ud-test.conllu.gz"],
    }


def test_a_language_is_a_part_of_a_name_and_some_are_only_tested(tmp_path: Path) -> None:
    pattern = write_data(tmp_path, "topic", ["en", "ko"])
    task = name_data("topic", [pattern], ["en"], zero_shot=["ko"], train_sentences=7)
    en, ko = (task.data[code] for code in ("en", "ko"))  # type: ignore[index, union-attr]
    assert (len(en.train), len(en.dev), len(en.test)) == (1, 1, 1) and (len(ko.train), len(ko.dev)) == (0, 0)
    (tmp_path / "built").mkdir()
    summary = build_task(task, ["en", "ko"], {}, tmp_path / "built")
    assert [each.sentences for each in summary.languages] == [{"train": 7, "dev": 8, "test": 10}, {"test": 10}]


def test_of_a_folder_the_files_of_the_language_are_taken(tmp_path: Path) -> None:
    for code in ("en", "de"):
        for split in ("train", "test"):
            (tmp_path / f"sib200-{code}-{split}.tsv").touch()
    task = name_data("topic", [str(tmp_path)], ["en"], zero_shot=["de"])
    en, de = (task.data[code] for code in ("en", "de"))  # type: ignore[index, union-attr]
    assert [Path(file).name for file in (*en.train, *en.test)] == ["sib200-en-train.tsv", "sib200-en-test.tsv"]
    assert [Path(file).name for file in (*de.train, *de.test)] == ["sib200-de-test.tsv"]


def test_codes_of_several_parts_in_the_names_of_a_folder(tmp_path: Path) -> None:
    for code in ("zh", "zh-Hant", "pt_br"):
        for split in ("train", "test"):
            (tmp_path / f"news.{code}-{split}.tsv").touch()
    task = name_data("topic", [str(tmp_path)], ["zh-Hant", "zh", "pt-BR"])
    found = {code: [Path(file).name for file in source.train] for code, source in task.data.items()}  # type: ignore[union-attr]
    assert found == {
        "zh-Hant": ["news.zh-Hant-train.tsv"],
        "zh": ["news.zh-train.tsv"],
        "pt-BR": ["news.pt_br-train.tsv"],
    }


def test_files_of_another_language_are_not_taken_for_those_of_one_without(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"en-{split}.tsv").touch()
    with pytest.raises(InputError, match="there is no file of sl"):
        name_data("topic", [str(tmp_path)], ["sl"])
    for split in ("train", "test"):
        (tmp_path / f"news-{split}.tsv").touch()
    source = name_data("topic", [str(tmp_path)], ["sl"]).data["sl"]  # type: ignore[index]
    assert [Path(file).name for file in source.train] == ["news-train.tsv"]  # type: ignore[union-attr]


def test_tables_with_columns(tmp_path: Path) -> None:
    rows = {"words": [["सभी", "मनुष्यों"], ["모든"]], "tags": [["DET", "NOUN"], ["DET"]]}
    for split in ("train", "validation", "test"):
        parquet.write_table(pa.table(rows), tmp_path / f"{split}.parquet")
    task = name_data("pos", [str(tmp_path)], ["hi"], columns="words,tags")
    (tmp_path / "built").mkdir()
    summary = build_task(task, ["hi"], {}, tmp_path / "built")
    assert summary.languages[0].items == {"train": 3, "dev": 3, "test": 3}


def test_splits_can_be_named_and_dev_made_of_train(tmp_path: Path) -> None:
    write_data(tmp_path, "ner", ["ru"])
    data = [f"train={tmp_path}/ru-train.tsv", f"test={tmp_path}/ru-dev.tsv"]
    task = name_data("ner", data, ["ru"], types=["PER", "LOC"], rename=["ORG=LOC"])
    (tmp_path / "built").mkdir()
    summary = build_task(task, ["ru"], {}, tmp_path / "built")
    assert {"B-LOC", "B-PER", "O"} <= {*summary.labels} <= {"B-LOC", "B-PER", "I-LOC", "O"}
    assert summary.languages[0].sentences == {"train": 21, "dev": 3, "test": 8}


def test_datasets_of_the_hub() -> None:
    named = name_data(
        "ner", ["hub:google/xtreme:PAN-X.{language}"], ["sl"], zero_shot=["hr"], columns="tokens,ner_tags"
    )
    sl, hr = (named.data[code] for code in ("sl", "hr"))  # type: ignore[index, union-attr]
    assert (sl.dataset, sl.configuration, sl.train) == ("google/xtreme", "PAN-X.{language}", "train")
    assert (hr.train, hr.dev, hr.test) == (None, None, "test")


@pytest.mark.parametrize(
    ("task", "data", "languages", "options", "words"),
    [
        ("parsing", ["{}"], ["en"], {}, "no task"),
        ("pos", ["{}/xx-*.tsv"], ["en"], {}, "no file of en"),
        ("pos", ["{}/en-*.tsv"], [], {}, "no language"),
        ("pos", ["{}/en-*.tsv"], ["en", "en"], {}, "named twice"),
        ("pos", ["{}/en-*.tsv"], ["english"], {}, "not a language code"),
        ("pos", ["{}/en-test.tsv"], ["en"], {}, "no training data"),
        ("pos", ["{}/en-train.tsv"], ["en"], {"zero_shot": ["ru"]}, "no test data of ru"),
        ("pos", ["{}/notes.tsv"], ["en"], {}, "does not say whether"),
        ("pos", ["train={}/notes.doc"], ["en"], {}, "does not say what it holds"),
        ("ner", ["train={}/en-train.tsv", "test={}/a-test.parquet"], ["en"], {}, "several kinds"),
        ("ner", ["{}/en-*.tsv"], ["en"], {"rename": ["PER"]}, "renames no label"),
        ("ner", ["hub:a/b"], ["en"], {"columns": "tokens"}, "no two columns"),
        ("ner", ["hub:a/b", "hub:c/d"], ["en"], {}, "several datasets"),
        ("ner", ["{}/en-*.tsv"], ["en"], {"columns": "tokens,tags"}, "no names of columns"),
        ("topic", ["{}/a-train.conllu", "{}/a-test.conllu"], ["en"], {}, "cannot be data"),
    ],
)
def test_bad_data_is_refused(
    task: str, data: list[str], languages: list[str], options: dict[str, object], words: str, tmp_path: Path
) -> None:
    write_data(tmp_path, "ner", ["en"])
    for name in ("notes.tsv", "notes.doc", "a-test.parquet", "a-train.conllu", "a-test.conllu"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=words) as refused:
        name_data(task, [each.replace("{}", str(tmp_path)) for each in data], languages, **options)  # type: ignore[arg-type]
    assert refused.value.fix


def test_options_out_of_bounds_are_named() -> None:
    with pytest.raises(InputError, match="--learning-rate cannot be -1"):
        check_settings(learning_rate=-1)
    assert check_settings() == FineTuning()


def test_defaults_are_those_of_the_paper() -> None:
    settings = FineTuning()
    training = settings.training(200)
    assert training.updates == 2000 and training.warmup * 2000 == pytest.approx(500)
    assert (training.learning_rate, training.weight_decay, training.validations) == (5e-5, 0.01, 10)
    assert settings.training(30).warmup == 0.5  # of 300 updates
    limited = FineTuning(epochs=1000, max_updates=100)  # 10 passes over 10 batches
    assert (limited.updates(10), limited.training(10).validations) == (100, 10)
    assert limited.updates(1) == 100 and FineTuning(epochs=2, max_updates=100).updates(10) == 20


def test_files_of_questions_serve_each_split_or_all(tmp_path: Path) -> None:
    write_questions(tmp_path, ["el", "zh"])
    task = name_data("qa", [f"all={tmp_path}/qa/{{language}}.json"], ["el"], zero_shot=["zh"], rules="squad")
    (tmp_path / "built").mkdir()
    el, zh = build_task(task, ["el", "zh"], {}, tmp_path / "built").languages
    assert {*el.items} == {"train", "dev", "test"} and zh.items == {"test": el.items["test"]}
    assert el.files == "el.json, divided by article"
    named = name_data("qa", [f"train={tmp_path}/qa/el.json", f"test={tmp_path}/qa/zh.json"], ["el"])
    assert named.data["el"].train == (f"{tmp_path}/qa/el.json",)  # type: ignore[index, union-attr]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (["qa"], {}, "no training data"),
        (["all=qa/ru.json", "test=qa/ru.json"], {}, "beside files for one"),
        (["all=words.txt"], {}, "files in the form of SQuAD only"),
        (["hub:xquad:xquad.ru"], {}, "files in the form of SQuAD only"),
        (["all=qa/ru.json"], {"rename": ["A=B"]}, "no labels"),
        (["all=qa/ru.json"], {"rules": "xtreme"}, "no rules 'xtreme'"),
    ],
)
def test_data_that_cannot_be_questions(
    data: list[str], options: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_questions(tmp_path, ["ru"])
    (tmp_path / "words.txt").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        name_data("qa", data, ["ru"], **options)
    with pytest.raises(InputError, match="no rules 'mlqa' for the task topic"):
        name_data("topic", [write_data(tmp_path / "topics", "topic", ["ru"])], ["ru"], rules="mlqa")
