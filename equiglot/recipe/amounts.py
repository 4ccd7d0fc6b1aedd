"""How much text is enough: for a teacher, for a vocabulary, for a test set; and what a recipe does with less."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import langcodes

from equiglot.corpus.balancing import Smoothing
from equiglot.recipe.finding import Found, FoundLanguage

# A judgement: half of the least text with which docs/experiments.md has a teacher that is not starved (the demo's
# Turkish and Korean, 0.09 million characters each).
FEWEST_FOR_A_TEACHER = 50_000
# A judgement: the demo learns 4,000 entries from five times 0.09 million characters, some 110 for each;
# fewer were not tried on their own.
CHARACTERS_AN_ENTRY = 100
FEWEST_TESTED = 100  # sentences: an interval of some ±10 points
_MOST_HELD_OUT = 10_000  # sentences, each of valid and test; paper 1's
_HELD_OUT, _HELD_OUT_OF_LITTLE = 0.05, 0.2  # shares of the smallest language's sentences
_UNEQUAL = 10  # times the smallest language's size; more is read of large ones for the vocabulary, too
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
        held_out: sentences of each language for validation, and for test.
        smoothed: alpha of the vocabulary's sampling; None where all languages give the same.
        cap: characters of a language in balanced training, where there are tiny languages; else None.
    """

    taught: tuple[FoundLanguage, ...]
    tiny: tuple[FoundLanguage, ...]
    held_out: int
    smoothed: float | None
    cap: int | None


def amounts_of(found: Found) -> Amounts:
    """What to do with languages of these sizes."""
    taught = tuple(each for each in found.languages if each.characters >= FEWEST_FOR_A_TEACHER) or found.languages
    tiny = tuple(each for each in found.languages if each not in taught)
    fewest = min(each.sentences for each in found.languages)
    enough = min(FEWEST_TESTED, int(_HELD_OUT_OF_LITTLE * fewest))
    held_out = min(_MOST_HELD_OUT, max(enough, int(_HELD_OUT * fewest)))
    sizes = {each.code: each.characters for each in found.languages}
    least = min(taught, key=lambda each: each.characters)
    return Amounts(
        taught=taught,
        tiny=tiny,
        held_out=held_out,
        smoothed=_ALPHA if max(sizes.values()) >= _UNEQUAL * min(sizes.values()) else None,
        cap=round(least.characters * (1 - 2 * held_out / least.sentences)) if tiny else None,
    )


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
    scripts = {_script(code) for code in sizes}
    signs = sum(round(_OF_ROOT * sqrt(size)) for code, size in sizes.items() if _script(code) in _MANY_SIGNS)
    supported = max(_ASCII + _A_SCRIPT * len(scripts) + signs, vocabulary_text(sizes, alpha) // CHARACTERS_AN_ENTRY)
    return -(-supported // 100) * 100


def uncertainty(sentences: int) -> float:
    """About half of a 95 % interval of MRR, in points, from a test set of so many sentences.

    1.96 standard errors of a mean of values between 0 and 1, whose standard deviation is 0.5 at most, one a sentence:
    an estimate on the safe side, before anything is measured. The page's intervals are resampled from the scores.
    """
    return 98 / sqrt(max(1, sentences))


def advice(found: Found) -> list[str]:
    """What a first recipe does about too little text, and what its reader can do; nothing where there is enough."""
    amounts, said = amounts_of(found), []
    if amounts.tiny:
        sizes = ", ".join(f"{each.code} ({each.characters:,} characters)" for each in amounts.tiny)
        said.append(
            f"Too little text for a teacher ({FEWEST_FOR_A_TEACHER:,} characters, a judgement): {sizes}. "
            "The student learns them from the words themselves, on all of their text, and no other language is cut to "
            "their size. Or leave them out, or find more text."
        )
    elif amounts.taught[0].characters < FEWEST_FOR_A_TEACHER:
        said.append(
            f"No language has the {FEWEST_FOR_A_TEACHER:,} characters that a teacher needs by our judgement: expect "
            "teachers that know little, and students no better. Find more text."
        )
    for script in dict.fromkeys(_script(each.code) for each in amounts.tiny):
        near = ", ".join(each.code for each in amounts.taught if _script(each.code) == script)
        if near:
            far = ", ".join(each.code for each in amounts.tiny if _script(each.code) == script)
            said.append(
                f"The script of {far} is that of larger languages, from which pieces of words are shared: {near}."
            )
    if amounts.held_out < FEWEST_TESTED:
        said.append(
            f"With {amounts.held_out} test sentences a language's MRR is known to some "
            f"±{uncertainty(amounts.held_out):.0f} points (an estimate, 98 / √sentences); smaller differences show "
            "nothing. Without the smallest languages, or with more text of them, there are more."
        )
    return said


def _script(code: str) -> str | None:
    return langcodes.Language.get(code).maximize().script
