"""A classifier without pretraining: a linear one on character n-grams, of words in their context or of texts.

What pretraining is worth shows beside models that have none. Paper 3 has the best published ones beside mBERT (section
3.2); those cannot be trained for any data, this one can, in seconds, and is hard to beat where labels are few. A word's
features are its n-grams with its beginning and end marked, those of its neighbours' beginnings and ends, its form
(capital letters, digits, punctuation), and whether it is the first or the last of its sentence. Each is hashed to one
of 2 ** 18 columns, the same in every process. The classifier is a support vector machine for each label against the
others (Fan et al., LIBLINEAR, 2008): on three real tasks it was better than logistic regression, and quicker.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from equiglot.evaluation import primary_metric
from equiglot.finetuning.scores import Predictions
from equiglot.tasks import LabelledSplit, OpenTask

NGRAM_TASKS = ("pos", "ner", "topic", "pair", "place")
"""The tasks that it can be trained for: words, texts or pairs of texts, each with a label."""
COLUMNS = 1 << 18
COSTS = (1.0, 4.0, 0.25)
"""Of errors, against the squared weights; which is taken is chosen on dev data, the first where there are none."""
_LONGEST = 4  # characters of a word's n-grams; of its neighbours, of their beginning and end
_BESIDE = 3
_TEXT_LONGEST = 5

_Labels = npt.NDArray[np.int16]


@dataclass(frozen=True)
class _Data:
    """Examples of some languages: a sparse float64 matrix [items, COLUMNS], and labels int16 [items]."""

    features: Any
    labels: _Labels


def ngram_predictions(task: OpenTask, trained: Sequence[str], tested: Sequence[str]) -> Predictions:
    """What the classifier predicts, trained once on all languages of `trained` together.

    The same data give the same predictions: nothing random is drawn but the order of coordinates, from a fixed seed.

    Args:
        task: pos, ner, topic or place; an item is a word, or a text.
        trained: languages with training data.
        tested: languages with test data.

    Returns:
        Language -> int16 [1, items], numbers of the task's labels, as `fine_tuned_estimates` takes them.

    Raises:
        ValueError: no language has training data.
    """
    train, dev = (_data(task, split, trained) for split in ("train", "dev"))
    if train is None:
        raise ValueError(f"none of {', '.join(trained) or 'no languages'} has training data")
    classify = _fitted(train, COSTS[0])
    if dev is not None and len(np.unique(train.labels)) > 1:
        score = primary_metric(task.summary.task, task.summary.labels)
        candidates = [classify, *(_fitted(train, cost) for cost in COSTS[1:])]
        classify = max(candidates, key=lambda each: score(dev.labels, each.predict(dev.features)))
    found = {code: _data(task, "test", [code]) for code in tested}
    return {code: classify.predict(test.features)[None] for code, test in found.items() if test is not None}


class _Constant:
    """The classifier of data with one label."""

    def __init__(self, label: np.int16) -> None:
        self._label = label

    def predict(self, features: Any) -> _Labels:
        return np.full(features.shape[0], self._label, np.int16)


def _fitted(train: _Data, cost: float) -> Any:
    from sklearn.svm import LinearSVC

    if len(np.unique(train.labels)) == 1:
        return _Constant(train.labels[0])
    return LinearSVC(C=cost, random_state=0).fit(train.features, train.labels)


def _data(task: OpenTask, split: str, languages: Sequence[str]) -> _Data | None:
    """A split of some languages, one after the other; None where none of them has it."""
    from scipy.sparse import vstack

    found = [each for code in languages if (each := task.split(code, split)) is not None]
    if not found:
        return None
    vectors = _word_vectors if task.summary.unit == "word" else _text_vectors
    return _Data(vstack([vectors(each) for each in found]).tocsr(), np.concatenate([each.labels for each in found]))


def _word_vectors(split: LabelledSplit) -> Any:
    from sklearn.feature_extraction import FeatureHasher

    hasher = FeatureHasher(COLUMNS, input_type="string", alternate_sign=False)
    return _normalised(hasher.transform(each for words in split.words for each in word_features(words)))


def _text_vectors(split: LabelledSplit) -> Any:
    """The n-grams of each text's words, of one to five characters, and the words."""
    from sklearn.feature_extraction import FeatureHasher

    hasher = FeatureHasher(COLUMNS, input_type="string", alternate_sign=False)
    texts = (" ".join(words).lower().split() for words in split.words)
    vectors = hasher.transform([each for word in text for each in _ngrams(word, _TEXT_LONGEST)] for text in texts)
    vectors.data = 1 + np.log(vectors.data)  # a word that stands ten times is not ten times as telling
    return _normalised(vectors)


def _normalised(vectors: Any) -> Any:
    """Rows of length 1."""
    from sklearn.preprocessing import normalize

    return normalize(vectors)


def word_features(words: Sequence[str]) -> Iterator[list[str]]:
    """The features of each word of a sentence, as strings."""
    lowered = ["<", *(word.lower() for word in words), ">"]
    for place, word in enumerate(words, 1):
        features = [f"word {gram}" for gram in _ngrams(lowered[place], _LONGEST)]
        features += [f"form {_form(word)}", f"first {place == 1}", f"last {place == len(words)}"]
        for name, beside in (("before", lowered[place - 1]), ("after", lowered[place + 1])):
            features += [f"{name} {beside}", f"{name} {beside[:_BESIDE]}-", f"{name} -{beside[-_BESIDE:]}"]
            inside = 0 < place + (1 if name == "after" else -1) <= len(words)
            features += [f"{name} {_form(words[place + (0 if name == 'after' else -2)])}"] if inside else []
        yield features


def _ngrams(word: str, longest: int) -> list[str]:
    """All n-grams of a word with its ends marked, and the word itself."""
    marked = f"<{word}>"
    grams = [marked[at : at + n] for n in range(1, longest + 1) for at in range(len(marked) - n + 1)]
    return [f"whole {word}", *grams]


def _form(word: str) -> str:
    """What a word looks like: Aa, aa, AA, 00 for its beginning and its rest; other characters stand for themselves."""
    kinds = ["A" if each.isupper() else "a" if each.isalpha() else "0" if each.isdigit() else each for each in word[:8]]
    return "".join(kind for at, kind in enumerate(kinds) if at == 0 or kind != kinds[at - 1])
