"""JSON Lines and Parquet: what is written comes back, and what cannot be read is said with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from equiglot.corpus import Document, FilesSource, JsonlSource, ParquetSource
from equiglot.corpus import records as records_module
from equiglot.corpus.documents import LONGEST_TEXT
from equiglot.corpus.paths import SAMPLE_BYTES
from equiglot.errors import InputError
from tests.articles import ARTICLE
from tests.corpus.conftest import SECOND
from tests.corpus.packing import SUFFIXES, packed

Write = Callable[..., str]
TEXTS = [f"{ARTICLE[language]}\n{SECOND[language]}" for language in SECOND]


def json_lines(rows: list[Any]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def jsonl(*paths: str, **options: Any) -> list[Document]:
    return list(JsonlSource(kind="jsonl", paths=paths, **options).documents("en"))


@pytest.fixture
def tabled(tmp_path: Path) -> Callable[..., str]:
    """Writes a Parquet file; gives its path."""

    def write(columns: dict[str, Any], name: str = "a.parquet", **options: Any) -> str:
        parquet.write_table(pa.table(columns), tmp_path / name, **options)
        return str(tmp_path / name)

    return write


def table(*paths: str, **options: Any) -> list[Document]:
    return list(ParquetSource(kind="parquet", paths=paths, **options).documents("en"))


# --- every form gives back what was written

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1), min_size=1).filter(
    lambda lines: all(line.strip() for line in lines)
)
TEXT = LINES.map(lambda lines: [line.removeprefix("\ufeff") or "x" for line in lines])


@given(texts=st.lists(TEXT, min_size=1, max_size=8), suffix=st.sampled_from(["", *SUFFIXES]))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str]], suffix: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    texts = [[line for line in text if line.strip()] or ["x"] for text in texts]
    joined = ["\n".join(text) for text in texts]
    plain, rows, columns = folder / f"a.txt{suffix}", folder / f"a.jsonl{suffix}", folder / "a.parquet"
    plain.write_bytes(packed("\n\n".join([*joined, "the last\nof two"]).encode(), suffix))
    rows.write_bytes(packed(json_lines([{"text": text} for text in joined]).encode(), suffix))
    parquet.write_table(pa.table({"text": joined}), columns, row_group_size=3)
    found = [d.paragraphs for d in FilesSource(paths=(str(plain),)).documents("en")]
    assert found == [*texts, ["the last", "of two"]]
    assert [d.paragraphs for d in jsonl(str(rows))] == texts
    assert [d.paragraphs for d in table(str(columns))] == texts


def test_fields_and_ids(written: Write) -> None:
    rows = [
        {"id": "ж", "page": {"body": TEXTS[0]}},
        {"id": 7, "page": {"body": None}},
        {"id": 8, "page": {"body": " \r\n"}},
        {"id": 9, "page": {"body": "one\r\ntwo\rthree"}},
    ]
    path = written(json_lines(rows[:2]) + "\r\n\n" + json_lines(rows[2:]), "a.jsonl")
    assert jsonl(path, field="page.body", id="id") == [
        Document("ж", TEXTS[0].split("\n")),
        Document("9", ["one", "two", "three"]),
    ]
    other = written(json_lines(rows[:1]), "b.jsonl")
    assert [d.id for d in jsonl(path, other, field="page.body")] == ["0:1", "0:5", "1:1"]


def test_half_a_surrogate_pair_is_replaced(written: Write) -> None:
    found = jsonl(written('{"text": "a\\ud83d b \\ud83d\\ude00 ж"}', "a.jsonl"))
    assert found[0].paragraphs == ["a\ufffd b 😀 ж"]
    assert found[0].paragraphs[0].encode()


@pytest.mark.parametrize(
    ("line", "what", "fix"),
    [
        ("{", "is no JSON", "one JSON object a line"),
        ("[" * 100_000, "is no JSON", "one JSON object a line"),
        ('{"text": ' + "9" * 5000 + "}", "is no JSON", "one JSON object a line"),
        ('["text"]', "is no JSON object", "one JSON object a line"),
        ('{"tekst": "a"}', "has no field 'text'", "'tekst'"),
        ('{"a": 1, "b": 2}', "has no field 'text'", "a, b"),
        ("{}", "has no field 'text'", "none"),
        ('{"text": 3}', "has no text in the field 'text': 3", "a string"),
        ('{"text": {"text": "a"}}', "has no text in the field 'text'", "a string"),
    ],
)
def test_bad_lines(written: Write, line: str, what: str, fix: str) -> None:
    path = written('{"text": "Добрый день."}\r\n\n' + line + "\n", "a.jsonl")
    with pytest.raises(InputError) as caught:
        jsonl(path)
    assert f"Line 3 of a.jsonl {what}" in caught.value.what and len(caught.value.what) < 120
    assert caught.value.where == f"{path}:3"
    assert fix in str(caught.value.fix)


def test_half_a_surrogate_pair_in_an_id_is_replaced(written: Write) -> None:
    assert jsonl(written('{"text": "a", "id": "\\ud800"}', "a.jsonl"), id="id")[0].id == "\ufffd"


@pytest.mark.parametrize("value", [None, ""])
def test_rows_without_an_id_are_refused(tabled: Write, value: Any) -> None:
    path = tabled({"text": ["a", "b"], "key": pa.array(["x", value], pa.string())})
    with pytest.raises(InputError, match=r"Row 2 of a\.parquet has no id in the column 'key'") as caught:
        table(path, id="key")
    assert caught.value.where == f"{path}, row 2" and "give" in str(caught.value.fix)


@pytest.mark.parametrize("value", [None, "", 1.5, [1], True])
def test_bad_ids(written: Write, value: Any) -> None:
    path = written(json_lines([{"id": value, "text": "a"}]), "a.jsonl")
    with pytest.raises(InputError, match="has no id in the field 'id'"):
        jsonl(path, id="id")


def test_no_text_at_all(written: Write, tabled: Write) -> None:
    with pytest.raises(InputError, match="the field 'text' is null or blank in every line"):
        jsonl(written('{"text": null}\n{"text": " "}\n', "a.jsonl"))
    with pytest.raises(InputError, match="the column 'text' is null or blank in every row"):
        table(tabled({"text": pa.array([None, " "], pa.string())}))
    with pytest.raises(InputError, match="null or blank in every row"):
        table(tabled({"text": pa.array([], pa.string())}))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_columns(tabled: Write, monkeypatch: pytest.MonkeyPatch, kind: pa.DataType) -> None:
    monkeypatch.setattr(records_module, "ROWS", 3)
    texts = pa.array([*TEXTS, None, " \n"]).cast(kind)
    path = tabled({"number": range(len(texts)), "body": texts}, row_group_size=4)
    found = table(path, column="body")
    assert [d.paragraphs for d in found] == [text.split("\n") for text in TEXTS]
    assert [d.id for d in found] == [f"0:{number}" for number in range(len(TEXTS))]
    assert [d.id for d in table(path, column="body", id="number")] == [str(number) for number in range(len(TEXTS))]


def test_wrong_columns(tabled: Write) -> None:
    path = tabled({"number": [1], "tags": [["a"]], "texts": ["a"], "bytes": [b"a"]})
    with pytest.raises(InputError, match=r"a\.parquet has no column 'text'") as caught:
        table(path)
    assert caught.value.fix == "did you mean 'texts'?" and caught.value.where == path
    with pytest.raises(InputError, match="no column") as caught:
        table(path, column="xyz")
    assert caught.value.fix == "its columns are: number, tags, texts, bytes"
    for column, kind in {"number": "int64", "tags": "list", "bytes": "binary"}.items():
        with pytest.raises(InputError, match=f"holds no text: its type is {kind}") as caught:
            table(path, column=column)
        assert caught.value.fix == "name a column of strings: texts"
    with pytest.raises(InputError, match="holds no ids: its type is list"):
        table(path, column="texts", id="tags")


def test_no_parquet(tabled: Write, written: Write, tmp_path: Path) -> None:
    whole = Path(tabled({"text": TEXTS * 100})).read_bytes()
    for content in (whole[: len(whole) // 2], b"PAR1", TEXTS[0].encode(), whole[:-8] + b"\xff" * 4 + whole[-4:]):
        with pytest.raises(InputError, match="is no Parquet file, or cut off or damaged") as caught:
            table(written(content, "b.parquet"))
        assert "again" in str(caught.value.fix)
    wrong = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff"))
    for columns, options in (({"text": wrong}, {}), ({"text": TEXTS[:2], "name": wrong}, {"id": "name"})):
        with pytest.raises(InputError, match="not UTF-8 in rows 1 to 2"):
            table(tabled(columns, "c.parquet"), **options)
    twice = pa.Table.from_arrays([pa.array(TEXTS), pa.array(TEXTS)], names=["text", "text"])
    parquet.write_table(twice, tmp_path / "d.parquet")
    with pytest.raises(InputError, match="several columns that are called 'text'"):
        table(str(tmp_path / "d.parquet"))


@pytest.mark.parametrize("suffix", ["", ".zst"])
def test_estimates(written: Write, tabled: Write, suffix: str) -> None:
    texts = [f"{text} {number}" for number in range(2500) for text in TEXTS]
    total = sum(map(len, texts))
    path = written(packed(json_lines([{"n": 1, "text": text} for text in texts]).encode(), suffix), f"a.jsonl{suffix}")
    assert JsonlSource(kind="jsonl", paths=(path,)).estimate_characters("en") == pytest.approx(total, rel=0.3)
    paths = (tabled({"text": texts}), tabled({"text": texts}, "b.parquet"))
    assert ParquetSource(kind="parquet", paths=paths).estimate_characters("en") == pytest.approx(2 * total, rel=0.05)


def test_a_line_longer_than_the_sample_is_counted_as_text(written: Write) -> None:
    text = f"{TEXTS[0]} " * (SAMPLE_BYTES // len(TEXTS[0]) + 1)
    for before in ("", "\n\n"):
        path = written(before + json_lines([{"n": 1, "text": text}]), "a.jsonl")
        assert JsonlSource(kind="jsonl", paths=(path,)).estimate_characters("en") == pytest.approx(len(text), rel=0.1)


def test_identity_is_of_what_is_read(written: Write, tabled: Write) -> None:
    path, same = (written(json_lines([{"text": "a", "b": "c"}]), name) for name in ("a.jsonl", "b.jsonl"))
    sources = [JsonlSource(kind="jsonl", paths=(path,), field=field) for field in ("text", "b")]
    assert sources[0].identity("en") != sources[1].identity("en")
    assert sources[0].identity("en") == JsonlSource(kind="jsonl", paths=(same,)).identity("en")
    assert "one file (a.jsonl)" in sources[0].describe("en")


def test_rows_in_one_line_are_refused(written: Write) -> None:
    path = written('{"text": "x"}\n' + json.dumps([{"text": "x" * 1000}] * 11_000), "a.jsonl")
    with pytest.raises(InputError, match=r"Line 2 of .* is longer than .* characters") as caught:
        jsonl(path)
    assert caught.value.where == f"{path}:2" and "a JSON object a line" in str(caught.value.fix)


def test_a_row_that_is_too_long(tabled: Callable[..., str]) -> None:
    path = tabled({"text": [*["x"] * 20, "y" * (LONGEST_TEXT + 1)]})
    with pytest.raises(InputError, match=r"text in row 21 of a\.parquet is longer than .* characters") as caught:
        table(path)
    assert caught.value.where == f"{path}, row 21"


def test_row_groups_that_would_fill_the_memory_are_not_unpacked(
    tabled: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tabled({"text": ["x", "y" * (5 * LONGEST_TEXT)]}, row_group_size=1, compression="zstd")
    monkeypatch.delattr(parquet.ParquetFile, "iter_batches")
    with pytest.raises(InputError, match=r"A text in row group 2 of a\.parquet is longer than"):
        table(path)


def test_a_long_text_of_many_rows_takes_memory_for_few_of_them(tabled: Callable[..., str]) -> None:
    text = "x" * (LONGEST_TEXT // 10)
    path = tabled({"text": pa.DictionaryArray.from_arrays(pa.array([0] * 300), pa.array([text]))}, store_schema=False)
    before = pa.default_memory_pool().max_memory()
    assert sum(len(document.paragraphs[0]) for document in table(path)) == 300 * len(text)
    assert pa.default_memory_pool().max_memory() - before < 100 * len(text)
