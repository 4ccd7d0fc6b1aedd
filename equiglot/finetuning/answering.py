"""Answers found in paragraphs: a training task, and its predictions.

An encoder says of each token how likely an answer begins there, and ends there (Devlin et al., 2019, section 4.2). Each
window of a long paragraph is an example; one without the answer points at the first special token. The answer to a
question is the likeliest span of at most `LONGEST_ANSWER` tokens over all of its windows: there always is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from equiglot.evaluation import LONGEST_ANSWER, Answers, GoldAnswers
from equiglot.finetuning.epochs import EpochTask, score_of_labels, summed
from equiglot.finetuning.questions import AskedWindows, gold_answers, read_questions
from equiglot.finetuning.two_texts import JoinedTexts, join_texts
from equiglot.masking.collate import bucket_rows
from equiglot.models import OpenModel, move_array
from equiglot.objectives import Losses
from equiglot.probing.reading import Integers
from equiglot.tasks import OpenTask, open_questions

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOKENS = 4096  # of one forward pass of a prediction; the result does not depend on it, beyond rounding


@dataclass(frozen=True)
class QuestionBatch:
    """Some windows, on the model's device.

    Attributes:
        texts: the question and the paragraph of each.
        answers: int64 [rows, 2], columns of the first and the last token of the answer; 0 where it is not there.
        languages: int64 [rows].
        identity: where the batch comes from.
    """

    texts: JoinedTexts
    answers: Tensor
    languages: Integers
    identity: str

    @property
    def lengths(self) -> Integers:
        """Tokens of each window, the question and special ones included, int64 [rows]."""
        return self.texts.lengths

    @property
    def count(self) -> int:
        """Rows: the loss is summed over them."""
        return len(self.languages)


def lay_out_questions(asked: AskedWindows, rows: Integers, opened: OpenModel, identity: str = "") -> QuestionBatch:
    """The windows at `rows` int64 [rows] as a batch on the model's device."""
    texts = join_texts([asked.of(row) for row in rows], asked.form, opened)
    answers = asked.answers[rows] + (texts.seconds - asked.begins[rows])[:, None]
    columns = move_array(np.where(asked.answers[rows] < 0, 0, answers), opened.model.device)
    return QuestionBatch(texts, columns, asked.languages[rows], identity)


def boundary_logits(model: PreTrainedModel, batch: QuestionBatch) -> Tensor:
    """How well an answer begins, and ends, at each token: float32 [rows, 2, width], -inf at padding."""
    outputs = model(**batch.texts.arguments)
    logits = torch.stack([outputs.start_logits, outputs.end_logits], dim=1).float()
    return logits.masked_fill(~batch.texts.real[:, None], -math.inf)


def boundary_losses(logits: Tensor, batch: QuestionBatch) -> Tensor:
    """Cross-entropy of the right first and last tokens, their mean: float32 [rows]."""
    losses = functional.cross_entropy(logits.flatten(0, 1), batch.answers.flatten(), reduction="none")
    return losses.view(-1, 2).mean(dim=1)


@torch.no_grad()
def predict_answers(opened: OpenModel, asked: AskedWindows) -> tuple[Answers, float]:
    """The likeliest answer to every question, and the mean cross-entropy of windows, in nats.

    Returns:
        `Answers` int32 [questions, 3]: characters from and to, and whether a right answer can be reached.
    """
    scores, tokens = np.full(len(asked), -math.inf), np.zeros((len(asked), 2), np.int64)
    losses = np.zeros(len(asked))
    for rows in bucket_rows(asked.lengths - 2, _TOKENS):
        batch = lay_out_questions(asked, rows, opened)
        logits = boundary_logits(opened.model, batch)
        losses[rows] = boundary_losses(logits, batch).cpu().numpy()
        scores[rows], columns = _best_spans(logits.log_softmax(-1).cpu(), _answerable(asked, rows, batch))
        tokens[rows] = columns + (asked.begins[rows] - batch.texts.seconds)[:, None]
    order = np.lexsort((np.arange(len(asked)), -scores, asked.owners))  # of a question's windows the first is the best
    _, firsts = np.unique(asked.owners[order], return_index=True)
    best, spans = order[firsts], asked.contexts.spans
    found = np.isfinite(scores[best])  # a paragraph may have no token that stands for anything
    starts = np.zeros(len(best), np.int64)
    ends = starts.copy()
    starts[found], ends[found] = spans[tokens[best[found], 0], 0], spans[tokens[best[found], 1], 1]
    answers = np.stack([starts, np.maximum(starts, ends), asked.reached], axis=1).astype(np.int32)
    return answers, float(losses.mean()) if len(losses) else 0.0


def _answerable(asked: AskedWindows, rows: Integers, batch: QuestionBatch) -> Tensor:
    """bool [rows, width], the tokens of the paragraph that stand for characters."""
    allowed = torch.zeros(batch.texts.inputs.shape, dtype=torch.bool)
    for place, row in enumerate(rows):
        spans, first = asked.contexts.spans[asked.begins[row] : asked.ends[row]], batch.texts.seconds[place]
        allowed[place, first : first + len(spans)] = torch.from_numpy(spans[:, 1] > spans[:, 0])
    return allowed


def _best_spans(scores: Tensor, allowed: Tensor) -> tuple[Integers, Integers]:
    """The best span of each row, its score float [rows] and its first and last column int64 [rows, 2].

    Args:
        scores: float32 [rows, 2, width], log-probabilities of beginnings and ends.
        allowed: bool [rows, width].
    """
    begins, ends = scores.masked_fill(~allowed[:, None], -math.inf).unbind(1)
    reach = functional.pad(ends, (0, LONGEST_ANSWER - 1), value=-math.inf).unfold(1, LONGEST_ANSWER, 1)
    best, places = (begins[:, :, None] + reach).flatten(1).max(dim=1)
    first = places // LONGEST_ANSWER
    return best.numpy(), torch.stack([first, first + places % LONGEST_ANSWER], dim=1).numpy()


class Answering(EpochTask):
    """Learns to find answers.

    Args:
        opened: the model that is trained, with its tokenizer.
        task: the questions.
        languages: those that it is trained on; all have training and dev data.
        batch: windows of a batch.
        seed: of the order.
    """

    def __init__(self, opened: OpenModel, task: OpenTask, languages: Sequence[str], *, batch: int, seed: int) -> None:
        self._opened, self._train = opened, read_questions(opened, task, "train", languages)
        self._dev = {
            code: (read_questions(opened, task, "dev", [code]), right_answers(task, code, "dev")) for code in languages
        }
        super().__init__(task, languages, self._train.lengths, batch=batch, seed=seed)

    def lay_out(self, rows: Integers, identity: str) -> QuestionBatch:
        """Some of the windows of the training data."""
        return lay_out_questions(self._train, rows, self._opened, identity)

    def losses(self, model: PreTrainedModel, batch: QuestionBatch, progress: float) -> Losses:
        """Cross-entropy of beginnings and ends, summed over the windows."""
        logits = boundary_logits(model, batch)
        with torch.autocast(logits.device.type, enabled=False):
            return summed(boundary_losses(logits, batch), batch.languages)

    def held_out(self, language: str) -> tuple[float, float]:
        """F1 and the loss."""
        asked, gold = self._dev[language]
        predicted, loss = predict_answers(self._opened, asked)
        return score_of_labels(self.metric, gold, predicted, ()), loss


def right_answers(task: OpenTask, language: str, split: str) -> GoldAnswers:
    """The right answers of a split that there is."""
    found = open_questions(task, language, split)
    assert found is not None  # only languages with test data are tested, and dev data is made where there is none
    return gold_answers(found, task.summary.rules, language)
