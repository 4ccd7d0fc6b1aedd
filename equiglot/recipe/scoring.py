"""How a run's models are scored: masked words, probes of tasks, and fine-tuning."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from equiglot.finetuning import FineTuning
from equiglot.probing import Probing
from equiglot.settings import MOST, MOST_REPEATS, Settings
from equiglot.tasks import (
    DependencyParsing,
    NamedEntities,
    PartOfSpeech,
    Place,
    QuestionAnswering,
    Sentences,
    TextPair,
    Topic,
    fine_tuned_name,
)


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


class _Probe(Probing):
    """What all probes share."""

    method: Literal["probe"] = Field("probe", description="A linear probe, without training the encoder.")

    @property
    def name(self) -> str:
        """The task: what stands in `Score.task`, and in the names of its jobs and folders."""
        return str(self.task)  # type: ignore[attr-defined]


class _FineTuned(FineTuning):
    """What all tasks share that models are fine-tuned on."""

    method: Literal["finetune"] = Field(description="All weights are trained.")
    train: Literal["each"] | tuple[str, ...] = Field(
        "each",
        min_length=1,
        description="Codes of languages: a model is trained on these together, as far as it has them, and tested on "
        "all of its languages. With `each` it is trained on one language at a time, and tested on that.",
    )
    languages: tuple[str, ...] | None = Field(
        None, min_length=1, description="Those that are trained on and tested; all of the recipe if null."
    )
    models: tuple[str, ...] | None = Field(
        None, min_length=1, description="The models that are fine-tuned, by their names; all if null."
    )
    keep: bool = Field(
        False, description="Whether the model that is best on dev data is kept, of all seeds, in `finetuned/`."
    )
    sentences: Sentences = Field(
        Sentences(train=None, dev=None), description="How many of a language are used at most; all if null."
    )

    @property
    def joins_languages(self) -> bool:
        """Whether languages are trained on together, or others tested."""
        return self.train != "each"

    @property
    def exported(self) -> bool:
        """Whether models are exported with weights in int8."""
        return bool(getattr(self, "int8", False))

    @property
    def kept(self) -> bool:
        """Whether models are kept, as they are to be exported, too."""
        return self.keep or self.exported

    @property
    def name(self) -> str:
        """The task, and how: what stands in `Score.task`, and in the names of its jobs and folders."""
        return fine_tuned_name(str(self.task))  # type: ignore[attr-defined]


class _Exportable(_FineTuned):
    """Tasks whose models can be exported as a whole."""

    int8: bool = Field(
        False,
        description="Whether the model that is best on dev data, of all seeds, is also exported with weights in int8, "
        "to `exported/`, and scored so on the same test data; it is kept, too. Needs the extra `export`.",
    )


class PartOfSpeechProbe(_Probe, PartOfSpeech):
    """Universal part-of-speech tags of words, by a linear probe."""


class NamedEntityProbe(_Probe, NamedEntities):
    """Named entities, as a BIO tag of each word, by a linear probe."""


class TopicProbe(_Probe, Topic):
    """The class of a text, such as its topic, by a linear probe."""


class PlaceProbe(_Probe, Place):
    """Where in its document a paragraph stands, by a linear probe: first, between or last. It needs no labels."""


class PartOfSpeechFineTuning(_Exportable, PartOfSpeech):
    """Universal part-of-speech tags of words, by fine-tuning."""


class DependencyParsingFineTuning(_FineTuned, DependencyParsing):
    """Dependency trees: the head of each word and its universal relation to it, by fine-tuning (biaffine scores)."""


class NamedEntityFineTuning(_Exportable, NamedEntities):
    """Named entities, as a BIO tag of each word, by fine-tuning."""


class TopicFineTuning(_Exportable, Topic):
    """The class of a text, such as its topic, by fine-tuning."""


class TextPairFineTuning(_FineTuned, TextPair):
    """The class of a pair of texts: whether one follows from the other, or says the same; by fine-tuning."""


class QuestionAnsweringFineTuning(_FineTuned, QuestionAnswering):
    """Questions about a paragraph, each with an answer that stands in it, by fine-tuning."""


class PlaceFineTuning(_Exportable, Place):
    """Where in its document a paragraph stands, by fine-tuning: first, between or last. It needs no labels."""


ProbedTask = PartOfSpeechProbe | NamedEntityProbe | TopicProbe | PlaceProbe
FineTunedTask = (
    PartOfSpeechFineTuning
    | DependencyParsingFineTuning
    | NamedEntityFineTuning
    | TopicFineTuning
    | TextPairFineTuning
    | PlaceFineTuning
    | QuestionAnsweringFineTuning
)
LabelledEntry = ProbedTask | FineTunedTask
"""An entry of `evaluation` that has labelled data."""

FRESH = "fresh-"
"""Before the name of a model: the same with random weights."""


class Audit(Settings):
    """Which languages the models serve badly, and why: a verdict on every language, on the page.

    It is read off the tasks that models are fine-tuned on, beside models without pretraining.
    """

    untrained: str = Field(
        FRESH + "{model}", description="The model without pretraining beside {model}: the same with random weights."
    )
    learning_curve: bool = Field(
        True,
        description="Whether models are also trained on half of the data of each language: what more labels would "
        "bring; a quarter more work.",
    )
    entries: int = Field(
        8000,
        ge=200,
        le=MOST,
        description="Entries at most of the vocabularies, each learnt from one language, that tokenizers stand beside.",
    )
    margin: float = Field(
        10.0, gt=0, le=100, description="Points by which a language must lag behind others to be called behind."
    )


_BY_METHOD = Field(discriminator="method")
_Evaluation = Annotated[
    MaskedLanguageModelling
    | Likelihood
    | Costs
    | Annotated[PartOfSpeechProbe | PartOfSpeechFineTuning, _BY_METHOD]
    | Annotated[NamedEntityProbe | NamedEntityFineTuning, _BY_METHOD]
    | Annotated[TopicProbe | TopicFineTuning, _BY_METHOD]
    | DependencyParsingFineTuning
    | TextPairFineTuning
    | Annotated[PlaceProbe | PlaceFineTuning, _BY_METHOD]
    | QuestionAnsweringFineTuning,
    Field(discriminator="task"),
]
_TWO_METHODS = ("pos", "ner", "topic", "place")

_Named = Literal["mlm", "likelihood", "cost", "place"]


def _from_names(value: Any) -> Any:
    return [_entry(each) for each in value] if isinstance(value, list) else value


def _entry(value: Any) -> Any:
    """An entry as written out: a task is probed where no method is named."""
    value = {"task": value} if isinstance(value, str) else value
    if isinstance(value, dict) and value.get("task") in _TWO_METHODS:
        return {"method": "probe", **value}
    return value


def _check_tasks(value: Sequence[Any]) -> Any:
    tasks = [(each.task, getattr(each, "method", None)) for each in value]
    for task, method in tasks:
        if tasks.count((task, method)) > 1:
            said = " by the same method" if task in _TWO_METHODS else ""
            raise ValueError(f"the task {task} stands here twice{said}; give it once")
    if not tasks:
        raise ValueError("nothing is scored: name a task, such as mlm")
    return value


Evaluations = Annotated[
    tuple[_Evaluation, ...],
    BeforeValidator(_from_names, json_schema_input_type=tuple[_Evaluation | _Named, ...]),
    AfterValidator(_check_tasks),
    Field(
        description="What is scored: masked words (mlm), likelihood, tasks that are probed, or that models are "
        "fine-tuned on, and cost. Models are compared by the first score where no distance is measured."
    ),
]
"""What is scored: each task at most once by a method."""
