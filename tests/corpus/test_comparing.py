"""Duplicates and overlap: what the steps that compare sentences drop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.corpus import TextSettings, fold
from equiglot.corpus import overlap as overlap_module
from equiglot.corpus import sorting as sorting_module
from equiglot.corpus import spool as spool_module
from equiglot.corpus.cleaning import Cleaner
from equiglot.corpus.overlap import FEWEST, drop_overlap
from equiglot.corpus.sorting import drop_repeats
from equiglot.corpus.spool import DROPPED, TEST, TRAIN, Spool, SpoolWriter, open_spool
from equiglot.hashing import digest


def spooled(folder: Path, texts: list[str]) -> Spool:
    """Sentences on disk, each a document."""
    folder.mkdir(exist_ok=True)
    cleaner = Cleaner("en", TextSettings(min_characters=1, split_sentences=False))
    with SpoolWriter(folder, seed=0) as writer:
        for number, text in enumerate(texts):
            writer.add(cleaner.clean([text], [number]), [digest(text)])
    return open_spool(folder)


def left(texts: list[str], spool: Spool) -> list[str]:
    return [text for text, fate in zip(texts, spool.fate[:], strict=True) if fate != DROPPED]


@given(st.lists(st.sampled_from(["ab", "AB", "ab!", "cd", "c d", "ef"]), max_size=30), st.integers(16, 200))
def test_the_first_of_equals_stays(tmp_path_factory: pytest.TempPathFactory, texts: list[str], limit: int) -> None:
    spool = spooled(tmp_path_factory.mktemp("spool"), texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting_module, "LIMIT", limit)
        patch.setattr(spool_module, "BLOCK", 4)
        drop_repeats(spool, spool.exact)
        kept = left(texts, spool)
        assert kept == list(dict.fromkeys(texts)) and spool.left() == (len(kept), sum(map(len, kept)))
        drop_repeats(spool, spool.folded)
        kept = left(texts, spool)
    first: dict[str, str] = {}
    for text in texts:
        first.setdefault(fold(text), text)
    assert kept == list(first.values())


def overlapping(folder: Path, held_out: list[str], training: list[str], share: float = 0.5, **more: int) -> list[str]:
    spool = spooled(folder, held_out + training)
    spool.fate[: len(held_out)] = np.full(len(held_out), TEST)
    drop_overlap(spool, share, lambda amount: None, **more)
    return [text for text, fate in zip(held_out + training, spool.fate[:], strict=True) if fate == DROPPED]


@pytest.mark.parametrize(
    ("held_out", "dropped", "kept"),
    [
        (
            "What is the weather forecast for Nicaragua?",
            "What is the weather forecast for Roseburg, Iowa?",
            "Is there any better weather in Nicaragua?",
        ),
        (
            "보는 내내 가슴이 뛰어서 잠을 이룰 수가 없었던 영화입니다.",
            "정말 보는 내내 가슴이 뛰어서 잠을 이룰 수가 없었어요.",
            "잠을 이룰 수가 없는 밤에는 오래된 영화가 좋습니다.",
        ),
        (
            "このノードは、モデルを別のデバイスに移動して実行します。",
            "このノードは、モデルを別のデバイスに移動します。",
            "別のデバイスで作成した画像を読み込むことができます。",
        ),
        (
            "วันนี้อากาศดีมากเราไปเดินเล่นที่สวนสาธารณะกันเถอะ",
            "วันนี้อากาศดีมากเราไปเดินเล่นที่สวนสัตว์กันเถอะ",
            "พรุ่งนี้อากาศดีเราอยู่บ้านอ่านหนังสือ",
        ),
        (
            "मुझे कल सुबह सात बजे दिल्ली जाने वाली गाड़ी पकड़नी है।",
            "मुझे कल सुबह सात बजे मुंबई जाने वाली गाड़ी पकड़नी है।",
            "दिल्ली में कल सुबह बहुत ठंड थी।",
        ),
        (
            "Завтра утром мы поедем на поезде в Санкт-Петербург.",
            "Завтра утром мы поедем на поезде в Москву.",
            "Поезд в Санкт-Петербург опоздал на два часа.",
        ),
    ],
)
def test_overlap_in_many_scripts(tmp_path: Path, held_out: str, dropped: str, kept: str) -> None:
    assert overlapping(tmp_path / "spool", [held_out], [dropped, kept]) == [dropped]


def test_an_everyday_phrase_is_no_overlap(tmp_path: Path) -> None:
    assert not overlapping(tmp_path / "spool", ["I don't know."], ["I don't know what became of the old house."])


def test_the_manner_of_a_text_is_no_overlap(tmp_path: Path) -> None:
    things = [
        "size",
        "colour",
        "height",
        "name",
        "volume",
        "angle",
        "speed",
        "weight",
        "depth",
        "width",
        "age",
        "price",
    ]
    held_out = [f"The {thing} (the default value is none)." for thing in things]
    assert not overlapping(tmp_path / "a", held_out, ["Whether to sort (the default value is none)."])
    assert overlapping(tmp_path / "b", held_out[:1], ["Whether to sort (the default value is none)."])


def grams(text: str) -> set[str]:
    folded = fold(text)
    return {folded[i : i + 8] for i in range(len(folded) - 7)}


def expected(held_out: list[str], training: list[str], share: float) -> list[str]:
    """Overlap, the slow way (without common n-grams)."""
    sets = [grams(text) for text in held_out]
    return [t for t in training if any(len(grams(t) & s) >= max(FEWEST, share * len(s) - 1e-9) for s in sets if s)]


WORDS = "the cat dog sat ate on under near mat table house quickly and then slept well"
words = st.sampled_from(WORDS.split())
sentence = st.lists(words, min_size=1, max_size=14).map(" ".join)


@given(
    st.lists(sentence, min_size=1, max_size=8), st.lists(sentence, max_size=8), st.sampled_from([0.2, 0.5, 1.0]),
    st.sampled_from([1, 30, 1 << 20]), st.sampled_from([1, 5, 1 << 20]),
)  # fmt: skip
def test_overlap_equals_the_slow_way(
    tmp_path_factory: pytest.TempPathFactory,
    held_out: list[str],
    training: list[str],
    share: float,
    indexed: int,
    pairs: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap_module, "PAIRS", pairs)
        patch.setattr(spool_module, "TEXT_BLOCK", 100)
        folder = tmp_path_factory.mktemp("spool")
        assert overlapping(folder, held_out, training, share, indexed=indexed) == expected(held_out, training, share)


def test_real_text(data: Path, build: Callable[..., Any]) -> None:
    """No training sentence shares half of its test n-grams, checked the slow way on real Turkish text."""
    statistics, splits = build([str(data / "tr")], "tr", overlap=0.5, valid=100, test=100)
    held_out = [grams(t) for t in splits["valid"] + splits["test"]]
    counts: dict[str, int] = {}
    for gram in (gram for found in held_out for gram in found):
        counts[gram] = counts.get(gram, 0) + 1
    held_out = [{gram for gram in found if counts[gram] <= 10} for found in held_out]
    index: dict[str, list[int]] = {}
    for number, found in enumerate(held_out):
        for gram in found:
            index.setdefault(gram, []).append(number)
    for text in splits["train"]:
        hits = [owner for gram in grams(text) for owner in index.get(gram, ())]
        for owner in set(hits):
            assert hits.count(owner) < max(FEWEST, 0.5 * len(held_out[owner]))
    assert statistics.steps[-1].dropped > 0


def test_fates_start_as_training(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", ["a", "b"])
    assert np.array_equal(spool.fate[:], [TRAIN, TRAIN]) and spool.left() == (2, 2)
