"""Masks: pure, at the promised rates, and never about special tokens."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from equiglot.masking import MaskSettings, Source, SpecialTokens, evaluation_masks, mask_tokens, sources
from equiglot.masking.masks import mask_rates
from tests.tiny import MASK, SPECIAL, UNKNOWN, VOCABULARY, make_text

_SPECIAL = SPECIAL


class _Tokens:
    """Random tokens with their identities."""

    def __init__(self, count: int, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.ids = generator.integers(5, VOCABULARY, count)
        self.sequences = np.repeat(generator.integers(0, 2**63, count // 20 + 1, dtype=np.uint64), 20)[:count]
        self.draws = np.zeros(count, dtype=np.uint64)
        self.positions = (np.arange(count) % 20).astype(np.uint64)

    def masked(
        self,
        settings: MaskSettings,
        where: np.ndarray | slice = slice(None),
        *,
        special: SpecialTokens = _SPECIAL,
        seed: int = 0,
    ) -> tuple[np.ndarray, np.ndarray]:
        identities = (part[where] for part in (self.sequences, self.draws, self.positions))
        return mask_tokens(self.ids[where], *identities, settings=settings, special=special, seed=seed)


def _binomial(hits: int, trials: int, rate: float) -> bool:
    return abs(hits - trials * rate) <= 5 * math.sqrt(trials * rate * (1 - rate))


@given(where=st.lists(st.integers(0, 499), max_size=100), rate=st.floats(0.01, 0.9), seed=st.integers(0, 2**63))
def test_what_happens_to_a_token_does_not_depend_on_the_others(where: list[int], rate: float, seed: int) -> None:
    tokens, settings = _Tokens(500), MaskSettings(rate=rate)
    inputs, chosen = tokens.masked(settings, seed=seed)
    some_inputs, some_chosen = tokens.masked(settings, np.array(where, dtype=np.int64), seed=seed)
    assert np.array_equal(some_inputs, inputs[where])
    assert np.array_equal(some_chosen, chosen[where])


def test_rates_are_what_the_settings_say() -> None:
    tokens, settings = _Tokens(200_000), MaskSettings(rate=0.15, mask_share=0.8, random_share=0.1)
    inputs, chosen = tokens.masked(settings)
    count = int(chosen.sum())
    assert _binomial(count, 200_000, 0.15)
    assert np.array_equal(inputs[~chosen], tokens.ids[~chosen])
    masked = int((inputs[chosen] == MASK).sum())
    kept = int((inputs[chosen] == tokens.ids[chosen]).sum())
    by_chance = 0.1 / len(_SPECIAL.maskable_ids)  # A random word may be the word itself.
    assert _binomial(masked, count, 0.8)
    assert _binomial(kept, count, 0.1 + by_chance)
    assert _binomial(count - masked - kept, count, 0.1 - by_chance)


def test_random_words_are_any_ordinary_word_equally_often() -> None:
    inputs, chosen = _Tokens(200_000).masked(MaskSettings(rate=0.9, mask_share=0, random_share=1))
    counts = np.bincount(inputs[chosen], minlength=VOCABULARY)
    assert counts[:5].sum() == 0
    expected = counts.sum() / 55
    # Chi-squared with 54 degrees of freedom: 115 is beyond one in 100,000.
    assert ((counts[5:] - expected) ** 2 / expected).sum() < 115


def test_special_tokens_are_never_targets_even_where_they_stand_in_the_text() -> None:
    tokens = _Tokens(20_000)
    tokens.ids[::3] = UNKNOWN
    tokens.ids[1::3] = MASK
    inputs, chosen = tokens.masked(MaskSettings(rate=0.5))
    special = tokens.ids < 5
    assert not chosen[special].any()
    assert np.array_equal(inputs[special], tokens.ids[special])
    assert _binomial(int(chosen[~special].sum()), int((~special).sum()), 0.5)


def test_ordinary_words_need_not_be_in_order() -> None:
    tokens, settings = _Tokens(5000), MaskSettings(rate=0.5, mask_share=0.5, random_share=0.5)
    odd = replace(_SPECIAL, maskable_ids=np.array([59, 7, 5, 31]))
    inputs, chosen = tokens.masked(settings, special=odd)
    assert set(tokens.ids[chosen].tolist()) == {5, 7, 31, 59}
    assert set(inputs[chosen].tolist()) == {MASK, 5, 7, 31, 59}


def test_draws_and_seeds_give_new_masks_and_new_words() -> None:
    tokens, settings = _Tokens(20_000), MaskSettings(rate=0.2)
    _, first = tokens.masked(settings)
    _, other_seed = tokens.masked(settings, seed=1)
    tokens.draws += np.uint64(1)
    _, other_draw = tokens.masked(settings)
    for other in (other_seed, other_draw):
        assert _binomial(int((first & other).sum()), 20_000, 0.04)  # Independent: a fifth of a fifth.


def test_evaluation_masks_every_chosen_position() -> None:
    inputs, chosen = _Tokens(10_000).masked(evaluation_masks(0.15))
    assert chosen.any()
    assert (inputs[chosen] == MASK).all()


@pytest.mark.parametrize(
    "wrong", [{"rate": 0}, {"rate": 1}, {"mask_share": 0.8, "random_share": 0.3}, {"mask_share": -0.1}, {"share": 1}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        MaskSettings.model_validate(wrong)


@given(
    counts=st.lists(st.integers(0, 10_000), min_size=2, max_size=300),
    rate=st.floats(0.02, 0.9),
    smoothing=st.floats(0.05, 1),
)
def test_rare_words_are_predicted_more_often_and_all_together_as_often_as_ever(
    counts: list[int], rate: float, smoothing: float
) -> None:
    seen = np.array([*counts, 7])
    rates = mask_rates(seen, MaskSettings(rate=rate, smoothing=smoothing))
    assert rates is not None and (rates > 0).all() and rates.max() <= max(0.5, rate) + 1e-12
    assert (seen * rates).sum() == pytest.approx(rate * seen.sum(), rel=1e-9)
    order = np.argsort(seen)
    assert (np.diff(rates[order]) <= 1e-12).all()
    some = (rates < max(0.5, rate) - 1e-9) & (seen > 0)
    factors = rates[some] * seen[some] ** smoothing
    assert len(factors) == 0 or factors.max() == pytest.approx(factors.min())


def test_rates_of_words_are_those_of_the_masks() -> None:
    counts = np.array([0] * 5 + [9000, 900, 90, 9])
    settings = MaskSettings(rate=0.2, smoothing=0.5)
    assert mask_rates(counts, MaskSettings(rate=0.2)) is None
    rates = mask_rates(counts, settings)
    assert rates is not None
    ids = np.repeat(np.arange(9), 20_000)
    where = np.arange(len(ids), dtype=np.uint64)
    special = SpecialTokens(2, 3, 0, 4, np.arange(5, 9))
    _, chosen = mask_tokens(
        ids, where, np.zeros_like(where), where, settings=settings, special=special, seed=1, rates=rates
    )
    found = chosen.reshape(9, -1).mean(axis=1)
    assert not found[:5].any()
    np.testing.assert_allclose(found[5:], rates[5:], atol=0.015)


def test_a_source_counts_its_own_tokens_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    text, settings = make_text(40), MaskSettings(smoothing=0.7)
    source = Source("en", text, SPECIAL, settings, 0)
    monkeypatch.setattr(sources, "_COUNTED", 7)
    counts = np.bincount(text.ids, minlength=VOCABULARY)
    counts[[each for each in range(len(counts)) if each not in SPECIAL.maskable_ids]] = 0
    expected = mask_rates(counts, settings)
    assert expected is not None and source.rates is not None
    np.testing.assert_array_equal(source.rates[: len(expected)], expected[: len(source.rates)])
    assert Source("en", text, SPECIAL, MaskSettings(), 0).rates is None
