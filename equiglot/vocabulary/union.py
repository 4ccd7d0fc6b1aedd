"""The folder of a union vocabulary: the student's tokenizer, a map for each model, and what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.files import atomic_folder, read_json, write_json
from equiglot.vocabulary.folder import load_tokenizer, write_tokenizer
from equiglot.vocabulary.mapping import VocabularyMap, write_map
from equiglot.vocabulary.matching import map_vocabulary
from equiglot.vocabulary.normalisation import differences
from equiglot.vocabulary.pieces import Pieces, pieces_of
from equiglot.vocabulary.settings import SPECIAL_TOKENS, Algorithm, UnionVocabulary
from equiglot.vocabulary.uniting import unite

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_EXAMPLES = 8


class UnionModel(BaseModel):
    """What a model brings to the union."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Algorithm
    size: int
    """Ids of the model."""
    surfaces: int
    """Different pieces of the student that it has, special tokens not counted."""
    shared: int
    """Of these, those that another model has too."""
    only: int
    """Of these, those that no other model has."""
    unmapped: int
    """Pieces without a student's id: bytes that make no whole character. Entries left free for later do not count."""
    examples: tuple[str, ...]
    """Some of the unmapped ones, as its tokenizer writes them."""
    differences: tuple[str, ...]
    """What the student's tokenizer does to text otherwise than the model's: a sentence with an example each."""


class UnionRecord(BaseModel):
    """What a union vocabulary was made of; stands beside it as `vocabulary.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Algorithm
    """How the student's tokenizer cuts words."""
    size: int
    """Entries, special tokens included."""
    rules: str | None
    """The model that the settings name for the normaliser."""
    alphabet: int
    """Entries that no model has, and the student needs: characters at the beginning of words, or inside of them."""
    models: dict[str, UnionModel]


def map_path(folder: Path, model: str) -> Path:
    """Where the folder of a union has the map from a model's ids to the student's."""
    return folder / "maps" / f"{model}.safetensors"


def make_union(
    folders: Mapping[str, Path], settings: UnionVocabulary, into: Path, *, max_length: int = 512
) -> UnionRecord:
    """Unites the vocabularies of models and writes the folder `into`: an ordinary Hugging Face tokenizer, with
    maps/NAME.safetensors of each model (`read_map`) and vocabulary.json (the record) beside it.

    Args:
        folders: name of a model -> its Hugging Face folder.
        settings: which of them, and whose rules.
        into: the folder; appears complete or not at all.
        max_length: tokens that the student can read, [CLS] and [SEP] included.

    Raises:
        InputError: the vocabularies have no union (see `unite`), or a model is named that is not there.
    """
    tokenizers = {name: load_tokenizer(folders[name]) for name in _chosen(folders, settings)}
    student = unite(tokenizers, settings.rules, max_length)
    maps = {
        name: map_vocabulary(tokenizer, student, _model_size(folders[name])) for name, tokenizer in tokenizers.items()
    }
    record = _record(tokenizers, student, maps, settings)
    with atomic_folder(into) as folder:
        write_tokenizer(student, folder)
        for name, mapping in maps.items():
            write_map(mapping, map_path(folder, name))
        write_json(folder / "vocabulary.json", record.model_dump(mode="json"))
    return record


def _chosen(folders: Mapping[str, Path], settings: UnionVocabulary) -> tuple[str, ...]:
    chosen = settings.models or tuple(folders)
    missing = [name for name in chosen if name not in folders]
    if missing or not chosen:
        raise InputError(
            f"There is no model with a vocabulary of its own called {missing[0]}."
            if missing
            else "No model has a vocabulary of its own.",
            where="vocabulary.models",
            fix=f"Name some of: {', '.join(folders)}." if folders else "Add a model with `existing: FOLDER`.",
        )
    return chosen


def _model_size(folder: Path) -> int:
    """Rows of the embedding of the model in a folder; 0 where only a tokenizer is there."""
    path = folder / "config.json"
    config: Any = read_json(path) if path.is_file() else {}
    return int(config.get("vocab_size", 0))


def _record(
    tokenizers: Mapping[str, PreTrainedTokenizerFast],
    student: PreTrainedTokenizerFast,
    maps: Mapping[str, VocabularyMap],
    settings: UnionVocabulary,
) -> UnionRecord:
    reached = {name: _reached(mapping) for name, mapping in maps.items()}
    owners = Counter(number for numbers in reached.values() for number in numbers)
    student_pieces = pieces_of(student)
    return UnionRecord(
        kind=student_pieces.kind,
        size=len(student),
        rules=settings.rules,
        alphabet=len(student) - len(SPECIAL_TOKENS) - len(owners),
        models={
            name: _model_record(
                pieces_of(tokenizer),
                maps[name],
                len(reached[name]),
                sum(owners[number] > 1 for number in reached[name]),
                differences(student, name, tokenizer),
            )
            for name, tokenizer in tokenizers.items()
        },
    )


def _reached(mapping: VocabularyMap) -> set[int]:
    return {number for number in mapping.inside.tolist() if number >= len(SPECIAL_TOKENS)}


def _model_record(
    pieces: Pieces, mapping: VocabularyMap, surfaces: int, shared: int, different: tuple[str, ...]
) -> UnionModel:
    unmapped = [token for number, token in enumerate(pieces.tokens) if token is not None and mapping.inside[number] < 0]
    return UnionModel(
        kind=pieces.kind,
        size=len(mapping.inside),
        surfaces=surfaces,
        shared=shared,
        only=surfaces - shared,
        unmapped=len(unmapped),
        examples=tuple(unmapped[:_EXAMPLES]),
        differences=different,
    )
