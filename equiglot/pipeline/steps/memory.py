"""How much memory a process takes at its most, about: one rule for trainings, one for models that read, in bytes.

What PyTorch keeps of an update was measured on a CPU (docs/scale.md); on a GPU all but `PROCESS` lies on the card.
"""

import numpy as np

from equiglot.pipeline.steps.cost import FLOAT_BYTES, PROCESS, Reader
from equiglot.vocabulary import TokenizedText

_WEIGHT = 24  # weights, gradients, AdamW's two moments, the best weights, and a copy while a checkpoint is written
_TIED = 8  # of a row of the vocabulary more: the best weights and that copy have it under both of its names
_STATE = 100  # of a token in a layer, for each number of its hidden state: what the way back needs
_LOGIT = 13  # of a masked word, for each entry of the vocabulary
_VALIDATED = 600  # masked words of one pass of a validation, whose logits find no room where a batch's have been
_TAUGHT = 17  # the same, where a teacher says something of each
_READ_TOKENS, _READ_LOGITS, _RATE = 8192, 1 << 26, 0.15  # at most, of one pass of a model that reads
_SAMPLE, _POOL = 10_000, 64


def training_memory(
    reader: Reader, parameters: int, tokens: float, *, masked: float = 0.0, teachers: int = 0, taught: bool = False
) -> int:
    """Of each process that trains a model, in fp32 (bf16 takes less), by sentences of up to some hundred tokens.

    Args:
        reader: the sizes of the model.
        parameters: how many it has.
        tokens: of its largest batch.
        masked: words of it that are predicted.
        teachers: parameters of all models that are asked meanwhile.
        taught: whether there are any labels of every word.
    """
    weights = _WEIGHT * parameters + _TIED * min(parameters, reader.vocabulary * reader.hidden)
    logits = reader.vocabulary * (masked * (_LOGIT + _TAUGHT * taught) + (_VALIDATED * _LOGIT if masked else 0))
    return PROCESS + round(weights + FLOAT_BYTES * teachers + _STATE * tokens * reader.layers * reader.hidden + logits)


def reading_memory(reader: Reader, parameters: int) -> int:
    """Of a process in which a model is asked for masked words."""
    logits = min(_RATE * _READ_TOKENS * reader.vocabulary, _READ_LOGITS)
    return PROCESS + round(FLOAT_BYTES * parameters + _LOGIT * logits)


def longest_batch(text: TokenizedText, sentences: int) -> float:
    """Tokens of the longest of the batches of so many sentences, special ones included: sentences of like length are
    read together, and of a sample of them the longest count."""
    places = np.linspace(0, len(text) - 1, min(len(text), _SAMPLE)).astype(np.int64)
    lengths = np.sort(text.offsets[places + 1] - text.offsets[places])
    return float(sentences * (lengths[-max(1, len(lengths) // _POOL) :].mean() + 2))
