"""Whether tokenizers agree on what happens to text before it is cut into pieces: by what they do, not how."""

from collections.abc import Iterator, Mapping

from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.vocabulary.normalisation import normaliser
from equiglot.vocabulary.settings import WORD_START, VocabularySettings
from equiglot.vocabulary.surfaces import normalised, words_of

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
