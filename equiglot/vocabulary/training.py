"""Learning a vocabulary from text, one function an algorithm: the same bytes from the same text every time.

"The same" is to the byte, for the same text, versions of the libraries and kind of processor, whatever the number of
its cores. Only the scores of Unigram are sums of floating-point numbers; another processor may round them otherwise.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer, decoders
from tokenizers import normalizers as steps
from tokenizers import pre_tokenizers as splits
from tokenizers.models import BPE, Model, Unigram, WordPiece
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer, Trainer, WordPieceTrainer

from equiglot.errors import InputError
from equiglot.files import atomic_folder, write_json
from equiglot.vocabulary.folder import write_tokenizer
from equiglot.vocabulary.normalisation import normaliser, pre_tokeniser
from equiglot.vocabulary.sampling import choose_alphabet, count_characters, sample, uncovered
from equiglot.vocabulary.settings import BYTES, CONTINUATION, SPECIAL_TOKENS, WORD_START, Algorithm, VocabularySettings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

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


class VocabularyRecord(BaseModel):
    """What a vocabulary was learnt from, and what came out; stands beside it as `vocabulary.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: VocabularySettings
    size: int
    """Entries; fewer than asked for where the text has no more pieces to give."""
    alphabet: int
    """Different characters, or bytes, that stand in the vocabulary alone."""
    characters: dict[str, int]
    """Language -> characters of its text that were read."""
    uncovered: dict[str, float]
    """Language -> share of its running characters that are not in the alphabet."""


def train_vocabulary(
    corpora: Mapping[str, Path], settings: VocabularySettings, into: Path, *, max_length: int = 512
) -> VocabularyRecord:
    """Learns a vocabulary and writes it to `into`, a Hugging Face tokenizer folder.

    The text is read in batches: once for its size, once for the alphabet, once for the pieces. From each language the
    first sentences are taken until their characters reach its share.

    Args:
        corpora: language -> Arrow file of its sentences, in draw order.
        settings: algorithm, size, normalisation, whose text, how much of each.
        into: the folder; appears complete or not at all.
        max_length: tokens that the models can read, [CLS] and [SEP] included.

    Raises:
        InputError: a language of the settings has no text, or its alphabet leaves no room in the vocabulary.
    """
    text = sample(corpora, settings)
    missing, counts = dict.fromkeys(text.corpora, 0.0), {}
    if settings.algorithm != "byte-bpe":
        counts = text.character_counts(settings)
    alphabet = _alphabet(counts, settings)
    missing |= {language: uncovered(count, alphabet) for language, count in counts.items()}
    model = learn(text.batches(), sorted(alphabet), sorted(set().union(*counts.values()) - alphabet), settings)
    tokenizer = build_tokenizer(model, settings, max_length)
    record = VocabularyRecord(
        settings=settings,
        size=len(tokenizer),
        alphabet=len(alphabet) or BYTES,
        characters=dict(text.characters),
        uncovered=missing,
    )
    with atomic_folder(into) as folder:
        write_tokenizer(tokenizer, folder)
        write_json(folder / "vocabulary.json", record.model_dump(mode="json"))
    return record


def learn_tokenizer(
    sentences: Sequence[str], settings: VocabularySettings, *, max_length: int = 512
) -> PreTrainedTokenizerFast:
    """A tokenizer learnt from sentences in memory, all of them, as from one language.

    Args:
        sentences: of one language.
        settings: algorithm, size, normalisation, alphabet.
        max_length: tokens that the models can read, [CLS] and [SEP] included.

    Raises:
        InputError: the alphabet leaves no room in the vocabulary.
    """
    counts = {} if settings.algorithm == "byte-bpe" else {"": count_characters([list(sentences)], settings)}
    alphabet = _alphabet(counts, settings)
    left_out = set().union(*counts.values()) - alphabet
    return build_tokenizer(learn([list(sentences)], sorted(alphabet), sorted(left_out), settings), settings, max_length)


def _alphabet(counts: Mapping[str, Counter[str]], settings: VocabularySettings) -> set[str]:
    """The characters that become entries, of how often each stands in each language; none where bytes do."""
    if settings.algorithm == "byte-bpe":
        return set()
    return choose_alphabet(counts, settings.coverage) - UNLEARNABLE.get(settings.algorithm, set())


def build_tokenizer(model: Model, settings: VocabularySettings, max_length: int) -> PreTrainedTokenizerFast:
    """The tokenizer around a model with the special tokens at 0 to 4, in memory."""
    backend = bare_tokenizer(model, settings)
    backend.decoder = _decoder(settings.algorithm)
    return finish_tokenizer(backend, max_length)


def finish_tokenizer(backend: Tokenizer, max_length: int) -> PreTrainedTokenizerFast:
    """A tokenizer whose special tokens have the ids 0 to 4, as a Hugging Face tokenizer that puts them around text."""
    from transformers import PreTrainedTokenizerFast

    pad, unknown, start, end, mask = SPECIAL_TOKENS
    backend.post_processor = TemplateProcessing(
        single=f"{start}:0 $A:0 {end}:0",
        pair=f"{start}:0 $A:0 {end}:0 $B:1 {end}:1",
        special_tokens=[(start, SPECIAL_TOKENS.index(start)), (end, SPECIAL_TOKENS.index(end))],
    )
    backend.add_special_tokens(list(SPECIAL_TOKENS))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=max_length,
        pad_token=pad,
        unk_token=unknown,
        cls_token=start,
        sep_token=end,
        mask_token=mask,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def _decoder(algorithm: Algorithm) -> decoders.Decoder:
    if algorithm == "wordpiece":
        return decoders.WordPiece(prefix=CONTINUATION, cleanup=False)
    if algorithm == "byte-bpe":
        return decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    return decoders.Metaspace(WORD_START, "always")
