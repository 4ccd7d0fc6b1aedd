"""How the pieces of a vocabulary are learnt, one function an algorithm; each gives the same pieces every time.

"The same" is to the byte, for the same text, versions of the libraries and kind of processor, whatever the number of
its cores. Only the scores of Unigram are sums of floating-point numbers; another processor may round them otherwise.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from tokenizers import Tokenizer
from tokenizers import normalizers as steps
from tokenizers import pre_tokenizers as splits
from tokenizers.models import BPE, Model, Unigram, WordPiece
from tokenizers.trainers import BpeTrainer, Trainer, WordPieceTrainer

from equiglot.errors import InputError
from equiglot.vocabulary.normalisation import normaliser, pre_tokeniser
from equiglot.vocabulary.settings import BYTES, CONTINUATION, SPECIAL_TOKENS, WORD_START, Algorithm, VocabularySettings

UNLEARNABLE: Mapping[Algorithm, Set[str]] = {"unigram": {"\u2585"}}
"""Characters that cannot become pieces: with ▅ sentencepiece marks, in its training text, what it does not know."""

Text = Iterable[list[str]]
_UNKNOWN = SPECIAL_TOKENS[1]
_LONGEST_WORD = 1000  # Characters. Beyond it a word is [UNK]; the library's 100 would lose sentences of Thai or Khmer.
_SHARES = 16  # Parts in which the words are summed before the parts are, in order: fixed, whatever the number of cores.


def learn(text: Text, alphabet: Sequence[str], left_out: Sequence[str], settings: VocabularySettings) -> Model:
    """Learns pieces from sentences; the special tokens get the ids 0 to 4.

    Args:
        text: raw sentences, in batches.
        alphabet: the characters that become entries, sorted; none where the pieces are made of bytes.
        left_out: the characters of the text that do not; they count as white space.
        settings: which algorithm, how many pieces.

    Raises:
        InputError: the alphabet leaves no room in the vocabulary.
    """
    return _LEARN[settings.algorithm](text, alphabet, left_out, settings)


def wordpiece(vocabulary: dict[str, int]) -> WordPiece:
    """The WordPiece model with these entries (piece -> id)."""
    return WordPiece(
        vocabulary,
        unk_token=_UNKNOWN,
        continuing_subword_prefix=CONTINUATION,
        max_input_chars_per_word=_LONGEST_WORD,
    )


def bare_tokenizer(model: Model, settings: VocabularySettings, left_out: Sequence[str] = ()) -> Tokenizer:
    """A model behind its normaliser and pre-tokeniser; characters `left_out` count as white space."""
    backend = Tokenizer(model)
    backend.normalizer = normaliser(settings, left_out)
    if settings.algorithm == "byte-bpe":
        # The first word is to be cut as in the middle of a text; `Metaspace` sees to this by itself.
        backend.normalizer = steps.Sequence([backend.normalizer, steps.Prepend(" ")])
    backend.pre_tokenizer = pre_tokeniser(settings.algorithm)
    return backend


def _learn_wordpiece(
    text: Text, alphabet: Sequence[str], left_out: Sequence[str], settings: VocabularySettings
) -> Model:
    """The library's trainer numbers the continuing characters (`##x`) in the order in which a hash table yields words,
    which differs from process to process; ties between pairs are broken by these numbers, so even the pieces differ.
    Given beforehand as special tokens, they are numbered in our order, and everything that follows is determined.
    """
    continuing = [CONTINUATION + character for character in alphabet if _can_continue(character)]
    _refuse_crowding(len(alphabet) + len(continuing), settings.size, ", at the beginning and inside of words,")
    trainer = WordPieceTrainer(
        vocab_size=settings.size,
        min_frequency=settings.min_frequency,
        special_tokens=[*SPECIAL_TOKENS, *continuing],
        initial_alphabet=list(alphabet),
        continuing_subword_prefix=CONTINUATION,
        show_progress=False,
    )
    return _train(wordpiece({_UNKNOWN: 0}), trainer, text, left_out, settings)


def _learn_unigram(text: Text, alphabet: Sequence[str], left_out: Sequence[str], settings: VocabularySettings) -> Model:
    """By sentencepiece, from counted words in sorted order. The trainer of `tokenizers` adds up probabilities in the
    order of a hash table, so that each process learns other pieces.

    sentencepiece takes for a possible piece what goes on in two ways. A word that always stands alone does not, however
    frequent it is, so words are given in pairs (`▁word▁word`), which sentencepiece takes apart before it counts.
    """
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    entries = [WORD_START, *alphabet]
    _refuse_crowding(len(entries), settings.size)
    counts = _count_words(text, left_out, settings)
    learnt = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=(line for word, times in sorted(counts.items()) for line in _in_pairs(word, times)),
        input_format="tsv",
        model_writer=learnt,
        model_type="unigram",
        vocab_size=settings.size - len(SPECIAL_TOKENS) + 1,  # Its own unknown piece is left out below.
        hard_vocab_limit=False,
        required_chars="".join(entries),
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        max_sentence_length=16 * _LONGEST_WORD,
        bos_id=-1,
        eos_id=-1,
        num_threads=_SHARES,
        minloglevel=2,
    )
    pieces = SentencePieceProcessor(model_proto=learnt.getvalue())
    scores = [(pieces.id_to_piece(index), pieces.get_score(index)) for index in range(1, len(pieces))]
    return Unigram([*((token, 0.0) for token in SPECIAL_TOKENS), *scores], unk_id=SPECIAL_TOKENS.index(_UNKNOWN))


def _learn_bpe(text: Text, alphabet: Sequence[str], left_out: Sequence[str], settings: VocabularySettings) -> Model:
    entries = [WORD_START, *alphabet]
    _refuse_crowding(len(entries), settings.size)
    return _train(BPE(unk_token=_UNKNOWN, fuse_unk=True), _bpe_trainer(entries, settings), text, left_out, settings)


def _learn_byte_bpe(
    text: Text, alphabet: Sequence[str], left_out: Sequence[str], settings: VocabularySettings
) -> Model:
    entries = splits.ByteLevel.alphabet()
    assert len(entries) == BYTES and not alphabet and not left_out
    return _train(BPE(), _bpe_trainer(sorted(entries), settings), text, left_out, settings)


_LEARN: dict[Algorithm, Callable[[Text, Sequence[str], Sequence[str], VocabularySettings], Model]] = {
    "wordpiece": _learn_wordpiece,
    "unigram": _learn_unigram,
    "bpe": _learn_bpe,
    "byte-bpe": _learn_byte_bpe,
}


def _bpe_trainer(alphabet: Sequence[str], settings: VocabularySettings) -> Trainer:
    """Deterministic as it is: all characters are numbered beforehand, and ties between pairs are broken by number."""
    return BpeTrainer(
        vocab_size=settings.size,
        min_frequency=settings.min_frequency,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=list(alphabet),
        show_progress=False,
    )


def _train(model: Model, trainer: Trainer, text: Text, left_out: Sequence[str], settings: VocabularySettings) -> Model:
    backend = bare_tokenizer(model, settings, left_out)
    backend.train_from_iterator(text, trainer)
    learnt: Model = backend.model
    return learnt


def _count_words(text: Text, left_out: Sequence[str], settings: VocabularySettings) -> Counter[str]:
    normalise = normaliser(settings, left_out).normalize_str
    cut = pre_tokeniser(settings.algorithm).pre_tokenize_str
    return Counter(word for batch in text for sentence in batch for word, _ in cut(normalise(sentence)))


def _in_pairs(word: str, times: int) -> list[str]:
    """Lines of text and count in which `word` stands so many times."""
    pairs = times // 2 if word.startswith(WORD_START) else 0
    lines = ((word * 2, pairs), (word, times - 2 * pairs))
    return [f"{text}\t{count}" for text, count in lines if count]


def _can_continue(character: str) -> bool:
    # Punctuation and Han characters are words by themselves and never stand inside one.
    return len(pre_tokeniser("wordpiece").pre_tokenize_str(f"a{character}a")) == 1


def _refuse_crowding(entries: int, size: int, how: str = "") -> None:
    needed = len(SPECIAL_TOKENS) + entries
    if needed >= size:
        raise InputError(
            f"The alphabet takes {needed} entries{how} of a vocabulary of {size}.",
            where="vocabulary.size",
            fix=f"Set it to {2 * needed} or more, or lower `vocabulary.coverage`.",
        )
