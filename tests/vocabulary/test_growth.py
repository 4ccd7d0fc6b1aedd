"""Tokenizers that would make a text many times as long are refused before they do."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer
from tokenizers import normalizers as steps
from tokenizers.models import WordLevel

from equiglot.errors import InputError
from equiglot.vocabulary import VocabularySettings, load_backend, load_tokenizer
from equiglot.vocabulary.folder import MOST_GROWTH, growth
from equiglot.vocabulary.normalisation import normaliser


def _described(normalizer: steps.Normalizer | None) -> dict[str, Any]:
    tokenizer = Tokenizer(WordLevel({"a": 0}, unk_token="a"))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    description: dict[str, Any] = json.loads(tokenizer.to_str())
    return description


def _charsmap(*entries: str) -> dict[str, Any]:
    texts = b"".join(entry.encode() + b"\0" for entry in entries)
    table = (8).to_bytes(4, "little") + 8 * b"x" + texts
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(table).decode()}


@pytest.mark.parametrize(
    ("normalizer", "expected"),
    [
        (None, 1),
        (steps.NFKC(), 1),
        (steps.Sequence([steps.Replace("e", "e" * 10) for _ in range(7)]), 10**7),
        (steps.Sequence([steps.Sequence([steps.Replace("aa", "b" * 10)]), steps.Prepend("xxx")]), 5 * 4),
        (steps.Replace(Regex(r"\s+"), " "), 1),
        (steps.Sequence([steps.Replace(Regex("(?=a)"), "a") for _ in range(10)]), 3**10),
        (steps.Sequence([steps.Replace(Regex("x*"), "yy")]), 5),
        (steps.Replace(Regex("[0-9]"), 5 * "0"), 5),
    ],
)
def test_how_much_longer_a_text_may_become(normalizer: steps.Normalizer | None, expected: float) -> None:
    assert growth(_described(normalizer)) == expected


@pytest.mark.parametrize("pattern", ["(?=a)", "x*", r"\b", "$", "a?", "a{0,2}", "()", r"a\K", "(?:)", "b|"])
def test_what_fits_nothing_is_known(pattern: str) -> None:
    step = steps.Replace(Regex(pattern), "yyyy")
    grown = len(step.normalize_str("aaaa")) / 4
    assert 1 < grown <= growth(_described(step))


def test_tables_of_sentencepiece() -> None:
    assert growth({"normalizer": _charsmap("a", "b" * 500, "c")}) == 500
    assert growth({"normalizer": {"normalizers": [_charsmap("a" * 50), _charsmap("b" * 50)]}}) == 2500
    assert growth({"normalizer": _charsmap("\0" * 11_000_000)}) > MOST_GROWTH
    for broken in (None, "é", "====", 5):
        assert growth({"normalizer": {"type": "Precompiled", "precompiled_charsmap": broken}}) == 1


@pytest.mark.parametrize("settings", [VocabularySettings(), VocabularySettings(algorithm="unigram")])
def test_our_own_rules_are_far_below(settings: VocabularySettings) -> None:
    assert growth(_described(normaliser(settings, ["x"]))) <= 10


@pytest.fixture
def folder(wordpiece: Path, tmp_path: Path) -> Path:
    """A copy of a vocabulary, to be spoilt."""
    return shutil.copytree(wordpiece, tmp_path / "copy")


def _spoil(folder: Path, name: str, **fields: Any) -> None:
    file = folder / name
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **fields}), encoding="utf-8")


@pytest.mark.parametrize(
    "fields",
    [
        {"normalizer": {"type": "Replace", "pattern": {"String": "e"}, "content": "e" * (MOST_GROWTH + 1)}},
        {"normalizer": {"type": "Prepend", "prepend": "e" * 1_000_000}},
        {"decoder": {"type": "Replace", "pattern": {"String": "e"}, "content": "e" * (MOST_GROWTH + 1)}},
        {
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"Sequence": {"id": "A", "type_id": 0}}] * (MOST_GROWTH + 1),
                "pair": [],
                "special_tokens": {},
            }
        },
    ],
)
def test_it_is_refused(folder: Path, fields: dict[str, Any]) -> None:
    _spoil(folder, "tokenizer.json", **fields)
    for load in (load_tokenizer, load_backend):
        with pytest.raises(InputError, match=r"may make [\d,]+ characters") as caught:
            load(folder)
        assert caught.value.where == str(folder / "tokenizer.json") and caught.value.fix


@pytest.mark.parametrize("length", [-5, 2, 0, "x", [1], True, float("nan")])
def test_a_model_that_reads_nothing(folder: Path, length: Any) -> None:
    _spoil(folder, "tokenizer_config.json", model_max_length=length)
    with pytest.raises(InputError, match=r"reads .* tokens at once") as caught:
        load_tokenizer(folder)
    assert "field model_max_length" in str(caught.value.where)


def test_no_limit_is_a_length(folder: Path) -> None:
    _spoil(folder, "tokenizer_config.json", model_max_length=10**30)
    assert load_tokenizer(folder).model_max_length == 10**30


def test_files_that_end_in_a_traceback_elsewhere(folder: Path) -> None:
    (folder / "config.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="not JSON"):
        load_tokenizer(folder)
    (folder / "config.json").write_text('{"a": ' * 60 + "1" + 60 * "}")
    with pytest.raises(InputError, match="more than 50 objects"):
        load_tokenizer(folder)


def test_a_library_that_panics(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        """As pyo3 makes it."""

    def panic(*_: Any, **__: Any) -> None:
        raise PanicException("called `Result::unwrap()` on an `Err` value")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", panic)
    with pytest.raises(InputError, match="a library gave up"):
        load_tokenizer(folder)
