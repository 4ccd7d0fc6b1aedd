"""A tokenizer reads raw text as it would read it cleaned, whatever stands in it that is not seen."""

import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers
from tokenizers.models import WordPiece
from transformers import PreTrainedTokenizerFast

from equiglot.corpus.characters import compose, tidy
from equiglot.vocabulary import load_tokenizer, train_vocabulary
from equiglot.vocabulary.settings import Accents, Algorithm
from equiglot.vocabulary.uniting import unite
from tests.vocabulary.conftest import ALGORITHMS, settings_of
from tests.vocabulary.uniting import BERT, gemma_like, modernbert_like, numbered, wrap

CATEGORIES = ("Cc", "Cf", "Zs", "Zl", "Zp")
OTHERS = "\ufffd\u034f\u115f\u3164\ufe0f\u180b\u17b4\u2065\U000e0080"  # ignored by default, or nothing at all
UNSEEN = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) in CATEGORIES or character in OTHERS
]
TEXTS = ("ab{}cd", "{}ab", "ab{}", "ab {} cd", "e{}\u0301", "ខ្ញុំ{}ទៅ", "می{}خواهم ١{}٢", "ΣΑΣ{} Σ{}Σ", "क्{}ष{}{}ह")
text = st.text(st.sampled_from([*UNSEEN, *"abΣİée\u0301\u0323 कि्षم한ខ្ញ中。.,▁"]), max_size=24)


def bert_like() -> PreTrainedTokenizerFast:
    """As BERT's: its own normaliser, which drops what is not seen, joiners too."""
    parts = ["a", "b", "##b", "##c", "क", "##ष", "م", "##خ", "σ", "##σ"]
    backend = Tokenizer(WordPiece(numbered(parts, BERT), unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    return wrap(backend, BERT)


@pytest.fixture(scope="module")
def made(corpora: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreTrainedTokenizerFast]:
    """Vocabularies of every kind that is learnt and every way to treat accents, and unions of all kinds of models."""
    root = tmp_path_factory.mktemp("made")
    learnt: dict[str, PreTrainedTokenizerFast] = {}
    kinds: list[tuple[Algorithm, Accents, bool]] = [(algorithm, "letters", True) for algorithm in ALGORITHMS]
    kinds += [("wordpiece", accents, lower) for accents in get_args(Accents) for lower in (True, False)]
    for algorithm, accents, lowercase in kinds:
        name = f"{algorithm} {accents} {lowercase}"
        settings = settings_of(algorithm, size=1100, sampling="proportional", accents=accents, lowercase=lowercase)
        train_vocabulary(corpora, settings, root / name)
        learnt[name] = load_tokenizer(root / name)
    return {**learnt, **_unions(learnt)}


def _unions(learnt: Mapping[str, PreTrainedTokenizerFast]) -> dict[str, PreTrainedTokenizerFast]:
    foreign = {"gemma": gemma_like(), "modernbert": modernbert_like(), "bert": bert_like()}
    own = {algorithm: learnt[f"{algorithm} letters True"] for algorithm in ALGORITHMS}
    alone = {f"union {name}": unite({name: model}, None, 64) for name, model in (foreign | own).items()}
    mixed = {f"mixed {name}": unite(foreign | own, name, 64) for name in (*foreign, *own)}
    return alone | mixed


def as_cleaned(raw: str) -> str:
    return tidy(compose(raw))


@pytest.mark.parametrize("pattern", TEXTS)
def test_each_character_that_is_not_seen(made: dict[str, PreTrainedTokenizerFast], pattern: str) -> None:
    raw = [pattern.replace("{}", character) for character in UNSEEN]
    for name, tokenizer in made.items():
        found = tokenizer(raw)["input_ids"]
        expected = tokenizer([as_cleaned(each) for each in raw])["input_ids"]
        wrong = [f"{ord(UNSEEN[n]):04X}" for n in range(len(raw)) if found[n] != expected[n]]
        assert not wrong, f"{name}: {wrong}"


@given(raw=text)
def test_any_text(made: dict[str, PreTrainedTokenizerFast], raw: str) -> None:
    for name, tokenizer in made.items():
        found, expected = tokenizer([raw, as_cleaned(raw)])["input_ids"]
        assert found == expected, name


def test_words_with_marks_of_direction_are_not_unknown(made: dict[str, PreTrainedTokenizerFast]) -> None:
    for name, tokenizer in made.items():
        if name.startswith(ALGORITHMS):
            assert tokenizer("\u200fالناس\u202c الن\u200eاس").input_ids == tokenizer("الناس الناس").input_ids
            assert tokenizer.unk_token_id not in tokenizer("\u2067الناس\u2069").input_ids


def test_zero_width_spaces_part_words(made: dict[str, PreTrainedTokenizerFast]) -> None:
    for name, tokenizer in made.items():
        assert tokenizer("ab\u200bab").input_ids == tokenizer("ab ab").input_ids, name
        if name.startswith(ALGORITHMS):
            assert "می\u200cخواهم" in tokenizer.backend_tokenizer.normalizer.normalize_str("می\u200cخواهم"), name
