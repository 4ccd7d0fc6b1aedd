"""Every metric that there is: all that is known of it stands in one record, which scores, pages and cards read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

from equiglot.evaluation.answers import LONGEST_ANSWER, count_exact, count_f1, count_reachable, mean_answer_f1
from equiglot.evaluation.counting import (
    Table,
    count_arcs,
    count_classes,
    count_heads,
    count_right,
    count_spans,
    lenient_spans,
    mean_f1,
    share,
    strict_spans,
)
from equiglot.evaluation.statistics import Counts, Floats
from equiglot.tasks import fine_tuned_name, task_of

MASKED_LM, LIKELIHOOD = "mlm", "likelihood"
"""The task of filling masks, and that of predicting every word of a text, which compares models of any vocabularies."""
COST = "cost"
"""What stands in `Score.task` for what a model takes: bytes, time."""


@dataclass(frozen=True)
class LabelRule:
    """How a metric is made of predictions, labels or answers.

    Attributes:
        count: gold, predicted int16 [items] (of trees [items, 2], of questions `Answers`), names of labels -> whole
            numbers [sentences, columns]; of questions, gold is `GoldAnswers`, and a paragraph stands for a sentence.
        score: their sums over sentences [..., columns] -> percent [...].
        said: what it is, a phrase; in it {items} are what is labelled, {outside} says that O is a class, and {reading}
            how tags are read.
    """

    count: Callable[[Any, npt.NDArray[Any], Sequence[str]], Table]
    score: Callable[[Floats], Floats]
    said: str


@dataclass(frozen=True)
class Difference:
    """How differences between models in a metric are shown, and D, the distance from the teachers.

    Attributes:
        axis, column: titles of D, of an axis and of a column of a card.
        explanation: of D, on a card; {reference} is the teachers' name.
        unit: what stands behind a number, with a space before it.
        digits: after the point.
    """

    axis: str
    column: str
    explanation: str
    unit: str = ""
    digits: int = 1


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: what stands in `Score.metric`.
        phrase: what it is called within a sentence.
        unit: of its values; empty where it has none.
        digits: after the point.
        lower_is_better: for losses and costs.
        tasks: what it is measured of.
        first_of: those of them that models are compared by it in.
        relative_to: a difference: from the "teachers", or from "any" model, with a row for each.
        signed: shown with its sign, also where it is positive.
        in_terminal: whether `equiglot evaluate` shows it.
        axis: title of an axis, and of a column of a card.
        caption: of a table on the page, up to what is said of intervals.
        explanation: on a card; without, a card has no column of it.
        positions: ranks of the right tokens and losses in nats [positions] -> values [positions], for masked words.
        labels: how it is made of predicted labels, for the other tasks.
        difference: how differences in it are shown.
    """

    name: str
    phrase: str = ""
    unit: str = "%"
    digits: int = 1
    lower_is_better: bool = False
    tasks: tuple[str, ...] = ()
    first_of: tuple[str, ...] = ()
    relative_to: Literal["teachers", "any"] | None = None
    signed: bool = False
    in_terminal: bool = True
    axis: str = ""
    caption: str = ""
    explanation: str = ""
    positions: Callable[[Counts, npt.NDArray[np.float32]], npt.NDArray[np.floating]] | None = None
    labels: LabelRule | None = None
    difference: Difference = Difference("D (points)", "D (points)", "")

    @property
    def task(self) -> str:
        """The task that models are compared by it in, the first of several."""
        return self.first_of[0]

    @property
    def title(self) -> str:
        """Within a sentence, with its unit: "MRR, %"."""
        return f"{self.phrase}, {self.unit}"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="mrr",
            phrase="MRR",
            tasks=(MASKED_LM,),
            first_of=(MASKED_LM,),
            axis="MRR (%)",
            caption="MRR in percent",
            explanation="MRR: for every masked position of the test text the model ranks its whole vocabulary; the "
            "position scores 1 / (rank of the word that stood there); mean, in percent.",
            positions=lambda ranks, losses: 100 / ranks.astype(np.float64),
            difference=Difference(
                axis="D (points of MRR)",
                column="D (points)",
                explanation="D: MRR minus that of the language's teacher ({reference}), in points; "
                "positive where this model is better.",
            ),
        ),
        Metric(  # the mean over classes, "O" among them, of single words or sentences (paper 1, section 7)
            name="macro_f1",
            phrase="macro-F1",
            tasks=("pos", "ner", "topic", "pair", "place"),
            first_of=("ner", "place"),
            labels=LabelRule(
                count_classes, mean_f1, "F1 of single {items}, the mean over the labels that a test set has{outside}"
            ),
        ),
        Metric(
            name="entity_f1",
            phrase="F1 of whole entities",
            tasks=("ner",),
            first_of=(fine_tuned_name("ner"),),
            labels=LabelRule(
                count_spans(strict_spans),
                mean_f1,
                "an entity counts if its type and both its ends are right, {reading}",
            ),
        ),
        Metric(
            name="seqeval_f1",
            phrase="F1 as XTREME counts it",
            tasks=("pos", "ner"),
            labels=LabelRule(count_spans(lenient_spans), mean_f1, "seqeval's lenient reading of labels as spans"),
        ),
        Metric(
            name="accuracy",
            phrase="accuracy",
            tasks=(MASKED_LM, "pos", "ner", "topic", "pair", "place"),
            first_of=("pos", "topic", "pair"),
            caption="Accuracy: the right token is ranked first, in percent",
            positions=lambda ranks, losses: 100.0 * (ranks == 1),
            labels=LabelRule(count_right, share, "the share of {items} that get the right label"),
        ),
        # As the script of the CoNLL 2018 shared task counts: every word, punctuation too, relations without subtypes;
        # or without punctuation and symbols (`Gold.scored`).
        Metric(
            name="las",
            phrase="LAS",
            tasks=("parse",),
            first_of=("parse",),
            labels=LabelRule(
                count_arcs,
                share,
                "the share of {items} that get the right head and the right universal relation to it",
            ),
        ),
        Metric(
            name="uas",
            phrase="UAS",
            tasks=("parse",),
            labels=LabelRule(count_heads, share, "the share of {items} that get the right head"),
        ),
        Metric(
            name="top5",
            phrase="top-5 accuracy",
            tasks=(MASKED_LM,),
            in_terminal=False,
            caption="Top-5 accuracy: the right token is among the first five, in percent",
            positions=lambda ranks, losses: 100.0 * (ranks <= 5),
        ),
        Metric(
            name="loss",
            phrase="loss",
            unit="nats",
            digits=2,
            lower_is_better=True,
            tasks=(MASKED_LM,),
            caption="Masked loss: nats per masked position; lower is better",
            positions=lambda ranks, losses: losses.astype(np.float64),
        ),
        Metric(
            name="bits",
            phrase="bits",
            unit="bits per character",
            digits=2,
            lower_is_better=True,
            tasks=(LIKELIHOOD,),
            first_of=(LIKELIHOOD,),
            axis="bits per character",
            caption="Bits per character of test text; fewer is better",
            explanation="Bits per character: what it costs to predict the text word by word (PLL-word-l2r); fewer are "
            "better, whatever the vocabulary.",
            difference=Difference(
                axis="D (bits per character saved)",
                column="D (bits per character)",
                explanation="D: bits of the language's teacher minus this model's; positive where this one is better.",
                unit=" bits a character",
                digits=3,
            ),
        ),
        # Distance from the monolingual teachers in the task's first metric (paper 1, Eq. 3).
        Metric(name="d", phrase="D", unit="points", relative_to="teachers", signed=True),
        # The task's first metric of `Score.model` minus that of `Score.reference`, on the same items.
        Metric(name="difference", phrase="difference", unit="points", relative_to="any", signed=True),
        # Of a Wilcoxon signed-rank test over the languages' differences, 0 to 1; `Score.n` languages.
        Metric(name="p", phrase="p", unit="", digits=3, relative_to="any"),
        # Relative deviation from a teacher (paper 2, Eq. 3).
        Metric(name="rdt", phrase="RDT", relative_to="any", signed=True),
        # What a model costs. Of times `low` and `high` are the least and the most of all rounds.
        Metric(name="parameters", phrase="parameters", unit="million", lower_is_better=True, tasks=(COST,)),
        Metric(name="embeddings", phrase="in embeddings", unit="million", lower_is_better=True, tasks=(COST,)),
        Metric(name="disk", phrase="on disk", unit="MB", lower_is_better=True, tasks=(COST,)),
        Metric(name="memory", phrase="in memory", unit="MB", lower_is_better=True, tasks=(COST,)),
        Metric(
            name="latency",
            phrase="a sentence",
            unit="ms",
            digits=2,
            lower_is_better=True,
            tasks=(COST,),
        ),
        Metric(name="throughput_1", phrase="one by one", unit="sentences/s", tasks=(COST,)),
        Metric(name="throughput_32", phrase="batches of 32", unit="sentences/s", tasks=(COST,)),
        Metric(
            name="f1",
            phrase="F1 of answers",
            tasks=("qa",),
            first_of=("qa",),
            labels=LabelRule(
                count_f1, mean_answer_f1, "of the words of an answer and of the right one that is nearest to it"
            ),
        ),
        Metric(
            name="exact_match",
            phrase="exact match",
            tasks=("qa",),
            labels=LabelRule(count_exact, share, "the share of {items} with a right answer, word for word"),
        ),
        Metric(  # of the tokenizer, not of what was learnt: above it no exact match can be
            name="reachable",
            phrase="reachable answers",
            tasks=("qa",),
            labels=LabelRule(
                count_reachable,
                share,
                f"the share of {{items}} with a right answer of at most {LONGEST_ANSWER} tokens that is still right, "
                "word for word, when it is sent through the tokenizer and back",
            ),
        ),
        # What only others have published: a mean over tasks; millions of tokens.
        Metric(name="mean", phrase="mean"),
        Metric(name="tokens", phrase="tokens", unit="million"),
        Metric(name="rdt_exact_match", phrase="rdt_exact_match"),
        Metric(  # of a training alone: no model is compared by it
            name="state_distance",
            phrase="distance of hidden states",
            lower_is_better=True,
            in_terminal=False,
        ),
    )
}
"""Name -> metric. All are positive where a model is better, differences of bits too, which are bits saved; the scores
themselves follow `lower_is_better`. A metric that is added here is computed, shown and written everywhere."""


def metrics_of(task: str) -> tuple[Metric, ...]:
    """What is measured of a task, the metric that models are compared by first.

    Where models are fine-tuned on a task (`fine_tuned_name`), that is the one that the best weights are chosen by.
    """
    found = (metric for metric in METRICS.values() if task_of(task) in metric.tasks)
    return tuple(sorted(found, key=lambda metric: (task not in metric.first_of, task_of(task) not in metric.first_of)))


def primary_of(task: str) -> Metric:
    """The metric of a task that models are compared by."""
    return metrics_of(task)[0]


def _known(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"{name!r} is no metric: use {', '.join(METRICS)}")
    return name


MetricName = Annotated[str, AfterValidator(_known)]
"""A key of `METRICS`."""
