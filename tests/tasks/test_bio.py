"""Words with BIO tags: tabs or spaces, every script, and each fault with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.errors import InputError
from equiglot.tasks.formats import read_bio
from tests.corpus.packing import SUFFIXES, packed
from tests.tasks.conftest import Write
from tests.tasks.sentences import BIO, SENTENCE, Tagged, bio, tagged


def read(file: Path) -> list[Tagged]:
    return [list(zip(each.words, each.labels, strict=True)) for each in read_bio(file)]


@pytest.mark.parametrize("language", SENTENCE)
def test_words_and_tags(write: Write, language: str) -> None:
    sentence = tagged(language, BIO)
    assert read(write(bio([sentence, sentence]))) == [sentence, sentence]


@pytest.mark.parametrize("separator", [" ", "   ", " NNP B-NP ", "\tNNP\t", " \t "])
def test_two_or_more_columns(write: Write, separator: str) -> None:
    sentences = [tagged("en", BIO), tagged("ko", BIO)]
    assert read(write(bio(sentences, separator))) == sentences


@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
def test_what_editors_and_packers_do_to_a_file(write: Write, suffix: str) -> None:
    sentences = [tagged(language, BIO) for language in ("ru", "te", "vi")]
    text = "\ufeff\n\n" + bio(sentences).replace("\n\n", "\n \n\n\n").rstrip()
    content = text.replace("\n", "\r\n").encode()
    assert read(write(packed(content, suffix), f"a.tsv{suffix}")) == sentences


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0\t\r\n\ufeff")).map(lambda text: text.strip(" "))
TAG = st.sampled_from(["O", "B-PER", "I-PER", "B-καλό", "I-x-y"])


@given(sentences=st.lists(st.lists(st.tuples(WORD.filter(bool), TAG), min_size=1), max_size=5))
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, sentences: list[Tagged]) -> None:
    file = tmp_path_factory.mktemp("bio") / "a.tsv"
    file.write_text(bio(sentences), encoding="utf-8", newline="")
    assert read(file) == sentences


def test_where_a_document_begins_is_no_word(write: Write) -> None:
    sentence = tagged("el", BIO)
    assert read(write("-DOCSTART- -X- O O\n\n" + bio([sentence], " "))) == [sentence]


@pytest.mark.parametrize("bad", ["Νέα", "Νέα\t", "\tB-LOC", "  B-LOC", "Νέα\tADJ\t "])
def test_faults(write: Write, bad: str) -> None:
    file = write(f"Η\tO\n\nΆννα\tB-PER\n{bad}\nΥόρκη\tI-LOC\n", "bad.tsv")
    with pytest.raises(InputError, match="A line has a word and its tag") as caught:
        read(file)
    assert caught.value.where == f"{file}:4" and "blank line" in str(caught.value.fix)


def test_not_utf8(write: Write) -> None:
    file = write("Анна\tB-PER\n".encode() + "живёт\tO\n".encode("cp1251"), "bad.tsv")
    with pytest.raises(InputError, match="not UTF-8: byte 0xe6 in line 2") as caught:
        read(file)
    assert caught.value.where == f"{file}:2" and "iconv" in str(caught.value.fix)
