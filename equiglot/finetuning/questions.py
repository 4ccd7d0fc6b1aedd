"""Questions and their paragraphs as tokens: pairs as the tokenizer writes them, windows over long paragraphs, and which
characters of the paragraph a token stands for."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equiglot.evaluation import LONGEST_ANSWER, GoldAnswers, normaliser
from equiglot.finetuning.two_texts import PairFormat, pair_format
from equiglot.models import OpenModel
from equiglot.probing.reading import MARKS, Integers, ItemReader
from equiglot.tasks import OpenTask, QuestionSplit, open_questions
from equiglot.vocabulary import text_encoder

LONGEST_QUESTION, OVERLAP = 64, 128
"""Tokens: of a question, which is cut; and that two windows share."""

_Tokens = tuple[int, int]  # the first and the last of an answer; the first of a window and the one behind its last
NOWHERE: _Tokens = (-1, -1)
"""The tokens of an answer that no token stands for, or that is not in a window."""


@dataclass(frozen=True)
class ReadContexts:
    """Paragraphs as tokens, one after the other, without special tokens.

    Attributes:
        ids: int64 [tokens].
        offsets: int64 [paragraphs + 1]; paragraph i is `ids[offsets[i]:offsets[i + 1]]`, which may be empty.
        spans: int64 [tokens, 2], the characters of its paragraph that a token stands for, without spaces around them;
            both are 0 of a token that stands for none.
    """

    ids: Integers
    offsets: Integers
    spans: Integers

    def around(self, paragraph: int, start: int, end: int) -> _Tokens:
        """The first and the last token with any of the characters from `start` to `end`; `NOWHERE` without any."""
        begin = self.offsets[paragraph]
        firsts, lasts = self.spans[begin : self.offsets[paragraph + 1]].T
        touching = np.flatnonzero((firsts < end) & (lasts > start))
        return (int(begin + touching[0]), int(begin + touching[-1])) if len(touching) else NOWHERE

    def read_off(self, text: str, tokens: _Tokens) -> str:
        """What the tokens from the first to the last stand for in the text of their paragraph."""
        return text[self.spans[tokens[0], 0] : self.spans[tokens[1], 1]]


@dataclass(frozen=True)
class AskedWindows:
    """Questions, each with windows over its paragraph.

    Attributes:
        contexts: the paragraphs.
        questions: int64 [tokens], ids of the questions, cut where they are long.
        question_offsets: int64 [questions + 1].
        owners: int64 [windows], the question of each; those of a question follow each other.
        begins, ends: int64 [windows], the tokens of the paragraph that are read.
        answers: int64 [windows, 2], the first and the last token of a right answer, as `contexts` counts them; -1 where
            the window does not have all of it.
        reached: bool [questions], whether a right answer of at most `LONGEST_ANSWER` tokens in one window is still
            right when it is read off its tokens.
        languages: int64 [windows], places in the list of languages that they were read in.
        form: the special tokens.
    """

    contexts: ReadContexts
    questions: Integers
    question_offsets: Integers
    owners: Integers
    begins: Integers
    ends: Integers
    answers: Integers
    reached: npt.NDArray[np.bool_]
    languages: Integers
    form: PairFormat

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def lengths(self) -> Integers:
        """Tokens of each window with its question and special tokens, int64 [windows]."""
        return np.diff(self.question_offsets)[self.owners] + self.ends - self.begins + self.form.size

    def of(self, window: int) -> tuple[Integers, Integers]:
        """The tokens of a window's question, and of its part of the paragraph, int64."""
        begin, end = self.question_offsets[self.owners[window] :][:2]
        return self.questions[begin:end], self.contexts.ids[self.begins[window] : self.ends[window]]


def gold_answers(split: QuestionSplit, rules: str, language: str) -> GoldAnswers:
    """The right answers of a split, to be compared by the rules of its task."""
    assert rules  # a task with questions has some
    return GoldAnswers(split.contexts, split.lengths, split.answers, normaliser(rules, language))  # type: ignore[arg-type]


def read_questions(opened: OpenModel, task: OpenTask, split: str, languages: Sequence[str]) -> AskedWindows:
    """A split of several languages, one after the other; those without it have no questions.

    Args:
        opened: the model; paragraphs that are too long for its `max_tokens` are read in windows.
        task: the questions.
        split: "train", "dev" or "test".
        languages: in this order.
    """
    found = [(place, code, open_questions(task, code, split)) for place, code in enumerate(languages)]
    there = [(place, code, each) for place, code, each in found if each is not None]
    form, total = pair_format(opened), opened.max_tokens + 2
    asked = ItemReader(opened, "sentence").read([[text] for _, _, each in there for text in each.questions])
    sizes = np.minimum(np.diff(asked.offsets), min(LONGEST_QUESTION, (total - form.size) // 2))
    places = np.arange(len(asked.ids)) - np.repeat(asked.offsets[:-1], np.diff(asked.offsets))
    contexts = _read_contexts(opened, [text for _, _, each in there for text in each.contexts])
    windows, reached, before, room = list[tuple[int, ...]](), list[bool](), 0, total - form.size - sizes
    for place, code, each in there:
        gold = gold_answers(each, task.summary.rules, code)
        for cut, answer, reachable in _placed(each, gold, contexts, before, room[len(reached) :]):
            windows += [(len(reached), *one, *(answer if _within(answer, one) else NOWHERE), place) for one in cut]
            reached.append(reachable)
        before += len(each.contexts)
    columns = np.array(windows, np.int64).reshape(-1, 6).T
    return AskedWindows(
        contexts=contexts,
        questions=asked.ids[places < np.repeat(sizes, np.diff(asked.offsets))],
        question_offsets=np.cumsum([0, *sizes]),
        owners=columns[0],
        begins=columns[1],
        ends=columns[2],
        answers=columns[3:5].T,
        reached=np.array(reached, np.bool_),
        languages=columns[5],
        form=form,
    )


def _placed(
    split: QuestionSplit, gold: GoldAnswers, contexts: ReadContexts, before: int, room: Integers
) -> Iterator[tuple[list[_Tokens], _Tokens, bool]]:
    """Of each question its windows, the tokens of its first right answer, and whether any of them can be reached.

    Args:
        split: the questions.
        gold: their answers.
        contexts: the paragraphs of several splits.
        before: how many of them stand before those of this split.
        room: int64 [questions or more], tokens of the paragraph that can be read beside each question.
    """
    for question, paragraph in enumerate(split.paragraphs.tolist()):
        begin, end = contexts.offsets[before + paragraph : before + paragraph + 2].tolist()
        cut = list(_windows(begin, end, int(room[question])))
        starts = zip(split.answers[question], split.starts[question], strict=True)
        answers = [contexts.around(before + paragraph, *_trimmed(text, start)) for text, start in starts]
        fitting = [each for each in answers if _fits(each, cut)]
        read = (contexts.read_off(split.contexts[paragraph], each) for each in fitting)
        yield cut, answers[0], any(gold.is_right(question, text) for text in read)


def _read_contexts(opened: OpenModel, texts: Sequence[str]) -> ReadContexts:
    encodings = text_encoder(opened.tokenizer).encode_batch(texts, add_special_tokens=False)
    ids = np.concatenate([np.empty(0, np.int64), *(np.array(each.ids, np.int64) for each in encodings)])
    spans = [
        (0, 0) if token in MARKS else _whole(text, *span, behind)  # a mark's span is that of the word behind it
        for text, each in zip(texts, encodings, strict=True)
        for token, span, (behind, _) in zip(each.tokens, each.offsets, [*each.offsets[1:], (len(text), 0)], strict=True)
    ]
    offsets = np.cumsum([0, *(len(each.ids) for each in encodings)])
    return ReadContexts(ItemReader(opened, "sentence").as_text(ids), offsets, np.array(spans, np.int64).reshape(-1, 2))


def _whole(text: str, start: int, end: int, behind: int) -> tuple[int, int]:
    """Where the text of a token begins and ends without spaces around it, and with the accents and vowel signs that
    belong to it and to no token, for the tokenizer takes them off; 0 and 0 if it has nothing but spaces.

    `behind` is where the next token begins.
    """
    inner = text[start:end]
    if not inner.strip():
        return 0, 0
    begin = start + len(inner) - len(inner.lstrip())
    last = begin + len(inner.strip())
    while end <= last < behind and unicodedata.category(text[last]).startswith("M"):
        last += 1
    return begin, last


def _trimmed(answer: str, start: int) -> tuple[int, int]:
    begin = start + len(answer) - len(answer.lstrip())
    return begin, begin + len(answer.strip())


def _windows(begin: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    """Begin and end of the windows over the tokens of a paragraph, each of them full where there are several."""
    width = min(width, end - begin)
    step = max(1, width - min(OVERLAP, width // 2))
    for start in (*range(begin, end - width, step), end - width):
        yield start, start + width


def _within(tokens: _Tokens, window: _Tokens) -> bool:
    """Whether all tokens of an answer, if it has any, are in a window."""
    return tokens != NOWHERE and window[0] <= tokens[0] and tokens[1] < window[1]


def _fits(tokens: _Tokens, windows: Sequence[_Tokens]) -> bool:
    """Whether tokens could be given as an answer: few enough, and all in one window."""
    return tokens[1] - tokens[0] < LONGEST_ANSWER and any(_within(tokens, window) for window in windows)
