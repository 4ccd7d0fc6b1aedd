"""Short measurements of the speed of training and of labelling, on made-up tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from equiglot import labels, models, training
from equiglot.files import canonical_json
from equiglot.labels import SoftLabels, StoreSettings, open_store
from equiglot.masking import BatchSettings, BatchStream, MaskSettings, Source, SpecialTokens
from equiglot.recipe import ModelPlan
from equiglot.training import Progress, TrainingSettings
from equiglot.vocabulary import TokenizedText

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_WARM, _UPDATES = 3, 12
_LENGTH = 20  # tokens in a made-up sentence
_LABELLED = 64  # made-up sentences
_Sizes = Callable[[str], int]


def measure_speed(
    make: Callable[[], PreTrainedModel],
    settings: TrainingSettings,
    batch_tokens: int,
    teacher: Callable[[], PreTrainedModel] | None = None,
) -> float:
    """Tokens a second of a training with batches of this many tokens, with or without a teacher that reads along.

    Args:
        make: makes the model.
        settings: how it is trained.
        batch_tokens: tokens of a batch.
        teacher: makes its teacher, if it has one.
    """
    model, taught = models.on_device(make()), None if teacher is None else _teacher(teacher)
    both = [each.config for each in (model, taught) if each is not None]
    length = min(_LENGTH, *(each.max_position_embeddings - 4 for each in both))
    rows = max(1, batch_tokens // (length + 2))
    text, special = _made_up(4 * rows, length, min(each.vocab_size for each in both))
    stream = BatchStream(
        [Source("en", text, special, MaskSettings(), 0)],
        [{"en": 1.0}],
        size=BatchSettings(sentences=rows),
        special=special,
        seed=0,
    )
    marks: list[tuple[float, int]] = []

    def watch(progress: Progress) -> None:
        marks.append((time.monotonic(), progress.tokens))

    task = training.MaskedLM(
        stream,
        special=special,
        validation={"en": TokenizedText(text.ids[:length], text.offsets[:2], text.characters[:2])},
        objective=None if taught is None else SoftLabels(teachers="one").objective,
        labels=None if taught is None else labels.OnlineTeachers({"en": taught}, stream, models.device()),
    )
    settings = settings.model_copy(update={"accumulation": 1, "validations": 1, "early_stopping": None})
    training.Trainer(model, task, settings, updates=_WARM + _UPDATES, seed=0, watch=watch).train()
    (begun, before), (ended, after) = marks[_WARM - 1], marks[-2]
    return (after - before) / (ended - begun)


def _teacher(make: Callable[[], PreTrainedModel]) -> PreTrainedModel:
    return labels.freeze(models.on_device(make()), models.device())


def measure_labelling(model: PreTrainedModel) -> float:
    """Tokens a second that a teacher, on its device, reads to label them."""
    length = min(_LENGTH, model.config.max_position_embeddings - 4)
    text, special = _made_up(2 * _LABELLED, length, model.config.vocab_size)
    source = Source("en", text, special, MaskSettings(), 0)
    with TemporaryDirectory() as folder:
        into = Path(folder) / "labels"
        labels.label_text(model, source, special, StoreSettings(k=1), {}, into, shard_tokens=_LABELLED * length)
        measured = open_store(into).shards[-1].statistics  # the one before was to get warm
    return measured.tokens / max(measured.seconds, 1e-9)


def model_like(plan: ModelPlan, plans: Mapping[str, ModelPlan], vocabulary_size: _Sizes) -> PreTrainedModel:
    """A model of the size that one of a recipe has or will have.

    Args:
        plan: the model.
        plans: all of the recipe's.
        vocabulary_size: owner of a tokenizer -> its entries.
    """
    if plan.existing is not None:
        return models.load_model(models.locate_model(plan.existing))
    if plan.revises is not None:
        model = model_like(plans[plan.revises], plans, vocabulary_size)
        if plan.fresh is not None:
            return model
        model.resize_token_embeddings(vocabulary_size(plan.owner), mean_resizing=False)
        return model
    if plan.start is None:
        assert plan.encoder is not None
        return models.build_model(plan.encoder, vocabulary_size(plan.owner), padding=0, seed=0)
    if plan.start.model is None:
        return models.start_from(Path(plan.start.folder or ""), plan.start)
    source = model_like(plans[plan.start.model], plans, vocabulary_size)
    return models.take_part(source, plan.start, where=f"models.{plan.name}.from")


def size_of(plan: ModelPlan, plans: Mapping[str, ModelPlan], vocabulary_size: _Sizes) -> str:
    """What is the same for models of the same size; the arguments are those of `model_like`."""
    if plan.existing is not None:
        return canonical_json({**models.read_config(models.locate_model(plan.existing)), "_name_or_path": ""})
    if plan.fresh is not None:
        return size_of(plans[plan.fresh.model], plans, vocabulary_size)
    if plan.revises is not None:
        return f"{vocabulary_size(plan.owner)} entries of {size_of(plans[plan.revises], plans, vocabulary_size)}"
    if plan.start is None:
        assert plan.encoder is not None
        return f"{vocabulary_size(plan.owner)} {plan.encoder.model_dump_json()}"
    part = plan.start.model_dump(mode="json", include={"layers", "width"})
    if plan.start.model is None:
        return f"{part} of {canonical_json(models.read_config(Path(plan.start.folder or '')))}"
    return f"{part} of {size_of(plans[plan.start.model], plans, vocabulary_size)}"


def _made_up(rows: int, length: int, vocabulary_size: int) -> tuple[TokenizedText, SpecialTokens]:
    """So many sentences of equal length, and special tokens for them."""
    ids = np.random.default_rng(0).integers(5, vocabulary_size, rows * length, dtype=np.uint32)
    edges = np.arange(rows + 1)
    special = SpecialTokens(2, 3, 0, 4, np.arange(5, vocabulary_size))
    return TokenizedText(ids, edges * length, edges * length * 4), special
