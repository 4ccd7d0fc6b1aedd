"""What is refused before any data is read."""

from pathlib import Path
from typing import Any

import pytest

from equiglot.corpus import FilesSource
from equiglot.errors import InputError
from equiglot.tasks import NamedEntities, PartOfSpeech, Place, Task, check_task
from equiglot.tasks.reading import files_of
from equiglot.tasks.settings import ConlluFiles
from tests.articles import ARTICLE
from tests.tasks.conftest import Write

LANGUAGES = ["el", "ko", "vi"]


@pytest.fixture
def folder(tmp_path: Path, write: Write) -> Path:
    for name in ("el_a-train", "el_a-test", "el_a-dev", "el_b-test", "ko_a-test"):
        write("text", f"{name}.conllu")
    return tmp_path


def conllu(folder: Path, **patterns: Any) -> dict[str, Any]:
    found = {split: [f"{folder}/{each}" for each in given] for split, given in patterns.items()}
    return {"kind": "conllu", **found}


WHOLE = {split: [f"{{language}}_*-{split}.conllu"] for split in ("train", "dev", "test")}


def test_a_task_that_can_work(folder: Path) -> None:
    check_task(PartOfSpeech(task="pos", data=conllu(folder, **WHOLE)), LANGUAGES, {})
    mapped = {"all": {"_": "X"}, "vi": {"N": "NOUN"}}
    check_task(PartOfSpeech(task="pos", data=conllu(folder, **WHOLE), map=mapped), LANGUAGES, {})
    each = {"el": conllu(folder, train=["el_a-train.conllu"], test=["el_?-test.conllu", "el_a-test.conllu"])}
    check_task(PartOfSpeech(task="pos", data=each), LANGUAGES, {})


def test_signs_of_patterns_in_the_name_of_a_folder(tmp_path: Path) -> None:
    for name in ("data[1]", "data1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "el-test.conllu").write_text("text")
    data = ConlluFiles(kind="conllu", test=(f"{tmp_path}/data[1]/*-test.conllu",))
    assert files_of(data, "el") == {"test": [tmp_path / "data[1]" / "el-test.conllu"]}


@pytest.mark.parametrize(
    ("patterns", "where", "what"),
    [
        ({**WHOLE, "train": ["{language}-train.conllu"]}, ".train", "matches no file of el, ko, vi"),
        ({**WHOLE, "test": ["x", "y"]}, ".test", "x and "),
        ({"test": WHOLE["test"]}, "", "The task pos has no data to train on"),
        ({"train": WHOLE["train"]}, "", "The task pos has no data to score models on"),
        ({}, "", "No files are named"),
        ({**WHOLE, "dev": WHOLE["test"]}, "", "el_a-test.conllu would be el dev data and el test data"),
        ({**WHOLE, "test": ["el_a-test.conllu"]}, "", "el_a-test.conllu would be el test data and ko test data"),
    ],
)
def test_files(folder: Path, patterns: dict[str, Any], where: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        check_task(PartOfSpeech(task="pos", data=conllu(folder, **patterns)), LANGUAGES, {})
    assert what in caught.value.what and caught.value.where == f"evaluation.pos.data{where}" and caught.value.fix


def test_a_language_of_its_own_needs_files(folder: Path) -> None:
    data = {"el": conllu(folder, **WHOLE), "vi": conllu(folder, test=["vi-test.conllu"])}
    with pytest.raises(InputError, match=r"vi-test.conllu matches no file of vi"):
        check_task(PartOfSpeech(task="pos", data=data), LANGUAGES, {})


def test_languages_that_the_run_has_not(folder: Path) -> None:
    source = conllu(folder, **WHOLE)
    for settings, field in (
        ({"data": {"el": source, "kp": source}}, "data"),
        ({"data": source, "map": {"kp": {}}}, "map"),
    ):
        with pytest.raises(InputError, match="the language 'kp'") as caught:
            check_task(PartOfSpeech(task="pos", **settings), LANGUAGES, {})
        assert caught.value.where == f"evaluation.pos.{field}" and caught.value.fix == "did you mean 'ko'?"


@pytest.mark.parametrize(
    ("task", "where", "what"),
    [
        (lambda data: NamedEntities(task="ner", data=data), "ner.data", "CoNLL-U has no named entities"),
        (
            lambda data: PartOfSpeech(task="pos", data=data, map={"ko": {"V": "VRB"}}),
            "pos.map.ko",
            "V is mapped to 'VRB', which is no universal part-of-speech tag",
        ),
    ],
)
def test_labels_that_cannot_be(folder: Path, task: Any, where: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        check_task(task(conllu(folder, **WHOLE)), LANGUAGES, {})
    assert caught.value.where == f"evaluation.{where}" and caught.value.fix


def test_places_need_documents(write: Write) -> None:
    task: Task = Place(task="place")
    whole = FilesSource(paths=(str(write("\n\n".join(ARTICLE.values()), "a.txt")),))
    lines = FilesSource(paths=(str(write("\n".join(ARTICLE.values()), "b.txt")),))
    check_task(task, ["el", "ko"], {"el": whole, "ko": whole})
    with pytest.raises(InputError, match="in the text of ko each line stands for itself"):
        check_task(task, ["el", "ko"], {"el": whole, "ko": lines})
