"""Scored positions: as many as are masked, the same for every model, whatever the batches."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from equiglot.errors import InputError
from equiglot.evaluation import (
    MaskedPositions,
    TestMasks,
    frequency_predictor,
    mlm,
    model_predictor,
    score_positions,
)
from equiglot.masking import Batch
from tests.tiny import MASK, SPECIAL, UNKNOWN, VOCABULARY, make_model, make_text

_TEXT = make_text(60)
_MASKS = TestMasks(rate=0.15, draws=2, sequences=None, seed=0, special=SPECIAL)


def _constant(batch: Batch) -> tuple[Tensor, Tensor]:
    return torch.zeros(len(batch.gold), VOCABULARY), torch.from_numpy(batch.gold)


def _knowing(batch: Batch) -> tuple[Tensor, Tensor]:
    gold = torch.from_numpy(batch.gold)
    return 50 * torch.nn.functional.one_hot(gold, VOCABULARY).float(), gold


def _guessing(batch: Batch) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(int(batch.gold.sum()))
    return torch.randn(len(batch.gold), VOCABULARY, generator=generator), torch.from_numpy(batch.gold)


def _same_masks(one: MaskedPositions, other: MaskedPositions) -> bool:
    return np.array_equal(one.sequences, other.sequences) and one.count == other.count


@pytest.mark.parametrize("tokens", [1, 70, 10**6])
def test_scores_do_not_depend_on_the_batches(monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    usual = score_positions(model_predictor(make_model()), "en", _TEXT, _MASKS)
    monkeypatch.setattr(mlm, "_TOKENS", tokens)
    other = score_positions(model_predictor(make_model()), "en", _TEXT, _MASKS)
    assert np.array_equal(other.ranks, usual.ranks)
    assert _same_masks(other, usual)
    np.testing.assert_allclose(other.losses, usual.losses, rtol=1e-5)


def test_every_masked_position_is_scored_and_no_other() -> None:
    positions = score_positions(_constant, "en", _TEXT, _MASKS)
    batches = list(_MASKS.batches("en", _TEXT))
    masked = sum(int((batch.inputs == MASK).sum()) for batch in batches)
    assert len(positions.ranks) == len(positions.losses) == len(positions.sequences) == masked
    expected = Counter(sequence for batch in batches for sequence in batch.sequences[batch.target_rows].tolist())
    assert Counter(positions.sequences.tolist()) == expected
    assert positions.count == 60
    tokens = 2 * len(_TEXT.ids)
    assert abs(masked - 0.15 * tokens) < 5 * np.sqrt(tokens * 0.15 * 0.85)


def test_unknown_words_are_not_scored() -> None:
    text = make_text(60)
    text.ids[::2] = UNKNOWN
    for batch in _MASKS.batches("en", text):
        assert not (batch.gold < 5).any()
    before, after = (len(score_positions(_constant, "en", each, _MASKS).ranks) for each in (make_text(60), text))
    assert 0.3 < after / before < 0.7


def test_two_models_are_asked_about_the_same_positions() -> None:
    gold: list[list[int]] = [[], []]

    def remember(place: int) -> mlm.Predictor:
        predict = model_predictor(make_model(place))

        def remembering(batch: Batch) -> tuple[Tensor, Tensor]:
            gold[place].extend(batch.gold.tolist())
            return predict(batch)

        return remembering

    one, other = (score_positions(remember(place), "en", _TEXT, _MASKS) for place in (0, 1))
    assert gold[0] == gold[1]
    assert _same_masks(one, other)
    assert not np.array_equal(one.ranks, other.ranks)


def test_languages_and_seeds_have_masks_of_their_own() -> None:
    first = score_positions(_constant, "en", _TEXT, _MASKS)
    other_seed = TestMasks(rate=0.15, draws=2, sequences=None, seed=1, special=SPECIAL)
    assert not _same_masks(first, score_positions(_constant, "eu", _TEXT, _MASKS))
    assert not _same_masks(first, score_positions(_constant, "en", _TEXT, other_seed))


def test_a_limit_takes_the_first_sequences_as_they_were() -> None:
    limited = TestMasks(rate=0.15, draws=2, sequences=20, seed=0, special=SPECIAL)
    whole = score_positions(model_predictor(make_model()), "en", _TEXT, _MASKS)
    part = score_positions(model_predictor(make_model()), "en", _TEXT, limited)
    first = whole.sequences < 20
    assert part.count == 20
    assert np.array_equal(part.ranks, whole.ranks[first])
    assert np.array_equal(part.sequences, whole.sequences[first])


def test_models_that_know_nothing_and_everything() -> None:
    constant = score_positions(_constant, "en", _TEXT, _MASKS)
    assert (constant.ranks == VOCABULARY).all()
    np.testing.assert_allclose(constant.losses, np.log(VOCABULARY), rtol=1e-6)
    knowing = score_positions(_knowing, "en", _TEXT, _MASKS)
    assert (knowing.ranks == 1).all() and (knowing.losses < 1e-6).all()


def test_guessing_scores_the_harmonic_mean() -> None:
    text = make_text(3000)
    guesses = score_positions(_guessing, "en", text, _MASKS)
    # Ranks are uniform over 1 to |V|, so the mean reciprocal rank is H(|V|) / |V|: about 0.08 of 60 words.
    reciprocal = 1 / np.arange(1, VOCABULARY + 1)
    assert abs((1 / guesses.ranks).mean() - reciprocal.mean()) < 5 * reciprocal.std() / np.sqrt(len(guesses.ranks))


def test_word_frequencies_against_counting_by_hand() -> None:
    train = make_text(200, seed=4)
    counts = Counter(train.ids.tolist())
    predict = frequency_predictor(train, VOCABULARY)
    positions = score_positions(predict, "en", _TEXT, _MASKS)
    expected_ranks, expected_losses = [], []
    rows = [
        (sequence, column, gold)
        for batch in _MASKS.batches("en", _TEXT)
        for sequence, column, gold in zip(
            batch.sequences[batch.target_rows], batch.targets % batch.inputs.shape[1], batch.gold, strict=True
        )
    ]
    smoothed = sum(counts[word] + 1 for word in range(VOCABULARY))
    for _, _, gold in sorted(rows, key=lambda row: row[:2]):
        expected_ranks.append(sum(counts[word] >= counts[gold] for word in range(VOCABULARY)))
        expected_losses.append(-np.log((counts[gold] + 1) / smoothed))
    assert positions.ranks.tolist() == expected_ranks
    np.testing.assert_allclose(positions.losses, expected_losses, rtol=1e-5)


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(InputError, match="NaN"):
        score_positions(lambda batch: (_constant(batch)[0] * torch.nan, _constant(batch)[1]), "en", _TEXT, _MASKS)


def test_scoring_leaves_no_gradient_and_no_dropout() -> None:
    model = make_model().train()
    first = score_positions(model_predictor(model), "en", _TEXT, _MASKS)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert np.array_equal(first.losses, score_positions(model_predictor(model), "en", _TEXT, _MASKS).losses)
