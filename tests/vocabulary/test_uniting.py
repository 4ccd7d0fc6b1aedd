"""The union of vocabularies: nothing is lost, one alone cuts as before, and letters that differ are refused."""

import math
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tokenizers import Regex, normalizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.vocabulary import (
    SPECIAL_TOKENS,
    load_tokenizer,
    map_vocabulary,
    pieces_of,
    readable_pieces,
    text_encoder,
    unite,
    write_tokenizer,
)
from equiglot.vocabulary.normalisation import LETTERS, differences
from equiglot.vocabulary.pieces import describe
from equiglot.vocabulary.settings import Algorithm
from tests.stock import KINDS, train_tokenizer
from tests.vocabulary.conftest import ALGORITHMS, SENTENCES
from tests.vocabulary.uniting import gemma_like, learn, loaded, modernbert_like

ALL = [sentence for sentences in SENTENCES.values() for sentence in sentences]
TEXT = st.sampled_from(ALL) | st.lists(st.sampled_from([*" ".join(ALL).split(), " ", "☂", "(a)"]), max_size=9).map(
    "".join
)
MIXTURE: dict[str, tuple[Algorithm, tuple[str, ...]]] = {
    "western": ("wordpiece", ("en", "de", "vi")),
    "russian": ("unigram", ("ru", "el", "tr")),
    "eastern": ("byte-bpe", ("hi", "te", "ko", "ar")),
}
for_each_example = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@pytest.fixture(scope="module")
def alike(corpora: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Algorithm -> two vocabularies of it, of overlapping languages."""
    root = tmp_path_factory.mktemp("alike")
    return {
        algorithm: {
            name: learn(corpora, languages, algorithm, root / algorithm / name)
            for name, languages in {"one": ("en", "ru", "hi"), "two": ("de", "ru", "ko")}.items()
        }
        for algorithm in ALGORITHMS
    }


@pytest.fixture(scope="module")
def mixed(
    corpora: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, PreTrainedTokenizerFast], PreTrainedTokenizerFast]:
    """A WordPiece, a Unigram and a byte-level BPE, and their union."""
    root = tmp_path_factory.mktemp("mixed")
    models = loaded({name: learn(corpora, each, kind, root / name) for name, (kind, each) in MIXTURE.items()})
    return models, unite(models, None, 64)


def _cut(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    ids: list[int] = text_encoder(tokenizer).encode(text, add_special_tokens=False).ids
    return ids


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_union_of_one_kind_has_every_piece_once(alike: dict[str, dict[str, Path]], algorithm: Algorithm) -> None:
    models = loaded(alike[algorithm])
    student = unite(models, None, 64)
    pieces = pieces_of(student)
    tokens = [token for model in models.values() for token in pieces_of(model).tokens if token is not None]
    # Its own special tokens, then the first model's pieces by id, then what the second adds.
    assert student.convert_ids_to_tokens(range(5)) == list(SPECIAL_TOKENS)
    assert pieces.kind == algorithm
    assert pieces.tokens[5:] == tuple(dict.fromkeys(tokens))
    for model in models.values():
        mapping = map_vocabulary(model, student)
        assert mapping.inside.min() == 0 and (mapping.inside == mapping.begin).all() and not mapping.breaks.any()
        assert student.convert_ids_to_tokens(mapping.inside) == model.convert_ids_to_tokens(range(len(model)))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@for_each_example
@given(text=TEXT)
def test_one_vocabulary_with_itself_cuts_as_before(vocabularies: dict[str, Path], algorithm: str, text: str) -> None:
    model = load_tokenizer(vocabularies[algorithm])
    student = unite({"one": model, "two": model}, None, 64)
    assert _cut(student, text) == _cut(model, text)


@pytest.mark.parametrize("kind", KINDS)
def test_one_stock_vocabulary_cuts_as_before(kind: str) -> None:
    model = train_tokenizer(kind, ALL)
    student = unite({"one": model}, None, 64)
    mapping = map_vocabulary(model, student)
    assert [_cut(student, text) for text in ALL] == [mapping.inside[_cut(model, text)].tolist() for text in ALL]


@pytest.mark.parametrize("make", [gemma_like, modernbert_like])
def test_foreign_kinds_cut_as_before(make: type[PreTrainedTokenizerFast]) -> None:
    model = make()
    student, texts = unite({"one": model}, None, 64), ["ab ab", "a (ab) क", "한 b"]
    mapping = map_vocabulary(model, student)
    assert [_cut(student, text) for text in texts] == [mapping.inside[_cut(model, text)].tolist() for text in texts]
    assert all(1 not in _cut(student, text) for text in texts)


def test_unigram_scores_are_the_mean_probabilities(alike: dict[str, dict[str, Path]]) -> None:
    models = loaded(alike["unigram"])
    one, two = (dict(describe(model)["model"]["vocab"]) for model in models.values())
    student = describe(unite(models, None, 64))["model"]
    assert student["unk_id"] == SPECIAL_TOKENS.index("[UNK]")
    shared = [token for token, _ in student["vocab"][5:] if token in one and token in two]
    assert shared
    for token, score in student["vocab"][5:]:
        mean = (math.exp(one[token]) * (token in one) if token in one else 0) / 2
        mean += (math.exp(two[token]) if token in two else 0) / 2
        assert score == pytest.approx(math.log(mean))


@pytest.mark.parametrize("algorithm", ["bpe", "byte-bpe"])
def test_joined_pairs_keep_both_parts_and_what_they_make(
    alike: dict[str, dict[str, Path]], algorithm: Algorithm
) -> None:
    models = loaded(alike[algorithm])
    student = describe(unite(models, None, 64))["model"]
    pairs = [tuple(pair) for pair in student["merges"]]
    both = {tuple(pair) for model in models.values() for pair in describe(model)["model"]["merges"]}
    assert len(pairs) == len(set(pairs)) and set(pairs) == both
    assert all({left, right, left + right} <= student["vocab"].keys() for left, right in pairs)


@pytest.mark.parametrize("algorithm", ["wordpiece", "bpe", "byte-bpe"])  # Of Unigram, two pieces may be more probable.
def test_words_that_are_entries_stay_whole(alike: dict[str, dict[str, Path]], algorithm: Algorithm) -> None:
    models = loaded(alike[algorithm])
    student = unite(models, None, 64)
    for model in models.values():
        pieces = pieces_of(model)
        words = {
            surface
            for surface, starts in zip(pieces.surfaces, pieces.starts, strict=True)
            if surface and starts and surface.isalpha() and len(_cut(model, surface)) == 1
        }
        assert words and all(len(_cut(student, word)) == 1 for word in words)


def test_a_mixture_maps_whatever_has_letters(
    mixed: tuple[dict[str, PreTrainedTokenizerFast], PreTrainedTokenizerFast],
) -> None:
    models, student = mixed
    ours = pieces_of(student)
    assert ours.kind == "wordpiece"
    for model in models.values():
        pieces, mapping = pieces_of(model), map_vocabulary(model, student)
        for number, surface in enumerate(pieces.surfaces):
            for mapped in (mapping.inside[number], mapping.begin[number]):
                if number not in pieces.roles.values():
                    assert (mapped < 0) if surface is None else ours.surfaces[mapped] == surface
        assert mapping.inside[[pieces.roles[role] for role in ours.roles]].tolist() == list(range(5))


@for_each_example
@given(text=TEXT)
def test_a_mixture_reads_what_a_model_reads(
    mixed: tuple[dict[str, PreTrainedTokenizerFast], PreTrainedTokenizerFast], text: str
) -> None:
    """In the student's ids a model's pieces are the text, and the student's own tokenizer knows every letter of it."""
    models, student = mixed
    ours = pieces_of(student)
    for model in models.values():
        ids = _cut(model, text)
        if model.unk_token_id in ids or not ids:
            continue
        mapping = map_vocabulary(model, student)
        flat = np.array(ids)
        mapped = mapping.targets(flat, mapping.begins(flat, np.array([len(flat)])))
        if (mapped >= 0).all():
            assert "".join(ours.surfaces[number] or "" for number in mapped) == "".join(text.split())
            assert 1 not in _cut(student, text)


def test_pieces_after_punctuation_begin_words(
    mixed: tuple[dict[str, PreTrainedTokenizerFast], PreTrainedTokenizerFast],
) -> None:
    models, student = mixed
    for name, text in {"western": "free .and.equal", "russian": "духе .и.правах", "eastern": "और .को.और"}.items():
        mapping, ids = map_vocabulary(models[name], student), np.array(_cut(models[name], text))
        mapped = mapping.inputs(ids, mapping.begins(ids, np.array([len(ids)])))
        pieces = [piece for piece in student.convert_ids_to_tokens(mapped) if piece != "▁"]
        assert [piece for piece in pieces if "." in piece] == [".", "."]
        after = [pieces[place + 1] for place, piece in enumerate(pieces) if piece == "."]
        assert not any(piece.startswith("##") for piece in after), pieces


# Language -> text, the pieces of its model in the student's ids, and those of the student's own tokenizer.
GOLDEN: dict[str, tuple[str, str, str]] = {
    "ar": (
        "كل الناس سواسية.",
        "[UNK] [UNK] ##ل ال ##ن ##ا ##س [UNK] [UNK] ##و ##ا ##س ##ي ##ة .",
        "ك ##ل ال ##ن ##ا ##س س ##و ##ا ##س ##ي ##ة .",
    ),
    "de": (
        "Alle sind vor dem Gesetz gleich.",
        "All ##e sind v ##or d ##e ##m G ##e ##s ##e ##t ##z g ##l ##ei ##ch .",
        "All ##e sind v ##or d ##e ##m G ##e ##s ##et ##z g ##le ##i ##ch .",
    ),
    "el": (
        "Όλοι είναι ίσοι.",
        "▁ Ό ##λο ##ι ▁ ε ##ί ##να ##ι ▁ ί ##σ ##οι .",
        "Ό ##λο ##ι ε ##ί ##να ##ι ί ##σ ##οι .",
    ),
    "en": (
        "All are equal before the law.",
        "All are e ##q ##u ##a ##l b ##e ##f ##or ##e t ##h ##e l ##a ##w .",
        "All are e ##q ##u ##a ##l b ##e ##f ##or ##e t ##h ##e l ##a ##w .",
    ),
    "hi": (
        "में सभी समान हैं।",
        "म ##ें [UNK] [UNK] ##ी [UNK] [UNK] [UNK] [UNK] है ##ं ।",
        "म ##ें स ##भ ##ी स ##म ##ा ##न है ##ं ।",
    ),
    "ko": (
        "인간은 자유로우며",
        "인간은 [UNK] [UNK] [UNK] [UNK] ##로 [UNK] [UNK] [UNK] ##며",
        "인간은 [UNK]",
    ),
    "ru": (
        "Все люди равны перед законом.",
        "▁ В ##с ##е ▁ л ##ю ##д ##и ▁ ##ра ##в ##ны п ##е ##р ##е ##д ▁ з ##а ##к ##о ##н ##о ##м .",
        "В ##с ##е л ##ю ##д ##и р ##а ##в ##ны п ##е ##р ##е ##д з ##а ##к ##о ##н ##о ##м .",
    ),
    "te": (
        "వారు మానవులు.",
        "[UNK] [UNK] [UNK] [UNK] [UNK] [UNK] [UNK] ##ుల ##ు .",
        "వ ##ా ##ర ##ు మ ##ా ##న ##వ ##ుల ##ు .",
    ),
    "vi": (
        "Mọi người đều bình đẳng.",
        "M ##ọi người đều b ##ình đ ##ẳ ##ng .",
        "M ##ọi người đều b ##ình đ ##ẳ ##ng .",
    ),
}


@pytest.mark.parametrize("language", GOLDEN)
def test_pieces_of_a_mixture_are_those_written_down(
    mixed: tuple[dict[str, PreTrainedTokenizerFast], PreTrainedTokenizerFast], language: str
) -> None:
    models, student = mixed
    text, theirs, own = GOLDEN[language]
    name = next(name for name, (_, languages) in MIXTURE.items() if language in languages)
    mapping, ids = map_vocabulary(models[name], student), np.array(_cut(models[name], text))
    mapped = mapping.inputs(ids, mapping.begins(ids, np.array([len(ids)])))
    assert " ".join(student.convert_ids_to_tokens(mapped)) == theirs
    assert " ".join(readable_pieces(student.backend_tokenizer, text)) == own


@pytest.mark.parametrize("rules", [None, "russian"])
def test_a_union_is_the_same_every_time_and_as_saved(
    mixed: tuple[dict[str, PreTrainedTokenizerFast], PreTrainedTokenizerFast], rules: str | None, tmp_path: Path
) -> None:
    models, _ = mixed
    one, two = unite(models, rules, 64), unite(models, rules, 64)
    assert one.backend_tokenizer.to_str() == two.backend_tokenizer.to_str()
    write_tokenizer(one, tmp_path)
    stock = AutoTokenizer.from_pretrained(tmp_path)
    assert stock.model_max_length == 64
    for text in [*ALL, "☂ (a), [MASK]"]:
        assert stock(text)["input_ids"] == one(text)["input_ids"] == one.backend_tokenizer.encode(text).ids


def test_unlike_kinds_of_stock_models_have_a_union() -> None:
    """XLM-R's, RoBERTa's and mmBERT's kinds: all take text as it is."""
    models = {"xlm-r": train_tokenizer("unigram", ALL), "roberta": train_tokenizer("byte-bpe", ALL), "mm": gemma_like()}
    student = unite(models, None, 64)
    for text in ALL:
        assert 1 not in _cut(student, text)
    # The first word of RoBERTa's text is not marked, and is a word.
    mapping = map_vocabulary(models["roberta"], student)
    word = models["roberta"].backend_tokenizer.token_to_id("a")
    assert student.convert_ids_to_tokens([mapping.inside[word], mapping.begin[word]]) == ["##a", "a"]


@pytest.mark.parametrize(
    ("fields", "feature"),
    [({"lowercase": True}, "capital letters: `Ab`"), ({"accents": "letters"}, "accents: `café`")],
)
def test_models_that_treat_letters_differently_are_refused(
    corpora: dict[str, Path], tmp_path: Path, fields: dict[str, object], feature: str
) -> None:
    models = loaded(
        {
            "beto": learn(corpora, ("en",), "wordpiece", tmp_path / "beto"),
            "greek": learn(corpora, ("el",), "unigram", tmp_path / "greek", **fields),
        }
    )
    with pytest.raises(InputError, match=feature) as refused:
        unite(models, None, 64)
    assert "to beto" in str(refused.value) and "to greek" in str(refused.value)
    assert "vocabulary.rules" in str(refused.value.fix)
    texts = "Αθήνα Café"
    assert unite(models, "beto", 64).backend_tokenizer.normalizer.normalize_str(texts) == texts
    assert unite(models, "greek", 64).backend_tokenizer.normalizer.normalize_str(texts) != texts


@pytest.mark.parametrize(
    ("normaliser", "feature"),
    [
        (normalizers.Replace(Regex(r"[\u093e-\u094d]"), ""), "vowel signs and other marks: `हिन्दी`"),
        (normalizers.Sequence([normalizers.NFD(), normalizers.Replace(Regex("e\u0301"), "é")]), "accents: `Würde`"),
        (normalizers.Replace(Regex("한"), "\u1112\u1161\u11ab"), "Korean syllables: `한국어`"),
        (normalizers.Replace("が", "か"), "kana: `がぎぐ`"),
    ],
)
def test_other_letters_are_told_apart(vocabularies: dict[str, Path], normaliser: Any, feature: str) -> None:
    kept, other = (load_tokenizer(vocabularies["bpe"]) for _ in range(2))
    kept.backend_tokenizer.normalizer, other.backend_tokenizer.normalizer = normalizers.NFC(), normaliser
    with pytest.raises(InputError, match=feature):
        unite({"kept": kept, "other": other}, None, 64)


def test_signs_that_differ_are_told_but_not_refused(vocabularies: dict[str, Path]) -> None:
    """XLM-R's kind makes № two letters, RoBERTa's takes it as it is: there is little of it."""
    plain, changing = (load_tokenizer(vocabularies["unigram"]) for _ in range(2))
    plain.backend_tokenizer.normalizer, changing.backend_tokenizer.normalizer = normalizers.NFC(), normalizers.NFKC()
    student = unite({"plain": plain, "changing": changing}, None, 64)
    soft = "invisible characters: `co\xadop` is `coop` to the student and `co\xadop` to"
    assert differences(student, "plain", plain) == (f"{soft} plain",)
    told = "compatibility characters: `ﬁn` is `ﬁn` to the student and `fin` to changing"
    assert differences(student, "changing", changing) == (told, f"{soft} changing")
    student = unite({"plain": plain, "changing": changing}, "changing", 64)
    assert differences(student, "changing", changing) == (f"{soft} changing",)


def test_probes_are_text_as_corpora_have_it() -> None:
    assert all(unicodedata.is_normalized("NFC", text) for text in LETTERS.values())


def test_unknown_rules_are_refused(vocabularies: dict[str, Path]) -> None:
    models = {"one": load_tokenizer(vocabularies["wordpiece"])}
    with pytest.raises(InputError, match="no model `two`"):
        unite(models, "two", 64)
