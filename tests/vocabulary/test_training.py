"""The learnt vocabulary: the same bytes every time, a whole alphabet, equal shares, clear refusals."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from equiglot.errors import InputError
from equiglot.vocabulary import SPECIAL_TOKENS, VocabularySettings, load_tokenizer, train_vocabulary
from equiglot.vocabulary.training import choose_alphabet
from tests.vocabulary.conftest import SENTENCES, write_arrow

TRAIN = """
import sys
from pathlib import Path
from equiglot.vocabulary import VocabularySettings, train_vocabulary
corpora = {path.parent.name: path for path in Path(sys.argv[1]).glob("*/train.arrow")}
train_vocabulary(corpora, VocabularySettings(size=1200, sampling="proportional"), Path(sys.argv[2]))
"""


def test_two_processes_learn_the_same_bytes(corpora: dict[str, Path], tmp_path: Path) -> None:
    digests = set()
    for seed in ("1", "2", "3"):
        into = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": seed}
        source = corpora["de"].parent.parent
        subprocess.run([sys.executable, "-c", TRAIN, str(source), str(into)], check=True, env=environment)
        digests.add(tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(into.iterdir())))
    assert len(digests) == 1


def test_special_tokens_come_first_then_continuing_characters_in_order(vocabulary: Path) -> None:
    pieces = json.loads((vocabulary / "tokenizer.json").read_text())["model"]["vocab"]
    in_order = sorted(pieces, key=pieces.__getitem__)
    assert sorted(pieces.values()) == list(range(len(pieces)))
    assert tuple(in_order[:5]) == SPECIAL_TOKENS
    continuing = [piece for piece in in_order[5:] if piece.startswith("##") and len(piece) == 3]
    assert in_order[5 : 5 + len(continuing)] == sorted(continuing)


def test_no_word_of_the_text_is_unknown_when_the_alphabet_is_whole(vocabulary: Path) -> None:
    tokenizer = load_tokenizer(vocabulary)
    for sentences in SENTENCES.values():
        for sentence in sentences:
            assert tokenizer.unk_token_id not in tokenizer(sentence)["input_ids"], sentence


def test_every_character_of_the_alphabet_begins_and_continues_a_word(vocabulary: Path) -> None:
    pieces = load_tokenizer(vocabulary).get_vocab()
    alone = {piece for piece in pieces if len(piece) == 1}
    for character in "azqж한인हిω7":
        assert character in alone
        assert "##" + character in pieces
    assert {"人", "。", "!"} <= alone
    assert not {"##人", "##。", "##!"} & set(pieces)  # They are always words by themselves.


def test_the_size_is_a_limit(corpora: dict[str, Path], tmp_path: Path) -> None:
    record = train_vocabulary(corpora, VocabularySettings(size=900, languages=("de", "en")), tmp_path / "small")
    assert record.size == len(load_tokenizer(tmp_path / "small")) <= 900


def test_rare_characters_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write_arrow(tmp_path / "de" / "train.arrow", ["Die Straße ist naß."] * 400 + ["Ein ☂ fehlt."])
    record = train_vocabulary({"de": path}, VocabularySettings(size=300, coverage=0.999), tmp_path / "v")
    tokenizer = load_tokenizer(tmp_path / "v")
    assert 0 < record.uncovered["de"] < 0.001
    assert tokenizer.tokenize("naß ☂ ist") == ["naß", "[UNK]", "ist"]
    assert not any("☂" in piece for piece in tokenizer.get_vocab())


def test_each_language_has_its_own_coverage() -> None:
    counts = {"en": Counter({"a": 1_000_000, "b": 1}), "te": Counter({"త": 10, "ల": 10})}
    alphabet = choose_alphabet(counts, 0.999)
    assert {"త", "ల", "a"} <= alphabet  # Counted together, the Telugu letters would be among the rarest 0.1 %.


def test_equal_sampling_takes_what_the_smallest_has(tmp_path: Path) -> None:
    large = write_arrow(tmp_path / "en" / "train.arrow", ["The rain in Spain stays mainly in the plain."] * 50)
    small = write_arrow(tmp_path / "de" / "train.arrow", ["Der Regen in Spanien."] * 10)
    corpora = {"en": large, "de": small}

    def amounts(**fields: object) -> dict[str, int]:
        settings = VocabularySettings.model_validate({"size": 300, **fields})
        return train_vocabulary(corpora, settings, tmp_path / "v").characters

    assert amounts() == {"de": 210, "en": 210}
    assert amounts(characters=100) == {"de": 100, "en": 100}
    assert amounts(sampling="proportional") == {"de": 210, "en": 2200}
    assert amounts(sampling="proportional", characters=1000) == {"de": 210, "en": 1000}
    assert amounts(languages=("en",)) == {"en": 2200}


def test_refusals_say_what_to_do(corpora: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="xx") as missing:
        train_vocabulary(corpora, VocabularySettings(languages=("de", "xx")), tmp_path / "v")
    assert missing.value.where == "vocabulary.languages"
    with pytest.raises(InputError, match="alphabet takes") as crowded:
        train_vocabulary(corpora, VocabularySettings(size=100), tmp_path / "v")
    assert crowded.value.where == "vocabulary.size"
    with pytest.raises(InputError, match="no text in de"):
        train_vocabulary({"de": write_arrow(tmp_path / "de.arrow", [])}, VocabularySettings(), tmp_path / "v")
    with pytest.raises(ValidationError):
        VocabularySettings.model_validate({"acents": "keep"})
    assert not (tmp_path / "v").exists()
