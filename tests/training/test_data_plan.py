"""How much text, how often, in how many updates."""

from typing import Any

import numpy as np
import pytest

from equiglot.corpus.balancing import All, Annealed, BalancingPolicy, Cap, Smoothing, Truncate, UniMax
from equiglot.errors import InputError
from equiglot.masking import BatchSettings, MaskSettings, Source
from equiglot.training import DataPlan, TrainingSettings, plan_data
from equiglot.vocabulary import TokenizedText
from tests.tiny import SPECIAL, make_text

_TEXTS = {"en": make_text(900), "eu": make_text(150, seed=1)}
_SIZES = {language: int(text.characters[-1]) for language, text in _TEXTS.items()}
_POLICIES = [All(), Truncate(), Cap(characters=3000), Smoothing(alpha=0.3), UniMax(passes=3)]


def _plan(policy: BalancingPolicy, texts: dict[str, TokenizedText] = _TEXTS, **fields: object) -> DataPlan:
    settings = TrainingSettings.model_validate({"batch": {"sentences": 4}, **fields})
    sources = [Source(code, text, SPECIAL, MaskSettings(), 0) for code, text in texts.items()]
    return plan_data(sources, policy, settings, special=SPECIAL, seed=0)


def _tokens_read(reading: DataPlan, accumulation: int = 1) -> dict[str, int]:
    counts = np.zeros(2, dtype=np.int64)
    for index in range(reading.updates * accumulation):
        batch = reading.stream[index]
        np.add.at(counts, batch.languages, batch.lengths - 2)
    return dict(zip(reading.stream.languages, counts.tolist(), strict=True))


@pytest.mark.parametrize("policy", _POLICIES, ids=lambda policy: policy.kind)
@pytest.mark.parametrize("batch", [BatchSettings(sentences=4), BatchSettings(tokens=70)], ids=["sentences", "tokens"])
def test_a_training_reads_what_its_policy_says(policy: BalancingPolicy, batch: BatchSettings) -> None:
    reading = _plan(policy, batch=batch, epochs=4)
    tokens = _tokens_read(reading)
    for language, portion in policy.portions(_SIZES, 4).items():
        # A token of these texts is four characters; whole sequences and whole batches are read.
        assert 4 * tokens[language] == pytest.approx(portion.passes * portion.characters, rel=0.05)


def test_truncation_is_by_characters_and_takes_whole_sequences() -> None:
    reading = _plan(Truncate(), epochs=1)
    assert reading.characters["eu"] == _SIZES["eu"]
    kept, characters = reading.sequences["en"], _TEXTS["en"].characters
    assert characters[kept] <= _SIZES["eu"] < characters[kept + 1]
    assert reading.characters["en"] == characters[kept]
    assert reading.tokens["en"] == _TEXTS["en"].offsets[kept]


def test_a_smaller_cap_is_the_beginning_of_a_larger_one() -> None:
    text = _TEXTS["en"]
    found = []
    for characters in (2000, 4000, 9000):
        reading = _plan(Cap(characters=characters), {"en": text}, epochs=1)
        batches = [reading.stream[index] for index in range(reading.updates)]
        found.append({int(each) for batch in batches for each in batch.sequences})
        assert characters - reading.characters["en"] < 200  # whole sequences
    small, middle, large = found
    assert small < middle < large
    assert large == set(range(len(large)))


@pytest.mark.parametrize("accumulation", [1, 3])
def test_length_in_epochs(accumulation: int) -> None:
    reading = _plan(All(), epochs=2, accumulation=accumulation)
    assert reading.updates == pytest.approx(2 * 1050 / 4 / accumulation, rel=0.02)


@pytest.mark.parametrize("policy", _POLICIES[:4], ids=lambda policy: policy.kind)
@pytest.mark.parametrize("updates", [1, 77, 1000])
def test_length_in_updates(policy: BalancingPolicy, updates: int) -> None:
    assert _plan(policy, updates=updates).updates == updates


@pytest.mark.parametrize("updates", [1, 50, 77, 263, 500])
@pytest.mark.parametrize("batch", [{"sentences": 4}, {"tokens": 70}])
def test_unimax_shortens_a_training_only_where_the_text_is_used_up(updates: int, batch: dict[str, int]) -> None:
    assert _plan(UniMax(passes=100), updates=updates, batch=batch).updates == updates
    short = _plan(UniMax(passes=0.5), updates=updates, batch={"sentences": 4}).updates
    assert short == pytest.approx(min(updates, 0.5 * 1050 / 4), abs=2)


def test_no_language_is_read_more_often_than_unimax_says() -> None:
    texts = {"en": make_text(900), "eu": make_text(150, seed=1), "tr": make_text(85, seed=2)}
    for passes, updates in ((1.0, 20_000), (1.1, 1000), (2.0, 10_000)):
        reading = _plan(UniMax(passes=passes), texts, updates=updates)
        counts = np.zeros(3)
        for index in range(reading.updates):
            np.add.at(counts, reading.stream[index].languages, 1)
        read = counts / [900, 150, 85]
        assert read == pytest.approx(passes, rel=0.05) and max(read) < 1.01 * passes


@pytest.mark.parametrize(
    ("policy", "fields", "updates"),
    [
        (UniMax(passes=2), {"updates": 10_000, "batch": {"sentences": 100}}, 21),
        (UniMax(passes=2), {"epochs": 100, "batch": {"sentences": 4}, "accumulation": 25}, 21),
        (Annealed(start=0.7, end=0.3), {"epochs": 1, "batch": {"sentences": 150}}, 7),
        (Annealed(start=0.7, end=0.3), {"updates": 3, "batch": {"sentences": 150}}, 3),
        (Annealed(start=0.7, end=0.3, passes=2), {"updates": 1, "batch": {"sentences": 10}, "accumulation": 15}, 1),
    ],
)
def test_batches_are_as_large_as_they_are_asked_for(
    policy: BalancingPolicy, fields: dict[str, Any], updates: int
) -> None:
    """However little of the text a part of the training reads, or is left to read."""
    reading = _plan(policy, **fields)
    assert abs(reading.updates - updates) <= 1
    count = reading.updates * int(fields.get("accumulation", 1))
    sizes = [len(reading.stream[index].lengths) for index in range(count)]
    assert np.mean(sizes) == pytest.approx(fields["batch"]["sentences"], rel=0.06)


def test_the_default_is_ten_epochs() -> None:
    assert _plan(All()).updates == _plan(All(), epochs=10).updates


@pytest.mark.parametrize("policy", _POLICIES, ids=lambda policy: policy.kind)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_little_text_is_refused(policy: BalancingPolicy, count: int) -> None:
    texts = {"en": make_text(900), "eu": make_text(count, seed=1)}
    with pytest.raises(InputError, match=r"text of e[nu] "):
        _plan(policy, texts, epochs=1)
