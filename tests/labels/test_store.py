"""Stores are found as they were written, or refused with what is wrong."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equiglot.errors import InputError
from equiglot.files import read_sealed, write_sealed
from equiglot.labels import LabelStore, StoreSettings, label_text, open_store
from equiglot.labels.position_index import PositionIndex
from equiglot.masking import MaskSettings
from tests.labels.stores import FACTS, SHARD_TOKENS, make_store, source, teacher
from tests.tiny import SPECIAL


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> LabelStore:
    return make_store(tmp_path_factory.mktemp("made") / "store", StoreSettings(draws=2), source(2))


@pytest.fixture
def copied(made: LabelStore, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.path, tmp_path / "store"))


def test_a_store_says_what_it_is_of(made: LabelStore) -> None:
    opened = open_store(made.path)
    assert opened == made
    assert (opened.settings, opened.vocabulary_size) == (StoreSettings(draws=2), 60)
    manifest = opened.manifest
    assert (manifest.language, manifest.masks, manifest.seed, manifest.sequences) == ("eu", MaskSettings(), 3, 120)
    assert manifest.shards == len(opened.shards) > 5 and manifest.facts == FACTS
    opened.check(FACTS)


def test_rows_are_read_in_any_order_and_as_often_as_asked(made: LabelStore) -> None:
    every = made.read(np.arange(made.positions))
    places = np.random.default_rng(0).integers(0, made.positions, 3000)
    some = made.read(places)
    for name in ("ids", "log_probabilities", "rest", "samples"):
        assert np.array_equal(getattr(some, name), getattr(every, name)[places])
    assert [array.dtype for array in (some.ids, some.log_probabilities, some.rest)] == [
        np.int64,
        np.float32,
        np.float32,
    ]
    assert made.read(np.empty(0, dtype=np.int64)).ids.shape == (0, 8)


@pytest.mark.parametrize(("sequences", "draws", "parts"), [(1, 1, 1), (64, 1, 1), (500, 3, 4), (129, 2, 2)])
def test_places_are_sums_of_the_counts_before(sequences: int, draws: int, parts: int) -> None:
    generator = np.random.default_rng(0)
    counts = generator.integers(0, 9, (sequences, draws)).astype(np.uint16)
    cut = [part.astype(np.uint8) if number % 2 else part for number, part in enumerate(np.array_split(counts, parts))]
    index = PositionIndex(cut)
    keys = generator.permutation(counts.size)
    before = np.cumsum(counts.ravel(), dtype=np.int64) - counts.ravel()
    assert np.array_equal(index.places(keys // draws, keys % draws), before[keys])


def test_other_facts_are_refused_with_the_difference(made: LabelStore) -> None:
    now = {"teacher": {"weights": "40"}, "text": "77", "tokenizer": "5"}
    difference = "teacher.weights was 3f, is 40; tokenizer was not there, is 5"
    with pytest.raises(InputError, match=re.escape(difference)) as refused:
        made.check(now)
    assert refused.value.where == str(made.path) and refused.value.fix


def test_a_changed_byte_is_found(copied: Path) -> None:
    damaged = copied / "shards" / "000003" / "rows.npy"
    content = bytearray(damaged.read_bytes())
    content[-5] ^= 1
    damaged.write_bytes(content)
    store = open_store(copied)
    with pytest.raises(InputError, match="the shard is damaged") as refused:
        store.check(FACTS)
    assert refused.value.where == str(damaged)
    # What is to be done about it works.
    shutil.rmtree(damaged.parent)
    assert label_text(teacher(), source(2), SPECIAL, StoreSettings(draws=2), FACTS, copied, shard_tokens=SHARD_TOKENS)
    open_store(copied).check(FACTS)


def test_what_is_no_finished_store_is_refused(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no store of labels"):
        open_store(tmp_path / "nowhere")
    shard = copied / "shards" / "000002"
    rows = (shard / "rows.npy").read_bytes()
    for content, wrong in {rows[:-7]: "cannot be read", rows[:40]: "cannot be read", b"": "cannot be read"}.items():
        (shard / "rows.npy").write_bytes(content)
        with pytest.raises(InputError, match=wrong):
            open_store(copied)
    np.save(shard / "rows.npy", np.load(copied / "shards" / "000004" / "rows.npy")[:3])
    with pytest.raises(InputError, match="does not belong"):
        open_store(copied)
    (shard / "shard.json").write_text("{")
    with pytest.raises(InputError, match="missing or damaged"):
        open_store(copied)
    shutil.rmtree(shard)
    with pytest.raises(InputError, match=r"\d+ of \d+ shards are labelled") as refused:
        open_store(copied)
    assert "continues" in str(refused.value)
    (copied / "store.json").write_text(json.dumps({"settings": {}}))
    with pytest.raises(InputError, match="no store of labels: Field required"):
        open_store(copied)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shards", 1e12),
        ("shards", 0),
        ("sequences", -5),
        ("sequences", 1e300),
        ("vocabulary_size", 1e12),
        ("vocabulary_size", 0),
        ("settings", {"k": 1e12}),
        ("settings", {"draws": 1e12}),
        ("settings", {"samples": -1}),
    ],
)
def test_numbers_that_no_store_has_are_refused(copied: Path, field: str, value: Any) -> None:
    manifest = json.loads((copied / "store.json").read_text())
    (copied / "store.json").write_text(json.dumps({**manifest, field: value}))
    with pytest.raises(InputError, match=r"no store of labels: (Input should be|Unable to parse)") as refused:
        open_store(copied)
    assert refused.value.where == str(copied / "store.json")


@pytest.mark.parametrize(("field", "value"), [("checksums", {"/dev/zero": "0"}), ("end", -1), ("begin", 1e300)])
def test_a_shard_that_says_what_none_does_is_refused(copied: Path, field: str, value: Any) -> None:
    path = copied / "shards" / "000001" / "shard.json"
    write_sealed(path, {**read_sealed(path), field: value})
    with pytest.raises(InputError, match=r"missing or damaged: (Input should be|Unable to parse)"):
        open_store(copied)


def test_files_of_a_store_that_do_not_belong_together_are_refused(copied: Path) -> None:
    shard = copied / "shards" / "000001"
    rows, counts = (np.load(shard / name) for name in ("rows.npy", "counts.npy"))
    np.save(shard / "rows.npy", np.full_like(rows, 255))
    store = open_store(copied)
    with pytest.raises(InputError, match="ids beyond the teacher's vocabulary"):
        store.read(np.arange(store.positions))
    with pytest.raises(InputError, match="fewer positions than they say"):
        store.read(np.array([store.positions]))
    for name, wrong in (("rows.npy", rows.astype(np.float64)), ("counts.npy", counts.astype(np.int64))):
        np.save(shard / name, wrong)
        with pytest.raises(InputError, match="does not belong to this store"):
            open_store(copied)
        np.save(shard / name, {"rows.npy": rows, "counts.npy": counts}[name])
