"""Answers to questions against right ones: exact match and F1 of words, by the rules of SQuAD 1.1 and of MLQA.

A table has whole numbers, a paragraph a row: questions about one paragraph are not independent, so a bootstrap draws
paragraphs. The F1 of a question is counted in millionths, rounded; a mean in percent is right to four digits after the
point.
"""

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from equiglot.evaluation.counting import Table, share
from equiglot.evaluation.statistics import Floats

Answers = npt.NDArray[np.int32]
"""Predictions [questions, 3]: first character of the context, the one behind the last, and 1 if a right answer is among
those that the model could have given (0 if its tokens allow none)."""

LONGEST_ANSWER = 30
"""Tokens of an answer that is given; right answers may be longer."""
_MILLIONTHS = 1_000_000
_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "ar": r"\sال^|ال",  # its first half matches nothing: what counts is the second, anywhere in a word
    "hi": None,
    "zh": None,
}
"""MLQA's languages -> what is no part of an answer in them."""
_HAN = re.compile("([\u4e00-\u9fa5])")


def normaliser(rules: Literal["squad", "mlqa"], language: str) -> Callable[[str], str]:
    """What makes answers comparable: lower case, no punctuation, no articles, single spaces between words.

    `squad` knows ASCII punctuation and English articles, whatever the language (SQuAD 1.1; XTREME takes it for XQuAD
    and TyDiQA). `mlqa` knows all of Unicode's punctuation, the articles of its seven languages, and takes each Chinese
    character for a word (Lewis et al., 2020).

    Raises:
        KeyError: a language that MLQA has no rules for.
    """
    removed = _punctuation(rules)
    articles = _ARTICLES["en" if rules == "squad" else language]
    apart = rules == "mlqa" and language == "zh"

    def normalised(text: str) -> str:
        text = text.lower().translate(removed)
        text = re.sub(articles, " ", text) if articles else text
        return " ".join((_HAN.sub(r" \1 ", text) if apart else text).split())

    return normalised


@cache
def _punctuation(rules: str) -> dict[int, None]:
    """What `str.translate` takes out."""
    ascii_only = dict.fromkeys(map(ord, string.punctuation))
    if rules == "squad":
        return ascii_only
    everywhere = (code for code in range(sys.maxunicode) if unicodedata.category(chr(code)).startswith("P"))
    return ascii_only | dict.fromkeys(everywhere)


@dataclass(frozen=True)
class GoldAnswers:
    """The right answers of a test set.

    Attributes:
        contexts: the text of each paragraph. [paragraphs]
        lengths: int64 [paragraphs], questions about each; their sum is the number of questions.
        answers: texts of the right answers to each question, one or more. [questions]
        normalise: makes answers comparable.
    """

    contexts: Sequence[str]
    lengths: npt.NDArray[np.int64]
    answers: Sequence[Sequence[str]]
    normalise: Callable[[str], str]

    def __len__(self) -> int:
        return len(self.answers)

    @cached_property
    def normalised(self) -> list[list[str]]:
        """The right answers, comparable. [questions]"""
        return [[self.normalise(text) for text in texts] for texts in self.answers]

    @property
    def paragraphs(self) -> npt.NDArray[np.int64]:
        """int64 [questions], the paragraph that each is about."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def given(self, predicted: Answers) -> list[str]:
        """The predicted answers, comparable. [questions]"""
        spans = zip(self.paragraphs.tolist(), predicted[:, :2].tolist(), strict=True)
        return [self.normalise(self.contexts[paragraph][start:end]) for paragraph, (start, end) in spans]

    def is_right(self, question: int, answer: str) -> bool:
        """Whether an answer to the question at a place, as it stands in the text, is a right one."""
        return self.normalise(answer) in self.normalised[question]


def count_exact(gold: GoldAnswers, predicted: Answers, labels: Sequence[str]) -> Table:
    """[paragraphs, 2]: questions whose answer is a right one, all questions."""
    pairs = zip(gold.given(predicted), gold.normalised, strict=True)
    return _table(gold, [answer in rights for answer, rights in pairs])


def count_f1(gold: GoldAnswers, predicted: Answers, labels: Sequence[str]) -> Table:
    """[paragraphs, 2]: F1 of the answers in millionths, each with the right answer that is nearest; all questions."""
    pairs = zip(gold.given(predicted), gold.normalised, strict=True)
    return _table(gold, [max(_f1(answer.split(), right.split()) for right in rights) for answer, rights in pairs])


def count_reachable(gold: GoldAnswers, predicted: Answers, labels: Sequence[str]) -> Table:
    """[paragraphs, 2]: questions of which a right answer could have been given, all questions."""
    return _table(gold, predicted[:, 2])


def mean_answer_f1(sums: Floats) -> Floats:
    """Sums over paragraphs of `count_f1` [..., 2] -> percent [...]."""
    return share(sums) / _MILLIONTHS


def _f1(answer: Sequence[str], right: Sequence[str]) -> int:
    """In millionths; words count as often as both have them. An answer without words has 0, also where none is right,
    as in SQuAD 1.1."""
    shared = (Counter(answer) & Counter(right)).total()
    return round(2 * shared * _MILLIONTHS / (len(answer) + len(right))) if shared else 0


def _table(gold: GoldAnswers, values: npt.ArrayLike) -> Table:
    sums = np.bincount(gold.paragraphs, weights=np.asarray(values, np.float64), minlength=len(gold.lengths))
    return np.stack([sums.astype(np.int64), gold.lengths], axis=1)
