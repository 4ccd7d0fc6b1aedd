"""Datasets of the Hub: from a folder, from a cache without a connection, and every refusal."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from equiglot.corpus import Document, HubSource
from equiglot.errors import InputError
from tests.articles import ARTICLE
from tests.corpus.conftest import SECOND

datasets = pytest.importorskip("datasets", reason="needs the extra `hub`")
huggingface_hub = pytest.importorskip("huggingface_hub")
TEXTS = {
    language: [ARTICLE[language], None, " \n", f"{SECOND[language]}\r\n{ARTICLE[language]}"] for language in SECOND
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
Make = Callable[..., HubSource]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset in the form of the Hub's: a card that names configurations, and Parquet files."""
    card = "---\nconfigs:\n"
    for language, texts in TEXTS.items():
        place = tmp_path / "dataset" / f"20240101.{language}"
        place.mkdir(parents=True)
        rows = pa.table({"id": range(len(texts)), "text": pa.array(texts, pa.string())})
        parquet.write_table(rows, place / "train-00000-of-00001.parquet")
        card += (
            f"- config_name: 20240101.{language}\n  data_files:\n  - split: train\n    path: 20240101.{language}/*\n"
        )
    (tmp_path / "dataset" / "README.md").write_text(card + "---\n# A dataset\n")
    return tmp_path / "dataset"


@pytest.fixture
def make(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Make:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def source(**options: Any) -> HubSource:
        given = {"dataset": "./dataset", "configuration": "20240101.{language}", **options}
        return HubSource(kind="hub", **given).resolve(folder.parent)

    return source


@pytest.mark.parametrize("language", TEXTS)
def test_rows_become_documents(make: Make, language: str) -> None:
    first, second = ARTICLE[language], SECOND[language]
    assert list(make().documents(language)) == [Document("0", [first]), Document("3", [second, first])]
    assert list(make(limit=3).documents(language)) == [Document("0", [first])]
    assert make().estimate_characters(language) == sum(len(text or "") for text in TEXTS[language])


def test_description_and_identity(make: Make, folder: Path) -> None:
    source = make(limit=5)
    assert "configuration 20240101.ko, split train, column text, at most 5 rows" in source.describe("ko")
    before = source.identity("ko")
    assert before != source.identity("ru") and before != make().identity("ko")
    assert str(folder) not in str(before)
    parquet.write_table(pa.table({"text": ["x"]}), folder / "20240101.ko" / "train-00000-of-00001.parquet")
    assert source.identity("ko") != before


@pytest.mark.parametrize(
    ("options", "what", "fix"),
    [
        ({"column": "texte"}, "has no column 'texte'", "'text'"),
        ({"column": "id"}, "holds no text in the column 'id', but int", "column of strings"),
        ({"configuration": "20240101.xx"}, "'20240101.xx' not found", "configuration"),
        ({"split": "tset"}, "tset", "split"),
        ({"dataset": "./nothing"}, "There is no folder", "owner/name"),
    ],
)
def test_what_a_dataset_lacks(make: Make, options: dict[str, Any], what: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        list(make(**options).documents("el"))
    assert what in caught.value.what and "\n" not in caught.value.what
    assert caught.value.where and fix in str(caught.value.fix)


def test_a_folder_whose_name_would_be_taken_for_a_pattern(make: Make, folder: Path) -> None:
    place = folder.rename(folder.parent / "data[1]")
    with pytest.raises(InputError, match="has one of the signs") as caught:
        list(make(dataset=str(place)).documents("el"))
    assert "{kind: parquet" in str(caught.value.fix)


def test_the_hub_out_of_reach(make: Make) -> None:
    # The tests run with HF_HUB_OFFLINE=1.
    for call in (HubSource.identity, HubSource.estimate_characters, lambda *all: list(HubSource.documents(*all))):
        with pytest.raises(InputError, match="The Hugging Face Hub cannot be reached for the dataset") as caught:
            call(make(dataset="wikimedia/wikipedia"), "eu")
        assert "{kind: parquet" in str(caught.value.fix) and "HF_HUB_OFFLINE" in str(caught.value.fix)
        assert caught.value.where == "languages.eu.text"


def test_a_commit_needs_no_connection_to_be_known(make: Make) -> None:
    source = make(dataset="wikimedia/wikipedia", revision=COMMIT)
    identity = source.identity("eu")
    assert identity["commit"] == COMMIT and identity["configuration"] == "20240101.eu"
    with pytest.raises(InputError, match="cannot be reached"):
        list(source.documents("eu"))


def test_a_branch_becomes_a_commit(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def info(self: Any, name: str, revision: str | None) -> Any:
        return SimpleNamespace(sha={("o/n", "main"): COMMIT, ("o/n", None): COMMIT[::-1]}[name, revision])

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    assert make(dataset="o/n", revision="main").identity("eu")["commit"] == COMMIT
    assert make(dataset="o/n").identity("eu")["commit"] == COMMIT[::-1]


def test_what_is_read_is_the_commit_of_the_identity(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = iter([COMMIT, COMMIT[::-1]])
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: SimpleNamespace(sha=next(commits)))
    source = make(dataset="o/n")
    fixed = source.at(source.identity("eu"))
    assert fixed.revision == fixed.identity("eu")["commit"] == COMMIT
    assert source.identity("eu")["commit"] == COMMIT[::-1]  # the dataset has changed
    assert make().at(make().identity("ko")) == make()


def test_a_filled_cache_serves_without_a_connection(make: Make, folder: Path, tmp_path: Path) -> None:
    cached = tmp_path / "cache" / "owner___name" / "20240101.hi" / "0.0.0" / COMMIT
    builder = datasets.load_dataset_builder(str(folder), "20240101.hi", cache_dir=str(tmp_path / "other"))
    builder.dataset_name = "name"
    builder.download_and_prepare(str(cached))
    source = make(dataset="owner/name", revision=COMMIT)
    assert list(source.documents("hi")) == list(make().documents("hi"))
    assert source.estimate_characters("hi") == make().estimate_characters("hi")
    with pytest.raises(InputError, match="in the cache, but not at the commit"):
        list(make(dataset="owner/name", revision=COMMIT[::-1]).documents("hi"))


def test_a_folder_of_the_same_name_is_not_taken_for_the_hub(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet_file = tmp_path / "owner" / "here" / "a.parquet"
    parquet_file.parent.mkdir(parents=True)
    parquet.write_table(pa.table({"text": ["x"]}), parquet_file)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be reached"):
        list(make(dataset="owner/here", configuration=None, revision=COMMIT).documents("en"))


def test_code_in_a_dataset_is_not_run(make: Make, folder: Path) -> None:
    (folder / "dataset.py").write_text("raise SystemExit('run')\n")
    with pytest.raises(InputError, match="scripts are no longer supported"):
        list(make().documents("ko"))


def test_the_package_is_not_installed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        make().origins("ko")
    assert caught.value.fix == "pip install equiglot[hub]"
