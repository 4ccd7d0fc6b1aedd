"""How text becomes words: the normaliser and the pre-tokeniser of our tokenizers, and whether others agree with them.

What a tokenizer reads of raw text is what it would read of the same text cleaned (`corpus.characters`).

Both are made of steps that the `tokenizers` library runs in Rust, so that a saved folder needs nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer
from tokenizers import normalizers as steps
from tokenizers import pre_tokenizers as splits
from tokenizers.models import BPE

from equiglot.corpus.characters import BLANK, UNSEEN
from equiglot.errors import InputError
from equiglot.vocabulary.pieces import normalised, words_of
from equiglot.vocabulary.settings import WORD_START, Algorithm, VocabularySettings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

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


LETTERS: Mapping[str, str] = {
    "capital letters": "Ab STRASSE Москва ΑΘΗΝΑ Երկիր",
    "accents": "café Würde őszi İzmir người ελεύθεροι мой ёлка їжак",
    "vowel signs and other marks": "हिन्दी में తెలుగు ไทยที่ বাংলা தமிழ் ខ្មែរ မြန်မာ لِكُلِّ שָׁלוֹם क़ानून",
    "Korean syllables": "한국어 모든 사람은",
    "kana": "がぎぐ パン ーだ",
}
"""Where tokenizers must agree: other letters would be other words. Text is NFC, as our corpora are."""

_SIGNS: Mapping[str, str] = {
    "compatibility characters": "ﬁn ½ m² № … ™ Ａ１ ﷺ ㎏",
    "letters in parts": "cafe\u0301 \u1112\u1161\u11ab",
    "invisible characters": "co\u00adop می\u200cآید a\ufeffb",
    "quotation marks": "``a'' “b” ‘c’ «d»",
}
"""Where kinds of tokenizers differ by nature (XLM-R: NFKC; BERT drops invisible characters; RoBERTa takes text as it
is) and little of running text is concerned: the student does as one of them, after it has cleaned the text as our
corpora are, and the difference is reported."""

_WORDS: Mapping[str, str] = {
    "punctuation": "don't e-mail (foo)bar a.b 3.14 <html>",
    "digits": "abc123 1234567",
    "Han characters": "中国人 日本の",
    "signs of vowels": "हिन्दी में తెలుగు",
}
"""Where words may end, which is a matter of taste: the student does as one of them, and the difference is reported."""


def rules_of(settings: VocabularySettings) -> Tokenizer:
    """A tokenizer without pieces that treats text as one learnt by `settings`."""
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normaliser(settings)
    return tokenizer


def check_rules(tokenizers: Mapping[str, Tokenizer], rules: str | None) -> None:
    """Refuses models that treat letters differently, where `rules` does not say whose way is to be taken.

    Raises:
        InputError: letters are not the same for all and no model is named, or it is none of the models.
    """
    if rules is not None and rules not in tokenizers:
        raise InputError(
            f"There is no model `{rules}` among those whose vocabularies are united.",
            where="vocabulary.rules",
            fix=f"Name one of: {', '.join(tokenizers)}.",
        )
    leader, *others = tokenizers
    for other in others if rules is None else ():
        pair = (tokenizers[leader], tokenizers[other])
        if difference := next(_differences(*pair, leader, other, LETTERS, words=False), None):
            raise InputError(
                f"The models do not treat text alike; {difference}.",
                where="vocabulary",
                fix="Name the model whose way the student's tokenizer is to take (`vocabulary.rules`), or leave one of "
                "them out: what one says of letters that another never sees is lost on the student.",
            )


def differences(student: PreTrainedTokenizerFast, name: str, model: PreTrainedTokenizerFast) -> tuple[str, ...]:
    """What the student's tokenizer does to text otherwise than that of the model `name`: a sentence with an example
    for each kind of difference."""
    kinds = ((LETTERS, False), (_SIGNS, False), (_WORDS, True))
    pair = (student.backend_tokenizer, model.backend_tokenizer)
    return tuple(
        line for probes, words in kinds for line in _differences(*pair, "the student", name, probes, words=words)
    )


def _differences(
    one: Tokenizer,
    two: Tokenizer,
    first_name: str,
    second_name: str,
    probes: Mapping[str, str],
    *,
    words: bool,
) -> Iterator[str]:
    """Of each kind of probe the first example, in words."""
    for feature, text in probes.items():
        for word in text.split():
            first, second = (_read(backend, word, words=words) for backend in (one, two))
            if first != second:
                yield f"{feature}: `{word}` is `{first}` to {first_name} and `{second}` to {second_name}"
                break


def _read(backend: Tokenizer, word: str, *, words: bool) -> str:
    """What a tokenizer makes of a word: its letters, or the words in it. Spaces before it are not the word's."""
    if words:
        return " ".join(words_of(backend, word))
    return "".join(normalised(backend, word).replace(WORD_START, " ").split())
