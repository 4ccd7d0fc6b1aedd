"""What holds for the pieces of every algorithm, whatever the text; and pieces as people read them."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from equiglot.vocabulary import load_backend, load_tokenizer, readable_pieces
from tests.vocabulary.conftest import ALGORITHMS, SENTENCES

ALL = [sentence for sentences in SENTENCES.values() for sentence in sentences]
COVERED = sorted(set("".join(ALL)) - {" "})
# Words and letters of all scripts, spaces, special tokens written out, and what no vocabulary here has ever seen.
PARTS = st.sampled_from([*" ".join(ALL).split(), *COVERED, " ", "\u3000", "[MASK]", "[UNK]", "▁", "##a"])
TEXT = st.lists(PARTS, max_size=12).map("".join)
ANYTHING = TEXT | st.text(max_size=20)

for_each_example = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@pytest.fixture(params=ALGORITHMS)
def tokenizer(request: pytest.FixtureRequest, vocabularies: dict[str, Path]) -> PreTrainedTokenizerFast:
    return load_tokenizer(vocabularies[request.param])


@pytest.fixture(scope="module")
def stock(vocabularies: dict[str, Path]) -> list[tuple[PreTrainedTokenizerFast, Tokenizer]]:
    """Each folder as transformers loads it, and its file as the Rust library reads it."""
    folders = vocabularies.values()
    return [
        (AutoTokenizer.from_pretrained(each), Tokenizer.from_file(str(each / "tokenizer.json"))) for each in folders
    ]


def _as_text(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """The tokenizer as text is read: a special token in it is text."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.encode_special_tokens = True
    return backend


@for_each_example
@given(text=TEXT)
def test_decoding_gives_back_the_normalised_text(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    backend = _as_text(tokenizer)
    ids = backend.encode(text, add_special_tokens=False).ids
    expected = backend.normalizer.normalize_str(text).strip(" ")
    decoded = backend.decode(ids, skip_special_tokens=False)
    if tokenizer.unk_token_id in ids:  # A mark and the letter that it met here make a character of their own.
        assert "[UNK]" in decoded
    elif "##a" in tokenizer.get_vocab():  # WordPiece puts spaces around punctuation.
        assert decoded.replace(" ", "") == "".join(expected.split())
    else:
        assert decoded == expected


@for_each_example
@given(text=ANYTHING)
def test_text_gives_no_special_token_but_unknown(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    encoding = _as_text(tokenizer).encode(text, add_special_tokens=False)
    assert all(identity == tokenizer.unk_token_id or 5 <= identity < len(tokenizer) for identity in encoding.ids)


@for_each_example
@given(text=ANYTHING)
def test_offsets_go_forward_and_stay_inside(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    offsets = _as_text(tokenizer).encode(text, add_special_tokens=False).offsets
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    starts = [start for start, _ in offsets]
    assert starts == sorted(starts)


@for_each_example
@given(text=ANYTHING)
def test_stock_transformers_cuts_as_the_saved_file_says(
    stock: list[tuple[PreTrainedTokenizerFast, Tokenizer]], text: str
) -> None:
    for loaded, saved in stock:
        assert loaded(text)["input_ids"] == saved.encode(text).ids


@pytest.mark.parametrize(
    ("algorithm", "pieces"),
    [
        ("wordpiece", ("[UNK]", ".")),
        ("unigram", ("▁", "[UNK]", ".")),
        ("bpe", ("▁", "[UNK]", ".")),
        ("byte-bpe", ("▁", "�", "�", "�", ".")),
    ],
)
def test_pieces_are_shown_as_letters(vocabularies: dict[str, Path], algorithm: str, pieces: tuple[str, ...]) -> None:
    assert readable_pieces(load_backend(vocabularies[algorithm]), "☂.") == pieces
