"""Bits per character of models with different vocabularies, on the words that all of them can express."""

from pathlib import Path

import numpy as np
import pytest

from equiglot.evaluation import Bootstrap, WordBits, coverage_of, measure_words, read_bits, write_bits
from equiglot.evaluation.bits import bits_per_character
from equiglot.models import OpenModel, open_model
from tests.stock import SCRIPTS, save_stock

TEXTS = {"hi": [SCRIPTS["hi"], "自由 " + SCRIPTS["hi"][:20]], "ko": [SCRIPTS["ko"]] * 3, "el": [SCRIPTS["el"]]}
BOOTSTRAP = Bootstrap(60, 0)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, OpenModel]:
    """WordPiece in lower case, byte-level BPE and Unigram."""
    kinds = {"bert": "bert", "roberta": "roberta", "xlmr": "xlm-roberta"}
    return {
        name: open_model(name, str(save_stock(tmp_path_factory.mktemp(name), architecture)))
        for name, architecture in kinds.items()
    }


def test_words_are_the_same_for_all_and_come_back_from_the_file(models: dict[str, OpenModel], tmp_path: Path) -> None:
    for name, opened in models.items():
        measured = {code: measure_words(opened, lines) for code, lines in TEXTS.items()}
        write_bits(tmp_path / name, measured)
        found = read_bits(tmp_path / name)
        assert list(found) == sorted(TEXTS)
        for code, lines in TEXTS.items():
            words = [(place, word) for place, line in enumerate(lines) for word in line.split()]
            assert found[code].characters.tolist() == [len(word) for _, word in words]
            assert found[code].sentences.tolist() == [place for place, _ in words]
            assert found[code].count == len(lines)
            for part in ("bits", "altered"):
                np.testing.assert_array_equal(getattr(found[code], part), getattr(measured[code], part))


def test_bits_are_counted_where_all_models_have_the_word(models: dict[str, OpenModel]) -> None:
    measured = {name: measure_words(opened, TEXTS["hi"]) for name, opened in models.items()}
    lacking = np.isnan(measured["bert"].bits)
    assert lacking.any() and not np.isnan(measured["roberta"].bits).any()
    shared = ~np.any([np.isnan(each.bits) for each in measured.values()], axis=0)
    found = bits_per_character(measured, "hi", BOOTSTRAP)
    for name, each in measured.items():
        assert found[name].value == pytest.approx(each.bits[shared].sum() / each.characters[shared].sum())
        assert found[name].n == each.characters[shared].sum()
    alone = bits_per_character({"roberta": measured["roberta"]}, "hi", BOOTSTRAP)["roberta"]
    assert alone.n == measured["roberta"].characters.sum() > found["roberta"].n
    about = coverage_of("bert", "hi", measured["bert"])
    characters = measured["bert"].characters
    assert about.unexpressed == pytest.approx(characters[lacking].sum() / characters.sum())
    assert coverage_of("roberta", "hi", measured["roberta"]).unexpressed == 0


def _words(bits: list[float], characters: list[int]) -> WordBits:
    size = len(bits)
    return WordBits(np.array(bits), np.array(characters), np.arange(size), np.zeros(size, np.bool_), size)


def test_models_that_read_other_texts_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different texts of eu"):
        bits_per_character({"a": _words([1], [3]), "b": _words([1], [4])}, "eu", BOOTSTRAP)
    with pytest.raises(ValueError, match="different texts of eu"):
        bits_per_character({"a": _words([1], [3]), "b": _words([1, 2], [3, 3])}, "eu", BOOTSTRAP)


def test_models_without_a_common_word_have_no_bits() -> None:
    assert (
        bits_per_character({"a": _words([np.nan, 1], [1, 1]), "b": _words([1, np.nan], [1, 1])}, "te", BOOTSTRAP) == {}
    )
