"""How a run's models are scored: masked words, and probes of tasks."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from equiglot.probing import Probing
from equiglot.settings import MOST, MOST_REPEATS, Settings
from equiglot.tasks import NamedEntities, PartOfSpeech, Place, Topic


class MaskedLanguageModelling(Settings):
    """MRR, accuracy and loss at masked positions of the test text, on the same masks for all models."""

    task: Literal["mlm"] = Field("mlm", description="What is scored.")
    rate: float = Field(0.15, gt=0, lt=1, description="Share of the positions that are predicted.")
    draws: int = Field(1, gt=0, le=MOST_REPEATS, description="Different masks laid over each sentence.")
    sequences: int | None = Field(
        None, gt=0, le=MOST, description="At most so many sequences of each language; all if null."
    )
    resamples: int = Field(1000, ge=100, le=MOST_REPEATS, description="Bootstrap samples behind an interval.")
    seed: int = Field(0, ge=0, le=MOST, description="Of masks and bootstrap.")


class Likelihood(Settings):
    """Bits a character of the test text: what compares models whose vocabularies differ.

    Every token is predicted once, it and what follows it in its word masked (PLL-word-l2r, Kauf and Ivanova, 2023).
    """

    task: Literal["likelihood"] = Field("likelihood", description="What is scored.")
    sentences: int = Field(
        300, gt=0, le=MOST, description="Test sentences of each language; each token is a forward pass."
    )
    resamples: int = Field(1000, ge=100, le=MOST_REPEATS, description="Bootstrap samples behind an interval.")
    seed: int = Field(0, ge=0, le=MOST, description="Of the bootstrap.")


class Costs(Settings):
    """What models cost: parameters, bytes on disk and in memory, time; of all models of the run, measured in turn.

    It is the last thing that a run does, so that nothing else is at work beside it.
    """

    task: Literal["cost"] = Field("cost", description="What is measured.")
    sentences: int = Field(64, gt=0, le=MOST, description="Test sentences that each model reads in a round.")
    rounds: int = Field(5, gt=0, le=MOST_REPEATS, description="Rounds of all models, which take turns.")
    threads: int = Field(1, gt=0, le=4096, description="Threads of the model that is measured.")


class PartOfSpeechProbe(Probing, PartOfSpeech):
    """Universal part-of-speech tags of words, by a linear probe."""


class NamedEntityProbe(Probing, NamedEntities):
    """Named entities, as a BIO tag of each word, by a linear probe."""


class TopicProbe(Probing, Topic):
    """The class of a text, such as its topic, by a linear probe."""


class PlaceProbe(Probing, Place):
    """Where in its document a paragraph stands, by a linear probe: first, between or last. It needs no labels."""


ProbedTask = PartOfSpeechProbe | NamedEntityProbe | TopicProbe | PlaceProbe
_Evaluation = Annotated[MaskedLanguageModelling | Likelihood | Costs | ProbedTask, Field(discriminator="task")]

_Named = Literal["mlm", "likelihood", "cost", "place"]


def _from_names(value: Any) -> Any:
    return [{"task": each} if isinstance(each, str) else each for each in value] if isinstance(value, list) else value


def _check_tasks(value: Sequence[Any]) -> Any:
    tasks = [each.task for each in value]
    for task in tasks:
        if tasks.count(task) > 1:
            raise ValueError(f"the task {task} stands here twice; give it once")
    if not tasks:
        raise ValueError("nothing is scored: name a task, such as mlm")
    return value


Evaluations = Annotated[
    tuple[_Evaluation, ...],
    BeforeValidator(_from_names, json_schema_input_type=tuple[_Evaluation | _Named, ...]),
    AfterValidator(_check_tasks),
    Field(
        description="What is scored: masked words (mlm), likelihood, tasks that are probed, and cost. Models are "
        "compared by the first score where no distance is measured."
    ),
]
"""What is scored: each task at most once."""
