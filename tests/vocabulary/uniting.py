"""Vocabularies of their own for several models, cased, of every kind; and tokenizers as foreign models have them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, Model, WordLevel, WordPiece
from transformers import PreTrainedTokenizerFast

from equiglot.vocabulary import load_tokenizer, train_vocabulary
from equiglot.vocabulary.settings import Algorithm
from tests.vocabulary.conftest import settings_of

BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
FAIRSEQ = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"}


def learn(
    corpora: Mapping[str, Path], languages: Sequence[str], algorithm: Algorithm, into: Path, **fields: Any
) -> Path:
    """A vocabulary that keeps capital letters and accents, learnt from some languages."""
    settings = settings_of(
        algorithm, **{"size": 600, "lowercase": False, "accents": "keep", "sampling": "proportional", **fields}
    )
    train_vocabulary({language: corpora[language] for language in languages}, settings, into, max_length=64)
    return into


def loaded(folders: Mapping[str, Path]) -> dict[str, PreTrainedTokenizerFast]:
    return {name: load_tokenizer(folder) for name, folder in folders.items()}


def wrap(backend: Tokenizer, roles: Mapping[str, str] = FAIRSEQ) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, **{f"{role}_token": token for role, token in roles.items()}
    )


def numbered(tokens: Sequence[str], roles: Mapping[str, str] = FAIRSEQ) -> dict[str, int]:
    return {token: number for number, token in enumerate([*roles.values(), *tokens])}


def bare(model: Model, roles: Mapping[str, str] = FAIRSEQ) -> PreTrainedTokenizerFast:
    return wrap(Tokenizer(model), roles)


def gemma_like() -> PreTrainedTokenizerFast:
    """As mmBERT's: BPE of characters with bytes to fall back to; the first word of a text is not marked."""
    spare = [f"<unused{number}>" for number in range(3)] + [f"<0x{byte:02X}>" for byte in range(256)]
    parts = ["▁", "a", "b", "(", "ab", "▁ab", "▁▁", "क"]
    merges = [("a", "b"), ("▁", "ab"), ("▁", "▁")]
    backend = Tokenizer(BPE(numbered([*spare, *parts]), merges, unk_token="<unk>", byte_fallback=True))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return wrap(backend)


def modernbert_like() -> PreTrainedTokenizerFast:
    """As ModernBERT's: byte-level BPE whose special tokens, and runs of spaces, were added at the end."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate([*letters, "Ġa", "Ġà¤"])}
    backend = Tokenizer(BPE(vocabulary, [("Ġ", "a")]))
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_tokens(["  ", "   "])
    return wrap(backend, BERT)


def unmarked() -> dict[str, PreTrainedTokenizerFast]:
    """Tokenizers that do not say where words begin, or whose entries are no pieces."""
    suffixed = BPE(numbered(["a", "b</w>", "ab</w>"]), [("a", "b</w>")], end_of_word_suffix="</w>", unk_token="<unk>")
    return {
        "WordLevel": bare(WordLevel(numbered(["a"]), unk_token="<unk>")),
        "bpe": bare(suffixed),
        "wordpiece": bare(WordPiece(numbered(["a", "b"]), unk_token="<unk>", continuing_subword_prefix="")),
    }
