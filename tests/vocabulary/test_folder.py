"""The tokenizer folder: the same ids wherever it is read, and nothing executed from it."""

import json
import shutil
from pathlib import Path

import pytest
from tokenizers.models import WordPiece
from transformers import AutoTokenizer, BertConfig

from equiglot.errors import InputError
from equiglot.vocabulary import load_backend, load_tokenizer, write_tokenizer
from tests.vocabulary.conftest import SENTENCES

ALL = [sentence for sentences in SENTENCES.values() for sentence in sentences]


@pytest.fixture
def beside_bert(vocabulary: Path, tmp_path: Path) -> Path:
    """The tokenizer beside the configuration of a BERT model."""
    return _beside_bert(vocabulary, tmp_path / "model")


def _beside_bert(vocabulary: Path, folder: Path) -> Path:
    write_tokenizer(load_tokenizer(vocabulary), folder, max_length=64)
    BertConfig(vocab_size=2000).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "bert"
    return folder


@pytest.mark.parametrize("language", SENTENCES)
def test_stock_transformers_reads_the_same_ids_alone_and_beside_a_model(
    vocabulary: Path, beside_bert: Path, language: str
) -> None:
    ours = load_tokenizer(vocabulary).backend_tokenizer
    for folder in (vocabulary, beside_bert):
        stock = AutoTokenizer.from_pretrained(folder)
        for sentence in SENTENCES[language]:
            assert stock(sentence)["input_ids"] == ours.encode(sentence).ids


def test_the_tokenizer_is_not_rebuilt_from_flags(beside_bert: Path) -> None:
    stock = AutoTokenizer.from_pretrained(beside_bert)
    normalise = stock.backend_tokenizer.normalizer.normalize_str
    assert normalise("हिन्दी में 한국어 Äpfel").strip() == "हिन्दी में 한국어 apfel"


def test_transformers_would_rebuild_a_tokenizer_that_is_called_bert(wordpiece: Path, tmp_path: Path) -> None:
    # Why `write_tokenizer` names another class. When this fails, transformers has changed: look again.
    beside_bert = _beside_bert(wordpiece, tmp_path / "model")
    (beside_bert / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    normalise = AutoTokenizer.from_pretrained(beside_bert).backend_tokenizer.normalizer.normalize_str
    assert len(normalise("한국어")) == 8  # Hangul in pieces.


def test_roles_length_and_frame(vocabulary: Path, beside_bert: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(vocabulary)
    assert tokenizer.model_max_length == 128
    assert AutoTokenizer.from_pretrained(beside_bert).model_max_length == 64
    roles = (tokenizer.pad_token, tokenizer.unk_token, tokenizer.cls_token, tokenizer.sep_token, tokenizer.mask_token)
    assert roles == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    assert tokenizer.convert_tokens_to_ids(list(roles)) == [0, 1, 2, 3, 4]
    one, two = tokenizer.tokenize("Würde"), tokenizer.tokenize("rights")
    pair = tokenizer("Würde", "rights")
    assert tokenizer.convert_ids_to_tokens(pair["input_ids"]) == ["[CLS]", *one, "[SEP]", *two, "[SEP]"]
    assert pair["token_type_ids"] == [0] * (len(one) + 2) + [1] * (len(two) + 1)
    assert tokenizer("a [MASK] b")["input_ids"].count(4) == 1
    long = tokenizer(" ".join(["Würde"] * 300), truncation=True)
    assert len(long["input_ids"]) == 128


def test_special_tokens_without_a_role_stay_special(vocabulary: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(vocabulary)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<ent>", "<rel>"]})
    write_tokenizer(tokenizer, tmp_path)
    for read in (load_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path)):
        assert {"<ent>", "<rel>", "[MASK]"} <= {*read.all_special_tokens}
        ids = read("a <ent> b")["input_ids"]
        special = read.get_special_tokens_mask(ids, already_has_special_tokens=True)
        assert [token for token, one in zip(ids, special, strict=True) if one] == [
            read.cls_token_id,
            read.convert_tokens_to_ids("<ent>"),
            read.sep_token_id,
        ]


@pytest.mark.parametrize("sentence", ALL, ids=range(len(ALL)))
def test_round_trip(vocabulary: Path, sentence: str) -> None:
    tokenizer = load_tokenizer(vocabulary)
    ids = tokenizer(sentence, add_special_tokens=False)["input_ids"]
    text = str(tokenizer.decode(ids))
    normalised = tokenizer.backend_tokenizer.normalizer.normalize_str(sentence)
    if isinstance(tokenizer.backend_tokenizer.model, WordPiece):  # It puts spaces around punctuation.
        assert text.replace(" ", "") == normalised.replace(" ", "")
    else:
        assert text == normalised.strip()
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == ids


def test_writing_twice_gives_the_same_bytes(vocabulary: Path, tmp_path: Path) -> None:
    write_tokenizer(load_tokenizer(vocabulary), tmp_path / "again")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (vocabulary / name).read_bytes()


def test_truncation_left_over_from_use_is_not_written(vocabulary: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(vocabulary)
    tokenizer("Würde und Rechte", truncation=True, max_length=4, padding="max_length")
    write_tokenizer(tokenizer, tmp_path / "again")
    assert (tmp_path / "again" / "tokenizer.json").read_bytes() == (vocabulary / "tokenizer.json").read_bytes()


def test_what_is_no_tokenizer_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_tokenizer(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no tokenizer in"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(InputError, match="not JSON"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"}')
    for load in (load_tokenizer, load_backend):
        with pytest.raises(InputError, match="cannot be read"):
            load(tmp_path)


def test_the_file_alone_cuts_and_pads_nothing(wordpiece: Path) -> None:
    whole, alone = load_tokenizer(wordpiece), load_backend(wordpiece)
    long = " ".join([*ALL, "[MASK]"] * 20)
    assert alone.encode(long).ids == whole(long)["input_ids"] and alone.get_vocab_size() == len(whole)


@pytest.mark.parametrize("name", ["tokenization_mine.py", "vocab.pkl", "words.joblib"])
def test_code_and_pickles_are_refused(wordpiece: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(wordpiece, tmp_path / "copy")
    (folder / name).write_bytes(b"import os")
    with pytest.raises(InputError, match="code or a pickle") as refusal:
        load_tokenizer(folder)
    assert refusal.value.where == str(folder / name)


@pytest.mark.parametrize("name", ["tokenizer_config.json", "config.json"])
def test_remote_code_is_refused(wordpiece: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(wordpiece, tmp_path / "copy")
    (folder / name).write_text(json.dumps({"auto_map": {"AutoTokenizer": ["other--mine.Tokenizer", None]}}))
    with pytest.raises(InputError, match="code of its own"):
        load_tokenizer(folder)
