"""Texts, streams and models so small that a training takes a second."""

from collections.abc import Mapping

import numpy as np
from transformers import PreTrainedModel

from equiglot.masking import BatchSettings, BatchStream, MaskSettings, Source, SpecialTokens
from equiglot.models import EncoderSettings, build_model
from equiglot.vocabulary import TokenizedText

VOCABULARY = 60
"""Entries: [PAD], [UNK], [CLS], [SEP], [MASK] (0 to 4) and 55 words."""
PADDING, UNKNOWN, FIRST, LAST, MASK = range(5)
SPECIAL = SpecialTokens(FIRST, LAST, PADDING, MASK, np.arange(5, VOCABULARY))
ENCODER = EncoderSettings(layers=2, heads=2, hidden_size=16, max_length=32, dropout=0.0)


def make_text(count: int, *, seed: int = 0, shortest: int = 3, longest: int = 20) -> TokenizedText:
    """`count` sequences of words, some of them much more frequent than others: something can be learnt."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(shortest, longest + 1, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = (5 + 55 * generator.random(offsets[-1]) ** 3).astype(np.uint16)
    return TokenizedText(ids, offsets, 4 * offsets)


def make_stream(
    texts: Mapping[str, TokenizedText],
    *,
    passes: float | Mapping[str, float] | list[dict[str, float]] = 1.0,
    sentences: int | None = 4,
    tokens: int | None = None,
    masks: MaskSettings | None = None,
    seed: int = 0,
    parts: int = 1,
) -> BatchStream:
    """A stream over all of some texts."""
    return BatchStream(
        [Source(language, text, SPECIAL, masks or MaskSettings(), seed) for language, text in texts.items()],
        passes
        if isinstance(passes, list)
        else [passes if isinstance(passes, Mapping) else dict.fromkeys(texts, passes)],
        size=BatchSettings(sentences=None if tokens else sentences, tokens=tokens),
        special=SPECIAL,
        seed=seed,
        parts=parts,
    )


def make_model(seed: int = 0, encoder: EncoderSettings = ENCODER) -> PreTrainedModel:
    """A freshly initialised model, not trained."""
    return build_model(encoder, VOCABULARY, padding=PADDING, seed=seed)
