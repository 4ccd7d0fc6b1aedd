"""The special ids of three kinds of tokenizers."""

import json

import pytest
from tokenizers import Tokenizer
from transformers import AddedToken, PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.masking import special_tokens_of
from equiglot.vocabulary import id_count
from tests.stock import KINDS, train_tokenizer


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_stand_around_and_are_never_asked_for(kind: str) -> None:
    tokenizer = train_tokenizer(kind)
    tokenizer.add_tokens([AddedToken("<extra>", special=True), AddedToken("word", special=False)])
    special = special_tokens_of(tokenizer)
    names = (special.first, special.last, special.padding, special.mask)
    roles = (tokenizer.cls_token, tokenizer.sep_token, tokenizer.pad_token, tokenizer.mask_token)
    assert tuple(tokenizer.convert_ids_to_tokens(names)) == roles
    ordinary = set(tokenizer.convert_ids_to_tokens(special.maskable_ids.tolist()))
    assert "word" in ordinary
    assert not ordinary & {*roles, tokenizer.unk_token, "<extra>"}
    assert len(ordinary) == len(tokenizer) - 6


def test_beginning_and_end_may_have_other_names() -> None:
    tokenizer = train_tokenizer("unigram")
    tokenizer.cls_token = tokenizer.sep_token = None
    tokenizer.bos_token, tokenizer.eos_token = "<s>", "</s>"
    special = special_tokens_of(tokenizer)
    assert (special.first, special.last) == (tokenizer.bos_token_id, tokenizer.eos_token_id)


def test_what_is_missing_is_named() -> None:
    tokenizer = train_tokenizer("wordpiece")
    tokenizer.mask_token = tokenizer.sep_token = None
    with pytest.raises(InputError, match="no token for: mask, end"):
        special_tokens_of(tokenizer)


def test_numbers_that_stand_for_nothing_are_never_masked_nor_put_in_the_place_of_a_word() -> None:
    """Ids may have gaps: those that stand behind one are words, those in it are none."""
    tokenizer = train_tokenizer("wordpiece")
    tree = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary, size = tree["model"]["vocab"], len(tokenizer)
    last = max(vocabulary, key=vocabulary.__getitem__)
    vocabulary[last] = size + 3
    gapped = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(tree)),
        **{
            role: getattr(tokenizer, role)
            for role in ("cls_token", "sep_token", "pad_token", "mask_token", "unk_token")
        },
    )
    assert id_count(gapped) == size + 4 and len(gapped) == size
    words = special_tokens_of(gapped).maskable_ids
    assert size + 3 in words and not set(words) & {size - 1, size, size + 1, size + 2}
    assert len(words) == len(special_tokens_of(tokenizer).maskable_ids)
