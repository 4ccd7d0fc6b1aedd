"""Vocabularies with more entries: all are used, what has none is cut as before, for every family of tokenizers."""

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordPiece
from transformers import PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.vocabulary import Extension, ExtensionSettings, count_words, extend_tokenizer, text_encoder
from equiglot.vocabulary.joining import join_pairs
from equiglot.vocabulary.pieces import describe
from tests.articles import ARTICLE
from tests.stock import KINDS, SCRIPTS, train_tokenizer

TOKENIZERS = {kind: train_tokenizer(kind) for kind in KINDS}
UNSEEN = {
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
    "sl": "Vsi ljudje se rodijo svobodni in imajo enako dostojanstvo in enake pravice. Obdarjeni so z razumom.",
    "fa": ARTICLE["fa"],
}
"""Sentences that no tokenizer was learnt from."""
WORDS = sorted({word for sentence in [*SCRIPTS.values(), *UNSEEN.values()] for word in sentence.split()})

texts = st.lists(
    st.one_of(
        st.sampled_from(WORDS),
        st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)).map("".join),
        st.text(alphabet="aeinr людиכ中🙂.,-'1", max_size=6),
    ),
    min_size=1,
    max_size=12,
).map(" ".join)


def _ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    ids: list[int] = text_encoder(tokenizer).encode(text, add_special_tokens=False).ids
    return ids


def _extend(tokenizer: PreTrainedTokenizerFast, *sentences: str, entries: int = 40) -> Extension:
    words = count_words(tokenizer, [*sentences] * 2)
    return extend_tokenizer(tokenizer, words, ExtensionSettings(entries=entries, min_frequency=2))


LEARNT = (*UNSEEN.values(), SCRIPTS["ru"], SCRIPTS["hi"])
EXTENDED = {kind: _extend(tokenizer, *LEARNT, entries=60) for kind, tokenizer in TOKENIZERS.items()}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(text=texts, entries=st.integers(1, 30))
def test_every_new_entry_is_used_where_it_was_learnt(kind: str, text: str, entries: int) -> None:
    tokenizer = TOKENIZERS[kind]
    try:
        extension = _extend(tokenizer, text, entries=entries)
    except InputError:  # nothing to join in so short a text
        return
    assert 0 < len(extension.parts) <= entries
    found = Counter(_ids(extension.tokenizer, text))
    new = range(extension.first, extension.first + len(extension.parts))
    assert [2 * found[number] for number in new] == extension.uses.tolist()
    merges = [tuple(pair) for pair in describe(extension.tokenizer)["model"].get("merges", ())]
    for number in (number for number in new if not found[number]):
        token = extension.tokenizer.convert_ids_to_tokens(number)
        assert any(token in pair for pair in merges)  # a step to a longer entry
    assert len(_ids(extension.tokenizer, text)) < len(_ids(tokenizer, text))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50)
@given(text=texts)
def test_text_without_new_entries_is_cut_as_before(kind: str, text: str) -> None:
    tokenizer, extension = TOKENIZERS[kind], EXTENDED[kind]
    for part in (text, *text.split()):
        now, before = _ids(extension.tokenizer, part), _ids(tokenizer, part)
        if max(now, default=0) < extension.first and (kind != "wordpiece" or tokenizer.unk_token_id not in now):
            assert now == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_there_stays(kind: str) -> None:
    tokenizer, extension = TOKENIZERS[kind], EXTENDED[kind]
    extended, old = extension.tokenizer, tokenizer.get_vocab()
    assert 28 <= len(extension.parts) <= 60 and extension.first == max(old.values()) + 1
    assert {token: number for token, number in extended.get_vocab().items() if number < extension.first} == old
    assert extended.special_tokens_map == tokenizer.special_tokens_map
    one, two = describe(tokenizer), describe(extended)
    for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens"):
        assert one[part] == two[part]
    masked = f"free {tokenizer.mask_token} equal"
    assert tokenizer(masked)["input_ids"].count(tokenizer.mask_token_id) == 1
    assert extended(masked)["input_ids"].count(tokenizer.mask_token_id) == 1
    for sentence in SCRIPTS.values():
        assert extended.decode(_ids(extended, sentence)) == tokenizer.decode(_ids(tokenizer, sentence))


@pytest.mark.parametrize("kind", KINDS)
def test_a_language_takes_fewer_pieces_in_text_that_was_not_read(kind: str) -> None:
    words = SCRIPTS["ru"].split()
    read, held_out = " ".join(words[: len(words) * 2 // 3]), " ".join(words[len(words) // 3 :])
    extension = _extend(TOKENIZERS[kind], read)
    assert len(_ids(extension.tokenizer, held_out)) < len(_ids(TOKENIZERS[kind], held_out))


@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_of_an_entry_have_its_text(kind: str) -> None:
    tokenizer, extension = TOKENIZERS[kind], EXTENDED[kind]
    for place, parts in enumerate(extension.parts):
        token = extension.tokenizer.convert_ids_to_tokens(extension.first + place)
        first, *others = tokenizer.convert_ids_to_tokens(list(parts))
        assert len(parts) > 1
        assert token == first + "".join(each.removeprefix("##") if kind == "wordpiece" else each for each in others)
        assert kind != "wordpiece" or all(each.startswith("##") for each in others)
        assert not any(each.startswith(("▁", "Ġ")) for each in others)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_always_the_same(kind: str) -> None:
    words = count_words(TOKENIZERS[kind], LEARNT * 2)
    asked = ExtensionSettings(entries=60, min_frequency=2)
    backwards = dict(reversed(words.items()))
    again = extend_tokenizer(TOKENIZERS[kind], backwards, asked)
    assert again.tokenizer.get_vocab() == EXTENDED[kind].tokenizer.get_vocab()
    assert again.parts == EXTENDED[kind].parts and np.array_equal(again.uses, EXTENDED[kind].uses)


@pytest.mark.parametrize("kind", ["unigram", "unigram-deberta"])
def test_unigram_counts_an_unknown_character_as_before(kind: str) -> None:
    scores = [
        [score for _, score in describe(each)["model"]["vocab"]]
        for each in (TOKENIZERS[kind], EXTENDED[kind].tokenizer)
    ]
    assert min(scores[1]) == min(scores[0]) and scores[1][: len(scores[0])] == scores[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_that_stands_in_text_is_text_where_it_can_be(kind: str) -> None:
    tokenizer, extended = TOKENIZERS[kind], EXTENDED[kind].tokenizer
    read = [tokenizer.mask_token_id in _ids(each, f"a {tokenizer.mask_token} b") for each in (tokenizer, extended)]
    assert read == {"unigram": [True, True], "unigram-deberta": [False, True]}.get(kind, [False, False])


def test_only_letters_are_joined() -> None:
    for kind in ("wordpiece", "unigram", "bpe", "byte-bpe"):
        extension = _extend(TOKENIZERS[kind], "1234 1234 a-b a-b !!! 🙂🙂 heute, heute, heute")
        new = [token for token, number in extension.tokenizer.get_vocab().items() if number >= extension.first]
        assert new and not any(sign in token for token in new for sign in "1234-!,🙂")


def test_a_step_to_a_longer_entry_is_none_where_it_is_not_needed() -> None:
    letters = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", *"abc", "##a", "##b", "##c"]
    backend = Tokenizer(WordPiece({letter: number for number, letter in enumerate(letters)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    roles: dict[str, Any] = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, sep_token="[SEP]", mask_token="[MASK]", **roles)
    tokenizer.add_tokens(["E-MAIL"])
    words = count_words(tokenizer, ["abc abc E-MAIL cab cab cab"])
    extension = extend_tokenizer(tokenizer, words, ExtensionSettings(entries=3, min_frequency=2))
    assert {token for token, number in extension.tokenizer.get_vocab().items() if number > 11} == {"cab", "abc"}
    assert extension.tokenizer.convert_tokens_to_ids("E-MAIL") == 11
    assert extension.tokenizer.tokenize("cab E-MAIL bcab") == ["cab", "E-MAIL", "b", "##c", "##a", "##b"]
    assert json.loads(extension.tokenizer.backend_tokenizer.to_str())["added_tokens"][-1]["id"] == 11


def test_what_cannot_be_learnt() -> None:
    with pytest.raises(InputError, match="No two pieces"):
        _extend(TOKENIZERS["bpe"], "a b c 1 2 3")


@settings(max_examples=50)
@given(words=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), max_size=8), data=st.data())
def test_pairs_are_joined_as_if_all_were_counted_anew(words: list[list[int]], data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(1, 4), min_size=len(words), max_size=len(words)))
    numbers: dict[tuple[int, int], int] = {}

    def joined(left: int, right: int) -> int | None:
        return None if (left, right) == (0, 1) else numbers.setdefault((left, right), 4 + len(numbers))

    found = list(join_pairs(words, counts, joined, 2))
    assert [(left, right) for left, right, _ in found] == _naive(words, counts)


def _naive(words: list[list[int]], counts: list[int]) -> list[tuple[int, int]]:
    """The same, with all pairs counted in every step."""
    cut, made = [tuple(map(str, word)) for word in words], list[tuple[int, int]]()
    number = {str(each): each for each in range(4)}
    while True:
        pairs = Counter[tuple[int, int]]()
        for word, count in zip(cut, counts, strict=True):
            for left, right in pairwise(word):
                pairs[number[left], number[right]] += count
        del pairs[0, 1]
        if not pairs or max(pairs.values()) < 2:
            return made
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        names = {value: name for name, value in number.items()}
        left, right = names[best[0]], names[best[1]]
        joined = f"({left} {right})"
        number[joined] = 4 + len(made)
        made.append(best)
        cut = [_replaced(word, left, right, joined) for word in cut]


def _replaced(word: tuple[str, ...], left: str, right: str, joined: str) -> tuple[str, ...]:
    if len(word) < 2:
        return word
    if word[:2] == (left, right):
        return (joined, *_replaced(word[2:], left, right, joined))
    return (word[0], *_replaced(word[1:], left, right, joined))
