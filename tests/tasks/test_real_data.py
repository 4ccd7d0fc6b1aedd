"""Real treebanks, entities and topics: every item of every file, by a count that shares nothing with the readers."""

import re
from pathlib import Path

import conllu
import pytest

from equiglot.errors import InputError
from equiglot.tasks import NamedEntities, PartOfSpeech, TaskSummary, Topic, build_task, check_task, open_task

ALL = {"train": None, "dev": None, "test": None}
SPLITS = ("train", "dev", "test")
pytestmark = pytest.mark.slow


def patterns(folder: Path, name: str) -> dict[str, str]:
    return {split: str(folder / name.replace("{split}", split)) for split in SPLITS}


def files_of(folder: Path, name: str, language: str, split: str) -> list[Path]:
    return sorted(folder.glob(name.replace("{split}", split).replace("{language}", language)))


def check_counts(summary: TaskSummary, folder: Path, name: str, count: re.Pattern[str]) -> None:
    """All items of all languages, and of each test, which no rule moves elsewhere."""
    assert sum(sum(each.items.values()) for each in summary.languages) == sum(
        len(count.findall(file.read_text(encoding="utf-8"))) for file in folder.iterdir()
    )
    for each in summary.languages:
        assert each.items == each.available
        test = files_of(folder, name, each.code, "test")
        assert each.items.get("test", 0) == sum(len(count.findall(file.read_text(encoding="utf-8"))) for file in test)


def languages_of(folder: Path, name: re.Pattern[str]) -> list[str]:
    return sorted({match[1] for file in folder.iterdir() if (match := name.search(file.name))})


def test_treebanks(real_data: Path, tmp_path: Path) -> None:
    folder, name = real_data / "ud", "{language}_*-{split}.conllu"
    languages = languages_of(folder, re.compile("^([a-z]+)_"))
    task = PartOfSpeech(task="pos", data={"kind": "conllu", **patterns(folder, name)}, sentences=ALL)
    check_task(task, languages, {})
    summary = build_task(task, languages, {}, tmp_path)
    check_counts(summary, folder, name, re.compile(r"^\d+\t", re.M))
    only_tested = [each.code for each in summary.languages if "no training data: only tested on" in each.notes]
    assert only_tested == ["hi"]
    for language in languages:  # words and tags as the library reads them, all of the file at once
        found = open_task(tmp_path).split(language, "test")
        assert found is not None
        words: list[list[str]] = []
        tags: list[str] = []
        for file in files_of(folder, name, language, "test"):
            for sentence in conllu.parse(file.read_text(encoding="utf-8")):
                tokens = [token for token in sentence if isinstance(token["id"], int)]
                words.append([token["form"] for token in tokens])
                tags += [token["upos"] for token in tokens]
        assert language != "vi" or any(" " in word for each in words for word in each)
        assert found.words == words and [summary.labels[label] for label in found.labels] == tags


def test_entities(real_data: Path, tmp_path: Path) -> None:
    folder, name = real_data / "ner", "{language}_*-{split}.tsv"
    languages = languages_of(folder, re.compile("^([a-z]+)_"))
    data = {"kind": "bio", **patterns(folder, name)}
    task = NamedEntities(task="ner", data=data, sentences=ALL, types=["LOC", "ORG"])
    check_task(task, languages, {})
    summary = build_task(task, languages, {}, tmp_path)
    assert summary.labels == ("B-LOC", "B-ORG", "I-LOC", "I-ORG", "O")
    check_counts(summary, folder, name, re.compile(r"\t(?=\S+$)", re.M))


def test_types_of_entities_that_differ(real_data: Path, tmp_path: Path) -> None:
    folder, languages = real_data / "ner", ["de", "el", "eu", "vi"]
    task = NamedEntities(task="ner", data={"kind": "bio", **patterns(folder, "{language}_*-{split}.tsv")})
    check_task(task, languages, {})
    with pytest.raises(InputError) as caught:
        build_task(task, languages, {}, tmp_path)
    assert "(de: LOC, ORG, PER; el, eu: LOC, MISC, ORG, PER; vi: AGE, DATE" in caught.value.what
    remedy = re.search(r"types: \[(.+?)\].*map: {(\w+): {(\w+): (\w+)}}", str(caught.value.fix))
    assert remedy is not None and remedy.groups() == ("LOC, ORG", "vi", "NAME", "PER")
    summary = build_task(task.model_copy(update={"types": tuple(remedy[1].split(", "))}), languages, {}, tmp_path)
    assert summary.labels == ("B-LOC", "B-ORG", "I-LOC", "I-ORG", "O")
    renamed = {"types": ("LOC", "ORG", "PER"), "map": {remedy[2]: {remedy[3]: remedy[4]}}}
    summary = build_task(task.model_copy(update=renamed), languages, {}, tmp_path)
    found = open_task(tmp_path).split("vi", "test")
    assert found is not None
    persons = sum(summary.labels[label].endswith("-PER") for label in found.labels)
    assert persons == (folder / "vi_phoner-test.tsv").read_text(encoding="utf-8").count("-NAME\n") > 0


def test_topics(real_data: Path, tmp_path: Path) -> None:
    folder, name = real_data / "topic", "sib200-{language}-{split}.tsv"
    languages = languages_of(folder, re.compile("-([a-z]+)-"))
    task = Topic(task="topic", data={"kind": "tsv", **patterns(folder, name)}, sentences=ALL)
    check_task(task, languages, {})
    summary = build_task(task, languages, {}, tmp_path)
    check_counts(summary, folder, name, re.compile(r"^\d+\t", re.M))
    assert len(summary.labels) == 7 and not any(each.notes for each in summary.languages)
