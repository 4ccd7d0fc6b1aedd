"""All pairs of languages: what is estimated, that models are paired, and the file."""

from pathlib import Path

import numpy as np
import pytest

from equiglot.evaluation import (
    Bootstrap,
    Gold,
    PairEstimates,
    PairKey,
    metrics_of,
    monolingual,
    pair_estimates,
    read_estimates,
    score_labels,
    write_estimates,
)

_NER = [metric.name for metric in metrics_of("ner")]
_LABELS = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
_BOOTSTRAP = Bootstrap(resamples=60, seed=1)
_LANGUAGES = ("en", "zh-Hant", "te")

Predictions = dict[tuple[str, str, int], np.ndarray]


def _gold() -> dict[str, Gold]:
    generator = np.random.default_rng(0)
    lengths = {code: generator.integers(0, 9, 20 + 5 * place) for place, code in enumerate(_LANGUAGES)}
    return {code: Gold(generator.integers(0, 5, each.sum()).astype(np.int16), each) for code, each in lengths.items()}


def _predictions(gold: dict[str, Gold], seed: int = 0) -> Predictions:
    """Two repeats of probes that are right two times of three; nothing was trained on Telugu."""
    generator = np.random.default_rng(seed)
    return {
        (source, target, repeat): np.where(generator.random(len(each.labels)) < 2 / 3, each.labels, 4).astype(np.int16)
        for source in _LANGUAGES[:2]
        for target, each in gold.items()
        for repeat in range(2)
    }


def _estimates(predictions: Predictions, languages: tuple[str, ...] = _LANGUAGES) -> PairEstimates:
    chosen = {pair: predicted for pair, predicted in predictions.items() if pair[1] in languages}
    return pair_estimates("ner", _LABELS, _gold(), chosen, _BOOTSTRAP)


def test_every_pair_has_every_metric() -> None:
    gold = _gold()
    predictions = _predictions(gold)
    estimates = _estimates(predictions)
    assert estimates.keys() == {PairKey(metric, *pair) for pair in predictions for metric in _NER}
    for pair, predicted in predictions.items():
        target = pair[1]
        (alone,) = score_labels(
            "ner", _LABELS, gold[target], [predicted], language=target, bootstrap=_BOOTSTRAP
        )  # a pair's numbers do not depend on which others there are
        for metric, expected in alone.items():
            found = estimates[PairKey(metric, *pair)]
            assert (found.value, found.n) == (expected.value, expected.n)
            assert np.array_equal(found.replicates, expected.replicates)


def test_models_and_sources_are_paired() -> None:
    """Two probes that are wrong in the same sentences differ by the same in every resample, whoever they belong to."""
    predictions = _predictions(_gold())
    first = _estimates(predictions)
    predictions["zh-Hant", "te", 0] = predictions["en", "te", 0]
    second = _estimates(predictions, ("te",))
    for metric in _NER:
        difference = second[PairKey(metric, "zh-Hant", "te", 0)].minus(first[PairKey(metric, "en", "te", 0)])
        assert (difference.value, *difference.interval) == (0, 0, 0)


def test_teachers_together_count_in_their_own_language_only() -> None:
    estimates = _estimates(_predictions(_gold()))
    other = _estimates(_predictions(_gold(), seed=1))
    together = monolingual({"en": estimates, "zh-Hant": other})
    own = [("en", estimates), ("zh-Hant", other)]
    assert together == {
        PairKey(metric, code, code, repeat): each[PairKey(metric, code, code, repeat)]
        for code, each in own
        for metric in _NER
        for repeat in range(2)
    }


def test_estimates_come_back_as_they_were(tmp_path: Path) -> None:
    written = _estimates(_predictions(_gold()))
    write_estimates(tmp_path / "estimates.safetensors", written)
    read = read_estimates(tmp_path / "estimates.safetensors")
    assert list(read) == list(written)
    assert all(isinstance(key, PairKey) for key in read)
    for key, each in written.items():
        assert (read[key].value, read[key].n) == (each.value, each.n)
        np.testing.assert_allclose(read[key].replicates, each.replicates, rtol=1e-6)
        assert read[key].replicates.dtype == np.float64


def test_a_model_without_estimates_has_a_file_too(tmp_path: Path) -> None:
    write_estimates(tmp_path / "estimates.safetensors", {})
    assert read_estimates(tmp_path / "estimates.safetensors") == {}


def test_predictions_for_a_language_without_gold_are_a_mistake() -> None:
    with pytest.raises(KeyError, match="eu"):
        pair_estimates("ner", _LABELS, _gold(), {("en", "eu", 0): np.zeros(3, np.int16)}, _BOOTSTRAP)
