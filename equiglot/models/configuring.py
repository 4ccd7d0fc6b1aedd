"""The configurations of the encoders that are trained."""

from typing import Any

from transformers import BertConfig, ElectraConfig, ModernBertConfig, PretrainedConfig

from equiglot.models.settings import EncoderSettings


def configure(settings: EncoderSettings, vocabulary_size: int, padding: int) -> PretrainedConfig:
    """What transformers builds an encoder from; `padding` is the id of the padding token."""
    common: dict[str, Any] = {
        "vocab_size": vocabulary_size,
        "hidden_size": settings.hidden_size,
        "num_hidden_layers": settings.layers,
        "num_attention_heads": settings.heads,
        "max_position_embeddings": settings.max_length,
        "initializer_range": settings.initializer_range,
        "pad_token_id": padding,
    }
    if settings.architecture == "modernbert":
        return ModernBertConfig(**common, **_modernbert(settings))
    if settings.architecture == "electra":
        return ElectraConfig(
            **common, **_bert(settings), embedding_size=settings.embedding_size or settings.hidden_size
        )
    return BertConfig(**common, **_bert(settings))


def _bert(settings: EncoderSettings) -> dict[str, Any]:
    """Devlin et al., 2019; ELECTRA (Clark et al., 2020) has the same layers."""
    return {
        "intermediate_size": settings.feed_forward or 4 * settings.hidden_size,
        "hidden_dropout_prob": settings.dropout,
        "attention_probs_dropout_prob": settings.dropout,
        "type_vocab_size": 2,
    }


def _modernbert(settings: EncoderSettings) -> dict[str, Any]:
    """Warner et al., 2024: rotary positions, gated feed-forward layers, two of three layers attend to 128 tokens.

    A gate makes a third matrix: with two thirds of the width there are as many weights (Shazeer, 2020).
    """
    no_ids = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"))  # the tokenizer knows them
    return {
        "intermediate_size": settings.feed_forward or 8 * round(settings.hidden_size / 3),
        "embedding_dropout": settings.dropout,
        "attention_dropout": settings.dropout,
        "mlp_dropout": settings.dropout,
        **no_ids,
    }
