"""What pieces stand for: put together they are the text; entries that stand for nothing; what cannot be read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import Unigram, WordPiece
from transformers import PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.vocabulary import load_tokenizer, pieces_of, text_encoder
from equiglot.vocabulary.pieces import Borders, normalised
from tests.stock import KINDS, train_tokenizer
from tests.vocabulary.conftest import ALGORITHMS, SENTENCES
from tests.vocabulary.uniting import BERT, bare, gemma_like, modernbert_like, numbered, unmarked, wrap

ALL = [sentence for sentences in SENTENCES.values() for sentence in sentences]


@pytest.fixture(scope="module", params=[*ALGORITHMS, *(f"stock {kind}" for kind in KINDS)])
def tokenizer(request: pytest.FixtureRequest, vocabularies: dict[str, Path]) -> PreTrainedTokenizerFast:
    kind = request.param.removeprefix("stock ")
    return train_tokenizer(kind, ALL) if request.param != kind else load_tokenizer(vocabularies[kind])


@hypothesis_settings(max_examples=60)
@given(text=st.sampled_from(ALL) | st.lists(st.sampled_from(" ".join(ALL).split()), max_size=9).map(" ".join))
def test_surfaces_put_together_are_the_text(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    pieces, backend = pieces_of(tokenizer), text_encoder(tokenizer)
    ids = backend.encode(text, add_special_tokens=False).ids
    surfaces = [pieces.surfaces[number] for number in ids]
    letters = "".join(normalised(backend, text).replace("▁", " ").split())
    if None not in surfaces:
        assert "".join(surface or "" for surface in surfaces) == letters
    words = len(text.split())
    starts = sum(bool(pieces.starts[number]) for number in ids)
    assert words - 1 <= starts if pieces.kind != "wordpiece" or None in surfaces else words <= starts


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_special_tokens_have_no_letters(vocabularies: dict[str, Path], algorithm: str) -> None:
    pieces = pieces_of(load_tokenizer(vocabularies[algorithm]))
    assert pieces.kind == algorithm
    assert pieces.tokens[:5] == pieces.surfaces[:5] == (None,) * 5
    assert None not in pieces.tokens[5:]
    assert pieces.roles == {"padding": 0, "unknown": 1, "beginning": 2, "end": 3, "mask": 4}
    assert (None in pieces.surfaces[5:]) == (algorithm == "byte-bpe")


def test_wordpiece_as_bert_has_it() -> None:
    words = ["[unused0]", "ing", "##ing", "##", ",", "▁"]
    pieces = pieces_of(bare(WordPiece(numbered(words, BERT), unk_token="[UNK]"), BERT))
    assert pieces.surfaces[5:] == (None, "ing", "ing", "##", ",", "")
    assert pieces.starts[6:].tolist() == [True, False, True, True, True]


def test_another_prefix_than_two_hashes_is_read_and_written_as_these() -> None:
    model = WordPiece(numbered(["a", "@@a"], BERT), unk_token="[UNK]", continuing_subword_prefix="@@")
    pieces = pieces_of(bare(model, BERT))
    assert pieces.tokens[5:] == ("a", "##a")
    assert pieces.surfaces[5:] == ("a", "a")


def test_unigram_as_xlm_r_has_it() -> None:
    scores = [(token, -1.0) for token in ("▁", "▁ing", "ing", "▁(", "▁▁", "<extra_id_3>", "<0x41>", "<0x0A>", "<0xE0>")]
    special = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    backend = Tokenizer(Unigram([*special, *scores, ("<mask>", 0.0)], unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    pieces = pieces_of(wrap(backend))
    assert pieces.surfaces[4:13] == ("", "ing", "ing", "(", None, None, "A", None, None)
    assert pieces.starts[4:8].tolist() == [True, True, False, True]
    assert pieces.roles == {"beginning": 0, "padding": 1, "end": 2, "unknown": 3, "mask": 13}


def test_bpe_as_mmbert_has_it() -> None:
    pieces = pieces_of(gemma_like())
    found = dict(zip(pieces.tokens, pieces.surfaces, strict=True))
    assert pieces.kind == "bpe"
    assert (found["▁ab"], found["ab"], found["▁"], found["क"]) == ("ab", "ab", "", "क")
    assert found["▁▁"] is found["<0xFF>"] is found["<0x20>"] is None
    assert not any(token and "unused" in token for token in pieces.tokens)


def test_byte_level_bpe_as_modernbert_has_it() -> None:
    pieces = pieces_of(modernbert_like())
    found = {token: row for token, *row in zip(pieces.tokens, pieces.surfaces, pieces.starts.tolist(), strict=True)}
    assert pieces.kind == "byte-bpe"
    assert found["Ġa"] == ["a", True] and found["a"] == ["a", False] and found["Ġ"] == ["", True]
    assert found["à"] == [None, False] and found["Ġà¤"] == [None, True]
    assert "  " not in found  # It was added by hand: no piece of the model.


@pytest.mark.parametrize("kind", ["WordLevel", "bpe", "wordpiece"])
def test_tokenizers_without_word_starts_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match=kind) as refused:
        pieces_of(unmarked()[kind])
    assert refused.value.fix


def test_a_missing_special_token_is_refused_by_its_role() -> None:
    tokenizer = train_tokenizer("wordpiece")
    tokenizer.mask_token = tokenizer.pad_token = None
    with pytest.raises(InputError, match="no special token for: padding, mask"):
        pieces_of(tokenizer)


def test_words_end_at_punctuation_and_han_characters(vocabularies: dict[str, Path]) -> None:
    borders = Borders(load_tokenizer(vocabularies["wordpiece"]).backend_tokenizer)
    assert [character for character in "(a1中ी-л한’" if borders.before(character)] == list("(中-’")
    assert [character for character in "(a1中ी-л한’" if borders.after(character)] == list("(中-’")
