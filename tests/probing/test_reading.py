"""Words and their tokens, for four kinds of tokenizers in eleven scripts; windows over long sentences."""

from dataclasses import replace
from functools import cache
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from equiglot.masking import special_tokens_of
from equiglot.models import OpenModel
from equiglot.probing.reading import ItemReader, ReadItems, cut_windows
from tests.articles import ARTICLE
from tests.stock import train_tokenizer

KINDS = ("wordpiece", "byte-bpe", "unigram", "bpe")
WORDS = sorted({word for line in ARTICLE.values() for word in line.split()} | {"Việt Nam", "自由", "¡", "42", "(a)"})
ODD = [
    "\u200b",
    "\u00ad",
    "\u0301",
    "<mask>",
    "[UNK]",
    "</s>",
    "▁",
    "Ġ",
    "▁a",
    "\u3000",
    "\u00a0",
    "🙂",
    "ﬁ",
    "",
    "\u200bx",
]


@cache
def tokenizer_of(kind: str) -> PreTrainedTokenizerFast:
    """A tokenizer learnt from all eleven scripts."""
    if kind != "bpe":
        return train_tokenizer(kind, tuple(ARTICLE.values()))
    backend = Tokenizer(models.BPE(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend.train_from_iterator(ARTICLE.values(), trainers.BpeTrainer(vocab_size=500, special_tokens=special))
    roles = zip(("pad", "unk", "cls", "sep", "mask"), special, strict=True)
    return PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{role}_token": token for role, token in roles})


def opened_with(tokenizer: PreTrainedTokenizerFast) -> OpenModel:
    """What reading needs of an open model: its tokenizer."""
    return OpenModel("none", cast(PreTrainedModel, None), tokenizer, special_tokens_of(tokenizer), 38)


@cache
def _reader(kind: str) -> ItemReader:
    return ItemReader(opened_with(tokenizer_of(kind)), "word")


def _encoding(kind: str, words: list[str]) -> Any:
    backend = Tokenizer.from_str(tokenizer_of(kind).backend_tokenizer.to_str())
    backend.encode_special_tokens = True
    return backend.encode(" ".join(words), add_special_tokens=False)


def _tokens_of_items(read: ReadItems) -> list[list[int]]:
    return [np.flatnonzero(read.items == item).tolist() for item in range(read.count)]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=12))
def test_the_first_token_covers_the_beginning_of_its_word(kind: str, words: list[str]) -> None:
    read, encoding = _reader(kind).read([words]), _encoding(kind, words)
    assert read.ids.tolist() == encoding.ids
    start = 0
    for word, tokens in zip(words, _tokens_of_items(read), strict=True):
        (token,) = tokens
        begin, end = encoding.offsets[token]
        assert begin <= start < end or (" ".join(words)[begin:start].isspace() and start < end)
        assert encoding.tokens[token] not in ("▁", "Ġ")
        start += len(word) + 1


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100)
@given(sentences=st.lists(st.lists(st.sampled_from(WORDS + ODD), min_size=1, max_size=9), min_size=1, max_size=4))
def test_every_word_has_a_token_whatever_it_is(kind: str, sentences: list[list[str]]) -> None:
    read = _reader(kind).read(sentences)
    assert read.count == sum(map(len, sentences))
    stood_for = read.items[read.items >= 0]
    assert stood_for.tolist() == list(range(read.count)), "one token each, in the order of the words"
    owners = np.repeat(np.arange(len(sentences)), np.diff(read.offsets))[read.items >= 0]
    assert np.bincount(owners).tolist() == [len(words) for words in sentences]
    ordinary = set(special_tokens_of(tokenizer_of(kind)).maskable_ids.tolist())
    assert set(read.ids.tolist()) <= ordinary | {tokenizer_of(kind).unk_token_id}


def test_a_word_that_the_tokenizer_drops_is_unknown() -> None:
    tokenizer = tokenizer_of("wordpiece")
    assert _encoding("wordpiece", ["\u200b"]).ids == []
    around, read = _encoding("wordpiece", ["free", "born"]).ids, _reader("wordpiece").read([["free", "\u200b", "born"]])
    free = len(_encoding("wordpiece", ["free"]).ids)
    assert read.ids.tolist() == [*around[:free], tokenizer.unk_token_id, *around[free:]]
    assert np.flatnonzero(read.items >= 0).tolist() == [0, free, free + 1]
    alone = _reader("wordpiece").read([["\u200b"], ["\u200b", "\u200b"]])
    assert alone.ids.tolist() == [tokenizer.unk_token_id] * 3 and alone.items.tolist() == [0, 1, 2]


def test_a_word_that_is_merged_with_its_neighbour_is_unknown() -> None:
    backend = Tokenizer(models.BPE())
    special = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
    backend.train_from_iterator(["of the"] * 9, trainers.BpeTrainer(vocab_size=99, special_tokens=special))
    roles = zip(("pad", "unk", "cls", "sep", "mask"), special, strict=True)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{role}_token": token for role, token in roles})
    assert backend.encode("of the").tokens == ["of the"]
    read = ItemReader(opened_with(tokenizer), "word").read([["of", "the", "of"]])
    named = [tokenizer.convert_ids_to_tokens(int(number)) for number in read.ids]
    assert named[:2] == ["of the", "<unk>"] and read.items[:2].tolist() == [0, 1]
    assert read.count == 3 and read.items.max() == 2


def test_without_an_unknown_token_the_mask_stands_in() -> None:
    tokenizer = train_tokenizer("byte-bpe")
    opened = opened_with(tokenizer)
    tokenizer.unk_token = None
    read = ItemReader(replace(opened, tokenizer=tokenizer), "word").read([["a", "", "b"]])
    assert read.ids[np.flatnonzero(read.items == 1)].tolist() == [tokenizer.mask_token_id]


@pytest.mark.parametrize("kind", KINDS)
def test_spaces_may_stand_in_words(kind: str) -> None:
    parted, joined = (_reader(kind).read([words]) for words in (["Việt", "Nam", "free"], ["Việt Nam", "free"]))
    assert parted.ids.tolist() == joined.ids.tolist()
    first, _, last = np.flatnonzero(parted.items >= 0)
    assert np.flatnonzero(joined.items >= 0).tolist() == [first, last]


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_in_the_text_are_text(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    special = {tokenizer.mask_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id}
    text = [tokenizer.mask_token, "born", tokenizer.sep_token, tokenizer.pad_token]
    read = _reader(kind).read([text])
    assert not special & set(read.ids.tolist()) and read.count == 4


@pytest.mark.parametrize("kind", KINDS)
def test_all_tokens_stand_for_a_text(kind: str) -> None:
    texts = [[line] for line in ARTICLE.values()] + [["\u200b" if kind == "wordpiece" else ""]]
    read = ItemReader(opened_with(tokenizer_of(kind)), "sentence").read(texts)
    whole = [_encoding(kind, text).ids or [tokenizer_of(kind).unk_token_id] for text in texts]
    assert read.ids.tolist() == [number for ids in whole for number in ids]
    assert read.items.tolist() == [item for item, ids in enumerate(whole) for _ in ids]
    assert read.count == len(texts)


@given(lengths=st.lists(st.integers(1, 90), min_size=1, max_size=4), longest=st.integers(1, 40))
def test_every_token_is_taken_where_it_is_most_central(lengths: list[int], longest: int) -> None:
    offsets = np.cumsum([0, *lengths])
    windows = cut_windows(offsets, longest)
    assert windows.lengths.max() <= longest and windows.lengths.min() >= 1
    taken = [token for first, last in zip(windows.firsts, windows.lasts, strict=True) for token in range(first, last)]
    assert taken == list(range(offsets[-1]))
    centres = (windows.begins + windows.ends - 1) / 2
    for number, (first, last) in enumerate(zip(windows.firsts, windows.lasts, strict=True)):
        sentence = np.searchsorted(offsets, windows.begins[number], side="right")
        for token in range(first, last):
            inside = (windows.begins <= token) & (token < windows.ends)
            assert inside[number] and windows.ends[number] <= offsets[sentence]
            assert abs(token - centres[number]) == abs(token - centres[inside]).min()


def test_windows_overlap_by_half() -> None:
    windows = cut_windows(np.array([0, 50]), 20)
    assert list(zip(windows.begins, windows.ends, strict=True)) == [(0, 20), (10, 30), (20, 40), (30, 50)]
    assert list(zip(windows.firsts, windows.lasts, strict=True)) == [(0, 15), (15, 25), (25, 35), (35, 50)]
