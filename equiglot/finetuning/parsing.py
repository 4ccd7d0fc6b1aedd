"""Dependency parsing: a training task, and the trees of a parser.

A word's state is that of the token that stands for it (`ItemReader`). A sentence longer than the model is read in
windows that overlap, each word of it in one of them; it is parsed whole, from the states of all of its words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from equiglot.errors import InputError
from equiglot.evaluation import Gold
from equiglot.finetuning.biaffine import Parser, load_parser
from equiglot.finetuning.epochs import EpochTask, gold_of, score_of_labels, summed
from equiglot.masking.collate import bucket_rows
from equiglot.models import OpenModel, TensorBatch, hidden_states, move_array, on_device, with_tokenizer
from equiglot.objectives import Losses
from equiglot.probing.reading import Integers, ItemReader, ReadItems, Windows, cut_windows, lay_out
from equiglot.tasks import OpenTask, maximum_tree

_TOKENS = 4096  # of one forward pass of a prediction; the result does not depend on it, beyond rounding

Trees = npt.NDArray[np.int16]
"""int16 [words, 2]: the number of each word's head in its sentence (0 for the root), and its relation's place."""


@dataclass(frozen=True)
class ReadSentences:
    """Sentences as tokens, cut into windows.

    Attributes:
        read: the sentences.
        windows: over them, sentence by sentence.
        first_windows: int64 [sentences + 1], where the windows of each begin.
        first_words: int64 [sentences + 1], where its words begin.
    """

    read: ReadItems
    windows: Windows
    first_windows: Integers
    first_words: Integers

    def __len__(self) -> int:
        return len(self.first_words) - 1

    @property
    def tokens(self) -> Integers:
        """Of each sentence, int64 [sentences]."""
        return np.diff(self.read.offsets)


def read_sentences(opened: OpenModel, sentences: Sequence[Sequence[str]]) -> ReadSentences:
    """Sentences of words as the model reads them; those longer than its `max_tokens` are cut into windows."""
    read = ItemReader(opened, "word").read(sentences)
    windows = cut_windows(read.offsets, opened.max_tokens)
    lengths = np.array([len(words) for words in sentences], np.int64)
    return ReadSentences(read, windows, np.searchsorted(windows.begins, read.offsets), np.cumsum([0, *lengths]))


@dataclass(frozen=True)
class TreeBatch:
    """Some sentences.

    Attributes:
        tensors: their windows, as the model reads them; its targets are the tokens that stand for a word.
        places: int64 [words], where the state of each target belongs among sentences times the longest's words.
        words: int64 [words], the words of the sentences, in order.
        word_counts: int64 [sentences].
        gold: int64 [sentences, longest, 2], their trees; zeros behind the last word, and where there are none.
        word_languages: int64 [words].
        languages: int64 [windows].
        lengths: int64 [windows], special tokens included.
        identity: where the batch comes from.
    """

    tensors: TensorBatch
    places: Integers
    words: Integers
    word_counts: Integers
    gold: Integers
    word_languages: Integers
    languages: Integers
    lengths: Integers
    identity: str

    @property
    def count(self) -> int:
        """Words."""
        return len(self.words)

    @property
    def there(self) -> npt.NDArray[np.bool_]:
        """Which of [sentences, longest] are words."""
        there: npt.NDArray[np.bool_] = np.arange(self.gold.shape[1]) < self.word_counts[:, None]
        return there


def lay_out_sentences(
    sentences: ReadSentences,
    chosen: Integers,
    opened: OpenModel,
    trees: Trees | None = None,
    languages: Integers | None = None,
    identity: str = "",
) -> TreeBatch:
    """Some of the sentences as a batch on the model's device.

    Args:
        sentences: all of them.
        chosen: int64, which.
        opened: the model.
        trees: of all, where they are known.
        languages: int64 [sentences], of all; 0 if not given.
        identity: where the batch comes from.
    """
    counts = np.diff(sentences.first_words)[chosen]
    rows, of_windows = _stretches(sentences.first_windows, chosen)
    words, of_words = _stretches(sentences.first_words, chosen)
    windows = sentences.windows.take(rows)
    tensors, at_targets = lay_out(sentences.read, windows, opened)
    longest = int(counts.max())
    columns = words - sentences.first_words[chosen][of_words]
    gold = np.zeros((len(chosen), longest, 2), np.int64)
    if trees is not None:
        gold[of_words, columns] = trees[words]
    known = np.zeros(len(sentences), np.int64) if languages is None else languages
    order = np.argsort(words)  # sentences in any order, their words in the file's
    found = order[np.searchsorted(words[order], at_targets.numpy())]
    return TreeBatch(
        tensors=tensors,
        places=(of_words * longest + columns)[found],
        words=words,
        word_counts=counts,
        gold=gold,
        word_languages=known[chosen][of_words],
        languages=known[chosen][of_windows],
        lengths=windows.lengths + 2,
        identity=identity,
    )


def _stretches(begins: Integers, chosen: Integers) -> tuple[Integers, Integers]:
    """What lies in the stretches between `begins` [n + 1] that are chosen, one by one; and in which: 0, 1, ..."""
    counts = np.diff(begins)[chosen]
    of = np.repeat(np.arange(len(chosen)), counts)
    return np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts) + begins[chosen][of], of


def word_states(parser: Parser, batch: TreeBatch) -> Tensor:
    """The state of each word, float32 [sentences, longest, width]; zeros behind the last word."""
    found = hidden_states(parser, batch.tensors).flatten(0, 1)[batch.tensors.targets].float()
    size, longest = batch.gold.shape[:2]
    states = found.new_zeros(size * longest, found.shape[1])
    return states.index_copy(0, move_array(batch.places, found.device), found).view(size, longest, -1)


def _losses(parser: Parser, states: Tensor, head_scores: Tensor, batch: TreeBatch) -> Tensor:
    """Of each word, float32 [words], nats: cross-entropy of its head, and of its relation to the right head."""
    device = states.device
    gold, there = move_array(batch.gold, device), move_array(batch.there, device)
    relations = parser.relation_scores(states, gold[..., 0])
    of_heads = functional.cross_entropy(head_scores[there], gold[there][:, 0], reduction="none")
    return of_heads + functional.cross_entropy(relations[there], gold[there][:, 1], reduction="none")


@torch.no_grad()
def predict_trees(opened: OpenModel, sentences: ReadSentences, gold: Trees | None = None) -> tuple[Trees, float]:
    """The best tree of each sentence, int16 [words, 2], with one word at its root; no word is skipped.

    Heads are those of the tree with the highest probability (`maximum_tree`), relations the likeliest of its arcs.

    Args:
        opened: a `Parser`.
        sentences: as it reads them.
        gold: the right trees.

    Returns:
        The trees; and the mean loss of a word, in nats, 0 where `gold` is not given.
    """
    parser = opened.model
    assert isinstance(parser, Parser)
    predicted, total = np.zeros((sentences.read.count, 2), np.int16), 0.0
    for chosen in bucket_rows(sentences.tokens, _TOKENS):
        batch = lay_out_sentences(sentences, chosen, opened, gold)
        states, lengths = word_states(parser, batch), move_array(batch.word_counts, opened.model.device)
        scores = parser.head_scores(states, lengths)
        logarithms = scores.log_softmax(2).double().cpu().numpy()
        heads = np.zeros(batch.gold.shape[:2], np.int64)
        for row, count in enumerate(batch.word_counts):
            heads[row, :count] = maximum_tree(logarithms[row, :count, : count + 1])
        relations = parser.relation_scores(states, move_array(heads, states.device)).argmax(2).cpu().numpy()
        predicted[batch.words] = np.stack([heads, relations], axis=2)[batch.there]
        if gold is not None:
            total += float(_losses(parser, states, scores, batch).double().sum())
    return predicted, total / max(1, len(predicted))


class ParserTraining(EpochTask):
    """Learns to parse; the best weights are those with the highest LAS.

    Args:
        opened: a `Parser`, with its tokenizer.
        task: the treebanks.
        languages: those that it is trained on; all have training and dev data.
        batch: sentences of a batch.
        seed: of the order.
    """

    def __init__(self, opened: OpenModel, task: OpenTask, languages: Sequence[str], *, batch: int, seed: int) -> None:
        self._opened, self._labels = opened, task.summary.labels
        found = [split for code in languages if (split := task.split(code, "train")) is not None]
        self._train = read_sentences(opened, [words for split in found for words in split.words])
        self._trees = np.concatenate([gold_of(split).labels for split in found])
        self._language = np.repeat(np.arange(len(found)), [len(split.words) for split in found])
        self._dev = {code: read_treebank(opened, task, code, "dev") for code in languages}
        super().__init__(task, languages, self._train.tokens, batch=batch, seed=seed)

    def lay_out(self, rows: Integers, identity: str) -> TreeBatch:
        """Some of the sentences of the training data."""
        return lay_out_sentences(self._train, rows, self._opened, self._trees, self._language, identity)

    def losses(self, model: Parser, batch: TreeBatch, progress: float) -> Losses:
        """Cross-entropy of heads, and of relations at the right heads, summed over words."""
        states = word_states(model, batch)
        with torch.autocast(states.device.type, enabled=False):
            scores = model.head_scores(states, move_array(batch.word_counts, states.device))
            return summed(_losses(model, states, scores, batch), batch.word_languages)

    def held_out(self, language: str) -> tuple[float, float]:
        """LAS and the loss."""
        sentences, gold = self._dev[language]
        predicted, loss = predict_trees(self._opened, sentences, gold.labels)
        return score_of_labels(self.metric, gold, predicted, self._labels), loss


def read_treebank(opened: OpenModel, task: OpenTask, language: str, split: str) -> tuple[ReadSentences, Gold]:
    """The sentences of a split that a language has, as the model reads them, and their trees."""
    found = task.split(language, split)
    assert found is not None  # asked for only where there are sentences
    return read_sentences(opened, found.words), gold_of(found)


def open_parser(folder: Path) -> OpenModel:
    """The parser in a folder that fine-tuning made, with its tokenizer.

    Raises:
        InputError: as `load_parser` and `with_tokenizer`.
    """
    return with_tokenizer(folder.name, on_device(load_parser(folder)), folder, str(folder))


def parse(opened: OpenModel, sentences: Sequence[Sequence[str]]) -> list[list[tuple[int, str]]]:
    """The tree of each sentence: of each word the number of its head (0 for the root), and its relation to it.

    Args:
        opened: a parser.
        sentences: words.

    Raises:
        InputError: a sentence without words, or a word without characters.
    """
    for place, words in enumerate(sentences):
        if not all(words) or not words:
            fix = "leave it out"
            raise InputError("a sentence, or one of its words, is empty", where=f"sentence {place}", fix=fix)
    read, names = read_sentences(opened, sentences), [*(opened.model.config.id2label or {}).values()]
    found = [(int(head), names[int(relation)]) for head, relation in predict_trees(opened, read)[0]]
    return [found[begin:end] for begin, end in pairwise(read.first_words.tolist())]
