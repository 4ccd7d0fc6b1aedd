"""Sentences in two segmentations: which pieces of the one are which pieces of the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equiglot.vocabulary import ExtensionSettings, choose_contexts, count_words, extend_tokenizer, pair_sentences
from equiglot.vocabulary.pairing import align
from tests.stock import KINDS, SCRIPTS, train_tokenizer

TOKENIZERS = {kind: train_tokenizer(kind) for kind in KINDS}
LINES = [SCRIPTS["ru"], SCRIPTS["hi"], SCRIPTS["en"]]
EXTENDED = {
    kind: extend_tokenizer(each, count_words(each, LINES * 2), ExtensionSettings(entries=20, min_frequency=2))
    for kind, each in TOKENIZERS.items()
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(words=st.lists(st.sampled_from(sorted(" ".join([*LINES, "жук <mask> 1,5"]).split())), min_size=1, max_size=20))
def test_pieces_that_belong_together_have_the_same_text(kind: str, words: list[str]) -> None:
    tokenizer, extension = TOKENIZERS[kind], EXTENDED[kind]
    for pair in pair_sentences(tokenizer, extension, [" ".join(words)], longest=200):
        for place, begin, end in zip(pair.places, pair.begins, pair.ends, strict=True):
            number = int(pair.new[place])
            new = number >= extension.first
            parts = extension.parts[number - extension.first] if new else (number,)
            assert tuple(pair.old[begin:end]) == parts or (kind in ("wordpiece", "unigram", "unigram-deberta") and new)
            assert "".join(extension.tokenizer.convert_ids_to_tokens([number])).replace("##", "") == "".join(
                tokenizer.convert_ids_to_tokens(pair.old[begin:end].tolist())
            ).replace("##", "")
        assert (np.diff(pair.places) > 0).all() and (pair.begins[1:] >= pair.ends[:-1]).all()
        if kind in ("bpe", "byte-bpe"):  # which only join
            assert len(pair.places) == len(pair.new)


def test_pieces_whose_borders_differ_are_left_out() -> None:
    lengths = np.array([1, 2, 3, 1, 5])
    pair = align(np.array([0, 1, 2, 3]), np.array([2, 2, 3]), lengths)  # 1+2+3+1 against 3+3+1
    assert pair.places.tolist() == [0, 1, 2]
    assert pair.begins.tolist() == [0, 2, 3] and pair.ends.tolist() == [2, 3, 4]
    pair = align(np.array([0, 2, 2, 0]), np.array([1, 4, 0]), lengths)  # 1+3+3+1 against 2+5+1
    assert pair.places.tolist() == [2] and pair.begins.tolist() == [3]
    assert not len(align(np.array([0, 2]), np.array([4]), lengths).places)


def test_contexts_are_looked_for_until_each_entry_has_enough() -> None:
    rows = [[9], [9, 8], [9], [9, 7], [8, 9]]
    pairs = [align(np.array(row), np.array(row), np.ones(10, np.int64)) for row in rows]

    def chosen(contexts: int, most: int) -> list[list[int]]:
        return [each.new.tolist() for each in choose_contexts(pairs, 7, contexts=contexts, most=most)]

    assert chosen(1, 9) == [[9], [9, 8], [9, 7]]
    assert chosen(2, 9) == [[9], [9, 8], [9, 7], [8, 9]]
    assert chosen(9, 2) == [[9], [9, 8]]


def test_long_sentences_are_left_out() -> None:
    pairs = pair_sentences(TOKENIZERS["bpe"], EXTENDED["bpe"], [SCRIPTS["ru"], "Все люди"], longest=20)
    assert [len(pair.old) < 20 for pair in pairs] == [True]
