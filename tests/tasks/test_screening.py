"""Sentences whose words are not there, and things that are longer than anybody writes."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from equiglot.errors import InputError
from equiglot.tasks import NamedEntities, PartOfSpeech, Topic, sentences
from equiglot.tasks.sentences import Sentence
from tests.tasks.conftest import Write, built, patterns, read_back
from tests.tasks.sentences import BIO, UPOS, Tagged, bio, conllu, tagged

LEFT_OUT = "sentences left out whose words are all _: their text may not be distributed"
HIDDEN = [("_", tag) for _, tag in tagged("ru", UPOS)]
ONE, READ = [("_", "PUNCT")], tagged("ru", UPOS)


def split_files(train: list[Tagged], name: str = "ru_x") -> dict[str, str]:
    return {f"{name}-train": conllu(train), f"{name}-dev": conllu([READ]), f"{name}-test": conllu([READ])}


# --- words that are not there


def test_sentences_without_their_words_are_left_out_and_counted(speech: Any, tmp_path: Path) -> None:
    task = speech(split_files([READ, HIDDEN, READ, HIDDEN, ONE]))
    (described,) = built(task, ["ru"], tmp_path / "task").languages
    assert f"{LEFT_OUT}: 2" in described.notes and described.sentences["train"] == 3
    assert read_back(tmp_path / "task", "ru", "train") == [READ, READ, ONE]


def test_a_treebank_without_its_words_is_refused_by_name(speech: Any, tmp_path: Path) -> None:
    task = speech({**split_files([READ] * 2), "ru_hidden-train": conllu([HIDDEN, ONE, HIDDEN])})
    with pytest.raises(InputError, match="Every word of it is _") as caught:
        built(task, ["ru"], tmp_path / "task")
    assert caught.value.where == f"{tmp_path}/ud/ru_hidden-train.conllu"
    assert "ud/{language}_*-train.conllu" in str(caught.value.fix)
    named = task.data.model_copy(update={"train": (f"{tmp_path}/ud/{{language}}_x-train.conllu",)})
    built(task.model_copy(update={"data": named}), ["ru"], tmp_path / "task")


def test_an_underscore_among_words_is_one(speech: Any, tmp_path: Path) -> None:
    sentence = [("имя", "NOUN"), ("_", "PUNCT"), ("файла", "NOUN")]
    built(speech(split_files([sentence, ONE])), ["ru"], tmp_path / "task")
    assert read_back(tmp_path / "task", "ru", "train") == [sentence, ONE]


def test_the_same_in_rows_and_in_entity_files(entities: Any, tmp_path: Path) -> None:
    hidden = [("_", tag) for _, tag in tagged("el", BIO)]
    files = {f"el_x-{split}": bio([tagged("el", BIO), hidden]) for split in ("train", "dev", "test")}
    (described,) = built(entities(files), ["el"], tmp_path / "task").languages
    assert f"{LEFT_OUT}: 3" in described.notes
    table = pa.table({"tokens": [["_", "_"]] * 9, "tags": [["NOUN", "VERB"]] * 9})
    for split in ("train", "dev", "test"):
        parquet.write_table(table, tmp_path / f"el_p-{split}.parquet")
    data = {"kind": "parquet", "label": "tags", **patterns(tmp_path, ".parquet")}
    with pytest.raises(InputError, match="Every word of it is _") as caught:
        built(PartOfSpeech(task="pos", data=data), ["el"], tmp_path / "task")
    assert caught.value.where == f"{tmp_path}/el_p-train.parquet"


# --- sizes


def refused(task: Any, folder: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        built(task, ["ru"], folder / "task")
    assert caught.value.fix and len(str(caught.value)) < 1000
    return caught.value


def test_a_word_or_a_tag_that_does_not_end(speech: Any, entities: Any, tmp_path: Path) -> None:
    error = refused(speech(split_files([READ, [("д" * 10_001, "NOUN")]])), tmp_path)
    assert error.what == "A word has 10,001 characters; more than 10,000 are taken for a mistake."
    assert error.where == f"{tmp_path}/ud/ru_x-train.conllu:10"
    tag = [("дом", "B-" + "X" * 1_000_000)]
    error = refused(entities({f"ru_x-{split}": bio([tag]) for split in ("train", "dev", "test")}), tmp_path)
    assert (
        error.what.startswith("A label has 1,000,002 characters") and error.where == f"{tmp_path}/ner/ru_x-train.tsv:1"
    )


def test_an_id_of_many_digits(speech: Any, tmp_path: Path) -> None:
    text = conllu([READ]) + "1" * 5000 + "\tдом\t_\tNOUN\t_\t_\t0\troot\t_\t_\n"
    error = refused(speech({**split_files([READ]), "ru_y-train": text}), tmp_path)
    assert "The id of a word has 5,000 characters" in error.what and error.where == f"{tmp_path}/ud/ru_y-train.conllu:9"


def test_a_sentence_that_does_not_end(entities: Any, tmp_path: Path) -> None:
    many = [("дом", "O")] * (sentences.LONGEST_SENTENCE + 1)
    error = refused(entities({f"ru_x-{split}": bio([many]) for split in ("train", "dev", "test")}), tmp_path)
    assert error.what == "A sentence goes on beyond 20,000 words or lines."
    assert error.where == f"{tmp_path}/ner/ru_x-train.tsv:20001" and "blank line" in str(error.fix)
    words = [["дом"] * len(many)]
    for split in ("train", "test"):
        table = pa.table({"tokens": words, "ner_tags": [["O"] * len(many)]})
        parquet.write_table(table, tmp_path / f"ru_p-{split}.parquet")
    data = {"kind": "parquet", **{key: name for key, name in patterns(tmp_path, ".parquet").items() if key != "dev"}}
    error = refused(NamedEntities(task="ner", data=data), tmp_path)
    assert "beyond 20,000" in error.what and error.where == f"{tmp_path}/ru_p-train.parquet, row 1"


def topic(folder: Path, write: Write, rows: str) -> Topic:
    for split in ("train", "dev", "test"):
        write("text\tcategory\n" + rows, f"ru_t-{split}.tsv")
    return Topic(task="topic", data={"kind": "tsv", **patterns(folder, ".tsv")})


def test_a_text_that_does_not_end(write: Write, tmp_path: Path) -> None:
    error = refused(topic(tmp_path, write, f"дом\tа\n{'д' * 1_000_001}\tб\n"), tmp_path)
    assert error.what.startswith("A text has 1,000,001 characters") and error.where == f"{tmp_path}/ru_t-train.tsv:3"


def test_a_long_text_in_quotes_is_freed_of_them(write: Write, tmp_path: Path) -> None:
    long = '"д" ' * 40_000
    built(topic(tmp_path, write, f'"{long.replace(chr(34), chr(34) * 2)}"\tа\nдом\tб\n'), ["ru"], tmp_path / "task")
    assert read_back(tmp_path / "task", "ru", "dev") == [[(long, "а")], [("дом", "б")]]


def test_classes_without_number(write: Write, tmp_path: Path) -> None:
    error = refused(topic(tmp_path, write, "".join(f"дом\t{number}\n" for number in range(1_002))), tmp_path)
    assert error.what == "The data has more than 1,000 different labels." and "holds classes" in str(error.fix)
    assert error.where == f"{tmp_path}/ru_t-train.tsv:1002"


def test_what_is_within_the_bounds_passes() -> None:
    longest = Sentence(["д" * sentences.WORD_CHARACTERS] * 2, ["X" * sentences.LABEL_CHARACTERS] * 2, str)
    assert list(sentences.screened([longest], "here", Counter())) == [longest]
