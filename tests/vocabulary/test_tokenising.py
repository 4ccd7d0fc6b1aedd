"""Tokenised text: nothing lost, nothing empty, counts that agree with a plain count; all kinds of tokenizer."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.vocabulary import (
    TokenStatistics,
    VocabularySettings,
    load_tokenizer,
    map_vocabulary,
    open_sentences,
    open_tokens,
    tokenise_split,
    train_vocabulary,
    unknown_id,
)
from tests.stock import train_tokenizer
from tests.vocabulary.conftest import ALGORITHMS, SENTENCES, write_arrow

ALL = [sentence for sentences in SENTENCES.values() for sentence in sentences]


def _byte_level() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(ALL, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend)


@pytest.fixture(params=[*ALGORITHMS, "foreign"])
def tokenizer(request: pytest.FixtureRequest, vocabularies: dict[str, Path]) -> PreTrainedTokenizerFast:
    """All kinds, because only WordPiece tells from an id whether a piece continues a word; and one without [UNK]."""
    return _byte_level() if request.param == "foreign" else load_tokenizer(vocabularies[request.param])


def test_statistics_agree_with_a_plain_count(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    source = write_arrow(tmp_path / "text.arrow", ALL)
    statistics = tokenise_split(source, tokenizer, 1000, tmp_path / "tokens")
    encodings = [tokenizer.backend_tokenizer.encode(text, add_special_tokens=False) for text in ALL]
    words = [encoding.word_ids.count(word) for encoding in encodings for word in set(encoding.word_ids)]
    assert statistics == TokenStatistics(
        sequences=len(ALL),
        sentences=len(ALL),
        tokens=sum(map(len, encodings)),
        characters=sum(map(len, ALL)),
        words=len(words),
        continued_words=sum(pieces > 1 for pieces in words),
        unknown_tokens=sum(encoding.ids.count(tokenizer.unk_token_id) for encoding in encodings),
    )
    assert statistics.fertility == pytest.approx(sum(words) / len(words))
    assert 0 < statistics.continued_share < 1


@pytest.mark.parametrize("max_tokens", [1, 7, 30])
def test_long_sentences_are_cut_and_nothing_is_lost(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, max_tokens: int
) -> None:
    source = write_arrow(tmp_path / "text.arrow", ALL)
    statistics = tokenise_split(source, tokenizer, max_tokens, tmp_path / "tokens")
    text = open_tokens(tmp_path / "tokens")
    encodings = [tokenizer.backend_tokenizer.encode(sentence, add_special_tokens=False) for sentence in ALL]
    assert text.ids.tolist() == [identity for encoding in encodings for identity in encoding.ids]
    assert text.lengths.min() > 0 and text.lengths.max() <= max_tokens
    assert len(text) == statistics.sequences > statistics.sentences == len(ALL)
    assert statistics.cut == sum(len(encoding) > max_tokens for encoding in encodings)
    assert text.characters[-1] == statistics.characters == sum(map(len, ALL))
    assert (np.diff(text.characters) >= 0).all()


def test_cut_sequences_know_their_characters(wordpiece: Path, tmp_path: Path) -> None:
    sentence = "the rights of all, and the rights of one."
    source = write_arrow(tmp_path / "text.arrow", [sentence])
    tokenizer = load_tokenizer(wordpiece)
    tokenise_split(source, tokenizer, 3, tmp_path / "tokens")
    text = open_tokens(tmp_path / "tokens")
    for index in range(len(text)):
        span = sentence[text.characters[index] : text.characters[index + 1]]
        first = str(tokenizer.convert_ids_to_tokens(int(text.ids[text.offsets[index]])))
        assert span.startswith(first.removeprefix("##"))


def test_sentences_without_a_token_give_no_sequence(vocabulary: Path, tmp_path: Path) -> None:
    source = write_arrow(tmp_path / "text.arrow", ["", "Würde", " \t ", "\u00ad", "Rechte"])
    statistics = tokenise_split(source, load_tokenizer(vocabulary), 50, tmp_path / "tokens")
    assert (statistics.sentences, statistics.empty, statistics.characters) == (2, 3, 11)
    assert open_tokens(tmp_path / "tokens").characters.tolist() == [0, 5, 11]


def test_sequences_know_their_sentences(vocabulary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equiglot.vocabulary.tokenising._BATCH", 2)
    text = ["Würde", "", "the rights of all, and the rights of one.", " ", "Rechte und Würde"]
    source, tokenizer = write_arrow(tmp_path / "text.arrow", text), load_tokenizer(vocabulary)
    tokenise_split(source, tokenizer, 3, tmp_path / "tokens")
    lengths = [len(tokenizer.backend_tokenizer.encode(each, add_special_tokens=False)) for each in text]
    expected = [number for number, length in enumerate(lengths) for _ in range(0, length, 3)]
    assert open_sentences(tmp_path / "tokens").tolist() == expected
    (tmp_path / "tokens" / "sentences.npy").unlink()
    with pytest.raises(InputError, match="not there"):
        open_sentences(tmp_path / "tokens")


def test_a_special_token_in_the_text_is_text(vocabulary: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(vocabulary)
    source = write_arrow(tmp_path / "text.arrow", ["Write [MASK] or [SEP] here."])
    tokenise_split(source, tokenizer, 50, tmp_path / "tokens")
    ids = open_tokens(tmp_path / "tokens").ids.tolist()
    assert not {tokenizer.mask_token_id, tokenizer.sep_token_id} & set(ids)
    assert tokenizer.mask_token_id in tokenizer("Write [MASK]")["input_ids"]  # For its users nothing has changed.


def test_an_empty_split_is_a_text_of_no_sequences(wordpiece: Path, tmp_path: Path) -> None:
    statistics = tokenise_split(write_arrow(tmp_path / "t.arrow", []), load_tokenizer(wordpiece), 9, tmp_path / "x")
    text = open_tokens(tmp_path / "x")
    assert len(text) == statistics.sequences == 0
    assert statistics.fertility == statistics.unknown_rate == statistics.continued_share == 0
    ids, lengths = text.gather(np.array([], np.int64))
    assert ids.size == lengths.size == 0


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(data=st.data())
def test_gather_is_slicing(wordpiece: Path, tmp_path: Path, data: st.DataObject) -> None:
    if not (tmp_path / "tokens").exists():
        tokenise_split(write_arrow(tmp_path / "text.arrow", ALL), load_tokenizer(wordpiece), 11, tmp_path / "tokens")
    text = open_tokens(tmp_path / "tokens")
    indices = data.draw(st.lists(st.integers(0, len(text) - 1), max_size=20))
    ids, lengths = text.gather(np.array(indices, np.int64))
    expected = [text.ids[text.offsets[i] : text.offsets[i + 1]].tolist() for i in indices]
    assert ids.tolist() == [identity for row in expected for identity in row]
    assert lengths.tolist() == [len(row) for row in expected] == text.lengths[indices].tolist()
    assert ids.dtype == text.ids.dtype == np.uint16


def test_a_large_vocabulary_gets_wide_ids(tmp_path: Path) -> None:
    words = {"[UNK]": 0, **{f"w{number}": number + 1 for number in range(1 << 16)}}
    backend = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    tokenise_split(write_arrow(tmp_path / "t.arrow", ["w0 w65535"]), tokenizer, 9, tmp_path / "x")
    text = open_tokens(tmp_path / "x")
    assert text.ids.dtype == np.uint32
    assert text.ids.tolist() == [1, 65536]


def test_damaged_arrays_are_refused(wordpiece: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    with pytest.raises(InputError, match="not there"):
        open_tokens(folder)
    tokenise_split(write_arrow(tmp_path / "text.arrow", ALL), load_tokenizer(wordpiece), 50, folder)
    whole = np.load(folder / "ids.npy")
    np.save(folder / "ids.npy", whole[:-1])
    with pytest.raises(InputError, match="belong together"):
        open_tokens(folder)
    (folder / "ids.npy").write_bytes((folder / "offsets.npy").read_bytes()[:50])
    with pytest.raises(InputError, match="cannot be read"):
        open_tokens(folder)
    np.save(folder / "ids.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        open_tokens(folder)


def test_real_text(real_data: Path, tmp_path: Path) -> None:
    languages = ("de", "el", "hi", "ko", "ru", "te", "tr", "vi")
    texts = {
        language: (real_data / "text" / language / "commonvoice.txt").read_text("utf-8").splitlines()[:1500]
        for language in languages
    }
    corpora = {language: write_arrow(tmp_path / f"{language}.arrow", text[100:]) for language, text in texts.items()}
    train_vocabulary(corpora, VocabularySettings(size=8000), tmp_path / "vocabulary")
    tokenizer = load_tokenizer(tmp_path / "vocabulary")
    for language, text in texts.items():
        held_out = write_arrow(tmp_path / f"{language}-test.arrow", text[:100])
        statistics = tokenise_split(held_out, tokenizer, 126, tmp_path / "tokens" / language)
        assert statistics.unknown_rate < 0.02, language
        assert 1 < statistics.fertility < 4, language


def test_what_is_unknown_is_the_mask_where_bytes_write_everything() -> None:
    tokenizer = train_tokenizer("byte-bpe")
    assert unknown_id(tokenizer) == tokenizer.unk_token_id != tokenizer.mask_token_id
    tokenizer.unk_token = None
    assert unknown_id(tokenizer) == tokenizer.mask_token_id
    mapping = map_vocabulary(train_tokenizer("byte-bpe"), tokenizer, 400)
    assert mapping.unknown == tokenizer.mask_token_id
