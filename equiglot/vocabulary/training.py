"""Learning a vocabulary from text: the same bytes from the same text every time."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer, decoders
from tokenizers.models import Model
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from equiglot.run import atomic_folder, write_json
from equiglot.vocabulary.folder import write_tokenizer
from equiglot.vocabulary.learning import UNLEARNABLE, bare_tokenizer, learn
from equiglot.vocabulary.sampling import choose_alphabet, sample, uncovered
from equiglot.vocabulary.settings import BYTES, CONTINUATION, SPECIAL_TOKENS, WORD_START, Algorithm, VocabularySettings


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
    alphabet: set[str] = set()
    left_out: set[str] = set()
    missing = dict.fromkeys(text.corpora, 0.0)
    if settings.algorithm != "byte-bpe":
        counts = text.character_counts(settings)
        alphabet = choose_alphabet(counts, settings.coverage) - UNLEARNABLE.get(settings.algorithm, set())
        left_out = set().union(*counts.values()) - alphabet
        missing = {language: uncovered(count, alphabet) for language, count in counts.items()}
    model = learn(text.batches(), sorted(alphabet), sorted(left_out), settings)
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


def build_tokenizer(model: Model, settings: VocabularySettings, max_length: int) -> PreTrainedTokenizerFast:
    """The tokenizer around a model with the special tokens at 0 to 4, in memory."""
    backend = bare_tokenizer(model, settings)
    backend.decoder = _decoder(settings.algorithm)
    return finish_tokenizer(backend, max_length)


def finish_tokenizer(backend: Tokenizer, max_length: int) -> PreTrainedTokenizerFast:
    """A tokenizer whose special tokens have the ids 0 to 4, as a Hugging Face tokenizer that puts them around text."""
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
