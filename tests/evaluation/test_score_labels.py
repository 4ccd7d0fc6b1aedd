"""Metrics of labels: equal to scikit-learn's and seqeval's, on the data itself and on every resample of it."""

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score as seqeval_f1
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, f1_score

from equiglot.evaluation import (
    Bootstrap,
    Estimate,
    Gold,
    metrics_of,
    primary_metric,
    primary_of,
    score_labels,
)

_NER = [metric.name for metric in metrics_of("ner")]
_BIO = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
_BOOTSTRAP = Bootstrap(resamples=80, seed=3)

Sentences = list[list[str]]


def _flat(sentences: Sentences) -> list[str]:
    return [tag for sentence in sentences for tag in sentence]


def _macro(gold: Sentences, predicted: Sentences) -> float:
    classes = sorted({*_flat(gold)})
    return float(f1_score(_flat(gold), _flat(predicted), labels=classes, average="macro", zero_division=0))


_TRUSTED: dict[str, Callable[[Sentences, Sentences], float]] = {
    "accuracy": lambda gold, predicted: accuracy_score(_flat(gold), _flat(predicted)),
    "macro_f1": _macro,
    "entity_f1": lambda gold, predicted: seqeval_f1(gold, predicted, mode="strict", scheme=IOB2),
    "seqeval_f1": seqeval_f1,
}


def _trusted(metric: str, gold: Sentences, predicted: Sentences) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are not there, for which both say 0
        return 100 * _TRUSTED[metric](gold, predicted)


def _data(seed: int, labels: Sequence[str], sentences: int) -> tuple[Gold, np.ndarray]:
    """Sentences of 0 to 9 words, half of whose labels are predicted right; the first label is rare, the last common."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, 10, sentences)
    shares = np.linspace(0.2, 2, len(labels))
    gold, guessed = generator.choice(len(labels), (2, lengths.sum()), p=shares / shares.sum()).astype(np.int16)
    return Gold(gold, lengths), np.where(generator.random(len(gold)) < 0.5, gold, guessed)


def _words(tags: np.ndarray, lengths: np.ndarray, labels: Sequence[str]) -> Sentences:
    edges = [0, *np.cumsum(lengths).tolist()]
    return [[labels[tag] for tag in tags[begin:end]] for begin, end in pairwise(edges)]


def _score(
    task: str, gold: Gold, *predictions: np.ndarray, labels: Sequence[str] = _BIO, language: str = "eu"
) -> list[dict[str, Estimate]]:
    return score_labels(task, labels, gold, predictions, language=language, bootstrap=_BOOTSTRAP)


@given(seed=st.integers(0, 10**6), sentences=st.integers(1, 30))
def test_metrics_are_scikit_learns_and_seqevals(seed: int, sentences: int) -> None:
    gold, predicted = _data(seed, _BIO, sentences)
    if not len(gold.labels):
        return  # scikit-learn knows no accuracy of nothing
    (scores,) = _score("ner", gold, predicted)
    right, guessed = (_words(tags, gold.lengths, _BIO) for tags in (gold.labels, predicted))
    for metric, estimate in scores.items():
        assert estimate.value == pytest.approx(_trusted(metric, right, guessed), abs=1e-9)
        assert estimate.n == len(gold.labels)


def test_every_resample_scores_as_its_sentences_do_when_put_together() -> None:
    gold, predicted = _data(5, _BIO, 40)
    (scores,) = _score("ner", gold, predicted)
    right, guessed = (_words(tags, gold.lengths, _BIO) for tags in (gold.labels, predicted))
    for place, weights in enumerate(np.concatenate(list(_BOOTSTRAP.weights(40, "eu")))):
        drawn = np.repeat(np.arange(40), weights)
        resampled = [right[sentence] for sentence in drawn], [guessed[sentence] for sentence in drawn]
        for metric, estimate in scores.items():
            assert estimate.replicates[place] == pytest.approx(_trusted(metric, *resampled), abs=1e-9)


def test_metrics_by_hand() -> None:
    #       B-PER I-PER O B-LOC | O O -> B-PER O O B-LOC | O B-LOC
    gold = Gold(np.array([1, 3, 4, 0, 4, 4], np.int16), np.array([4, 2]))
    (scores,) = _score("ner", gold, np.array([1, 4, 4, 0, 4, 0], np.int16))
    assert scores["accuracy"].value == pytest.approx(100 * 4 / 6)
    # B-LOC 2 / 3, B-PER 1, I-PER 0, O 4 / 6; there is no I-LOC in the gold.
    assert scores["macro_f1"].value == pytest.approx(100 * (2 / 3 + 1 + 0 + 2 / 3) / 4)
    assert scores["entity_f1"].value == pytest.approx(100 * 2 * 1 / (3 + 2))


def test_a_class_that_is_only_predicted_lowers_no_mean_by_itself() -> None:
    """scikit-learn's own choice of classes would halve it."""
    gold = Gold(np.array([0, 0, 0, 0], np.int16), np.array([4]))
    (scores,) = _score("topic", gold, np.array([0, 0, 0, 1], np.int16), labels=("science", "travel"))
    assert scores["macro_f1"].value == pytest.approx(100 * 6 / 7)


@pytest.mark.parametrize("task", ("pos", "ner", "topic", "place"))
def test_the_first_metric_is_what_models_are_compared_by(task: str) -> None:
    labels = _BIO if task == "ner" else ("ADJ", "NOUN", "SYM", "VERB", "X")
    gold, predicted = _data(1, labels, 20)
    (scores,) = _score(task, gold, predicted, labels=labels)
    assert tuple(scores) == tuple(metric.name for metric in metrics_of(task))
    assert next(iter(scores)) == primary_of(task).name
    on_dev = primary_metric(task, labels)(gold.labels, predicted)
    assert on_dev == pytest.approx(scores[primary_of(task).name].value)


@pytest.mark.parametrize("task", ("pos", "ner", "topic", "place"))
@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0], [3], [0, 5]])
@pytest.mark.parametrize("tag", [0, 4])
def test_nothing_is_ever_not_a_number(task: str, lengths: list[int], tag: int) -> None:
    """No item, no sentence, no entity, classes that are never there: numbers from 0 to 100 all the same."""
    labels = _BIO if task == "ner" else ("ADJ", "NOUN", "SYM", "VERB", "X")
    gold = Gold(np.full(sum(lengths), 4, np.int16), np.array(lengths, dtype=np.int64))
    (scores,) = _score(task, gold, np.full(sum(lengths), tag, np.int16), labels=labels)
    for estimate in scores.values():
        assert estimate.replicates.shape == (80,)
        assert ((estimate.replicates >= 0) & (estimate.replicates <= 100)).all()
        assert 0 <= estimate.value <= 100


def test_predictions_share_their_resamples() -> None:
    gold, predicted = _data(2, _BIO, 50)
    one, two, other = _score("ner", gold, predicted, predicted, gold.labels)
    for metric in _NER:
        assert one[metric].minus(two[metric]).interval == (0, 0)
        assert other[metric].value > one[metric].value
    (alone,) = _score("ner", gold, predicted)
    (elsewhere,) = _score("ner", gold, predicted, language="el")
    assert np.array_equal(alone["accuracy"].replicates, one["accuracy"].replicates)
    assert not np.array_equal(elsewhere["accuracy"].replicates, one["accuracy"].replicates)


@pytest.mark.parametrize("left", [0, 1, -1])
def test_too_few_predictions_are_refused(left: int) -> None:
    gold, predicted = _data(2, _BIO, 50)
    with pytest.raises(ValueError, match=f"eu: {len(predicted)} right labels"):
        _score("ner", gold, predicted, predicted[:left])
