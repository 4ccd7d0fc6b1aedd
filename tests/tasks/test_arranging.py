"""What a probe uses of a language's sentences: splits that are missing, and less of those that are large."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.errors import InputError
from equiglot.tasks.arranging import Arranged, Row, Rows, arrange, labelled
from equiglot.tasks.sentences import Sentence
from equiglot.tasks.settings import Sentences

ALL = Sentences(train=None, dev=None, test=None)


def rows(count: int, start: int = 0) -> Rows:
    return [Row([str(number), "."], [f"L{number % 3}", "PUNCT"]) for number in range(start, start + count)]


def arranged(limits: Sentences = ALL, **found: Rows) -> Arranged:
    return arrange(found, limits, "te", "evaluation.pos.data")


def test_nothing_is_changed_without_need() -> None:
    found = {"train": rows(7), "dev": rows(1), "test": rows(4)}
    result = arranged(**found)
    assert result.splits == found and result.notes == ()
    assert result.available == {"train": 14, "dev": 2, "test": 8}
    assert result.trained == {"L0", "L1", "L2", "PUNCT"}


@pytest.mark.parametrize(
    ("source", "note"), [("train", "no dev data"), ("dev", "no training data: trained on its dev")]
)
def test_a_tenth_of_the_sentences_is_held_out(source: str, note: str) -> None:
    whole = rows(35)
    result = arranged(**{source: whole, "test": rows(2)})
    held = [whole.index(row) for row in result.splits["dev"]]
    assert all(35 * n // 4 <= at < 35 * (n + 1) // 4 for n, at in enumerate(held)), "one of each four"
    assert result.splits["train"] == [row for number, row in enumerate(whole) if number not in held]
    assert list(result.splits) == ["train", "dev", "test"] and result.notes[0].startswith(note)
    assert result.available == {"train": 62, "dev": 8, "test": 4}


def test_what_is_not_there_is_said() -> None:
    assert arranged().notes == arranged(train=[], test=[]).notes == ("no data",)
    only_test = arranged(test=rows(3))
    assert only_test.notes == ("no training data: only tested on",) and list(only_test.splits) == ["test"]
    assert only_test.trained == frozenset()
    assert arranged(train=rows(3), dev=rows(3)).notes == ("no test data: only trained on",)


@pytest.mark.parametrize("split", ["train", "dev"])
def test_one_sentence_is_too_little(split: str) -> None:
    with pytest.raises(InputError, match=f"The {split} data of te is one sentence") as caught:
        arranged(**{split: rows(1), "test": rows(9)})
    assert caught.value.where == "evaluation.pos.data" and caught.value.fix
    assert arranged(**{split: rows(2)}).available == {"train": 2, "dev": 2}


@given(count=st.integers(1, 500), limit=st.integers(1, 200))
def test_less_is_spread_evenly(count: int, limit: int) -> None:
    given_rows = rows(count)
    used = arranged(Sentences(train=None, dev=None, test=limit), test=given_rows).splits["test"]
    places = [int(row.words[0]) for row in used]
    assert len(used) == min(count, limit) and places == sorted(set(places)) and set(places) <= set(range(count))
    for number, place in enumerate(places):  # one in each stretch of the same length
        assert number * count // len(places) <= place < (number + 1) * count // len(places)
    assert used == [given_rows[place] for place in places]


def test_no_place_in_documents_of_equal_length_is_preferred() -> None:
    found = arranged(Sentences(test=100), test=[Row([f"{n}"], [f"place {n % 10}"]) for n in range(1000)])
    counts = Counter(row.labels[0] for row in found.splits["test"])
    assert len(counts) == 10 and max(counts.values()) < 25


@pytest.mark.parametrize("period", [2, 5, 10])
def test_classes_that_take_turns_are_all_held_out(period: int) -> None:
    whole = [Row([f"{n}"], [f"class {n % period}"]) for n in range(1000)]
    counts = Counter(row.labels[0] for row in arranged(train=whole, test=rows(1)).splits["dev"])
    assert sum(counts.values()) == 100 and len(counts) == period and max(counts.values()) < 2.5 * 100 / period


def test_it_is_held_out_before_it_is_cut_down() -> None:
    result = arranged(Sentences(train=5, dev=2), train=rows(100), test=rows(1))
    assert {split: len(found) for split, found in result.splits.items()} == {"train": 5, "dev": 2, "test": 1}
    assert result.available == {"train": 180, "dev": 20, "test": 2}
    everything = arranged(train=rows(100), test=rows(1)).splits
    assert all(row in everything[split] for split in ("train", "dev") for row in result.splits[split])
    assert arranged(Sentences(train=5, dev=2), train=rows(100), test=rows(1)) == result


def test_sentences_without_words_are_counted_and_left_out() -> None:
    notes: Counter[str] = Counter()
    found = [Sentence([], [], str), Sentence(["둘"], ["num"], str), Sentence([], [], str)]
    assert labelled(found, str.upper, notes, set()) == [Row(["둘"], ["NUM"], [])]
    assert notes == {"empty sentences left out": 2}


def test_a_label_that_there_is_not_has_its_place() -> None:
    def label(written: str) -> str:
        if written == "Y":
            raise ValueError("Y is wrong.", "write X")
        return written

    with pytest.raises(InputError, match="Y is wrong") as caught:
        labelled([Sentence(["ένα", "δύο"], ["X", "Y"], lambda index: f"file:{index + 7}")], label, Counter(), set())
    assert caught.value.where == "file:8" and caught.value.fix == "write X"
