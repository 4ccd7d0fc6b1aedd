"""Vocabularies cut down: what stays, and that text made of it is cut as before, for every family of tokenizers."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram, WordPiece
from transformers import PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.revising.proof import prove_text, whole_sentences
from equiglot.vocabulary import EntryCounts, Reduction, choose_entries, count_entries, reduce_tokenizer, text_encoder
from tests.stock import KINDS, SCRIPTS, train_tokenizer

TOKENIZERS = {kind: train_tokenizer(kind) for kind in KINDS}
WORDS = sorted({word for sentence in SCRIPTS.values() for word in sentence.split()})

texts = st.lists(
    st.one_of(
        st.sampled_from(WORDS),
        st.sampled_from(WORDS).flatmap(lambda word: st.integers(1, len(word)).map(lambda end: word[:end])),
        st.text(alphabet="aeinr людиכ中🙂.,-'1", max_size=6),
        st.sampled_from(["[MASK]", "<mask>", "</s>"]),
    ),
    max_size=8,
).map(" ".join)


def _ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    ids: list[int] = text_encoder(tokenizer).encode(text, add_special_tokens=False).ids
    return ids


def _counts(tokenizer: PreTrainedTokenizerFast, *languages: str) -> dict[str, EntryCounts]:
    return {code: count_entries(tokenizer, [SCRIPTS[code]]) for code in languages}


def _reduce(tokenizer: PreTrainedTokenizerFast, *languages: str, also: Sequence[int] = ()) -> Reduction:
    return reduce_tokenizer(tokenizer, choose_entries(tokenizer, _counts(tokenizer, *languages), also=also))


def _plain(model: object, **roles: str) -> PreTrainedTokenizerFast:
    backend = Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **roles)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(text=texts, chosen=st.sets(st.integers(0, 400)), language=st.sampled_from(list(SCRIPTS)))
def test_text_whose_entries_all_stay_is_cut_as_before(kind: str, text: str, chosen: set[int], language: str) -> None:
    tokenizer = TOKENIZERS[kind]
    known = set(tokenizer.get_vocab().values())
    reduction = _reduce(tokenizer, language, also=sorted(chosen & known))
    new = reduction.new_ids
    for each in (text, SCRIPTS[language]):
        old = _ids(tokenizer, each)
        if (new[old] >= 0).all() and (kind != "wordpiece" or tokenizer.unk_token_id not in old):
            assert _ids(reduction.tokenizer, each) == new[old].tolist()
            around = tokenizer(each)["input_ids"], reduction.tokenizer(each)["input_ids"]
            assert around[1] == new[around[0]].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_that_chose_the_entries_is_cut_as_before(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    reduction = _reduce(tokenizer, "hi", "en")
    assert len(reduction.kept) < len(tokenizer) and np.array_equal(np.sort(reduction.kept), reduction.kept)
    for code in ("hi", "en"):
        assert _ids(reduction.tokenizer, SCRIPTS[code]) == reduction.new_ids[_ids(tokenizer, SCRIPTS[code])].tolist()
    names = tokenizer.convert_ids_to_tokens(reduction.kept.tolist())
    assert reduction.tokenizer.convert_ids_to_tokens(list(range(len(names)))) == names
    mapping = reduction.mapping
    assert mapping.targets(reduction.kept, np.zeros(len(names), np.bool_)).tolist() == list(range(len(names)))
    assert mapping.unknown == reduction.tokenizer.unk_token_id


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_stay_with_their_spaces_and_the_unknown_one_is_itself(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    reduced = _reduce(tokenizer, "en").tokenizer
    assert reduced.special_tokens_map == tokenizer.special_tokens_map
    for role in ("pad", "unk", "cls", "sep", "mask"):
        assert reduced.convert_ids_to_tokens(getattr(reduced, f"{role}_token_id")) == getattr(
            tokenizer, f"{role}_token"
        )
    masked = f"free {tokenizer.mask_token} equal"
    names = [each.convert_ids_to_tokens(each(masked)["input_ids"]) for each in (tokenizer, reduced)]
    assert names[0] == names[1]
    if "byte" not in kind and kind != "bpe":
        assert reduced.unk_token_id in reduced("ж")["input_ids"]


def test_xlm_rs_mask_is_last_and_its_first_ids_are_as_they_were() -> None:
    reduced = _reduce(TOKENIZERS["unigram"], "en").tokenizer
    assert [reduced.convert_ids_to_tokens(number) for number in range(4)] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert reduced.mask_token_id == len(reduced) - 1


def test_an_entry_stays_that_is_found_in_enough_sentences_of_any_language() -> None:
    tokenizer = _plain(
        WordPiece({"[UNK]": 0, "many": 1, "few": 2, "small": 3, "none": 4}, unk_token="[UNK]"), unk_token="[UNK]"
    )
    counts = {
        "sl": count_entries(tokenizer, ["many"] * 9_990 + ["few few few"] * 4 + ["few"] * 6),
        "hr": count_entries(tokenizer, ["small"] + ["many"] * 9),
    }
    assert counts["sl"].found.tolist() == [0, 9_990, 10, 0, 0] and counts["sl"].sentences == 10_000
    assert choose_entries(tokenizer, counts, share=0.001).tolist() == [0, 1, 2, 3]
    assert choose_entries(tokenizer, counts, share=0.00101).tolist() == [0, 1, 3]


def test_languages_take_turns_where_the_size_is_given() -> None:
    words = ["[UNK]", *(f"x{number}" for number in range(50)), *(f"y{number}" for number in range(50))]
    tokenizer = _plain(
        WordPiece({word: number for number, word in enumerate(words)}, unk_token="[UNK]"), unk_token="[UNK]"
    )
    counts = {
        code: count_entries(tokenizer, [" ".join(f"{code[0]}{n}" for n in range(end)) for end in range(1, lines)])
        for code, lines in (("xh", 51), ("yo", 9))
    }
    names = tokenizer.convert_ids_to_tokens(choose_entries(tokenizer, counts, size=9).tolist())
    assert names == ["[UNK]", "x0", "x1", "x2", "x3", "y0", "y1", "y2", "y3"]
    assert len(choose_entries(tokenizer, counts, size=1000)) == 1 + 50 + 8


def test_wordpiece_keeps_characters_at_the_beginning_and_inside_of_words() -> None:
    pieces = ["[UNK]", "a", "b", "##a", "##b", "ab", "##ba", "abba", "z", "##z"]
    model = WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]")
    tokenizer = _plain(model, unk_token="[UNK]")
    reduction = reduce_tokenizer(tokenizer, choose_entries(tokenizer, {"en": count_entries(tokenizer, ["abba"])}))
    assert {"a", "##a", "b", "##b", "abba"} <= {*reduction.tokenizer.get_vocab()}
    assert reduction.tokenizer.tokenize("bab abba") == ["b", "##a", "##b", "abba"]


def test_an_unknown_word_may_be_known_once_a_long_piece_is_gone() -> None:
    names = ["[UNK]", "ab", "abc", "a", "b", "c", "q", "##b", "##c", "##cq"]
    model = WordPiece({name: number for number, name in enumerate(names)}, unk_token="[UNK]")
    tokenizer = _plain(model, unk_token="[UNK]")
    counts = {"en": count_entries(tokenizer, ["ab c q"])}
    reduction = reduce_tokenizer(tokenizer, choose_entries(tokenizer, counts, also=[names.index("##cq")]))
    assert (tokenizer.tokenize("abcq"), reduction.tokenizer.tokenize("abcq")) == (["[UNK]"], ["ab", "##cq"])
    assert whole_sentences(tokenizer, reduction, ["abcq", "", "ab c", "abc"]) == ["ab c"]
    proof = prove_text(tokenizer, reduction, ["abcq", "ab c", "abc"], "en", kept=True)
    assert (proof.sentences, proof.same, proof.whole, proof.whole_same) == (3, 1, 1, 1)
    assert (proof.unknown_before, proof.unknown_after) == (1, 0)


@pytest.mark.parametrize("kind", [processors.BertProcessing, processors.RobertaProcessing])
def test_the_old_ways_to_put_special_tokens_around_text(kind: Any) -> None:
    names = ["gone", "[UNK]", "a", "[X]", "[Y]"]
    tokenizer = _plain(
        WordPiece({name: number for number, name in enumerate(names)}, unk_token="[UNK]"), unk_token="[UNK]"
    )
    tokenizer.backend_tokenizer.post_processor = processors.Sequence([kind(("[Y]", 4), ("[X]", 3))])
    reduction = reduce_tokenizer(tokenizer, choose_entries(tokenizer, {"en": count_entries(tokenizer, ["a"])}))
    assert reduction.tokenizer.convert_ids_to_tokens(reduction.tokenizer("a")["input_ids"]) == ["[X]", "a", "[Y]"]


def test_every_rule_that_makes_an_entry_of_bpe_stays_with_its_parts() -> None:
    names = ["a", "b", "c", "ab", "bc", "abc", "d", "cd"]
    rules = [("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc"), ("c", "d")]
    tokenizer = _plain(BPE({name: number for number, name in enumerate(names)}, rules))
    reduction = reduce_tokenizer(tokenizer, choose_entries(tokenizer, {"en": count_entries(tokenizer, ["abc"])}))
    model = json.loads(reduction.tokenizer.backend_tokenizer.to_str())["model"]
    assert [tuple(pair) for pair in model["merges"]] == rules[:4]
    assert {"ab", "bc"} <= {*model["vocab"]} and "cd" not in model["vocab"]


def test_unigram_counts_an_unknown_character_as_before_and_keeps_its_scores() -> None:
    pieces = [("<pad>", 0.0), ("far", -20.0), ("<unk>", 0.0), ("▁", -3.0), ("a", -5.0), ("b", -6.0), ("ab", -7.0)]
    tokenizer = _plain(Unigram(pieces, unk_id=2), unk_token="<unk>", pad_token="<pad>")
    kept = choose_entries(tokenizer, {"en": count_entries(tokenizer, ["aab"])})
    model = json.loads(reduce_tokenizer(tokenizer, kept).tokenizer.backend_tokenizer.to_str())["model"]
    assert model["unk_id"] == 2 and [tuple(each) for each in model["vocab"]] == pieces


def test_entries_left_free_for_later_and_tokens_added_by_hand() -> None:
    names = ["[UNK]", "[unused1]", "a"]
    tokenizer = _plain(
        WordPiece({name: number for number, name in enumerate(names)}, unk_token="[UNK]"), unk_token="[UNK]"
    )
    tokenizer.add_tokens(["<unused5>", "E-MAIL"])
    reduction = reduce_tokenizer(tokenizer, choose_entries(tokenizer, {"en": count_entries(tokenizer, ["a"])}))
    assert reduction.tokenizer.get_vocab() == {"[UNK]": 0, "a": 1, "E-MAIL": 2}
    assert reduction.tokenizer.tokenize("a E-MAIL") == ["a", "E-MAIL"] and reduction.new_ids.tolist() == [
        0,
        -1,
        1,
        -1,
        2,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_without_a_role_stay_special(kind: str) -> None:
    tokenizer = train_tokenizer(kind)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<ent>"]})
    reduced = reduce_tokenizer(
        tokenizer, choose_entries(tokenizer, {"en": count_entries(tokenizer, ["human"])})
    ).tokenizer
    assert "<ent>" in reduced.all_special_tokens
    ids = reduced("<ent>")["input_ids"]
    assert all(reduced.get_special_tokens_mask(ids, already_has_special_tokens=True))


def test_what_cannot_be_chosen() -> None:
    tokenizer = TOKENIZERS["wordpiece"]
    counts = {"en": count_entries(tokenizer, [SCRIPTS["en"]]), "ka": count_entries(tokenizer, ["ადამიანი"])}
    with pytest.raises(InputError, match="knows nothing of the text in ka"):
        choose_entries(tokenizer, counts)
    with pytest.raises(InputError, match="too small") as error:
        choose_entries(tokenizer, {"en": counts["en"]}, size=10)
    least = int(str(error.value.fix).split()[1])
    assert len(choose_entries(tokenizer, {"en": counts["en"]}, size=least)) == least
