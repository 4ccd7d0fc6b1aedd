"""The special ids of three kinds of tokenizers."""

import pytest
from transformers import AddedToken

from equiglot.errors import InputError
from equiglot.masking import special_tokens_of
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
