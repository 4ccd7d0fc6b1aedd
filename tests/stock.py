"""Stock models so small that they are made in a moment: every architecture, with its kind of tokenizer."""

import json
import math
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE, Unigram, WordPiece
from transformers import (
    AutoModelForMaskedLM,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
)

from tests.articles import ARTICLE

SCRIPTS = {code: ARTICLE[code] for code in ("en", "ru", "el", "hi", "te", "ko", "ar")}
"""A sentence in each of seven scripts; tokenizers are learnt from them."""
_NAMES = {
    "bert": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "roberta": ("<pad>", "<unk>", "<s>", "</s>", "<mask>"),
    "gemma": ("<pad>", "<unk>", "<bos>", "<eos>", "<mask>"),
}
_NAMES_OF = {
    "wordpiece": "bert",
    "byte-bpe": "roberta",
    "unigram": "roberta",
    "unigram-deberta": "bert",
    "bpe": "gemma",
}
KINDS = tuple(_NAMES_OF)
"""As BERT has them, RoBERTa, XLM-R, DeBERTa-v2, and mmBERT (which took Gemma's)."""
POSITIONS = 40


def train_tokenizer(kind: str, text: Iterable[str] = tuple(SCRIPTS.values())) -> PreTrainedTokenizerFast:
    """A tokenizer of one of the kinds, as stock models have them; the same in every process."""
    pad, unknown, first, last, mask = names = _NAMES[_NAMES_OF[kind]]
    backend, trainer = _untrained(kind, names)
    lines = [line for line in text for _ in range(3)]
    if kind == "wordpiece":
        letters = sorted(set(backend.normalizer.normalize_str("".join(lines).replace(" ", ""))))  # type: ignore[union-attr]
        trainer.special_tokens = [*names, *(f"##{letter}" for letter in letters)]
    backend.train_from_iterator(lines, trainer)
    learnt = json.loads(backend.to_str())["model"]
    if kind == "wordpiece":
        backend, _ = _untrained(kind, names)  # without those special tokens
        backend.model = WordPiece(learnt["vocab"], unk_token=unknown)
    if kind.startswith("unigram"):
        backend.model = Unigram(_in_order(learnt["vocab"], names, lines), unk_id=learnt["unk_id"])
    if kind == "unigram":
        _append_mask(backend, mask)
    if kind == "bpe":
        _fall_back_to_bytes(backend, names)
    backend.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} $B:1 {last}:1",
        special_tokens=[(each, backend.token_to_id(each)) for each in (first, last)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=pad,
        unk_token=unknown,
        cls_token=first,
        sep_token=last,
        mask_token=AddedToken(mask, lstrip=kind == "unigram", special=True),
    )


def _untrained(kind: str, names: tuple[str, ...]) -> tuple[Tokenizer, Any]:
    """Normaliser, pre-tokeniser, model and decoder, and what trains the model."""
    pad, unknown, first, last, mask = names
    if kind == "wordpiece":
        backend = Tokenizer(WordPiece(unk_token=unknown))
        backend.normalizer = normalizers.BertNormalizer(lowercase=True)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.decoder = decoders.WordPiece()
        return backend, trainers.WordPieceTrainer(vocab_size=400, special_tokens=list(names))
    if kind == "byte-bpe":
        backend = Tokenizer(BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        special = [first, pad, last, unknown, AddedToken(mask, lstrip=True, special=True)]
        return backend, trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=alphabet)
    if kind == "bpe":
        backend = Tokenizer(BPE())
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
        return backend, trainers.BpeTrainer(vocab_size=320)
    backend = Tokenizer(Unigram())
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    special = [first, pad, last, unknown] if kind == "unigram" else [pad, first, last, unknown]
    return backend, trainers.UnigramTrainer(vocab_size=320, special_tokens=special, unk_token=unknown)


def _in_order(learnt: list[tuple[str, float]], names: Collection[str], lines: Iterable[str]) -> list[tuple[str, float]]:
    """Pieces of Unigram by name, scored by frequency: the trainer leaves both to the order of a hash table."""
    text = "▁" + "▁".join(" ".join(lines).split())
    pieces = sorted(piece for piece, _ in learnt if piece not in names)
    special = [(piece, score) for piece, score in learnt if piece in names]
    return special + [(piece, math.log(max(text.count(piece), 0.5) / len(text))) for piece in pieces]


def _append_mask(backend: Tokenizer, mask: str) -> None:
    """XLM-R's mask is the last piece of its model (DeBERTa's is no piece, and comes behind them all)."""
    model = json.loads(backend.to_str())["model"]
    vocabulary = [(piece, score) for piece, score in model["vocab"]]
    backend.model = Unigram([*vocabulary, (mask, 0.0)], unk_id=model["unk_id"])


def _fall_back_to_bytes(backend: Tokenizer, names: tuple[str, ...]) -> None:
    """Gemma's: special tokens, then all bytes, then pieces; a space is a letter like others."""
    pad, unknown, first, last, mask = names
    model = json.loads(backend.to_str())["model"]
    learnt = sorted(model["vocab"], key=model["vocab"].__getitem__)
    pieces = [pad, last, first, unknown, mask, *(f"<0x{number:02X}>" for number in range(256)), *learnt]
    backend.model = BPE(
        {piece: number for number, piece in enumerate(pieces)},
        [tuple(merge) for merge in model["merges"]],
        unk_token=unknown,
        fuse_unk=True,
        byte_fallback=True,
    )
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])


@cache
def _tokenizer(kind: str) -> PreTrainedTokenizerFast:
    return train_tokenizer(kind)


def configuration(architecture: str, size: int, padding: int) -> PretrainedConfig:
    """A configuration of some ten thousand weights."""
    usual = {
        "vocab_size": size,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": POSITIONS,
        "pad_token_id": padding,
        "initializer_range": 0.5,
    }
    match architecture:
        case "bert":
            return BertConfig(**usual)
        case "roberta":
            return RobertaConfig(**usual)
        case "xlm-roberta":
            return XLMRobertaConfig(**usual)
        case "electra":
            return ElectraConfig(**usual, embedding_size=8)
        case "modernbert":
            return ModernBertConfig(**usual, bos_token_id=0, eos_token_id=2, cls_token_id=0, sep_token_id=2)
        case "deberta-v2":
            relative = {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]}
            return DebertaV2Config(**usual, **relative)
    return DistilBertConfig(
        vocab_size=size,
        dim=16,
        n_layers=2,
        n_heads=2,
        hidden_dim=32,
        max_position_embeddings=POSITIONS,
        pad_token_id=padding,
        initializer_range=0.5,
    )


TOKENIZERS = {
    "bert": "wordpiece",
    "distilbert": "wordpiece",
    "electra": "wordpiece",
    "roberta": "byte-bpe",
    "modernbert": "bpe",
    "xlm-roberta": "unigram",
    "deberta-v2": "unigram-deberta",
}
ARCHITECTURES = tuple(TOKENIZERS)


def stock_model(architecture: str, seed: int = 0, *, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A model as transformers makes it, not trained, with weights so large that its logits differ."""
    torch.manual_seed(seed)
    config = configuration(architecture, len(tokenizer), int(tokenizer.pad_token_id))
    return cast(PreTrainedModel, AutoModelForMaskedLM.from_config(config)).eval()


def save_stock(folder: Path, architecture: str, seed: int = 0) -> Path:
    """A Hugging Face folder, as `save_pretrained` leaves it."""
    tokenizer = _tokenizer(TOKENIZERS[architecture])
    stock_model(architecture, seed, tokenizer=tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def biased(folder: Path) -> Path:
    """The same model with a bias that differs from id to id, as a trained one has it."""
    weights = load_file(folder / "model.safetensors")
    generator = torch.Generator().manual_seed(1)
    for name, tensor in weights.items():
        if name.endswith("bias"):
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder
