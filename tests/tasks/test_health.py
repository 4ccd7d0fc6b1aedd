"""What is wrong with labelled data, as numbers."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from equiglot.tasks import DataHealth, open_task
from equiglot.tasks.arranging import Row
from equiglot.tasks.formats import read_conllu
from equiglot.tasks.health import OTHER_TEXT, health_of
from tests.tasks.conftest import built
from tests.tasks.sentences import UPOS, conllu, tagged


def rows(*sentences: str) -> list[Row]:
    """word/label word/label"""
    pairs = ([each.rsplit("/", 1) for each in sentence.split()] for sentence in sentences)
    return [Row([word for word, _ in pair], [label for _, label in pair]) for pair in pairs]


def test_all_is_counted() -> None:
    train = rows("a/X b/Y", "a/X b/X", "c/Y")
    test = rows("a/X b/Y", "a/X b/Z", "d/Z e/Z", "d/Z e/W", "b/X a/Y")
    found = health_of({"train": train, "test": test}, frozenset("XY"), {OTHER_TEXT: 3, "something else": 1})
    assert (found.repeated, found.contradicted, found.twice) == (2, 1, 2)
    assert found.unseen == {"W": 1, "Z": 4} and list(found.unseen) == ["W", "Z"]
    assert found.other_text == 3 and not found.is_sound


def test_sound_data() -> None:
    found = health_of({"train": rows("a/X"), "dev": rows("b/X"), "test": rows("c/X")}, frozenset("X"), {})
    assert found == DataHealth() and found.is_sound
    assert health_of({}, frozenset(), {}).is_sound


def test_entities_that_begin_in_their_middle() -> None:
    splits = {"train": rows("a/I-PER b/I-PER c/I-LOC"), "test": rows("a/B-PER b/I-PER c/O d/I-PER")}
    assert health_of(splits, frozenset(), {}).stray == 3


@pytest.mark.parametrize(
    ("text", "words", "other"),
    [
        ("Das Haus.", ["Das", "Haus", "."], 0),
        ("Das  Haus .", ["Das", "Haus", "."], 0),
        ("Das Haus.", ["Haus", "."], 1),
        ("Haus.", ["Das", "Haus", "."], 1),
        ("New York", ["New York"], 0),
        (None, ["Haus", "."], 0),
    ],
)
def test_words_that_the_text_lacks_or_has_besides(
    tmp_path: Path, text: str | None, words: list[str], other: int
) -> None:
    lines = [] if text is None else [f"# text = {text}"]
    lines += [f"{at}\t{word}\t_\tX\t_\t_\t{at - 1}\t_\t_\t_" for at, word in enumerate(words, 1)]
    (tmp_path / "file.conllu").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    notes: Counter[str] = Counter()
    assert len(list(read_conllu(tmp_path / "file.conllu", notes))) == 1
    assert notes[OTHER_TEXT] == other


def test_of_ranges_the_form_stands_in_the_text(tmp_path: Path) -> None:
    rest = "_\tX\t_\t_\t0\t_\t_\t_"
    ids = [
        ("1-2", "del"),
        ("1", "de"),
        ("2", "el"),
        ("2.1", "todo"),
        ("3", "cine"),
        ("4-5", "verlo"),
        ("4", "ver"),
        ("5", "lo"),
    ]
    lines = ["# text = del cine verlo", *(f"{number}\t{form}\t{rest}" for number, form in ids)]
    (tmp_path / "file.conllu").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    notes: Counter[str] = Counter()
    assert len(list(read_conllu(tmp_path / "file.conllu", notes))) == 1
    assert not notes[OTHER_TEXT]


def test_a_task_on_disk_has_it(speech: Any, tmp_path: Path) -> None:
    sentences, new = [tagged("te", UPOS)] * 2, [[("१", "NUM")]]
    files = {"te_x-train": "# text = ?\n" + conllu(sentences), "te_x-dev": conllu(new), "te_x-test": conllu(sentences)}
    (language,) = built(speech(files), ["te"], tmp_path / "task").languages
    assert language.health == DataHealth(repeated=2, twice=1, other_text=1)
    assert f"{OTHER_TEXT}: 1" in language.notes
    assert open_task(tmp_path / "task").summary.languages[0].health == language.health
