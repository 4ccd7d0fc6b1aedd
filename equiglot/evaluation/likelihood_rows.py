"""From what words cost to rows of numbers: bits per character, and models against each other and their teachers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from equiglot.evaluation.metrics import LIKELIHOOD
from equiglot.evaluation.pseudo_likelihood import WordBits, bits_per_character
from equiglot.evaluation.rows import Bootstrap, ByLanguage, known, score_of
from equiglot.evaluation.score import Score, group_language
from equiglot.evaluation.statistics import Estimate, distance, mean_over

_Groups = Mapping[str, Sequence[str]]


def likelihood_rows(
    words: Mapping[str, Mapping[str, WordBits]],
    teachers: Mapping[str, str],
    *,
    reference: str,
    groups: _Groups,
    bootstrap: Bootstrap,
    seed: int,
) -> Iterator[Score]:
    """Bits per character of every model in its languages, D from the teachers, and differences; all paired.

    In each language all of its models are measured on the words that every one of them can express. `d` and
    `difference` are bits saved, positive where the model is better. A group's `d` is the mean over those of its
    languages that have a teacher.

    Args:
        words: model -> language -> what the words of its test text cost; the teachers' too.
        teachers: language -> the model that its distance is measured from; a language can have none.
        reference: the name of the teachers taken together.
        groups: name -> languages; "all" among them.
        bootstrap: how intervals are made.
        seed: of the training.
    """
    bits = _estimates(words, bootstrap)
    together = {code: bits[name][code] for code, name in teachers.items() if code in bits.get(name, {})}
    taught = {name: tuple(code for code in codes if code in together) for name, codes in groups.items()}
    for model, known_bits in bits.items():
        yield from (_row(model, language, "bits", each, seed) for language, each in known_bits.items())
    for model, known_bits in {**bits, reference: together}.items():
        for name, codes in groups.items():
            if known(known_bits, codes):
                mean = mean_over([known_bits[code] for code in codes])
                yield _row(model, group_language(name), "bits", mean, seed)
    for model, known_bits in bits.items():
        others = {code: each for code, each in known_bits.items() if code in together and teachers[code] != model}
        yield from _saved("d", (model, others), (reference, together), taught, seed)
    for first, second in combinations(bits, 2):
        yield from _saved("difference", (first, bits[first]), (second, bits[second]), groups, seed)


def _estimates(words: Mapping[str, Mapping[str, WordBits]], bootstrap: Bootstrap) -> dict[str, ByLanguage]:
    """Model -> language -> bits per character; models that share no word with the others have none."""
    languages = dict.fromkeys(language for each in words.values() for language in each)
    found: dict[str, ByLanguage] = {model: {} for model in words}
    for language in languages:
        models = {model: each[language] for model, each in words.items() if language in each}
        for model, estimate in bits_per_character(models, language, bootstrap).items():
            found[model][language] = estimate
    return found


def _saved(
    metric: str, first: tuple[str, ByLanguage], second: tuple[str, ByLanguage], groups: _Groups, seed: int
) -> Iterator[Score]:
    """Bits that the first of two models saves against the second: by language, then by group."""
    (model, ours), (reference, theirs) = first, second
    both = [code for code in ours if code in theirs]
    places: dict[str, Sequence[str]] = {code: (code,) for code in both}
    places |= {group_language(name): codes for name, codes in groups.items() if known(both, codes)}
    for language, codes in places.items():
        yield _row(model, language, metric, distance(theirs, ours, codes), seed, reference)


def _row(model: str, language: str, metric: str, estimate: Estimate, seed: int, reference: str | None = None) -> Score:
    return score_of(
        estimate, model=model, task=LIKELIHOOD, language=language, metric=metric, seed=seed, reference=reference
    )
