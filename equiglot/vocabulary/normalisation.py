"""How text becomes words: the normaliser and the pre-tokeniser of our tokenizers.

What a tokenizer reads of raw text is what it would read of the same text cleaned (`corpus.characters`).

Both are made of steps that the `tokenizers` library runs in Rust, so that a saved folder needs nothing of ours.
"""

from collections.abc import Iterable, Sequence

from tokenizers import Regex
from tokenizers import normalizers as steps
from tokenizers import pre_tokenizers as splits

from equiglot.corpus.characters import BLANK, UNSEEN
from equiglot.vocabulary.settings import WORD_START, Algorithm, VocabularySettings

_MARKS = {
    "letters": r"(?<=[\p{Latin}\p{Greek}\p{Cyrillic}])\p{Mn}+",
    "all-but-korean": r"\p{Mn}+",
}
_PUNCTUATION = r"[\p{P}$+<=>^`|~]"  # The same characters as in BERT: all of Unicode's, and ASCII's symbols.


def normaliser(settings: VocabularySettings, left_out: Sequence[str] = ()) -> steps.Normalizer:
    """The steps from raw text to the text that is cut into pieces; characters `left_out` become white space.

    Marks can only be told from letters once letters are decomposed (NFD), and only NFC at the very end makes Hangul
    syllables, voiced kana (が) and letters with nukta whole again: vocabulary entries are NFC.
    """
    stripping = [steps.Replace(Regex(_MARKS[settings.accents]), "")] if settings.accents in _MARKS else []
    lowering = _lowercase() if settings.lowercase else []
    return steps.Sequence(
        [*_seen(), steps.NFD(), *stripping, *lowering, steps.NFC(), *_blank(left_out), *_space(settings.algorithm)]
    )


def cleaned() -> list[steps.Normalizer]:
    """The steps that make of raw text what our corpora hold: NFC, nothing that is not seen, single spaces."""
    return [*_seen(), steps.NFC(), *_single_spaces()]


def pre_tokeniser(algorithm: Algorithm) -> splits.PreTokenizer:
    """Cuts text into words: at white space, and before and after punctuation.

    WordPiece makes words of Han characters too: Chinese has no spaces, and a whole sentence would be one word, and
    [UNK] if one of its characters is rare. The others may join Han characters. They keep a space as the first
    character of what follows it, word or punctuation, so that text can be put together again.
    """
    if algorithm == "wordpiece":
        return splits.Sequence([splits.Split(Regex(r"\p{Han}"), "isolated"), splits.BertPreTokenizer()])
    if algorithm == "byte-bpe":
        # `ByteLevel`'s own pattern ends words at the vowel signs of Hindi and Telugu, which are no \p{L}.
        words = [splits.Split(Regex(f" ?{_PUNCTUATION}"), "isolated"), splits.Split(" ", "merged_with_next")]
        return splits.Sequence([*words, splits.ByteLevel(add_prefix_space=False, use_regex=False)])
    return splits.Sequence(
        [splits.Metaspace(WORD_START, "always"), splits.Split(Regex(f"{WORD_START}?{_PUNCTUATION}"), "isolated")]
    )


def _seen() -> list[steps.Normalizer]:
    # Kept, a soft hyphen or a mark of direction would make its whole word [UNK].
    return [steps.Replace(_class(UNSEEN), ""), steps.Replace(_class(BLANK), " ")]


def _class(ranges: Iterable[tuple[int, int]]) -> Regex:
    return Regex("[" + "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in ranges) + "]")


def _single_spaces() -> list[steps.Normalizer]:
    return [steps.Replace(Regex(r"\s+"), " "), steps.Strip()]


def _lowercase() -> list[steps.Normalizer]:
    # `Lowercase` goes character by character: İ becomes i and a loose dot (left only where accents are kept), and a
    # capital sigma becomes σ even at the end of a word, where lower-case Greek has ς.
    return [
        steps.Lowercase(),
        steps.Replace("i\u0307", "i"),
        steps.Replace(Regex(r"(?<=[\p{L}\p{M}])σ(?![\p{L}\p{M}])"), "ς"),
    ]


def _blank(left_out: Sequence[str]) -> list[steps.Normalizer]:
    characters = "".join(f"\\x{{{ord(character):X}}}" for character in left_out)
    return [steps.Replace(Regex(f"[{characters}]"), " ")] if characters else []


def _space(algorithm: Algorithm) -> list[steps.Normalizer]:
    # Where pieces hold spaces, a second one would be a piece, and a ▁ in the text could not be told from a space.
    if algorithm == "wordpiece":
        return []
    return [steps.Replace(WORD_START, " "), *_single_spaces()]
