"""How a training reads its text: which part of each language, how often, in how many updates."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equiglot.corpus.balancing import BalancingPolicy, UniMax
from equiglot.errors import InputError
from equiglot.masking import BatchStream, Framing, MaskSettings
from equiglot.training.settings import TrainingSettings
from equiglot.vocabulary import TokenizedText


@dataclass(frozen=True)
class Reading:
    """The text of one training, balanced.

    Attributes:
        stream: its batches.
        characters: language -> characters of the text that may be read.
        tokens: language -> its tokens, special tokens not counted.
        sequences: language -> its sequences.
        updates: length of the training.
    """

    stream: BatchStream
    characters: dict[str, int]
    tokens: dict[str, int]
    sequences: dict[str, int]
    updates: int


def plan_reading(
    texts: Mapping[str, TokenizedText],
    policy: BalancingPolicy,
    settings: TrainingSettings,
    *,
    masks: MaskSettings,
    framing: Framing,
    seed: int,
) -> Reading:
    """Balances `texts` (language -> training text) and plans the training over them.

    Raises:
        InputError: a language has less text than one batch.
    """
    _refuse_empty(texts)
    sizes = {language: int(text.characters[-1]) for language, text in texts.items()}
    epochs = settings.epochs or 10.0
    if settings.updates is not None:
        epochs = settings.updates / _updates_in_a_pass(texts, settings)
    portions, passes = policy.portions(sizes, epochs), policy.passes_by_epoch(sizes, epochs)
    sequences = {
        language: max(1, int(np.searchsorted(texts[language].characters, portion.characters, side="right")) - 1)
        for language, portion in portions.items()
    }
    stream = BatchStream(
        texts,
        sequences,
        passes,
        size=settings.batch,
        masks=masks,
        framing=framing,
        seed=seed,
    )
    stream_epochs = epochs if len(passes) == 1 else len(passes)
    planned = settings.updates or max(1, round(stream_epochs * stream.epoch_batches / settings.accumulation))
    if isinstance(policy, UniMax) and any(portion.passes >= policy.passes for portion in portions.values()):
        # The passes of a language are used up: no update may go beyond them.
        planned = max(1, min(planned, int(epochs * stream.epoch_batches / settings.accumulation)))
    return Reading(
        stream=stream,
        characters={each: int(texts[each].characters[count]) for each, count in sequences.items()},
        tokens={each: int(texts[each].offsets[count]) for each, count in sequences.items()},
        sequences=sequences,
        updates=planned,
    )


def _refuse_empty(texts: Mapping[str, TokenizedText]) -> None:
    for language, text in texts.items():
        if not len(text):
            raise InputError(
                f"the training text of {language} is empty",
                where="languages",
                fix="add text, or leave the language out",
            )


def _updates_in_a_pass(texts: Mapping[str, TokenizedText], settings: TrainingSettings) -> float:
    """Updates that one pass over all of the text takes."""
    sequences = sum(len(text) for text in texts.values())
    if settings.batch.sentences is not None:
        return sequences / settings.batch.sentences / settings.accumulation
    tokens = sum(len(text.ids) for text in texts.values()) + 2 * sequences
    return tokens / (settings.batch.tokens or 1) / settings.accumulation
