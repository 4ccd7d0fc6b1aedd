"""What the words of a text cost a model, in bits: compared between vocabularies, and on disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from equiglot.evaluation.statistics import Bootstrap, ByLanguage, by_sentence


@dataclass(frozen=True)
class WordBits:
    """What the words of some text cost a model; a word is what stands between spaces, the same for every model.

    Attributes:
        bits: float64 [words], NaN where the vocabulary lacks the word.
        characters: int64 [words], characters in each.
        sentences: int64 [words], the sentence of each.
        altered: bool [words], whether the tokenizer reads the word otherwise than it is written (in lower case, say).
        count: sentences.
    """

    bits: npt.NDArray[np.float64]
    characters: npt.NDArray[np.int64]
    sentences: npt.NDArray[np.int64]
    altered: npt.NDArray[np.bool_]
    count: int


@dataclass(frozen=True)
class Coverage:
    """What a tokenizer makes of the text that bits are measured on.

    Attributes:
        model: the name of the model.
        language: of the text.
        unexpressed: share of the characters in words that it has no tokens for, at least in part.
        altered: share of the words that it reads otherwise than they are written (in lower case, say).
        word_length: characters of a word of the text, on average.
    """

    model: str
    language: str
    unexpressed: float
    altered: float
    word_length: float


def coverage_of(model: str, language: str, words: WordBits) -> Coverage:
    """What a model's tokenizer makes of a text."""
    unexpressed = words.characters[np.isnan(words.bits)].sum() / words.characters.sum()
    return Coverage(model, language, float(unexpressed), float(words.altered.mean()), float(words.characters.mean()))


def bits_per_character(models: Mapping[str, WordBits], language: str, bootstrap: Bootstrap) -> ByLanguage:
    """Model -> bits per character of one text, on the words that all of the models can express; paired.

    Empty where there is no such word. Spaces between words do not count as characters.

    Args:
        models: name -> what the same words cost it.
        language: of the text.
        bootstrap: how intervals are made.

    Raises:
        ValueError: the models have read different texts.
    """
    first = next(iter(models.values()))
    if not all(np.array_equal(each.characters, first.characters) for each in models.values()):
        raise ValueError(f"the models were asked for the words of different texts of {language}")
    shared = ~np.any([np.isnan(each.bits) for each in models.values()], axis=0)
    if not shared.any():
        return {}
    where = first.sentences[shared]
    characters = by_sentence(first.characters[shared], where, first.count).astype(np.int64)
    return {
        name: bootstrap.mean(by_sentence(each.bits[shared], where, first.count), characters, language)
        for name, each in models.items()
    }


def write_bits(path: Path, words: Mapping[str, WordBits]) -> None:
    """Writes language -> what words cost, as safetensors."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for language, each in words.items():
        arrays |= {f"{language}.bits": each.bits, f"{language}.characters": each.characters}
        arrays |= {f"{language}.sentences": each.sentences, f"{language}.altered": each.altered}
        arrays |= {f"{language}.count": np.array([each.count])}
    save_file(arrays, path)


def read_bits(path: Path) -> dict[str, WordBits]:
    """Reads what `write_bits` wrote."""
    arrays = load_file(path)
    languages = [name.removesuffix(".bits") for name in arrays if name.endswith(".bits")]
    return {
        language: WordBits(
            arrays[f"{language}.bits"],
            arrays[f"{language}.characters"],
            arrays[f"{language}.sentences"],
            arrays[f"{language}.altered"],
            int(arrays[f"{language}.count"][0]),
        )
        for language in languages
    }
