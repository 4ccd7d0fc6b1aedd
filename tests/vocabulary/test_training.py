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

from equiglot.corpus import read_sentences
from equiglot.errors import InputError
from equiglot.vocabulary import (
    SPECIAL_TOKENS,
    VocabularyRecord,
    VocabularySettings,
    learn_tokenizer,
    load_backend,
    load_tokenizer,
    readable_pieces,
    train_vocabulary,
)
from equiglot.vocabulary.sampling import choose_alphabet
from equiglot.vocabulary.settings import Algorithm
from tests.vocabulary.conftest import ALGORITHMS, SENTENCES, settings_of, write_arrow

TRAIN = """
import sys
from pathlib import Path
from equiglot.vocabulary import VocabularySettings, train_vocabulary
corpora = {path.parent.name: path for path in Path(sys.argv[1]).glob("*/train.arrow")}
for algorithm in sys.argv[3:]:
    settings = VocabularySettings(algorithm=algorithm, size=1200, sampling="proportional")
    train_vocabulary(corpora, settings, Path(sys.argv[2]) / algorithm)
"""


def test_all_processes_learn_the_same_bytes(corpora: dict[str, Path], tmp_path: Path) -> None:
    digests: dict[str, set[tuple[str, ...]]] = {algorithm: set() for algorithm in ALGORITHMS}
    for seed in ("1", "2", "3", "4"):
        into = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": seed}
        source = corpora["de"].parent.parent
        command = [sys.executable, "-c", TRAIN, str(source), str(into), *ALGORITHMS]
        subprocess.run(command, check=True, env=environment)
        for algorithm, found in digests.items():
            files = sorted((into / algorithm).iterdir())
            found.add(tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in files))
    assert {algorithm: len(found) for algorithm, found in digests.items()} == dict.fromkeys(ALGORITHMS, 1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sentences_in_memory_teach_the_same(corpora: dict[str, Path], algorithm: Algorithm, tmp_path: Path) -> None:
    settings = VocabularySettings(algorithm=algorithm, size=1200, sampling="proportional")
    train_vocabulary({"de": corpora["de"]}, settings, tmp_path / "there")
    sentences = [each for batch in read_sentences(corpora["de"]) for each in batch]
    there, here = load_tokenizer(tmp_path / "there"), learn_tokenizer(sentences, settings)
    assert here.get_vocab() == there.get_vocab()
    assert [here.encode(each) for each in sentences[:20]] == [there.encode(each) for each in sentences[:20]]


def test_special_tokens_come_first_and_ids_have_no_gap(vocabulary: Path) -> None:
    pieces = load_tokenizer(vocabulary).get_vocab()
    assert sorted(pieces.values()) == list(range(len(pieces)))
    assert tuple(sorted(pieces, key=pieces.__getitem__)[:5]) == SPECIAL_TOKENS


def test_continuing_characters_come_next_in_order(wordpiece: Path) -> None:
    pieces = json.loads((wordpiece / "tokenizer.json").read_text())["model"]["vocab"]
    in_order = sorted(pieces, key=pieces.__getitem__)
    continuing = [piece for piece in in_order[5:] if piece.startswith("##") and len(piece) == 3]
    assert in_order[5 : 5 + len(continuing)] == sorted(continuing)


def test_no_word_of_the_text_is_unknown_when_the_alphabet_is_whole(vocabulary: Path) -> None:
    tokenizer = load_tokenizer(vocabulary)
    for sentences in SENTENCES.values():
        for sentence in sentences:
            assert tokenizer.unk_token_id not in tokenizer(sentence)["input_ids"], sentence


def test_every_character_of_the_alphabet_begins_and_continues_a_word(wordpiece: Path) -> None:
    pieces = load_tokenizer(wordpiece).get_vocab()
    alone = {piece for piece in pieces if len(piece) == 1}
    for character in "azqж한인हిω7":
        assert character in alone
        assert "##" + character in pieces
    assert {"人", "。", "!"} <= alone
    assert not {"##人", "##。", "##!"} & set(pieces)  # They are always words by themselves.


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("size", [300, 100_000])
def test_the_size_is_a_limit(corpora: dict[str, Path], tmp_path: Path, algorithm: Algorithm, size: int) -> None:
    settings = VocabularySettings(algorithm=algorithm, size=size, languages=("de", "en"))
    record = train_vocabulary(corpora, settings, tmp_path / "v")
    assert record.size == len(load_tokenizer(tmp_path / "v")) <= size
    assert record.size < 1000  # There are no more pieces in so little text.
    written = json.loads((tmp_path / "v" / "vocabulary.json").read_text())
    assert VocabularyRecord.model_validate(written) == record


@pytest.mark.parametrize(
    ("algorithm", "pieces"),
    [
        ("wordpiece", ["naß", "[UNK]", "[UNK]", "ist"]),
        ("unigram", ["▁naß", "▁", "[UNK]", "▁naß", "[UNK]", "▁ist"]),
        ("bpe", ["▁naß", "▁", "[UNK]", "▁naß", "[UNK]", "▁ist"]),
    ],
)
def test_rare_characters_are_left_out_and_counted(tmp_path: Path, algorithm: Algorithm, pieces: list[str]) -> None:
    path = write_arrow(tmp_path / "de" / "train.arrow", ["Die Straße ist naß."] * 400 + ["Ein ☂ fehlt."])
    settings = VocabularySettings(algorithm=algorithm, size=300, coverage=0.999)
    record = train_vocabulary({"de": path}, settings, tmp_path / "v")
    tokenizer = load_tokenizer(tmp_path / "v")
    assert 0 < record.uncovered["de"] < 0.001
    assert readable_pieces(tokenizer.backend_tokenizer, "naß ☂ naß☂☂ ist") == tuple(pieces)
    assert not any("☂" in piece for piece in tokenizer.get_vocab())


def test_bytes_cover_every_character(tmp_path: Path) -> None:
    path = write_arrow(tmp_path / "de" / "train.arrow", ["Die Straße ist naß."] * 40)
    record = train_vocabulary({"de": path}, VocabularySettings(algorithm="byte-bpe", size=300), tmp_path / "v")
    assert (record.alphabet, record.uncovered) == (256, {"de": 0.0})
    tokenizer = load_tokenizer(tmp_path / "v")
    ids = tokenizer("naß ☂ 人 త", add_special_tokens=False)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids) == "naß ☂ 人 త"


def test_the_sign_that_sentencepiece_keeps_for_itself_is_counted_as_uncovered(tmp_path: Path) -> None:
    path = write_arrow(tmp_path / "de" / "train.arrow", ["Die Straße ▅ ist naß▅."] * 40)
    record = train_vocabulary({"de": path}, settings_of("unigram", size=300), tmp_path / "v")
    assert record.uncovered["de"] == pytest.approx(2 / 18)
    assert readable_pieces(load_backend(tmp_path / "v"), "naß▅") == ("▁naß", "[UNK]")


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


def test_smoothing_lies_between_equal_and_proportional(tmp_path: Path) -> None:
    sentences = {"en": ["The rain in Spain stays mainly in the plain."] * 400, "de": ["Der Regen fällt hier."] * 50}
    corpora = {code: write_arrow(tmp_path / f"{code}.arrow", text) for code, text in sentences.items()}

    def amounts(alpha: float, characters: int | None = None) -> dict[str, int]:
        sampling = {"kind": "smoothing", "alpha": alpha}
        settings = VocabularySettings.model_validate({"size": 300, "sampling": sampling, "characters": characters})
        return train_vocabulary(corpora, settings, tmp_path / "v").characters

    assert amounts(0) == {"de": 1050, "en": 1050}
    assert amounts(0.5) == {"de": 1050, "en": round(1050 * (17_600 / 1050) ** 0.5)}
    assert amounts(1) == {"de": 1050, "en": 17_600}
    assert amounts(0.5, 4200) == {"de": 1050, "en": 2100}


def test_refusals_say_what_to_do(corpora: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="xx") as missing:
        train_vocabulary(corpora, VocabularySettings(languages=("de", "xx")), tmp_path / "v")
    assert missing.value.where == "vocabulary.languages"
    for algorithm in ("wordpiece", "unigram", "bpe"):
        with pytest.raises(InputError, match="alphabet takes") as crowded:
            train_vocabulary(corpora, VocabularySettings(algorithm=algorithm, size=100), tmp_path / "v")
        assert crowded.value.where == "vocabulary.size"
    with pytest.raises(InputError, match="no text in de"):
        train_vocabulary({"de": write_arrow(tmp_path / "de.arrow", [])}, VocabularySettings(), tmp_path / "v")
    with pytest.raises(ValidationError):
        VocabularySettings.model_validate({"acents": "keep"})
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"algorithm": "byte-bpe", "coverage": 0.99}, "coverage has no effect on byte-bpe"),
        ({"algorithm": "unigram", "min_frequency": 5}, "min_frequency has no effect on unigram"),
        ({"algorithm": "byte-bpe", "size": 261}, "size above 261"),
        ({"algorithm": "sentencepiece"}, "'wordpiece', 'unigram', 'bpe' or 'byte-bpe'"),
        ({"sampling": "smoothing"}, "'equal' or 'proportional'"),
        ({"sampling": {"kind": "smoothing", "alpha": 2}}, "less than or equal to 1"),
    ],
)
def test_settings_that_say_nothing_are_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        VocabularySettings.model_validate(fields)
