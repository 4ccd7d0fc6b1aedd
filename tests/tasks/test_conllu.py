"""CoNLL-U: every word of every script, what is no word, and each fault with its line."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.errors import InputError
from equiglot.tasks.formats import read_conllu
from tests.corpus.packing import SUFFIXES, packed
from tests.tasks.conftest import Write
from tests.tasks.sentences import SENTENCE, UPOS, Tagged, conllu, tagged


def read(file: Path, notes: Counter[str] | None = None) -> list[Tagged]:
    found = read_conllu(file, Counter() if notes is None else notes)
    return [list(zip(each.words, each.labels, strict=True)) for each in found]


@pytest.mark.parametrize("language", SENTENCE)
def test_words_and_tags(write: Write, language: str) -> None:
    sentence = tagged(language, UPOS)
    assert read(write(conllu([sentence, sentence[::-1]]))) == [sentence, sentence[::-1]]


@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
def test_what_editors_and_packers_do_to_a_file(write: Write, suffix: str) -> None:
    sentences = [tagged(language, UPOS) for language in ("hi", "ar", "vi")]
    text = "\ufeff\n \n" + conllu(sentences).replace("\n\n", "\n\n \n\n").rstrip()
    content = text.replace("\n", "\r\n").encode()
    assert read(write(packed(content, suffix), f"a.conllu{suffix}")) == sentences


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0\t\r\n ")).filter(bool)
SENTENCES = st.lists(st.lists(st.tuples(WORD, st.sampled_from(["NOUN", "X", "_"])), min_size=1), max_size=5)


@given(sentences=SENTENCES)
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, sentences: list[Tagged]) -> None:
    file = tmp_path_factory.mktemp("conllu") / "a.conllu"
    file.write_text(conllu(sentences), encoding="utf-8", newline="")
    assert read(file) == sentences


def row(name: str, word: str, tag: str = "X", head: str = "0") -> str:
    return "\t".join([name, word, "_", tag, "_", "_", head, "dep", "_", "_"]) + "\n"


def test_ranges_and_empty_nodes_are_no_words(write: Write) -> None:
    text = (
        "# text = vámonos del cine\n" + row("1-2", "vámonos", "_", "_") + row("1", "vamos") + row("2", "nos", head="1")
    )
    text += row("2.1", "todos", "_", "_") + row("3-4", "del", "_", "_") + row("3", "de", "ADP", "5")
    text += row("4", "el", "DET", "5") + row("5", "cine", "NOUN", "1")
    (sentence,) = read(write(row("0.1", "sí", "_", "_") + text))
    assert [word for word, _ in sentence] == ["vamos", "nos", "de", "el", "cine"]
    assert [tag for _, tag in sentence] == ["X", "X", "ADP", "DET", "NOUN"]


def test_sentences_without_words_are_kept_for_the_count(write: Write) -> None:
    text = "# only a comment\n\n" + row("1", "하나") + "\n" + row("0.1", "둘") + "\n"
    assert read(write(text)) == [[], [("하나", "X")], []]


def test_trees_without_a_root_are_counted(write: Write) -> None:
    notes: Counter[str] = Counter()
    sentences = [tagged("te", UPOS), tagged("el", UPOS)]
    assert read(write(conllu(sentences, root="2") + conllu(sentences)), notes) == sentences * 2
    assert notes == {"trees without a root (used all the same)": 2}


GOOD = row("1", "Ένα") + row("2", "δύο", head="1")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (GOOD + "3\tτρία\tX\n", 3, "has 10 columns with tabs between them, this one has 3"),
        (GOOD + "τρία\n", 3, "this one has 1"),
        (GOOD + row("1", "τρία"), 3, "The word 1 stands where word 3 of a sentence should"),
        (GOOD + "\n" + row("2", "τρία"), 4, "The word 2 stands where word 1"),
        (GOOD + row("x", "τρία"), 3, "'x' is not a valid ID"),
        (GOOD + row("4-3", "τρία"), 3, "'4-3' is not a valid ID"),
        (GOOD + row("_", "τρία"), 3, "here one is missing"),
        (GOOD + row("3", ""), 3, "here one is missing"),
        (GOOD.encode() + row("3", "τρία").encode("iso8859-7"), 3, "is not UTF-8: byte 0xf4 in line 3"),
        (GOOD + row("3", "τρία\0"), None, "NUL bytes"),
    ],
)
def test_faults(write: Write, text: str | bytes, line: int | None, what: str) -> None:
    file = write(text, "bad.conllu")
    with pytest.raises(InputError) as caught:
        read(file)
    assert what in caught.value.what and caught.value.fix
    assert caught.value.where == (f"{file}:{line}" if line else str(file))


def test_a_word_knows_its_line(write: Write) -> None:
    file = write("# one\n\n# two\n" + row("1-2", "vámonos") + GOOD)
    assert [next(s for s in read_conllu(file, Counter()) if s.words).where(at) for at in (0, 1)] == [
        f"{file}:5",
        f"{file}:6",
    ]
