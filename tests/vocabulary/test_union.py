"""The folder of a union vocabulary: a tokenizer as any other, a map for each model, and a record that adds up."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from equiglot.errors import InputError
from equiglot.files import read_json, write_json
from equiglot.vocabulary import (
    UnionRecord,
    UnionVocabulary,
    load_tokenizer,
    make_union,
    map_path,
    map_vocabulary,
    pieces_of,
    read_map,
)
from tests.vocabulary.uniting import learn


@pytest.fixture(scope="module")
def folders(corpora: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {
        "german": learn(corpora, ("de", "en"), "wordpiece", root / "german"),
        "english": learn(corpora, ("en",), "wordpiece", root / "english"),
        "hindi": learn(corpora, ("hi", "te"), "byte-bpe", root / "hindi"),
    }


def test_a_union_of_wordpieces_counts_what_they_share(folders: dict[str, Path], tmp_path: Path) -> None:
    into = tmp_path / "vocabulary"
    record = make_union(folders, UnionVocabulary(models=("german", "english")), into, max_length=64)
    one, two = (set(load_tokenizer(folders[name]).get_vocab()) for name in ("german", "english"))
    assert (record.kind, record.alphabet, record.rules) == ("wordpiece", 0, None)
    assert record.size == len(one | two) == len(AutoTokenizer.from_pretrained(into))
    german = record.models["german"]
    assert (german.surfaces, german.shared, german.only) == (len(one) - 5, len(one & two) - 5, len(one - two))
    assert (german.unmapped, german.examples, german.differences) == (0, (), ())
    assert UnionRecord.model_validate(read_json(into / "vocabulary.json")) == record


def test_a_mixture_counts_what_is_no_whole_character(folders: dict[str, Path], tmp_path: Path) -> None:
    record = make_union(folders, UnionVocabulary(), tmp_path / "vocabulary", max_length=64)
    student = load_tokenizer(tmp_path / "vocabulary")
    assert record.kind == "wordpiece" and list(record.models) == list(folders)
    assert student.model_max_length == 64
    assert record.size == len(student) == 5 + record.alphabet + _different(tmp_path / "vocabulary", folders)
    hindi, pieces = record.models["hindi"], pieces_of(load_tokenizer(folders["hindi"]))
    assert hindi.unmapped == pieces.surfaces.count(None) - 5 > 0
    assert set(hindi.examples) <= {token for token in pieces.tokens if token} and len(hindi.examples) == 8
    assert hindi.surfaces == hindi.shared + hindi.only


def _different(folder: Path, models: dict[str, Path]) -> int:
    return len({number for name in models for number in read_map(map_path(folder, name)).inside if number >= 5})


def test_maps_stand_beside_the_tokenizer_and_fit_the_model(folders: dict[str, Path], tmp_path: Path) -> None:
    """A model may have more ids than its tokenizer: its embedding is filled up to a round number."""
    models = {name: tmp_path / name for name in folders}
    for name, folder in folders.items():
        models[name].mkdir()
        for file in folder.iterdir():
            (models[name] / file.name).write_bytes(file.read_bytes())
        write_json(models[name] / "config.json", {"model_type": "bert", "vocab_size": 1024})
    make_union(models, UnionVocabulary(), tmp_path / "vocabulary")
    student = load_tokenizer(tmp_path / "vocabulary")
    for name, folder in folders.items():
        found = read_map(map_path(tmp_path / "vocabulary", name))
        tokenizer = load_tokenizer(folder)
        assert found.inside[: len(tokenizer)].tolist() == map_vocabulary(tokenizer, student).inside.tolist()
        assert len(found.inside) == 1024 and set(found.inside[len(tokenizer) :]) == {-1}


def test_models_that_are_not_there_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="called french"):
        make_union(folders, UnionVocabulary(models=("german", "french")), tmp_path / "vocabulary")
    with pytest.raises(InputError, match="No model has a vocabulary"):
        make_union({}, UnionVocabulary(), tmp_path / "vocabulary")
    with pytest.raises(InputError, match="no model `french`"):
        make_union(folders, UnionVocabulary(rules="french"), tmp_path / "vocabulary")
    assert not (tmp_path / "vocabulary").exists()
