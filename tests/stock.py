"""Stock models so small that they are made in a moment: every architecture, three kinds of tokenizers."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, trainers
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
KINDS = ("wordpiece", "byte-bpe", "unigram")
_ROLES = {
    "wordpiece": {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
    "byte-bpe": {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"},
    "unigram": {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"},
}
POSITIONS = 40


def train_tokenizer(kind: str, text: Iterable[str] = tuple(SCRIPTS.values())) -> PreTrainedTokenizerFast:
    """A tokenizer of one of the three kinds, as stock models have them."""
    roles, lines = _ROLES[kind], [line for line in text for _ in range(3)]
    special = list(roles.values())
    if kind == "wordpiece":
        backend = Tokenizer(WordPiece(unk_token="[UNK]"))
        backend.normalizer = normalizers.BertNormalizer(lowercase=True)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer: Any = trainers.WordPieceTrainer(vocab_size=320, special_tokens=special)
    elif kind == "byte-bpe":
        backend = Tokenizer(BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=alphabet)
    else:
        backend = Tokenizer(Unigram())
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        backend.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=320, special_tokens=special, unk_token="<unk>")
    backend.train_from_iterator(lines, trainer)
    named = {f"{role}_token": token for role, token in roles.items()}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **named)


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
    "modernbert": "byte-bpe",
    "xlm-roberta": "unigram",
    "deberta-v2": "unigram",
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
