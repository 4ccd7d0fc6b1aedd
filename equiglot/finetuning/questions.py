"""Questions and their paragraphs as tokens: pairs as the tokenizer writes them, windows over long paragraphs, and which
characters of the paragraph a token stands for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from inspect import signature

import numpy as np
import numpy.typing as npt

from equiglot.evaluation import LONGEST_ANSWER, GoldAnswers, normaliser
from equiglot.models import OpenModel
from equiglot.probing.reading import MARKS, Integers, ItemReader
from equiglot.tasks import OpenTask, QuestionSplit, open_questions
from equiglot.vocabulary import text_encoder

LONGEST_QUESTION, OVERLAP = 64, 128
"""Tokens: of a question, which is cut; and that two windows share."""


@dataclass(frozen=True)
class PairFormat:
    """The special tokens around a question and a paragraph.

    Attributes:
        before, between, after: int64, ids of the tokens there.
        kinds: type ids of what is before, the question, between, the paragraph and after; None where the model is not
            told.
    """

    before: Integers
    between: Integers
    after: Integers
    kinds: tuple[int, int, int, int, int] | None

    @property
    def size(self) -> int:
        """How many special tokens there are."""
        return len(self.before) + len(self.between) + len(self.after)


def pair_format(opened: OpenModel) -> PairFormat:
    """How a model's own tokenizer puts two texts together (BERT: [CLS] A [SEP] B [SEP]; XLM-R has two separators)."""
    encoding = opened.tokenizer.backend_tokenizer.encode("a", "a")
    sides, ids, types = encoding.sequence_ids, np.array(encoding.ids, np.int64), encoding.type_ids
    if None in sides and 0 in sides and 1 in sides:
        first, second = sides.index(0), sides.index(1)
        end, last = (len(sides) - sides[::-1].index(side) for side in (0, 1))
        before, between, after = ids[:first], ids[end:second], ids[last:]
        kinds = types[0], types[first], types[end], types[second], types[-1]
    else:  # the tokenizer has no form for two texts
        before, between = np.array([opened.special.first]), np.array([opened.special.last])
        after = between
        kinds = 0, 0, 0, 1, 1
    model, known = opened.model, int(getattr(opened.model.config, "type_vocab_size", 0))
    told = "token_type_ids" in opened.tokenizer.model_input_names and max(kinds) < known
    return PairFormat(
        before, between, after, kinds if told and "token_type_ids" in signature(model.forward).parameters else None
    )


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

    def around(self, paragraph: int, start: int, end: int) -> tuple[int, int] | None:
        """The first and the last token with any of the characters from `start` to `end`; None if there is none."""
        begin = self.offsets[paragraph]
        firsts, lasts = self.spans[begin : self.offsets[paragraph + 1]].T
        touching = np.flatnonzero((firsts < end) & (lasts > start))
        return (int(begin + touching[0]), int(begin + touching[-1])) if len(touching) else None


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
    longest = min(LONGEST_QUESTION, (total - form.size) // 2)
    sizes = np.minimum(np.diff(asked.offsets), longest)
    places = np.arange(len(asked.ids)) - np.repeat(asked.offsets[:-1], np.diff(asked.offsets))
    contexts = _read_contexts(opened, [text for _, _, each in there for text in each.contexts])
    windows, reached, before, question = list[tuple[int, ...]](), list[bool](), 0, 0
    for place, code, each in there:
        gold = gold_answers(each, task.summary.rules, code)
        for number, paragraph in enumerate(each.paragraphs.tolist()):
            begin, end = contexts.offsets[before + paragraph : before + paragraph + 2].tolist()
            cut = list(_windows(begin, end, total - form.size - int(sizes[question])))
            tokens = [
                contexts.around(before + paragraph, *_trimmed(answer, start))
                for answer, start in zip(each.answers[number], each.starts[number], strict=True)
            ]
            readings = [_read_off(contexts, each.contexts[paragraph], span, cut) for span in tokens]
            reached.append(any(text is not None and gold.is_right(number, text) for text in readings))
            first, last = tokens[0] or (-1, -1)
            for begin, end in cut:
                inside = begin <= first and last < end
                windows.append((question, begin, end, *((first, last) if inside else (-1, -1)), place))
            question += 1
        before += len(each.contexts)
    columns = np.array(windows, np.int64).reshape(-1, 6).T
    return AskedWindows(
        contexts=contexts,
        questions=asked.ids[places < longest],
        question_offsets=np.cumsum([0, *sizes]),
        owners=columns[0],
        begins=columns[1],
        ends=columns[2],
        answers=columns[3:5].T,
        reached=np.array(reached, np.bool_),
        languages=columns[5],
        form=form,
    )


def _read_contexts(opened: OpenModel, texts: Sequence[str]) -> ReadContexts:
    encodings = text_encoder(opened.tokenizer).encode_batch(texts, add_special_tokens=False)
    ids = np.concatenate([np.empty(0, np.int64), *(np.array(each.ids, np.int64) for each in encodings)])
    spans = [
        (0, 0) if token in MARKS else _without_spaces(text, *span)  # a mark's span is that of the word behind it
        for text, each in zip(texts, encodings, strict=True)
        for token, span in zip(each.tokens, each.offsets, strict=True)
    ]
    offsets = np.cumsum([0, *(len(each.ids) for each in encodings)])
    return ReadContexts(ItemReader(opened, "sentence").as_text(ids), offsets, np.array(spans, np.int64).reshape(-1, 2))


def _without_spaces(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the same text begins and ends without spaces around it; 0 and 0 if there is nothing else."""
    inner = text[start:end]
    begin = start + len(inner) - len(inner.lstrip())
    return (begin, begin + len(inner.strip())) if inner.strip() else (0, 0)


def _trimmed(answer: str, start: int) -> tuple[int, int]:
    begin = start + len(answer) - len(answer.lstrip())
    return begin, begin + len(answer.strip())


def _windows(begin: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    """Begin and end of the windows over the tokens of a paragraph, each of them full where there are several."""
    width = min(width, end - begin)
    step = max(1, width - min(OVERLAP, width // 2))
    for start in (*range(begin, end - width, step), end - width):
        yield start, start + width


def _read_off(
    contexts: ReadContexts, text: str, span: tuple[int, int] | None, windows: Sequence[tuple[int, int]]
) -> str | None:
    """What the tokens of a span say; None where no window has them all, or they are too many."""
    if span is None or span[1] - span[0] >= LONGEST_ANSWER:
        return None
    if not any(begin <= span[0] and span[1] < end for begin, end in windows):
        return None
    return text[contexts.spans[span[0], 0] : contexts.spans[span[1], 1]]
