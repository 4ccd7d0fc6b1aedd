"""What fine-tuning must know of a kind of task: how a model for it is made, what it learns, and what it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from equiglot.evaluation import Gold, GoldAnswers
from equiglot.finetuning.answering import Answering, predict_answers, right_answers
from equiglot.finetuning.biaffine import new_parser
from equiglot.finetuning.classification import Classification, predict, read_examples
from equiglot.finetuning.epochs import EpochTask, gold_of
from equiglot.finetuning.pairs import PairClassification, predict_pairs, read_pairs
from equiglot.finetuning.parsing import ParserTraining, predict_trees, read_treebank
from equiglot.finetuning.questions import read_questions
from equiglot.models import OpenModel, load_answerer, load_classifier
from equiglot.tasks import OpenTask, TaskSummary

if TYPE_CHECKING:
    import numpy.typing as npt
    from transformers import PreTrainedModel


class TaskKind(Protocol):
    """A kind of task that models are fine-tuned on."""

    def load(self, folder: Path, summary: TaskSummary, *, seed: int) -> PreTrainedModel:
        """The encoder in a model folder with a new head for the task, drawn from `seed`.

        Raises:
            InputError: there is no encoder that can be used.
        """

    def training(
        self, opened: OpenModel, task: OpenTask, languages: Sequence[str], *, batch: int, seed: int
    ) -> EpochTask:
        """What the model learns from the training data of some languages, and how it is validated on their dev data."""

    def predict(self, opened: OpenModel, task: OpenTask, language: str) -> npt.NDArray[Any]:
        """What the model says of every item of the language's test data, whole numbers [items, ...]."""

    def gold(self, task: OpenTask, language: str) -> Gold | GoldAnswers:
        """What is right, as `pair_estimates` compares it with predictions."""


class Classifying:
    """Words or texts, each with a label."""

    def load(self, folder: Path, summary: TaskSummary, *, seed: int) -> PreTrainedModel:
        """The encoder with a linear layer on top, as transformers has it."""
        return load_classifier(folder, "token" if summary.unit == "word" else "sequence", summary.labels, seed=seed)

    def training(
        self, opened: OpenModel, task: OpenTask, languages: Sequence[str], *, batch: int, seed: int
    ) -> EpochTask:
        """Cross-entropy of the right labels."""
        return Classification(opened, task, languages, batch=batch, seed=seed)

    def predict(self, opened: OpenModel, task: OpenTask, language: str) -> npt.NDArray[Any]:
        """The likeliest label of every word or text, int16 [items]."""
        return predict(opened, read_examples(opened, task, "test", [language]))[0]

    def gold(self, task: OpenTask, language: str) -> Gold:
        """The right labels."""
        return _gold_of_test(task, language)


class ClassifyingPairs:
    """Pairs of texts, each with a label."""

    def load(self, folder: Path, summary: TaskSummary, *, seed: int) -> PreTrainedModel:
        """The encoder with a classifier on top, as transformers has it."""
        return load_classifier(folder, "sequence", summary.labels, seed=seed)

    def training(
        self, opened: OpenModel, task: OpenTask, languages: Sequence[str], *, batch: int, seed: int
    ) -> EpochTask:
        """Cross-entropy of the right labels."""
        return PairClassification(opened, task, languages, batch=batch, seed=seed)

    def predict(self, opened: OpenModel, task: OpenTask, language: str) -> npt.NDArray[Any]:
        """The likeliest label of every pair, int16 [items]."""
        return predict_pairs(opened, read_pairs(opened, task, "test", [language]))[0]

    def gold(self, task: OpenTask, language: str) -> Gold:
        """The right labels."""
        return _gold_of_test(task, language)


class Parsing:
    """Sentences, each with its dependency tree."""

    def load(self, folder: Path, summary: TaskSummary, *, seed: int) -> PreTrainedModel:
        """The encoder with biaffine scores of arcs on top."""
        return new_parser(folder, summary.labels, seed=seed)

    def training(
        self, opened: OpenModel, task: OpenTask, languages: Sequence[str], *, batch: int, seed: int
    ) -> EpochTask:
        """Cross-entropy of the right heads and relations."""
        return ParserTraining(opened, task, languages, batch=batch, seed=seed)

    def predict(self, opened: OpenModel, task: OpenTask, language: str) -> npt.NDArray[Any]:
        """The best trees, int16 [words, 2]: the head of every word, and its relation."""
        return predict_trees(opened, read_treebank(opened, task, language, "test")[0])[0]

    def gold(self, task: OpenTask, language: str) -> Gold:
        """The right trees."""
        return _gold_of_test(task, language)


class QuestionsAndAnswers:
    """Questions about a paragraph, each with an answer that stands in it."""

    def load(self, folder: Path, summary: TaskSummary, *, seed: int) -> PreTrainedModel:
        """The encoder with a layer on top that finds where answers begin and end."""
        return load_answerer(folder, seed=seed)

    def training(
        self, opened: OpenModel, task: OpenTask, languages: Sequence[str], *, batch: int, seed: int
    ) -> EpochTask:
        """Cross-entropy of the right beginnings and ends."""
        return Answering(opened, task, languages, batch=batch, seed=seed)

    def predict(self, opened: OpenModel, task: OpenTask, language: str) -> npt.NDArray[Any]:
        """The likeliest answers, int32 [questions, 3] (`Answers`)."""
        return predict_answers(opened, read_questions(opened, task, "test", [language]))[0]

    def gold(self, task: OpenTask, language: str) -> GoldAnswers:
        """The right answers."""
        return right_answers(task, language, "test")


def _gold_of_test(task: OpenTask, language: str) -> Gold:
    split = task.split(language, "test")
    assert split is not None  # only languages with test data are tested
    return gold_of(split)


KINDS: dict[str, TaskKind] = {
    **dict.fromkeys(("pos", "ner", "topic", "place"), Classifying()),
    "pair": ClassifyingPairs(),
    "parse": Parsing(),
    "qa": QuestionsAndAnswers(),
}
"""Task -> its kind."""
