"""How text becomes words: the normaliser and the pre-tokeniser of our tokenizers.

Both are made of steps that the `tokenizers` library runs in Rust, so that a saved folder needs nothing of ours.
"""

from tokenizers import Regex
from tokenizers import normalizers as steps
from tokenizers import pre_tokenizers as splits

from equiglot.vocabulary.settings import VocabularySettings

_MARKS = {
    "letters": r"(?<=[\p{Latin}\p{Greek}\p{Cyrillic}])\p{Mn}+",
    "all-but-korean": r"\p{Mn}+",
}


def normaliser(settings: VocabularySettings) -> steps.Normalizer:
    """The steps from raw text to the text that is cut into pieces.

    Marks can only be told from letters once letters are decomposed (NFD), and only NFC at the very end makes Hangul
    syllables, voiced kana (が) and letters with nukta whole again: vocabulary entries are NFC.
    """
    stripping = [steps.Replace(Regex(_MARKS[settings.accents]), "")] if settings.accents in _MARKS else []
    lowering = _lowercase() if settings.lowercase else []
    return steps.Sequence([*_clean(), steps.NFD(), *stripping, *lowering, steps.NFC()])


def pre_tokeniser() -> splits.PreTokenizer:
    """Cuts text into words: at white space, before and after punctuation, and around each Han character.

    Chinese has no spaces; without the third rule a whole sentence would be one word, and [UNK] if one of its
    characters is rare.
    """
    return splits.Sequence([splits.Split(Regex(r"\p{Han}"), "isolated"), splits.BertPreTokenizer()])


def _clean() -> list[steps.Normalizer]:
    # A soft hyphen or a byte-order mark would make its whole word [UNK]. The zero-width (non-)joiners stay: they
    # carry meaning in Persian and in the scripts of India. The zero-width space separates words in Khmer and Thai.
    return [
        steps.Replace(Regex(r"[\x{AD}\x{2060}\x{FEFF}\x{FFFD}]"), ""),
        steps.Replace(Regex(r"[\p{Cc}\x{200B}]"), " "),
    ]


def _lowercase() -> list[steps.Normalizer]:
    # `Lowercase` goes character by character: İ becomes i and a loose dot (left only where accents are kept), and a
    # capital sigma becomes σ even at the end of a word, where lower-case Greek has ς.
    return [
        steps.Lowercase(),
        steps.Replace("i\u0307", "i"),
        steps.Replace(Regex(r"(?<=[\p{L}\p{M}])σ(?![\p{L}\p{M}])"), "ς"),
    ]
