"""Batches: every sequence as often as promised, in batches that do not depend on how one got there."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from equiglot.errors import InputError
from equiglot.files import fingerprint
from equiglot.masking import (
    Batch,
    BatchSettings,
    BatchStream,
    MaskSettings,
    Source,
    evaluation_batches,
    evaluation_masks,
)
from equiglot.vocabulary import (
    TokenizedText,
    VocabularySettings,
    load_tokenizer,
    open_tokens,
    tokenise_split,
    train_vocabulary,
)
from tests.tiny import FIRST, LAST, MASK, PADDING, SPECIAL, make_stream, make_text
from tests.vocabulary.conftest import SENTENCES, write_arrow


def _read(batches: Iterable[Batch]) -> Counter[tuple[int, int]]:
    """(language, sequence) -> how often it stands in the batches."""
    return Counter(
        pair for batch in batches for pair in zip(batch.languages.tolist(), batch.sequences.tolist(), strict=True)
    )


def _same(one: Batch, other: Batch) -> bool:
    return one.identity == other.identity and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("inputs", "targets", "gold", "sequences")
    )


def _epochs(stream: BatchStream, first: int, count: int = 1) -> list[Batch]:
    length = stream.epoch_batches
    return [stream[index] for index in range(first * length, (first + count) * length)]


def _rows(batches: Iterable[Batch]) -> dict[tuple[int, int], tuple[list[int], list[int], list[int]]]:
    """(language, sequence) -> inputs, places of the targets in the row, gold."""
    rows = {}
    for batch in batches:
        width = batch.inputs.shape[1]
        for row, key in enumerate(zip(batch.languages.tolist(), batch.sequences.tolist(), strict=True)):
            own = batch.target_rows == row
            inputs = batch.inputs[row, : batch.lengths[row]].tolist()
            rows[key] = (inputs, (batch.targets[own] - row * width).tolist(), batch.gold[own].tolist())
    return rows


def _digest(batches: Iterable[Batch]) -> str:
    return fingerprint(
        [[b.inputs.tolist(), b.targets.tolist(), b.gold.tolist(), b.sequences.tolist()] for b in batches]
    )


def _check_layout(batch: Batch, texts: list[TokenizedText]) -> None:
    """A batch is what its attributes say, against the text itself."""
    restored = batch.inputs.copy()
    restored.reshape(-1)[batch.targets] = batch.gold
    assert (np.diff(batch.targets) > 0).all()
    assert batch.inputs.shape[1] == batch.lengths.max()
    assert batch.padded == bool((batch.lengths < batch.lengths.max()).any())
    for row, length in enumerate(batch.lengths):
        text, sequence = texts[batch.languages[row]], batch.sequences[row]
        ids = text.ids[text.offsets[sequence] : text.offsets[sequence + 1]].tolist()
        assert restored[row].tolist() == [FIRST, *ids, LAST] + [PADDING] * (len(restored[row]) - length)


@settings(deadline=None, max_examples=40)
@given(
    counts=st.lists(st.integers(8, 120), min_size=1, max_size=4),
    passes=st.lists(st.floats(0.3, 3.5), min_size=4, max_size=4),
    size=st.integers(1, 8),
    by_tokens=st.booleans(),
    seed=st.integers(0, 2**63),
)
def test_epochs_are_exactly_the_passes(
    counts: list[int], passes: list[float], size: int, by_tokens: bool, seed: int
) -> None:
    texts = {f"l{number}": make_text(count, seed=number) for number, count in enumerate(counts)}
    wanted = {language: passes[number] for number, language in enumerate(texts)}
    # Eight sequences of three words are the least that the smallest of the texts can hold.
    batch = {"tokens": 3 * size} if by_tokens else {"sentences": size}
    stream = make_stream(texts, passes=wanted, seed=seed, **batch)  # type: ignore[arg-type]
    read: Counter[tuple[int, int]] = Counter()
    for epoch in range(4):
        batches = _epochs(stream, epoch)
        assert all(len(batch.lengths) for batch in batches)
        this = _read(batches)
        for number, count in enumerate(counts):
            each = round(wanted[f"l{number}"] * count)
            assert sum(times for (language, _), times in this.items() if language == number) == each
        read += this
        for number, count in enumerate(counts):
            total = (epoch + 1) * round(wanted[f"l{number}"] * count)
            times = {read[number, sequence] for sequence in range(count)}
            assert times <= {total // count, -(-total // count)}


def test_a_batch_does_not_depend_on_the_way_to_it() -> None:
    texts = {"en": make_text(700), "eu": make_text(40, seed=1)}
    stream = make_stream(texts, passes={"en": 1.0, "eu": 2.5})
    indices = [0, 5, 199, 200, 201, 3, 10**6, 200, 0]
    walked = {index: _digest([stream[index]]) for index in indices}
    for index in reversed(indices):
        assert _digest([make_stream(texts, passes={"en": 1.0, "eu": 2.5})[index]]) == walked[index]
        assert _digest([stream[index]]) == walked[index]
    assert len(set(walked.values())) == len(walked)
    assert _digest([make_stream(texts, passes={"en": 1.0, "eu": 2.5}, seed=1)[0]]) != walked[0]


def test_far_away_batches_are_like_all_others() -> None:
    texts = {"en": make_text(700), "eu": make_text(40, seed=1)}
    stream = make_stream(texts, passes={"en": 1.0, "eu": 20.0})
    for index in (10**9, 10**12):
        _check_layout(stream[index], list(texts.values()))


def test_batches_hold_the_text() -> None:
    texts = {"en": make_text(300), "eu": make_text(90, seed=1)}
    for stream in (make_stream(texts, sentences=7), make_stream(texts, tokens=100)):
        for batch in _epochs(stream, 0):
            _check_layout(batch, list(texts.values()))


def test_only_a_prefix_is_read() -> None:
    stream = BatchStream(
        [Source("en", make_text(300), SPECIAL, MaskSettings(), 0, sequences=50)],
        [{"en": 2.0}],
        size=BatchSettings(sentences=4),
        special=SPECIAL,
        seed=0,
    )
    assert _read(_epochs(stream, 0)) == {(0, sequence): 2 for sequence in range(50)}


def test_batches_by_sentences_have_that_many() -> None:
    stream = make_stream({"en": make_text(1000)}, sentences=8)
    sizes = [len(batch.lengths) for batch in _epochs(stream, 0)]
    assert set(sizes) <= {7, 8, 9}
    assert abs(stream.epoch_batches - 125) <= 1


def test_batches_by_tokens_have_nearly_that_many_and_little_padding() -> None:
    texts = {"en": make_text(6000, shortest=2, longest=60), "eu": make_text(1000, seed=1)}
    stream = make_stream(texts, tokens=1000)
    batches = _epochs(stream, 0)
    tokens = np.array([batch.lengths.sum() for batch in batches])
    cells = np.array([batch.inputs.size for batch in batches])
    assert tokens.sum() == stream.epoch_tokens() == stream.epoch_tokens("en") + stream.epoch_tokens("eu")
    assert np.mean(tokens) == pytest.approx(1000, rel=0.05)
    assert (tokens < 1100).all() and (tokens > 900).all()
    assert cells.sum() < 1.05 * tokens.sum()


def test_lengths_are_spread_over_an_epoch() -> None:
    # Sorted pools are for little padding; the batches of a pool must not come shortest first.
    widths = [batch.inputs.shape[1] for batch in _epochs(make_stream({"en": make_text(1000)}), 0)]
    half = len(widths) // 2
    assert abs(np.mean(widths[:half]) - np.mean(widths[half:])) < 2
    assert abs(np.corrcoef(np.arange(len(widths)), widths)[0, 1]) < 0.25


def test_every_pool_has_an_order_of_its_own() -> None:
    stream = make_stream({"en": make_text(1000)})
    sizes = [stream[index].lengths.mean() for index in range(3 * stream.pool_batches)]
    orders = [np.argsort(part).tolist() for part in np.reshape(sizes, (3, stream.pool_batches))]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert orders[0] != list(range(stream.pool_batches))
    same = np.mean([np.equal(orders[one], orders[other]).mean() for one, other in ((0, 1), (1, 2), (0, 2))])
    assert same < 0.15


def test_masks_do_not_depend_on_batches_neighbours_or_other_languages() -> None:
    text, other = make_text(200), make_text(100, seed=1)
    alone = _rows(_epochs(make_stream({"en": text}), 0))
    for stream in (
        make_stream({"en": text}, sentences=16),
        make_stream({"en": text}, tokens=150),
        make_stream({"en": text, "eu": other}, passes={"en": 1.0, "eu": 1.7}),
    ):
        rows = _rows(_epochs(stream, 0))
        assert {key: rows[key] for key in alone} == alone


def test_masks_are_new_in_every_pass_if_they_are_dynamic() -> None:
    text = {"en": make_text(200)}
    moving = make_stream(text, passes=2.0)
    by_row = [
        _rows(_epochs(make_stream(text, masks=MaskSettings(dynamic=dynamic)), epoch))
        for dynamic in (True, False)
        for epoch in (0, 1)
    ]
    changed = sum(by_row[0][key] != by_row[1][key] for key in by_row[0])
    assert changed > 150  # Some short ones have no target in either.
    assert by_row[2] == by_row[3] == by_row[0]
    # Two passes within one epoch are two draws too.
    seen = Counter(
        (sequence, tuple(batch.inputs[row, : batch.lengths[row]].tolist()))
        for batch in _epochs(moving, 0)
        for row, sequence in enumerate(batch.sequences.tolist())
    )
    assert sum(times == 1 for times in seen.values()) > 320


_ELSEWHERE = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.masking.test_batches import digest_of_everything
print(digest_of_everything())
"""


def digest_of_everything() -> str:
    """Some training and evaluation batches as one number."""
    texts = {"en": make_text(300), "eu": make_text(90, seed=1)}
    stream = make_stream(texts, passes={"en": 0.7, "eu": 2.0}, tokens=120)
    return _digest([stream[0], stream[17], stream[10**7], *_evaluation(texts["en"])])


def test_another_process_makes_the_same_batches() -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONHASHSEED": "12345", "PATH": "", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", _ELSEWHERE, str(root)]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest_of_everything()


def test_too_little_text_is_refused() -> None:
    for size in ({"sentences": 11}, {"tokens": 10_000}):
        with pytest.raises(InputError, match=r"text of eu .* less than one batch"):
            make_stream({"en": make_text(5000), "eu": make_text(10)}, **size)  # type: ignore[arg-type]


def test_a_language_that_would_never_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="less than one sequence of eu"):
        make_stream({"en": make_text(50), "eu": make_text(50)}, passes={"en": 1.0, "eu": 0.001})


@pytest.mark.parametrize("wrong", [{}, {"sentences": 8, "tokens": 100}, {"sentences": 0}, {"tokens": 0}])
def test_a_batch_has_one_size(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        BatchSettings.model_validate(wrong)


def _evaluation(
    text: TokenizedText, *, salt: str = "test/en", limit: int | None = None, tokens: int = 100, draws: int = 1
) -> list[Batch]:
    return list(
        evaluation_batches(
            text,
            salt=salt,
            language=0,
            limit=limit,
            tokens=tokens,
            masks=evaluation_masks(),
            special=SPECIAL,
            seed=0,
            draws=draws,
        )
    )


def test_evaluation_reads_every_sequence_once_in_batches_that_fit() -> None:
    text = make_text(100)
    batches = _evaluation(text)
    assert _read(batches) == {(0, sequence): 1 for sequence in range(100)}
    for batch in batches:
        _check_layout(batch, [text])
        assert batch.inputs.size <= 100
        assert (batch.inputs.reshape(-1)[batch.targets] == MASK).all()
    assert sum((batch.inputs == MASK).sum() for batch in batches) == sum(len(batch.targets) for batch in batches)


def test_evaluation_masks_depend_on_nothing_but_the_sequence() -> None:
    text = make_text(100)
    rows = _rows(_evaluation(text))
    assert _rows(_evaluation(text, tokens=3)) == rows  # A row that is longer stands alone.
    assert _rows(_evaluation(text, tokens=10**6)) == rows
    assert _rows(_evaluation(text, limit=30)) == {key: row for key, row in rows.items() if key[1] < 30}
    assert _rows(_evaluation(text, salt="test/eu")) != rows


def test_evaluation_draws_are_different_masks_over_the_same_sequences() -> None:
    text = make_text(100)
    batches = _evaluation(text, draws=3)
    assert set(_read(batches).values()) == {3}
    third = len(batches) // 3
    draws = [_rows(batches[place : place + third]) for place in (0, third, 2 * third)]
    assert draws[0] == _rows(_evaluation(text))
    assert draws[0] != draws[1] != draws[2] != draws[0]


def test_real_text_comes_through_batches_unchanged(tmp_path: Path) -> None:
    texts = {}
    corpora = {code: write_arrow(tmp_path / code / "train.arrow", lines) for code, lines in SENTENCES.items()}
    train_vocabulary(corpora, VocabularySettings(size=1100, coverage=1.0, sampling="proportional"), tmp_path / "v")
    tokenizer = load_tokenizer(tmp_path / "v")
    for code, path in corpora.items():
        tokenise_split(path, tokenizer, 126, tmp_path / "tokens" / code)
        texts[code] = open_tokens(tmp_path / "tokens" / code)
    stream = make_stream(texts, sentences=2, masks=MaskSettings(rate=0.3))
    normalise = tokenizer.backend_tokenizer.normalizer.normalize_str
    for batch in _epochs(stream, 0):
        restored = batch.inputs.copy()
        restored.reshape(-1)[batch.targets] = batch.gold
        for row, (number, sequence) in enumerate(zip(batch.languages, batch.sequences, strict=True)):
            decoded = str(tokenizer.decode(restored[row].tolist(), skip_special_tokens=True))
            sentence = normalise(SENTENCES[stream.languages[number]][sequence])
            assert decoded.replace(" ", "") == sentence.replace(" ", "")


def test_epochs_can_differ_and_every_pass_reads_all() -> None:
    """Shares that change from epoch to epoch: each epoch gives what was asked, and passes go on over its end."""
    texts = {"en": make_text(400), "eu": make_text(100, seed=1)}
    stream = make_stream(texts, passes=[{"en": 0.75, "eu": 1.0}, {"en": 0.5, "eu": 2.0}, {"en": 0.25, "eu": 3.0}])
    counts = [Counter(language for language, _ in _read(_epochs(stream, epoch)).elements()) for epoch in range(5)]
    assert counts == [{0: 300, 1: 100}, {0: 200, 1: 200}, {0: 100, 1: 300}, {0: 100, 1: 300}, {0: 100, 1: 300}]
    together: Counter[tuple[int, int]] = Counter()
    for epoch in range(4):
        together += _read(_epochs(stream, epoch))
    assert {together[0, sequence] for sequence in range(400)} <= {1, 2}  # 700 readings of 400
    assert {together[1, sequence] for sequence in range(100)} == {9}


@pytest.mark.parametrize("size", [{"sentences": 6}, {"sentences": 5}, {"tokens": 40}, {"tokens": 200}])
@pytest.mark.parametrize("parts", [2, 3, 8])
def test_parts_are_one_batch(size: dict[str, int], parts: int) -> None:
    """Row by row the same as one batch of so many times the size, in the same order; none is empty."""
    texts = {"en": make_text(700), "eu": make_text(300, seed=1)}
    split = make_stream(texts, **{"sentences": None, **size}, parts=parts)
    whole = make_stream(texts, **{"sentences": None, **{name: parts * number for name, number in size.items()}})
    assert split.epoch_batches == parts * whole.epoch_batches
    for update in (*range(12), whole.epoch_batches, 10 * whole.epoch_batches + 1):
        batches, one = [split[update * parts + part] for part in range(parts)], whole[update]
        for field in ("lengths", "languages", "gold", "mask_index"):
            assert np.array_equal(np.concatenate([getattr(each, field) for each in batches]), getattr(one, field))
        assert min(len(each.lengths) for each in batches) >= 1


def test_no_part_is_empty_even_of_batches_of_one_sequence() -> None:
    split = make_stream({"en": make_text(700)}, sentences=None, tokens=22, parts=8)
    assert {len(split[index].lengths) for index in range(4 * split.epoch_batches)} >= {1}
    read = Counter(int(row) for index in range(split.epoch_batches) for row in split[index].row_ids.sequences)
    assert read == Counter(range(700))


@pytest.mark.parametrize("size", [{"sentences": 6}, {"tokens": 40}])
def test_less_text_than_all_parts_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(InputError, match="all that an update sums over"):
        make_stream({"en": make_text(30)}, **{"sentences": None, **size}, parts=200)


@given(places=st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=20)
def test_a_stream_that_reads_ahead_gives_the_same_batches(places: list[int]) -> None:
    texts = {"en": make_text(120), "eu": make_text(40, seed=1)}
    plain, ahead = make_stream(texts, sentences=1), make_stream(texts, sentences=1)
    ahead.read_ahead()
    assert plain.pools > 1
    for place in [*places, *range(plain.pool_batches - 2, plain.pool_batches + 2)]:
        assert _same(ahead[place], plain[place])
        ahead.read_ahead()  # once is enough


def test_what_goes_wrong_ahead_is_said_when_its_turn_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    make = BatchStream._make_pool

    def second_fails(stream: BatchStream, number: int) -> object:
        if number == 1:
            raise OSError("the disk is gone")
        return make(stream, number)

    monkeypatch.setattr(BatchStream, "_make_pool", second_fails)
    stream = make_stream({"en": make_text(200)}, sentences=1)
    stream.read_ahead()
    assert [stream[index].index for index in range(stream.pool_batches)] == list(range(stream.pool_batches))
    with pytest.raises(OSError, match="the disk is gone"):
        stream[stream.pool_batches]
