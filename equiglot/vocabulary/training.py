"""Learning a vocabulary from text: WordPiece, the same bytes from the same text every time."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from tokenizers import Regex, Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece
from tokenizers.normalizers import Replace
from tokenizers.normalizers import Sequence as Steps
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordPieceTrainer
from transformers import PreTrainedTokenizerFast

from equiglot.corpus import read_sentences
from equiglot.errors import InputError
from equiglot.run import atomic_folder, write_json
from equiglot.vocabulary.folder import write_tokenizer
from equiglot.vocabulary.normalisation import normaliser, pre_tokeniser
from equiglot.vocabulary.settings import CONTINUATION, SPECIAL_TOKENS, VocabularySettings

_BATCH = 1000
_ALWAYS = [chr(code) for code in range(0x21, 0x7F)]  # Printable ASCII costs little and stands in every text.
_LONGEST_WORD = 1000  # Characters. Beyond it a word is [UNK]; the library's 100 would lose sentences of Thai or Khmer.


class VocabularyRecord(BaseModel):
    """What a vocabulary was learnt from, and what came out; stands beside it as `vocabulary.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: VocabularySettings
    size: int
    """Entries; fewer than asked for where the text has no more pairs to join."""
    alphabet: int
    """Different characters that stand in the vocabulary alone."""
    characters: dict[str, int]
    """Language -> characters of its text that were read."""
    uncovered: dict[str, float]
    """Language -> share of its running characters that are not in the alphabet."""


def train_vocabulary(
    corpora: Mapping[str, Path], settings: VocabularySettings, into: Path, *, max_length: int = 512
) -> VocabularyRecord:
    """Learns a WordPiece vocabulary and writes it to `into`, a Hugging Face tokenizer folder.

    The text is read twice, in batches: once for the alphabet, once for the pieces. From each language the first
    sentences are taken until their characters reach its share.

    Args:
        corpora: language -> Arrow file of its sentences, in draw order.
        settings: size, normalisation, whose text, how much of each.
        into: the folder; appears complete or not at all.
        max_length: tokens that the models can read, [CLS] and [SEP] included.

    Raises:
        InputError: a language of the settings has no text, or its alphabet leaves no room in the vocabulary.
    """
    amounts = _amounts(_chosen(corpora, settings), settings)
    counts = {language: _character_counts(corpora[language], amounts[language], settings) for language in amounts}
    alphabet = choose_alphabet(counts, settings.coverage)
    vocabulary = _learn(corpora, amounts, sorted(set().union(*counts.values()) - alphabet), sorted(alphabet), settings)
    record = VocabularyRecord(
        settings=settings,
        size=len(vocabulary),
        alphabet=len(alphabet),
        characters=amounts,
        uncovered={language: _uncovered(count, alphabet) for language, count in counts.items()},
    )
    with atomic_folder(into) as folder:
        write_tokenizer(build_tokenizer(vocabulary, settings, max_length), folder)
        write_json(folder / "vocabulary.json", record.model_dump(mode="json"))
    return record


def build_tokenizer(
    vocabulary: Mapping[str, int], settings: VocabularySettings, max_length: int
) -> PreTrainedTokenizerFast:
    """The tokenizer with these entries (piece -> id; the special tokens at 0 to 4), in memory."""
    pad, unknown, start, end, mask = SPECIAL_TOKENS
    backend = _wordpiece(dict(vocabulary), settings)
    backend.decoder = WordPieceDecoder(prefix=CONTINUATION, cleanup=False)
    backend.post_processor = TemplateProcessing(
        single=f"{start}:0 $A:0 {end}:0",
        pair=f"{start}:0 $A:0 {end}:0 $B:1 {end}:1",
        special_tokens=[(start, vocabulary[start]), (end, vocabulary[end])],
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


def _chosen(corpora: Mapping[str, Path], settings: VocabularySettings) -> dict[str, Path]:
    missing = sorted(set(settings.languages or ()) - set(corpora))
    if missing:
        raise InputError(
            f"The vocabulary is to be learnt from {', '.join(missing)}, but there is no text in it.",
            where="vocabulary.languages",
            fix=f"Give its text under `languages`, or choose among {', '.join(sorted(corpora))}.",
        )
    return {language: corpora[language] for language in sorted(settings.languages or corpora)}


def _amounts(corpora: Mapping[str, Path], settings: VocabularySettings) -> dict[str, int]:
    """Language -> characters to read of it (the last sentence may go over)."""
    sizes = {language: sum(map(len, _sentences(path, sys.maxsize))) for language, path in corpora.items()}
    for language, size in sizes.items():
        if size == 0:
            raise InputError(
                f"There is no text in {language} to learn the vocabulary from.",
                where=corpora[language],
                fix="Give it text, or leave the language out of `vocabulary.languages`.",
            )
    limit = min(sizes.values()) if settings.sampling == "equal" else max(sizes.values())
    return {language: min(size, limit, settings.characters or limit) for language, size in sizes.items()}


def _sentences(path: Path, characters: int) -> Iterator[str]:
    """The first sentences, until together they have so many characters."""
    for batch in read_sentences(path, batch=_BATCH):
        for sentence in batch:
            if characters <= 0:
                return
            characters -= len(sentence)
            yield sentence


def _batches(path: Path, characters: int) -> Iterator[list[str]]:
    sentences = _sentences(path, characters)
    while batch := list(islice(sentences, _BATCH)):
        yield batch


def _character_counts(path: Path, characters: int, settings: VocabularySettings) -> Counter[str]:
    """How often each character stands in the normalised text; white space left out."""
    normalise = normaliser(settings).normalize_str
    counts: Counter[str] = Counter()
    for batch in _batches(path, characters):
        counts.update(normalise("\n".join(batch)))
    return Counter({character: times for character, times in counts.items() if not character.isspace()})


def _uncovered(count: Counter[str], alphabet: set[str]) -> float:
    return sum(times for character, times in count.items() if character not in alphabet) / max(count.total(), 1)


def _learn(
    corpora: Mapping[str, Path],
    amounts: Mapping[str, int],
    left_out: list[str],
    alphabet: list[str],
    settings: VocabularySettings,
) -> dict[str, int]:
    """Piece -> id, ids 0 to n - 1.

    The library's trainer numbers the continuing characters (`##x`) in the order in which a hash table yields words,
    which differs from process to process; ties between pairs are broken by these numbers, so even the pieces differ.
    Given beforehand as special tokens, they are numbered in our order, and everything that follows is determined.
    """
    continuing = [CONTINUATION + character for character in alphabet if _can_continue(character)]
    _refuse_crowding(len(SPECIAL_TOKENS) + len(alphabet) + len(continuing), settings.size)
    scratch = _wordpiece({SPECIAL_TOKENS[1]: 0}, settings, left_out)
    trainer = WordPieceTrainer(
        vocab_size=settings.size,
        min_frequency=settings.min_frequency,
        special_tokens=[*SPECIAL_TOKENS, *continuing],
        initial_alphabet=alphabet,
        continuing_subword_prefix=CONTINUATION,
        show_progress=False,
    )
    text = (batch for language in sorted(amounts) for batch in _batches(corpora[language], amounts[language]))
    scratch.train_from_iterator(text, trainer)
    return dict(sorted(scratch.get_vocab().items(), key=lambda item: item[1]))


def _wordpiece(
    vocabulary: dict[str, int], settings: VocabularySettings, left_out: list[str] | None = None
) -> Tokenizer:
    """A bare WordPiece tokenizer; characters that are `left_out` count as white space."""
    model = WordPiece(
        vocabulary,
        unk_token=SPECIAL_TOKENS[1],
        continuing_subword_prefix=CONTINUATION,
        max_input_chars_per_word=_LONGEST_WORD,
    )
    backend = Tokenizer(model)
    backend.normalizer = normaliser(settings)
    if left_out:
        characters = "".join(f"\\x{{{ord(character):X}}}" for character in left_out)
        backend.normalizer = Steps([backend.normalizer, Replace(Regex(f"[{characters}]"), " ")])
    backend.pre_tokenizer = pre_tokeniser()
    return backend


def _can_continue(character: str) -> bool:
    # Punctuation and Han characters are words by themselves and never stand inside one.
    return len(pre_tokeniser().pre_tokenize_str(f"a{character}a")) == 1


def _refuse_crowding(needed: int, size: int) -> None:
    if needed >= size:
        raise InputError(
            f"The alphabet takes {needed} entries, at the beginning and inside of words, of a vocabulary of {size}.",
            where="vocabulary.size",
            fix=f"Set it to {2 * needed} or more, or lower `vocabulary.coverage`.",
        )
