"""Every kind of source through the whole build, what bare paths mean, and what languages may share."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import ValidationError

from equiglot.corpus import (
    FilesSource,
    HubSource,
    JsonlSource,
    LanguageText,
    ParquetSource,
    TextSettings,
    WikipediaSource,
    check_text,
)
from equiglot.corpus import opening as opening_module
from equiglot.corpus import records as records_module
from equiglot.errors import InputError
from tests.corpus.conftest import Build, random_sentences
from tests.corpus.dumps import Article, dump
from tests.corpus.packing import packed

Write = Callable[..., str]
SHARES = TextSettings(valid=0.1, test=0.1)
KINDS = ("files", "jsonl", "parquet", "wikipedia", "hub")


def source_of(kind: str, texts: list[str], folder: Path) -> Any:
    """Documents as a source of this kind, written into the folder."""
    if kind == "files":
        return stored(folder / "a.txt.zst", "\n\n".join([*texts, "a\nb"]))
    if kind == "jsonl":
        return stored(folder / "a.jsonl.gz", "\n".join(json.dumps({"text": text}) for text in texts))
    if kind == "wikipedia":
        pages = [Article(str(number), text) for number, text in enumerate(texts)]
        return stored(folder / "ruwiki-pages-articles.xml.bz2", dump("ru", pages))
    file = folder / kind / "train.parquet"
    file.parent.mkdir()
    parquet.write_table(pa.table({"text": texts}), file, row_group_size=500)
    return str(file) if kind == "parquet" else {"kind": "hub", "dataset": str(file.parent)}


def stored(path: Path, text: str) -> str:
    path.write_bytes(packed(text.encode(), path.suffix))
    return str(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_corpus_of_every_kind(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "hub":
        datasets = pytest.importorskip("datasets", reason="needs the extra `hub`")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    sentences = random_sentences(300)
    texts = [" ".join(sentences[start : start + 3]) + "\n" + sentences[start + 3] for start in range(0, 300, 4)]
    source = source_of(kind, texts, tmp_path)
    statistics, splits = build(source, valid=0.1, test=0.1)
    assert sorted(line for split in splits.values() for line in split) == sorted(sentences)
    assert len(splits["train"]) > 200
    assert statistics.description and not statistics.parallel
    estimate = LanguageText(text=source).text.estimate_characters("en")
    assert estimate == pytest.approx(sum(map(len, texts)), rel=0.2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.txt", FilesSource(paths=("a.txt",))),
        ("corpora/ru", FilesSource(paths=("corpora/ru",))),
        ("a.txt.zst", FilesSource(paths=("a.txt.zst",))),
        ("c/*.jsonl", JsonlSource(kind="jsonl", paths=("c/*.jsonl",))),
        (["a.jsonl.gz", "b.jsonl"], JsonlSource(kind="jsonl", paths=("a.jsonl.gz", "b.jsonl"))),
        (["c/**/*.parquet"], ParquetSource(kind="parquet", paths=("c/**/*.parquet",))),
        ("eu-pages-articles.xml.bz2", WikipediaSource(kind="wikipedia", paths=("eu-pages-articles.xml.bz2",))),
        ("x-pages-articles1.xml-p1p9.bz2",
         WikipediaSource(kind="wikipedia", paths=("x-pages-articles1.xml-p1p9.bz2",))),
        ("x-pages-articles.xml", WikipediaSource(kind="wikipedia", paths=("x-pages-articles.xml",))),
    ],
)  # fmt: skip
def test_names_say_the_kind(text: Any, expected: Any) -> None:
    assert LanguageText(text=text).text == expected
    assert LanguageText.model_validate_json(LanguageText(text=text).model_dump_json()).text == expected


@pytest.mark.parametrize("text", [["a.txt", "b.jsonl"], ["a.parquet", "b.jsonl.gz"], ["corpora/ru", "x.xml.bz2"]])
def test_several_kinds_in_one_list(text: list[str]) -> None:
    with pytest.raises(ValidationError, match=r"files of several kinds in one list: .*; give files of one kind"):
        LanguageText(text=text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "jsonl"},
        {"kind": "jsonl", "paths": "a", "column": "x"},
        {"kind": "parquet", "paths": [], "column": "x"},
        {"kind": "wikipedia", "paths": "a", "parallel": True},
        {"kind": "hub"},
        {"kind": "hub", "dataset": "a/b", "limit": 0},
    ],
)
def test_wrong_sources(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LanguageText(text=wrong)


def test_rows_in_a_folder_of_text(written: Write, tmp_path: Path) -> None:
    written("text", "ru/a.text")
    check_text(SHARES, {"ru": LanguageText(text=str(tmp_path / "ru/*"))})
    written('{"text": "x"}', "ru/b.jsonl.gz")
    with pytest.raises(InputError, match=r"b\.jsonl\.gz is no plain text: its name says jsonl") as caught:
        check_text(SHARES, {"ru": LanguageText(text=str(tmp_path / "ru/*"))})
    assert "{kind: jsonl, paths: ...}" in str(caught.value.fix)


def test_hidden_files_of_a_folder_are_not_read(written: Write, tmp_path: Path) -> None:
    for name in ("a.txt", "b/c.txt", ".ipynb_checkpoints/x.txt", "b/.old/y.txt", ".z.txt", ".DS_Store", ".r.jsonl"):
        written("a sentence", f"ru/{name}")
    text = LanguageText(text=str(tmp_path / "ru"))
    check_text(SHARES, {"ru": text})
    found = [str(path.relative_to(tmp_path / "ru")) for path in FilesSource(paths=(str(tmp_path / "ru"),)).files()]
    assert found == ["a.txt", "b/c.txt"]
    written("a sentence", ".home/ru/a.txt")  # above the folder, a name may begin so
    assert FilesSource(paths=(str(tmp_path / ".home" / "ru"),)).files() == [tmp_path / ".home" / "ru" / "a.txt"]


def test_two_languages_may_share_a_file_but_no_part_of_it(written: Write) -> None:
    path = written('{"ru": "да", "el": "ναι"}', "a.jsonl")
    texts = {
        language: LanguageText(text={"kind": "jsonl", "paths": path, "field": language}) for language in ("ru", "el")
    }
    check_text(SHARES, texts)
    with pytest.raises(InputError, match=r"ru and te have the same file, a\.jsonl"):
        check_text(SHARES, {**texts, "te": texts["ru"]})
    with pytest.raises(InputError, match="There is no file"):
        check_text(SHARES, {"ru": LanguageText(text="nowhere.parquet")})


def test_two_languages_may_not_share_a_dataset() -> None:
    def texts(configuration: str) -> dict[str, LanguageText]:
        source = HubSource(kind="hub", dataset="wikimedia/wikipedia", configuration=configuration)
        return {language: LanguageText(text=source) for language in ("te", "ko")}

    pytest.importorskip("datasets", reason="needs the extra `hub`")
    check_text(SHARES, texts("20231101.{language}"))
    with pytest.raises(InputError, match="te and ko have the same dataset wikimedia/wikipedia"):
        check_text(SHARES, texts("20231101.te"))


# --- parallel text


def test_parallel_lines_share_ids(written: Write) -> None:
    texts = {"en": "one\n\ntwo\nthree\n", "ko": "하나\n둘\n\n셋\n"}
    ids = {}
    for language, text in texts.items():
        source = FilesSource(paths=(written(text, f"{language}.txt"),), parallel=True)
        assert source.is_parallel
        ids[language] = {document.id: document.paragraphs[0] for document in source.documents(language)}
    assert ids == {"en": {"0:0": "one", "0:2": "two", "0:3": "three"}, "ko": {"0:0": "하나", "0:1": "둘", "0:3": "셋"}}


@pytest.mark.parametrize("kind", ["files", "jsonl"])
def test_parallel_text_is_split_alike(build: Build, written: Write, kind: str) -> None:
    sentences = {language: random_sentences(400, seed) for seed, language in enumerate(("en", "ko"))}
    where: dict[str, dict[str, set[int]]] = {}
    for language, texts in sentences.items():
        lines = texts if kind == "files" else [json.dumps({"text": text}) for text in texts]
        path = written("\n".join(lines), f"{language}.{kind}")
        source = {"kind": kind, "paths": path, "parallel": True}
        statistics, splits = build(source, language=language, valid=0.1, test=0.1, split_sentences=False)
        assert statistics.parallel
        where[language] = {split: {texts.index(text) for text in found} for split, found in splits.items()}
    assert where["en"] == where["ko"]


def test_parallel_text_is_checked(written: Write) -> None:
    paths = [written(name, f"{name}.txt") for name in ("a", "b", "c")]
    texts = {
        "en": LanguageText(text={"kind": "files", "paths": paths[:1], "parallel": True}),
        "ko": LanguageText(text={"kind": "files", "paths": paths[1:2], "parallel": True}),
        "te": LanguageText(text={"kind": "files", "paths": paths[1:], "parallel": True}),
    }
    check_text(SHARES, {language: texts[language] for language in ("en", "ko")})
    with pytest.raises(InputError, match=r"text\.valid cannot be a number of sentences"):
        check_text(TextSettings(valid=10, test=0.1), {"en": texts["en"]})
    with pytest.raises(InputError, match="The parallel languages en and te have 1 and 2 files"):
        check_text(SHARES, {language: texts[language] for language in ("en", "te")})


# --- memory


@pytest.mark.parametrize("kind", ["files", "jsonl", "parquet", "wikipedia"])
def test_memory_stays_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(opening_module, "BLOCK_CHARACTERS", 1 << 14)
    monkeypatch.setattr(records_module, "ROWS", 64)
    sentences = random_sentences(6000)
    texts = [" ".join(sentences[start : start + 10]) for start in range(0, 6000, 10)]
    peaks = []
    for copies in (1, 10):
        folder = tmp_path / str(copies)
        folder.mkdir()
        source = LanguageText(text=source_of(kind, texts * copies, folder)).text
        found = arrow = 0
        tracemalloc.start()
        for document in source.documents("en"):
            found += len(document.paragraphs[0])
            arrow = max(arrow, pa.total_allocated_bytes())  # which tracemalloc does not see
        peaks.append(tracemalloc.get_traced_memory()[1] + arrow)
        tracemalloc.stop()
        assert found == copies * sum(map(len, texts)) + (kind == "files")
    assert peaks[1] - peaks[0] < sum(map(len, texts)) * 2  # of the nine times as much text that is more
