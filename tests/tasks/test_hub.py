"""Labelled datasets of the Hub: from a folder, and what cannot be had."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from equiglot.errors import InputError
from equiglot.tasks import PartOfSpeech, TextPair, build_task, check_task, open_task, task_at, task_identity
from equiglot.tasks.settings import HubRows, PairRows
from tests.tasks.sentences import UPOS, words_of

datasets = pytest.importorskip("datasets", reason="needs the extra `hub`")
huggingface_hub = pytest.importorskip("huggingface_hub")
NAMES = {"ko": "Korean", "ar": "Arabic"}
SPLITS = ("train", "validation", "test")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
Make = Callable[..., PartOfSpeech]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset in the form of google/xtreme: a configuration for each language, ClassLabels as tags."""
    labels = datasets.ClassLabel(names=sorted({tag for tags in UPOS.values() for tag in tags.split()}))
    kinds = {"tokens": datasets.Sequence(datasets.Value("string")), "pos_tags": datasets.Sequence(labels)}
    card = "---\nconfigs:\n"
    for language, name in NAMES.items():
        card += f"- config_name: udpos.{name}\n  data_files:\n"
        rows = {"tokens": [words_of(language)] * 3, "pos_tags": [UPOS[language].split()] * 3}
        for split in SPLITS:
            place = tmp_path / "xtreme" / f"udpos.{name}"
            place.mkdir(parents=True, exist_ok=True)
            file = place / f"{split}-00000-of-00001.parquet"
            datasets.Dataset.from_dict(rows, features=datasets.Features(kinds)).to_parquet(file)
            card += f"  - split: {split}\n    path: udpos.{name}/{split}-*\n"
    (tmp_path / "xtreme" / "README.md").write_text(card + "---\n# A dataset\n")
    return tmp_path / "xtreme"


@pytest.fixture
def make(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Make:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def task(**options: Any) -> PartOfSpeech:
        given = {"dataset": str(folder), "configuration": "udpos.{name}", "label": "pos_tags", **options}
        return PartOfSpeech(task="pos", data=HubRows(kind="hub", **given))

    return task


def test_a_folder_as_the_hub_has_it(make: Make, tmp_path: Path) -> None:
    task, into = make(), tmp_path / "task"
    into.mkdir()
    check_task(task, ["ko", "ar"], {})
    summary = build_task(task, ["ko", "ar"], {}, into)
    for described in summary.languages:
        language = described.code
        assert described.files == f"xtreme, configuration udpos.{NAMES[language]}"
        for split in ("train", "dev", "test"):
            found = open_task(into).split(language, split)
            assert found is not None and found.words == [words_of(language)] * 3
            assert [summary.labels[label] for label in found.labels] == UPOS[language].split() * 3
            assert described.items[split] == described.available[split] == 3 * len(words_of(language))


def test_pairs_of_texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A dataset in the form of XNLI."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    names = datasets.ClassLabel(names=["entailment", "neutral", "contradiction"])
    kinds = {"premise": datasets.Value("string"), "hypothesis": datasets.Value("string"), "label": names}
    rows = {"premise": ["비가 온다", "눈", " "], "hypothesis": ["젖는다", "여름", "a"], "label": [0, 2, 1]}
    (tmp_path / "xnli").mkdir()
    card = "---\nconfigs:\n- config_name: ko\n  data_files:\n"
    for split in SPLITS:
        data = datasets.Dataset.from_dict(rows, features=datasets.Features(kinds))
        data.to_parquet(tmp_path / "xnli" / f"{split}-0.parquet")
        card += f"  - split: {split}\n    path: {split}-*\n"
    (tmp_path / "xnli" / "README.md").write_text(card + "---\n")
    given = {
        "dataset": str(tmp_path / "xnli"),
        "configuration": "{language}",
        "text": "premise",
        "second": "hypothesis",
    }
    task = TextPair(task="pair", data=PairRows(kind="hub", **given))
    check_task(task, ["ko"], {})
    (tmp_path / "task").mkdir()
    summary = build_task(task, ["ko"], {}, tmp_path / "task")
    found = open_task(tmp_path / "task").split("ko", "test")
    assert found is not None and found.words == [["비가 온다", "젖는다"], ["눈", "여름"]]
    assert [summary.labels[label] for label in found.labels] == ["entailment", "contradiction"]
    assert task_identity(task, ["ko"], {})["ko"]["second"] == "hypothesis"


def test_only_splits_that_are_named(make: Make, tmp_path: Path) -> None:
    into = tmp_path / "task"
    into.mkdir()
    summary = build_task(make(dev=None, test="validation"), ["ko"], {}, into)
    assert summary.languages[0].sentences == {"train": 2, "dev": 1, "test": 3}
    with pytest.raises(InputError, match="No split of"):
        check_task(make(train=None, dev=None, test=None), ["ko"], {})


def test_identity_of_a_folder(make: Make, folder: Path) -> None:
    identity = task_identity(make(), ["ko"], {})
    assert str(folder) not in str(identity) and identity["ko"]["configuration"] == "udpos.Korean"
    assert identity == task_identity(make(), ["ko"], {}) != task_identity(make(label="tokens"), ["ko"], {})
    assert identity != task_identity(make(dev=None), ["ko"], {})
    (folder / "udpos.Korean" / "test-00000-of-00001.parquet").unlink()
    assert identity != task_identity(make(), ["ko"], {})


def test_identity_is_the_commit(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: SimpleNamespace(sha=COMMIT))
    identity = task_identity(make(dataset="google/xtreme"), ["ko", "ar"], {})
    assert [identity[language]["commit"] for language in ("ko", "ar")] == [COMMIT, COMMIT]
    assert identity == task_identity(make(dataset="google/xtreme", revision=COMMIT), ["ko", "ar"], {})


def test_what_is_read_is_the_commit_of_the_identity(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = iter([COMMIT, COMMIT, COMMIT[::-1]])
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: SimpleNamespace(sha=next(commits)))
    task = make(dataset="google/xtreme")
    identity = task_identity(task, ["ko", "ar"], {})
    assert task_identity(task_at(task, identity), ["ko", "ar"], {}) == identity
    assert task_identity(task, ["ko"], {})["ko"]["commit"] == COMMIT[::-1]  # the dataset has changed
    assert task_at(make(), task_identity(make(), ["ko"], {})) == make()  # a folder has no commits
    one = PartOfSpeech(task="pos", data={"ko": task.data})
    assert task_at(one, {"ko": identity["ko"], "ru": None}).data["ko"].revision == COMMIT


@pytest.mark.parametrize(
    ("options", "what", "fix"),
    [
        ({"label": "pos_tag"}, "has no column 'pos_tag'", "'pos_tags'"),
        ({"text": "words"}, "has no column 'words'", "its columns are: tokens, pos_tags"),
        ({"configuration": "udpos.{language}"}, "udpos.ko", "configuration"),
        ({"train": "training"}, "training", "split"),
        ({"dataset": "/nothing"}, "There is no folder", "owner/name"),
        ({"dataset": "google/xtreme"}, "The Hugging Face Hub cannot be reached", "kind: parquet"),
    ],
)
def test_what_a_dataset_lacks(make: Make, tmp_path: Path, options: dict[str, Any], what: str, fix: str) -> None:
    # The tests run with HF_HUB_OFFLINE=1.
    with pytest.raises(InputError) as caught:
        build_task(make(**options), ["ko"], {}, tmp_path)
    assert what in caught.value.what and fix in str(caught.value.fix)
    assert caught.value.where == ("/nothing" if "folder" in what else "evaluation.pos.data")


def test_a_row_that_is_wrong(make: Make, folder: Path, tmp_path: Path) -> None:
    rows = {"tokens": [words_of("ko"), ["둘"]], "pos_tags": [UPOS["ko"].split(), ["NOUN", "X"]]}
    datasets.Dataset.from_dict(rows).to_parquet(folder / "udpos.Korean" / "train-00000-of-00001.parquet")
    with pytest.raises(InputError, match="1 words and 2 tags") as caught:
        build_task(make(), ["ko"], {}, tmp_path)
    assert caught.value.where == "xtreme, configuration udpos.Korean, split train, row 2"


def test_the_same_rows_for_all_languages(make: Make) -> None:
    with pytest.raises(InputError, match="All languages would have the same rows") as caught:
        check_task(make(configuration="udpos.Korean"), ["ko", "ar"], {})
    assert "{name}" in str(caught.value.fix)
    check_task(make(configuration="udpos.Korean"), ["ko"], {})


def test_without_the_package(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="need the package datasets") as caught:
        check_task(make(), ["ko", "ar"], {})
    assert "equiglot[hub]" in str(caught.value.fix) and caught.value.where == "evaluation.pos.data"


def test_json_lines(make: Make, tmp_path: Path) -> None:
    rows = [{"tokens": words_of("ar"), "pos_tags": UPOS["ar"].split()}] * 3
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    place, into = tmp_path / "lines", tmp_path / "task"
    for folder in (place, into):
        folder.mkdir()
    for split in SPLITS:
        (place / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    build_task(make(dataset=str(place), configuration=None), ["ar"], {}, into)
    found = open_task(into).split("ar", "dev")
    assert found is not None and found.words == [words_of("ar")] * 3
