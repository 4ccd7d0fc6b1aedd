"""Entities, strictly and leniently: equal to what seqeval finds, on tags of every kind and on real files."""

import warnings
from collections.abc import Iterator, Sequence
from itertools import count, cycle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, Entities

from equiglot.evaluation.counting import Reader, TaggedText, count_entities, lenient_spans, strict_spans

_BIO = ("B-ORG", "B-PER", "B-SYM-PTOM", "B-место", "I-ORG", "I-PER", "I-SYM-PTOM", "I-место", "O")
_UNIVERSAL = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART"),
    *("PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"),
)

Sentences = list[list[str]]


def _pairs(labels: Sequence[str]) -> st.SearchStrategy[list[list[tuple[str, str]]]]:
    """Sentences of gold and predicted tags, some of them empty."""
    tags = st.sampled_from(labels)
    return st.lists(st.lists(st.tuples(tags, tags), max_size=8), max_size=6)


def _count(read: Reader, labels: Sequence[str], gold: Sentences, predicted: Sentences) -> np.ndarray:
    lengths = np.array([len(sentence) for sentence in gold], dtype=np.int64)
    texts = [
        TaggedText.of(np.array([labels.index(tag) for each in tags for tag in each], np.int16), lengths, labels)
        for tags in (gold, predicted)
    ]
    return count_entities(read(texts[0], labels), read(texts[1], labels), texts[0])


def _compared(gold: set[object], predicted: set[object]) -> list[int]:
    return [len(gold & predicted), len(predicted), len(gold)]


def _seqeval_strict(gold: Sentences, predicted: Sentences) -> Iterator[list[int]]:
    """By sentence: shared, predicted, gold."""
    for one, two in zip(Entities(gold, IOB2).entities, Entities(predicted, IOB2).entities, strict=True):
        yield _compared({each.to_tuple() for each in one}, {each.to_tuple() for each in two})


def _seqeval_lenient(gold: Sentences, predicted: Sentences) -> list[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NOUN "seems not to be NE tag"
        return _compared(set(get_entities(gold)), set(get_entities(predicted)))


def _apart(pairs: list[list[tuple[str, str]]]) -> tuple[Sentences, Sentences]:
    return [[gold for gold, _ in each] for each in pairs], [[predicted for _, predicted in each] for each in pairs]


@given(_pairs(_BIO))
def test_strict_entities_are_seqevals_sentence_by_sentence(pairs: list[list[tuple[str, str]]]) -> None:
    gold, predicted = _apart(pairs)
    assert _count(strict_spans, _BIO, gold, predicted).tolist() == list(_seqeval_strict(gold, predicted))


@given(_pairs(_BIO))
def test_lenient_entities_are_seqevals_sentence_by_sentence(pairs: list[list[tuple[str, str]]]) -> None:
    gold, predicted = _apart(pairs)
    expected = [_seqeval_lenient([one], [two]) for one, two in zip(gold, predicted, strict=True)]
    assert _count(lenient_spans, _BIO, gold, predicted).tolist() == expected


@given(_pairs(_UNIVERSAL))
@example([[("X", "NOUN")], [("X", "X"), ("NOUN", "NOUN")]])
@example([[("X", "X"), ("NOUN", "NOUN")], [("X", "X"), ("NOUN", "NOUN")]])
def test_what_seqeval_makes_of_universal_tags(pairs: list[list[tuple[str, str]]]) -> None:
    gold, predicted = _apart(pairs)
    assert _count(lenient_spans, _UNIVERSAL, gold, predicted).sum(axis=0).tolist() == _seqeval_lenient(gold, predicted)


@pytest.mark.parametrize(
    ("tags", "strict", "lenient"),
    [
        ("O I-PER I-PER O", 0, 1),
        ("B-PER I-ORG I-ORG", 1, 2),
        ("B-PER B-PER I-PER", 2, 2),
        ("I-PER B-PER", 1, 2),
        ("I-PER I-ORG", 0, 2),
        ("O O", 0, 0),
    ],
)
def test_readings_differ_where_tags_are_broken(tags: str, strict: int, lenient: int) -> None:
    sentence = [tags.split()]
    assert _count(strict_spans, _BIO, sentence, sentence).tolist() == [[strict] * 3]
    assert _count(lenient_spans, _BIO, sentence, sentence).tolist() == [[lenient] * 3]


def test_an_entity_ends_with_its_sentence() -> None:
    sentences = [["O", "B-PER"], ["I-PER", "O"]]
    assert _count(strict_spans, _BIO, sentences, sentences).tolist() == [[1] * 3, [0] * 3]
    assert _count(lenient_spans, _BIO, sentences, sentences).tolist() == [[1] * 3, [1] * 3]


def _with_errors(gold: Sentences, labels: Sequence[str]) -> Sentences:
    """The same tags, but every seventh is the next of all labels in turn."""
    wrong, place = cycle(labels), count()
    return [[next(wrong) if next(place) % 7 == 0 else tag for tag in sentence] for sentence in gold]


@pytest.mark.parametrize("name", ["en_wikiann", "ru_wikiann", "eu_basqueglue", "el_elner", "vi_phoner"])
def test_real_entities(real_data: Path, name: str) -> None:
    """The gold tags have errors of their own, such as I- after O."""
    text = (real_data / "ner" / f"{name}-test.tsv").read_text(encoding="utf-8").strip()
    gold = [[line.split("\t")[1] for line in block.splitlines()] for block in text.split("\n\n")]
    labels = sorted({tag for sentence in gold for tag in sentence})
    predicted = _with_errors(gold, labels)
    strict = _count(strict_spans, labels, gold, predicted)
    assert strict.tolist() == list(_seqeval_strict(gold, predicted))
    assert _count(lenient_spans, labels, gold, predicted).sum(axis=0).tolist() == _seqeval_lenient(gold, predicted)
    assert 0 < strict[:, 0].sum() < strict[:, 2].sum()


@pytest.mark.parametrize("name", ["de_gsd", "te_mtg", "ko_kaist"])
def test_real_universal_tags(real_data: Path, name: str) -> None:
    text = (real_data / "ud" / f"{name}-test.conllu").read_text(encoding="utf-8").strip()
    words = [[line.split("\t") for line in block.splitlines()] for block in text.split("\n\n")]
    gold = [[word[3] for word in sentence if word[0].isdigit()] for sentence in words]
    predicted = _with_errors(gold, _UNIVERSAL)
    found = _count(lenient_spans, _UNIVERSAL, gold, predicted).sum(axis=0)
    assert found.tolist() == _seqeval_lenient(gold, predicted)
    assert 0 < found[0] < found[2]
