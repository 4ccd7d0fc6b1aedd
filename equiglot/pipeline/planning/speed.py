"""Short measurements of the speed of training and of labelling, on made-up tokens."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from transformers import PreTrainedModel

from equiglot.labels import OnlineTeachers, SoftLabels, StoreSettings, freeze, label_text, open_store
from equiglot.masking import Alphabet, BatchSettings, BatchStream, Framing, MaskSettings, Source
from equiglot.models import EncoderSettings, build_model, device, on_device
from equiglot.training import MaskedLM, Progress, Trainer, TrainingSettings
from equiglot.vocabulary import TokenizedText

_WARM, _UPDATES = 3, 12
_LENGTH = 20  # tokens in a made-up sentence
_LABELLED = 64  # made-up sentences


def measure_speed(
    encoder: EncoderSettings, training: TrainingSettings, vocabulary_size: int, batch_tokens: int, *, taught: bool
) -> float:
    """Tokens a second of a training with batches of this many tokens, with or without a teacher of the same size."""
    length = min(_LENGTH, encoder.max_length - 2)
    rows = max(1, batch_tokens // (length + 2))
    text, framing = _made_up(4 * rows, length, vocabulary_size)
    stream = BatchStream(
        [Source("en", text, framing.alphabet, MaskSettings(), 0)],
        [{"en": 1.0}],
        size=BatchSettings(sentences=rows),
        framing=framing,
        seed=0,
    )
    marks: list[tuple[float, int]] = []

    def watch(progress: Progress) -> None:
        marks.append((time.monotonic(), progress.tokens))

    def model() -> PreTrainedModel:
        return on_device(build_model(encoder, vocabulary_size, padding=0, seed=0))

    task = MaskedLM(
        stream,
        framing=framing,
        validation={"en": TokenizedText(text.ids[:length], text.offsets[:2], text.characters[:2])},
        objective=SoftLabels(teachers="one").objective if taught else None,
        labels=OnlineTeachers({"en": freeze(model(), device())}, stream, device()) if taught else None,
    )
    settings = training.model_copy(update={"accumulation": 1, "validations": 1, "early_stopping": None})
    Trainer(model(), task, settings, updates=_WARM + _UPDATES, seed=0, watch=watch).train()
    (begun, before), (ended, after) = marks[_WARM - 1], marks[-2]
    return (after - before) / (ended - begun)


def measure_labelling(model: PreTrainedModel) -> float:
    """Tokens a second that a teacher, on its device, reads to label them."""
    length = min(_LENGTH, model.config.max_position_embeddings - 4)
    text, framing = _made_up(2 * _LABELLED, length, model.config.vocab_size)
    source = Source("en", text, framing.alphabet, MaskSettings(), 0)
    with TemporaryDirectory() as folder:
        into = Path(folder) / "labels"
        label_text(model, source, framing, StoreSettings(k=1), {}, into, shard_tokens=_LABELLED * length)
        measured = open_store(into).shards[-1].statistics  # the one before was to get warm
    return measured.tokens / max(measured.seconds, 1e-9)


def _made_up(rows: int, length: int, vocabulary_size: int) -> tuple[TokenizedText, Framing]:
    """So many sentences of equal length, and special tokens for them."""
    ids = np.random.default_rng(0).integers(5, vocabulary_size, rows * length, dtype=np.uint32)
    edges = np.arange(rows + 1)
    framing = Framing(2, 3, 0, Alphabet(4, np.arange(5, vocabulary_size)))
    return TokenizedText(ids, edges * length, edges * length * 4), framing
