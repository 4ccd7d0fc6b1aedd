"""How much text is enough: for a teacher, a test set, a training, a vocabulary; and what a first recipe makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import langcodes

from equiglot.corpus.balancing import Annealed, BalancingPolicy, Smoothing, Truncate
from equiglot.recipe.finding import Found, FoundLanguage

# The least text with which docs/experiments.md has teachers (Hungarian and Turkish: MRR 30 and 25); less was not tried.
FEWEST_FOR_A_TEACHER = 50_000
# Times that a small text is worth reading: without dropout, Hungarian in docs/experiments.md (0.2 million characters)
# is best after 8,000 updates, which read it some 45 times, and a point worse after twice as many; with dropout it is
# three points better after these. Where dropout stops paying was not tried: half a million is a judgement.
MOST_PASSES, TOO_MANY_PASSES = 45, 90
DROPOUT, DROPOUT_BELOW = 0.1, 500_000
# A judgement: the demo learns 4,000 entries from five times 0.09 million characters, some 110 for each;
# fewer were not tried on their own.
CHARACTERS_AN_ENTRY = 100
FEWEST_TESTED = 100  # sentences: an interval of some ±5 points
SPREAD = 53  # points: half of an interval from one sentence
_TENTH_UP_TO = 1_000  # sentences held out; beyond, a twentieth of the text, and paper 1's 10,000 at most
_MOST_HELD_OUT, _HELD_OUT_OF_LITTLE = 10_000, 0.2
_ALIKE = 0.75  # of the sentences that another language can hold out are as good as as many
_FEWEST_UPDATES = 300
_BEYOND = 1.5  # times what a text is worth reading, or all text is read, that balance may come to
_EPOCHS = 10  # of a training that has no number of updates: paper 1's
_UNEQUAL = 2  # times the smallest language's size: what truncation would take away
_ALPHA = 0.7  # multilingual BERT's, for the vocabulary as well (Devlin et al., 2019)
# Entries for single characters, at the beginning of words and inside: of ASCII, with special tokens; of each script;
# and of scripts of very many, which grow with the root of the text (Heaps' law). Judged, with room to spare.
_ASCII, _A_SCRIPT, _OF_ROOT = 300, 250, 30
_MANY_SIGNS = {"Cans", "Ethi", "Hans", "Hant", "Hani", "Jpan", "Kore", "Yiii"}


@dataclass(frozen=True)
class Amounts:
    """What a first recipe makes of the sizes of its languages.

    Attributes:
        taught: the languages with a teacher of their own; all of them where none has enough text for one.
        tiny: the others.
        held_out: language -> sentences for validation, and as many for test.
        smoothed: alpha of the vocabulary's sampling; None where all languages give the same.
        balance: of the models of several languages.
        lengths: language -> updates of its teacher; none where trainings are counted in epochs.
        small: those of them whose teachers have dropout, and read their text more often.
        length: updates of the models of several languages; None likewise.
    """

    taught: tuple[FoundLanguage, ...]
    tiny: tuple[FoundLanguage, ...]
    held_out: dict[str, int]
    smoothed: float | None
    balance: BalancingPolicy
    lengths: dict[str, int]
    small: frozenset[str]
    length: int | None


def amounts_of(found: Found, batch: int, longest: int | None) -> Amounts:
    """What to do with languages of these sizes.

    Teachers read their text some `MOST_PASSES` times, in `longest` updates at most; those of little text twice as
    often, with dropout, in twice as many. Models of several languages have as many updates as all teachers without
    dropout, and twice `longest` at most.

    Args:
        found: the languages.
        batch: sentences that an update is made from.
        longest: updates of a teacher, at most; None for trainings of ten epochs.
    """
    taught = tuple(each for each in found.languages if each.characters >= FEWEST_FOR_A_TEACHER) or found.languages
    held_out = held_out_of({each.code: each.divisible for each in found.languages})
    trained = {each.code: each.sentences - 2 * held_out[each.code] for each in found.languages}
    small = frozenset(each.code for each in taught if longest and each.characters < DROPOUT_BELOW)
    lengths, length = dict[str, int](), None
    if longest:
        once = {each.code: _updates(trained[each.code], batch, longest, 1) for each in taught}
        lengths = {code: _updates(trained[code], batch, longest, 2) if code in small else once[code] for code in once}
        several = len(found.languages) > 1
        length = _tidy(min(sum((once if several else lengths).values()), 2 * longest), 2)
    sizes = {each.code: each.characters for each in found.languages}
    unequal = max(sizes.values()) >= _UNEQUAL * min(sizes.values())
    epochs = length * batch / sum(trained.values()) if length else _EPOCHS
    return Amounts(
        taught=taught,
        tiny=tuple(each for each in found.languages if each not in taught),
        held_out=held_out,
        smoothed=_ALPHA if unequal else None,
        balance=annealed_for(sizes, epochs) if unequal else Truncate(),
        lengths=lengths,
        small=small,
        length=length,
    )


def held_out_of(sentences: Mapping[str, int]) -> dict[str, int]:
    """Language -> sentences for validation, and as many for test.

    A tenth of a language's sentences up to 1,000, beyond that a twentieth, in round numbers; of little text a hundred,
    and a fifth of it at most. Languages that can hold out nearly as many as the largest hold out as many, if that is
    not more than a fifth.

    Args:
        sentences: language -> how many there are.
    """
    wanted = {code: _wanted(count) for code, count in sentences.items()}
    most = _tidy(max(wanted.values()), 1)
    return {
        code: most
        if count >= _ALIKE * most and most <= _HELD_OUT_OF_LITTLE * sentences[code]
        else _tidy(count, 1 if count > FEWEST_TESTED else 2)
        for code, count in wanted.items()
    }


def _wanted(sentences: int) -> int:
    share = min(_MOST_HELD_OUT, max(min(_TENTH_UP_TO, sentences // 10), sentences // 20))
    return max(share, min(FEWEST_TESTED, int(_HELD_OUT_OF_LITTLE * sentences)))


def annealed_for(sizes: Mapping[str, int], epochs: float) -> Annealed:
    """From all text to equal shares; with a bound where a language would be read over and over.

    Args:
        sizes: language -> characters.
        epochs: the length of the training.
    """
    free = Annealed(start=1.0, end=0.0)
    most = max(portion.passes for portion in free.portions(sizes, epochs).values())
    bound = max(MOST_PASSES, round(_BEYOND * epochs))  # a lower one would leave nothing of the balance
    return free if most <= _BEYOND * MOST_PASSES else free.model_copy(update={"passes": bound})


def _updates(sentences: int, batch: int, longest: int, times: int) -> int:
    return _tidy(min(times * longest, max(_FEWEST_UPDATES, times * MOST_PASSES * sentences // batch)), 2)


def _tidy(number: int, digits: int) -> int:
    """Its first digits, and zeros."""
    shown = str(number)
    return int(shown[:digits].ljust(len(shown), "0"))


def vocabulary_text(sizes: Mapping[str, int], alpha: float) -> int:
    """Characters that a vocabulary is learnt from: in proportion to size ** alpha, the smallest language whole.

    Args:
        sizes: language -> characters, above 0.
        alpha: 0 for as many of each language, 1 for all there are.
    """
    weights = Smoothing(alpha=alpha).weights(sizes)
    return round(min(sizes[code] / weight for code, weight in weights.items()) * sum(weights.values()))


def supported_entries(sizes: Mapping[str, int], alpha: float) -> int:
    """Entries of a vocabulary, in hundreds, that text of these sizes supports; room for its characters at least."""
    scripts = {script_of(code) for code in sizes}
    signs = sum(round(_OF_ROOT * sqrt(size)) for code, size in sizes.items() if script_of(code) in _MANY_SIGNS)
    supported = max(_ASCII + _A_SCRIPT * len(scripts) + signs, vocabulary_text(sizes, alpha) // CHARACTERS_AN_ENTRY)
    return -(-supported // 100) * 100


def uncertainty(sentences: int) -> float:
    """About half of a 95 % interval of MRR, in points, from a test set of so many sentences.

    An estimate from what was measured, before anything is measured here: with two draws of masks, halves of intervals
    were 29 to 44 / √sentences (docs/experiments.md). With one draw, the default, a sentence has half as many masks: 53,
    worked out, not measured. The page's intervals are resampled from the scores.
    """
    return SPREAD / sqrt(max(1, sentences))


def script_of(code: str) -> str | None:
    """The script that a language is written in, such as Latn."""
    return langcodes.Language.get(code).maximize().script
