"""Tab-separated tables and Parquet: what is written comes back, and each fault has its place."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from equiglot.errors import InputError
from equiglot.tasks.formats import read_jsonl, read_parquet, read_tsv
from equiglot.tasks.sentences import Sentence
from tests.articles import ARTICLE
from tests.tasks.conftest import Write
from tests.tasks.sentences import BIO, SENTENCE, UPOS, words_of

# --- tab-separated


def table(file: Path) -> list[tuple[str, str]]:
    return [(each.words[0], each.labels[0]) for each in read_tsv(file, ["text"], "category")]


def test_texts_and_classes(write: Write) -> None:
    rows = [(text, language) for language, text in ARTICLE.items()]
    text = "index\tcategory\ttext\n" + "".join(f"7\t{label}\t{text}\n" for text, label in rows)
    assert table(write(text)) == rows
    assert table(write("\ufeff" + text.replace("\n", "\r\n").rstrip())) == rows


FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\0\t\r\n\ufeff"), min_size=1).filter(str.strip)


@given(rows=st.lists(st.tuples(FIELD, FIELD)))
def test_what_programs_of_tables_write_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    file = tmp_path_factory.mktemp("tsv") / "a.tsv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, "excel-tab")
        writer.writerows([("text", "category"), *rows])
    assert table(file) == rows


@pytest.mark.parametrize("text", ['"Tere!" ütles ta.', 'Sie sagte: "Nein"', '"', 'x "" y', "'"])
def test_quotation_marks_that_nobody_doubled(write: Write, text: str) -> None:
    assert table(write(f"text\tcategory\n{text}\tspeech\n")) == [(text, "speech")]


def test_a_mark_opens_one_text_and_another_ends_with_one(write: Write) -> None:
    pair = ['"Hello" is a word', 'A word is "Hello"']
    file = write("one\ttwo\tlabel\n" + "\t".join([*pair, "1"]) + "\n")
    found = list(read_tsv(file, ["one", "two"], "label"))
    assert [(each.words, each.labels) for each in found] == [(pair, ["1"])]


def test_objects_in_lines(write: Write) -> None:
    line = '{"a": "Ένα \\ud83d", "b": "δύο \\ud83d\\ude00", "label": 1}'
    (found,) = read_jsonl(write(line, "a.jsonl"), ["a", "b"], "label")
    assert (found.words, found.labels) == (["Ένα \ufffd", "δύο 😀"], ["1"])
    for bad in ("{", "[" * 100_000, "3"):
        file = write(bad, "bad.jsonl")
        with pytest.raises(InputError, match=r"no JSON|no object") as caught:
            list(read_jsonl(file, ["a", "b"], "label"))
        assert caught.value.where == f"{file}:1"


def test_blank_lines_and_blank_texts(write: Write) -> None:
    found = list(read_tsv(write("text\tcategory\n\n \tnews\n안녕\tnews\n"), ["text"], "category"))
    assert [each.words for each in found] == [[], ["안녕"]]


@pytest.mark.parametrize(
    ("text", "line", "what", "fix"),
    [
        ("text\tcategorie\nx\ty\n", 1, "no column 'category'", "did you mean 'categorie'?"),
        ("satz\tcategory\nx\ty\n", 1, "no column 'text'", "its columns are: satz, category"),
        ("text\tcategory\nπρώτο\tα\nδεύτερο\n", 3, "This line has 1 columns, the first one 2", "as many"),
        ("text\tcategory\nπρώτο\tα\tβ\n", 2, "This line has 3 columns", "as many"),
        ('text\tcategory\n"a text\non two lines"\tα\n', 2, "This line has 1 columns", "line ends"),
        ("text\tcategory\nπρώτο\tα\n".encode("iso8859-7"), 2, "not UTF-8", "iconv"),
    ],
)
def test_faults_of_tables(write: Write, text: str | bytes, line: int, what: str, fix: str) -> None:
    file = write(text, "bad.tsv")
    with pytest.raises(InputError) as caught:
        table(file)
    assert what in caught.value.what and fix in str(caught.value.fix) and caught.value.where == f"{file}:{line}"


# --- Parquet

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TAGS = {language: tags.split() for language, tags in BIO.items()}


def metadata(features: Any) -> dict[bytes, bytes]:
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


def save(file: Path, columns: dict[str, Any], features: Any = None) -> Path:
    rows = pa.table(columns)
    parquet.write_table(rows.replace_schema_metadata(metadata(features)) if features else rows, file)
    return file


def read(file: Path, **options: Any) -> list[tuple[list[str], list[str]]]:
    text = options.pop("text", "tokens")
    given = {"texts": [text], "label": "tags", "unit": "word", **options}
    return [(each.words, each.labels) for each in read_parquet(file, **given)]


def test_tags_as_text(tmp_path: Path) -> None:
    columns = {"id": range(len(SENTENCE)), "tokens": map(words_of, SENTENCE), "tags": TAGS.values()}
    file = save(tmp_path / "a.parquet", {name: list(values) for name, values in columns.items()})
    assert read(file) == [(words_of(language), TAGS[language]) for language in SENTENCE]


@pytest.mark.parametrize("kind", ["Sequence", "List"])
def test_tags_as_numbers_of_names(tmp_path: Path, kind: str) -> None:
    numbers = [[NAMES.index(tag) for tag in TAGS[language]] for language in SENTENCE]
    features = {"tags": {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": kind}}
    file = save(tmp_path / "a.parquet", {"tokens": list(map(words_of, SENTENCE)), "tags": numbers}, features)
    assert read(file) == [(words_of(language), TAGS[language]) for language in SENTENCE]


def test_metadata_as_the_package_datasets_writes_it(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra `hub`")
    names = sorted({tag for tags in UPOS.values() for tag in tags.split()})
    label = datasets.ClassLabel(names=names)
    features = datasets.Features({"tokens": datasets.Sequence(datasets.Value("string")), "t": datasets.Sequence(label)})
    rows = {"tokens": [words_of(language) for language in SENTENCE], "t": [tags.split() for tags in UPOS.values()]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    assert pa.types.is_integer(parquet.read_schema(tmp_path / "a.parquet").field("t").type.value_type)
    assert read(tmp_path / "a.parquet", label="t") == list(zip(rows["tokens"], rows["t"], strict=True))
    features = datasets.Features({"text": datasets.Value("string"), "class": datasets.ClassLabel(names=["αθλητικά"])})
    rows = {"text": [ARTICLE["el"], None], "class": [0, 0]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "b.parquet")
    options = {"text": "text", "label": "class", "unit": "sentence"}
    assert read(tmp_path / "b.parquet", **options) == [([ARTICLE["el"]], ["αθλητικά"]), ([], [])]


def test_null_and_empty_rows_have_no_words(tmp_path: Path) -> None:
    file = save(tmp_path / "a.parquet", {"tokens": [[], None, ["둘"]], "tags": [[], None, ["O"]]})
    assert read(file) == [([], []), ([], []), (["둘"], ["O"])]


PERSON = {"tags": {"feature": {"names": ["O", "B-PER"]}}}


@pytest.mark.parametrize(
    ("tags", "features", "what"),
    [
        ([["O"], ["O", "O"]], None, "This sentence has 1 words and 2 tags"),
        ([["O"], [None]], None, "None is no label"),
        ([["O"], None], None, "not ['둘'] and None"),
        ([[0], [1]], None, "The label is the number 0, and nothing says what it stands for"),
        ([[0], [1]], {"tags": None}, "the number 0"),
        ([[0], [1]], {"tags": ["O", "B-PER"]}, "the number 0"),
        ([[0], [2]], PERSON, "2 is no label"),
        ([[0], [-1]], PERSON, "-1 is no label"),
        ([0, 1], PERSON, "Lists of words and tags are expected, not ['하나'] and 0"),
    ],
)
def test_faults_of_rows(tmp_path: Path, tags: list[Any], features: Any, what: str) -> None:
    file = save(tmp_path / "bad.parquet", {"tokens": [["하나"], ["둘"]], "tags": tags}, features)
    with pytest.raises(InputError) as caught:
        read(file)
    assert what in caught.value.what and caught.value.fix
    row = 1 if "0" in what else 2
    assert caught.value.where == f"{file}, row {row}"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"text": "token"}, "no column 'token'"),
        ({"label": "tag"}, "no column 'tag'"),
        ({"unit": "sentence"}, "A text and its class are expected, not ['하나'] and ['O']"),
    ],
)
def test_wrong_columns(tmp_path: Path, options: dict[str, Any], what: str) -> None:
    file = save(tmp_path / "a.parquet", {"tokens": [["하나"]], "tags": [["O"]]})
    with pytest.raises(InputError) as caught:
        read(file, **options)
    assert what in caught.value.what and str(file) in str(caught.value.where) and caught.value.fix


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    words = pa.array([["живёт".encode("cp1251")]], pa.list_(pa.binary())).view(pa.list_(pa.string()))
    file = save(tmp_path / "bad.parquet", {"tokens": words, "tags": [["O"]]})
    with pytest.raises(InputError, match="not UTF-8"):
        read(file)


def test_no_parquet_at_all(write: Write) -> None:
    with pytest.raises(InputError, match="no Parquet file"):
        read(write("words"))


def test_a_row_knows_its_place(tmp_path: Path) -> None:
    file = save(tmp_path / "a.parquet", {"tokens": [["하나"], ["둘"]], "tags": [["O"], ["O"]]})
    sentences: list[Sentence] = list(read_parquet(file, ["tokens"], "tags", "word"))
    assert sentences[1].where(0) == f"{file}, row 2"
