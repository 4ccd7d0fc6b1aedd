"""What is stored is what the teacher says of the very positions that a student comes to predict."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from equiglot.errors import InputError
from equiglot.labels import LabelStore, StoreSettings, label_text, writing
from equiglot.masking import Batch, BatchSettings, BatchStream, MaskSettings, Source
from equiglot.models import target_logits, to_tensors
from equiglot.objectives import hard_loss
from tests.labels.stores import FACTS, SHARD_TOKENS, make_store, source, teacher
from tests.tiny import SPECIAL, VOCABULARY, make_text

_EXACT = StoreSettings(k=8, precision="fp32")


def _stream(*sources: Source) -> BatchStream:
    size = BatchSettings(sentences=5)
    return BatchStream(sources, [{each.language: 1.0 for each in sources}], size=size, special=SPECIAL, seed=11)


def _places(store: LabelStore, batch: Batch) -> np.ndarray:
    rows = batch.target_rows
    places: np.ndarray = store.places(batch.sequences, batch.row_ids.draws)[rows] + batch.mask_index
    return places


@pytest.mark.parametrize("draws", [1, 3])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_student_finds_what_the_teacher_says_of_its_batches(tmp_path: Path, draws: int, temperature: float) -> None:
    settings = _EXACT.model_copy(update={"draws": draws, "temperature": temperature})
    store, stream, model = make_store(tmp_path / "s", settings, source(draws)), _stream(source(draws)), teacher()
    asked = 0
    for index in range(4 * stream.epoch_batches):
        batch = stream[index]
        logits = target_logits(model, to_tensors(batch, torch.device("cpu")))
        exact = torch.log_softmax(logits / temperature, -1)
        values, ids = exact.topk(8)
        found = store.read(_places(store, batch))
        np.testing.assert_allclose(found.log_probabilities, values.numpy(), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found.rest, exact.exp().scatter(1, ids, 0).sum(-1).numpy(), rtol=1e-3, atol=1e-6)
        assert np.array_equal(found.ids, ids.numpy())
        asked += len(batch.targets)
    assert asked > 500 and store.positions < asked * (draws + 1) / 4


def test_all_of_the_distribution_can_be_kept(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", StoreSettings(k=999, samples=2, precision="fp32"), source())
    rows = store.read(np.arange(store.positions))
    assert rows.ids.shape == (store.positions, VOCABULARY) and rows.samples.shape == (store.positions, 2)
    assert not rows.rest.any()
    np.testing.assert_allclose(np.exp(rows.log_probabilities).sum(axis=1), 1, rtol=1e-5)
    assert (np.sort(rows.ids, axis=1) == np.arange(VOCABULARY)).all()


def test_what_is_kept_and_the_rest_are_one(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", StoreSettings(k=5), source())
    rows = store.read(np.arange(store.positions))
    kept = np.exp(rows.log_probabilities.astype(np.float64))
    # log p in fp16 is off by 2**-11 of itself, p by as much times |log p|
    bound = (kept * -rows.log_probabilities).sum(axis=1) * 2**-11 * 1.01 + 1e-6
    assert (abs(kept.sum(axis=1) + rows.rest - 1) <= bound).all()
    assert rows.rest.min() > 0


def test_samples_are_of_the_rest_and_the_same_however_they_are_made(tmp_path: Path) -> None:
    settings = StoreSettings(samples=4, draws=2)
    whole = make_store(tmp_path / "a", settings, source(2), shard_tokens=10**6)
    parts = make_store(tmp_path / "b", settings, source(2), shard_tokens=90)
    assert (whole.manifest.shards, len(parts.shards) > 20) == (1, True)
    places = np.arange(whole.positions)
    one, other = whole.read(places), parts.read(places)
    assert np.array_equal(one.samples, other.samples)
    assert not (one.samples[:, :, None] == one.ids[:, None]).any()
    assert len(np.unique(one.samples)) > 40
    last = make_store(tmp_path / "c", settings, source(2, seed=4)).read(places[:50])
    assert not np.array_equal(one.samples[:50], last.samples)


def test_what_a_shard_says_of_itself(tmp_path: Path) -> None:
    store, stream, model = make_store(tmp_path / "s", _EXACT, source()), _stream(source()), teacher()
    kept = entropy = loss = agreed = positions = tokens = 0.0
    for index in range(stream.epoch_batches):
        batch = stream[index]
        tensors = to_tensors(batch, torch.device("cpu"))
        logits = target_logits(model, tensors)
        exact = torch.softmax(logits, -1)
        kept += exact.topk(8).values.sum().item()
        entropy -= (exact * exact.log()).sum().item()
        loss += hard_loss(logits, tensors.gold).sum().item()
        agreed += int((logits.argmax(-1) == tensors.gold).sum())
        positions, tokens = positions + len(batch.targets), tokens + int(batch.lengths.sum())
    found = store.statistics
    assert (found.positions, found.tokens, found.agreed) == (positions, tokens, agreed)
    assert (found.kept, found.entropy, found.loss) == pytest.approx((kept, entropy, loss), rel=1e-5)
    assert found.seconds > 0
    assert [each.begin for each in store.shards[1:]] == [each.end for each in store.shards[:-1]]


def test_only_what_may_be_read_is_labelled(tmp_path: Path) -> None:
    chosen = np.flatnonzero(np.random.default_rng(0).random(120) < 0.4)
    chosen = chosen[(chosen < 20) | (chosen > 60)]  # a whole shard without any
    some, every = source(sequences=chosen), source()
    store = make_store(tmp_path / "s", _EXACT, some, shard_tokens=150)
    whole = make_store(tmp_path / "w", _EXACT, every)
    assert store.positions < whole.positions and 0 in [each.statistics.positions for each in store.shards]
    zeros = np.zeros_like(chosen)
    counts = np.diff(whole.places(np.arange(120), np.zeros(120, dtype=np.int64)), append=whole.positions)[chosen]
    assert np.array_equal(np.diff(store.places(chosen, zeros), append=store.positions), counts)
    theirs = (
        np.repeat(whole.places(chosen, zeros), counts)
        + np.arange(counts.sum())
        - np.repeat(counts.cumsum() - counts, counts)
    )
    one, other = store.read(np.arange(store.positions)), whole.read(theirs)
    np.testing.assert_allclose(one.log_probabilities, other.log_probabilities, rtol=1e-4)
    for wrong in (np.array([3, 40]), np.array([120]), np.array([-1])):
        with pytest.raises(ValueError, match="not labelled"):
            store.places(wrong, np.zeros_like(wrong))
    with pytest.raises(ValueError, match="not labelled"):
        store.places(chosen[:1], np.array([1]))
    with pytest.raises(InputError, match="selection was"):
        make_store(store.path, _EXACT, source(sequences=chosen[3:]), shard_tokens=150)
    first = make_store(tmp_path / "f", _EXACT, source(sequences=30))
    assert first.manifest.sequences == 30 and first.positions == whole.places(np.array([30]), np.array([0]))[0]


def test_long_sequences_need_more_than_a_byte_for_their_counts(tmp_path: Path) -> None:
    text = source(text=make_text(3, shortest=30, longest=30), masks=MaskSettings(rate=0.9))
    assert (
        np.load(tmp_path / make_store(tmp_path / "a", _EXACT, text).path / "shards/000000/counts.npy").dtype == np.uint8
    )
    counts = writing._small(np.array([[255], [3], [-1]]))
    assert counts.dtype == np.uint16 and counts.ravel().tolist() == [255, 3, 65535]


def test_text_without_a_masked_position_has_labels_too(tmp_path: Path) -> None:
    text = source(text=make_text(2, shortest=1, longest=1), masks=MaskSettings(rate=0.01))
    store = make_store(tmp_path / "s", _EXACT, text)
    assert store.positions == 0 and len(store.read(np.empty(0, dtype=np.int64)).ids) == 0
    assert store.places(np.array([0, 1]), np.array([0, 0])).tolist() == [0, 0]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_a_teacher_without_numbers_is_refused(tmp_path: Path, wrong: float) -> None:
    model = teacher()
    model.get_parameter("cls.predictions.bias").data[9] = wrong
    with pytest.raises(InputError, match=r"says of sequence \d+ of eu is not a number") as refused:
        label_text(model, source(), SPECIAL, _EXACT, FACTS, tmp_path)
    assert refused.value.where and refused.value.fix


def test_what_was_labelled_otherwise_is_refused_with_the_difference(tmp_path: Path) -> None:
    make_store(tmp_path, _EXACT, source())
    changes: list[tuple[dict[str, Any], str]] = [
        ({"settings": StoreSettings(k=4)}, "settings.k was 8, is 4; settings.precision was fp32, is fp16"),
        ({"source": source(seed=4)}, "seed was 3, is 4"),
        ({"source": source(masks=MaskSettings(rate=0.2))}, "masks.rate was 0.15, is 0.2"),
        ({"facts": {**FACTS, "text": "78"}}, "facts.text was 77, is 78"),
        ({"facts": {"text": "77"}}, "facts.teacher was {'weights': '3f'}, is not there"),
    ]
    for change, difference in changes:
        given = {"settings": _EXACT, "source": source(), "facts": FACTS, **change}
        with pytest.raises(InputError, match=re.escape(difference)):
            label_text(
                teacher(),
                given["source"],
                SPECIAL,
                given["settings"],
                given["facts"],
                tmp_path,
                shard_tokens=SHARD_TOKENS,
            )


def test_several_draws_of_one_mask_are_refused(tmp_path: Path) -> None:
    text = source(masks=MaskSettings(dynamic=False))
    with pytest.raises(InputError, match="no several draws"):
        label_text(teacher(), text, SPECIAL, StoreSettings(draws=2), FACTS, tmp_path)
    with pytest.raises(InputError, match="eu is empty"):
        label_text(teacher(), source(sequences=0), SPECIAL, _EXACT, FACTS, tmp_path)
    assert not list(tmp_path.iterdir())


def test_progress_counts_every_sequence_once_a_draw(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    for _ in range(2):  # the second time all is there
        make_store(tmp_path, StoreSettings(draws=2), source(2), tell=lambda *each: told.append(each))
    assert {stage for stage, _ in told} == {"labelling"} and sum(amount for _, amount in told) == 2 * 2 * 120


def test_labelling_that_is_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    make_store(tmp_path / "whole", _EXACT, source())
    done, calls = tmp_path / "stopped", 0

    def stop() -> bool:
        nonlocal calls
        calls += 1
        return calls % 4 == 0

    turns = 1
    while not label_text(teacher(), source(), SPECIAL, _EXACT, FACTS, done, stop=stop, shard_tokens=SHARD_TOKENS):
        turns += 1
    assert turns > 1
    for name in ("rows.npy", "counts.npy"):
        whole, stopped = (sorted((tmp_path / each).glob(f"shards/*/{name}")) for each in ("whole", "stopped"))
        assert [each.read_bytes() for each in whole] == [each.read_bytes() for each in stopped]


def test_algorithms_are_deterministic_whoever_labels(tmp_path: Path) -> None:
    torch.use_deterministic_algorithms(False)  # as in a process of a user's
    try:
        make_store(tmp_path / "s", _EXACT, source(1))
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(True)
