"""How a training reads its text: which part of each language, how often, in how many updates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from equiglot.corpus.balancing import BalancingPolicy, UniMax
from equiglot.errors import InputError
from equiglot.masking import BatchStream, Source, SpecialTokens
from equiglot.training.settings import TrainingSettings

_ROUNDING = 1e-9


@dataclass(frozen=True)
class DataPlan:
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


def plan_data(
    sources: Sequence[Source],
    policy: BalancingPolicy,
    settings: TrainingSettings,
    *,
    special: SpecialTokens,
    seed: int,
) -> DataPlan:
    """Balances the training text and plans the training over it.

    A language's size is that of its whole text, however many sources it has: of one that is cut by several tokenizers
    as of any other.

    Args:
        sources: all of the text, of each language one source or several.
        policy: how much of each language is read, and how often.
        settings: the training.
        special: the student's special ids.
        seed: of the order of the text.

    Raises:
        InputError: a language has less text than one batch, with all that an update sums over.
    """
    _refuse_empty(sources)
    sizes: dict[str, int] = {}
    for source in sources:
        sizes[source.language] = max(sizes.get(source.language, 0), int(source.text.characters[-1]))
    epochs, a_pass = settings.epochs or 10.0, _updates_in_a_pass(sources, settings)
    if settings.updates is not None:
        epochs = settings.updates / a_pass
    epochs = policy.length(sizes, epochs)
    updates = settings.updates or int(epochs * a_pass)
    portions, passes = policy.portions(sizes, epochs), policy.passes_by_epoch(sizes, epochs, updates)
    kept = [_prefix(source, portions[source.language].characters) for source in sources]
    kept = [source for source in kept if source.size]
    stream = BatchStream(kept, passes, size=settings.batch, special=special, seed=seed, parts=settings.accumulation)
    stream_epochs = epochs if len(passes) == 1 else len(passes)
    planned = settings.updates or max(1, round(stream_epochs * stream.epoch_batches / settings.accumulation))
    if isinstance(policy, UniMax) and any(
        portion.passes > policy.passes * (1 - _ROUNDING) for portion in portions.values()
    ):
        # The passes of a language are used up: no update may go beyond them.
        planned = max(1, min(planned, int(epochs * stream.epoch_batches / settings.accumulation + _ROUNDING)))
    characters = {language: 0 for language in sizes}
    tokens, sequences = dict.fromkeys(sizes, 0.0), dict.fromkeys(sizes, 0.0)
    for source in kept:
        characters[source.language] += round(source.share * source.characters)
        tokens[source.language] += source.share * source.tokens
        sequences[source.language] += source.share * source.size
    return DataPlan(
        stream=stream,
        characters=characters,
        tokens={language: round(count) for language, count in tokens.items()},
        sequences={language: max(1, round(count)) for language, count in sequences.items()},
        updates=planned,
    )


def _prefix(source: Source, characters: int) -> Source:
    """A source cut down to the sequences in the first `characters` of its text; one at least, if it had any."""
    count = max(1, int(np.searchsorted(source.text.characters, characters, side="right")) - 1)
    chosen = source.sequences
    if isinstance(chosen, np.ndarray):
        return replace(source, sequences=chosen[: max(1, int(np.searchsorted(chosen, count)))])
    return replace(source, sequences=count if chosen is None else min(count, chosen))


def _refuse_empty(sources: Sequence[Source]) -> None:
    sizes: Counter[str] = Counter()
    for source in sources:
        sizes[source.language] += source.size
    for language, size in sizes.items():
        if not size:
            raise InputError(
                f"the training text of {language} is empty",
                where="languages",
                fix="add text, or leave the language out",
            )


def _updates_in_a_pass(sources: Sequence[Source], settings: TrainingSettings) -> float:
    """Updates that one pass over all of the text takes."""
    if settings.batch.sentences is not None:
        return sum(each.share * each.size for each in sources) / settings.batch.sentences / settings.accumulation
    tokens = sum(each.share * (each.tokens + 2 * each.size) for each in sources)
    return tokens / (settings.batch.tokens or 1) / settings.accumulation
