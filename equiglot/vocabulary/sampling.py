"""The text that a vocabulary is learnt from: how much of each language, and which characters it must cover."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from equiglot.corpus import read_sentences
from equiglot.corpus.balancing import Smoothing
from equiglot.errors import InputError
from equiglot.vocabulary.normalisation import normaliser
from equiglot.vocabulary.settings import VocabularySettings

_BATCH = 1000
_ALWAYS = [chr(code) for code in range(0x21, 0x7F)]  # Printable ASCII costs little and stands in every text.
_ALPHAS = {"equal": 0.0, "proportional": 1.0}


@dataclass(frozen=True)
class Sample:
    """Of each language the first sentences, until they reach its share; read in batches, as often as needed.

    Attributes:
        corpora: language -> Arrow file of its sentences, in draw order; languages sorted.
        characters: language -> how many are read (the last sentence may go over).
    """

    corpora: Mapping[str, Path]
    characters: Mapping[str, int]

    def batches(self) -> Iterator[list[str]]:
        """All sentences, in lists, language after language."""
        return (batch for language in self.corpora for batch in self._batches(language))

    def character_counts(self, settings: VocabularySettings) -> dict[str, Counter[str]]:
        """Language -> how often each character stands in its normalised text; white space left out."""
        return {language: count_characters(self._batches(language), settings) for language in self.corpora}

    def _batches(self, language: str) -> Iterator[list[str]]:
        sentences = _sentences(self.corpora[language], self.characters[language])
        while batch := list(islice(sentences, _BATCH)):
            yield batch


def sample(corpora: Mapping[str, Path], settings: VocabularySettings) -> Sample:
    """Chooses the languages, and how much of each.

    Raises:
        InputError: a language of the settings has no text.
    """
    missing = sorted(set(settings.languages or ()) - set(corpora))
    if missing:
        raise InputError(
            f"The vocabulary is to be learnt from {', '.join(missing)}, but there is no text in it.",
            where="vocabulary.languages",
            fix=f"Give its text under `languages`, or choose among {', '.join(sorted(corpora))}.",
        )
    chosen = {language: corpora[language] for language in sorted(settings.languages or corpora)}
    return Sample(chosen, _amounts(chosen, settings))


def count_characters(batches: Iterable[list[str]], settings: VocabularySettings) -> Counter[str]:
    """How often each character stands in sentences, normalised; white space left out."""
    normalise, count = normaliser(settings).normalize_str, Counter[str]()
    for batch in batches:
        count.update(normalise("\n".join(batch)))
    return Counter({character: times for character, times in count.items() if not character.isspace()})


def choose_alphabet(counts: Mapping[str, Counter[str]], coverage: float) -> set[str]:
    """The characters that stand in the vocabulary alone: of each language the most frequent until `coverage` is met.

    Counted language by language, so that a small language with a large alphabet is not crowded out by the others.
    """
    alphabet = set(_ALWAYS)
    for count in counts.values():
        needed = coverage * count.total()
        for character, times in sorted(count.items(), key=lambda item: (-item[1], item[0])):
            if needed <= 0:
                break
            alphabet.add(character)
            needed -= times
    return alphabet


def uncovered(count: Counter[str], alphabet: set[str]) -> float:
    """The share of a language's running characters that are not in the alphabet."""
    return sum(times for character, times in count.items() if character not in alphabet) / max(count.total(), 1)


def _amounts(corpora: Mapping[str, Path], settings: VocabularySettings) -> dict[str, int]:
    """Language -> characters to read of it: as many as the proportions allow while no language runs out."""
    sizes = {language: sum(map(len, _sentences(path, sys.maxsize))) for language, path in corpora.items()}
    for language, size in sizes.items():
        if size == 0:
            raise InputError(
                f"There is no text in {language} to learn the vocabulary from.",
                where=corpora[language],
                fix="Give it text, or leave the language out of `vocabulary.languages`.",
            )
    sizes = {language: min(size, settings.characters or size) for language, size in sizes.items()}
    policy = settings.sampling
    weights = (Smoothing(alpha=_ALPHAS[policy]) if isinstance(policy, str) else policy).weights(sizes)
    fullest = min(sizes[language] / weight for language, weight in weights.items())
    return {language: round(fullest * weight) for language, weight in weights.items()}


def _sentences(path: Path, characters: int) -> Iterator[str]:
    """The first sentences, until together they have so many characters."""
    for batch in read_sentences(path, batch=_BATCH):
        for sentence in batch:
            if characters <= 0:
                return
            characters -= len(sentence)
            yield sentence
