"""Several processes that train one model give the bits of one, whatever happens meanwhile."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from equiglot.training import Ranks
from equiglot.training.flat import add_gradients
from tests.ranked import Act, made, start, train
from tests.waiting import PATIENCE

_ACTS = [
    Act("two", 2),
    Act("four", 4),
    Act("bf16", 4, precision="bf16"),
    Act("loss", 4, by_loss=True),
    Act("stopped", 4, stop=5),
    Act("bad", 4, bad=11),
    Act("killed", 4, killed=2),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """What each of the processes has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What four processes made of all acts, and one of some."""
    if 0 < torch.cuda.device_count() < 4:
        pytest.skip("four processes need four cards, or none")
    into = tmp_path_factory.mktemp("ranks")
    processes = start(_ACTS, into, 4)
    for act in (Act("one", 1), Act("bf16-one", 1, precision="bf16"), Act("loss-one", 1, by_loss=True)):
        train(act, into)
    words = [process.communicate(timeout=PATIENCE)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert codes[2] == -9 and all(code == 1 for code in codes[:2] + codes[3:]), words  # those that lost the killed one
    return into


@pytest.mark.parametrize(
    ("one", "several"), [("one", "two"), ("one", "four"), ("bf16-one", "bf16"), ("loss-one", "loss")]
)
def test_they_make_what_one_makes(folder: Path, one: str, several: str) -> None:
    alone = made(folder, one)
    assert alone.record is not None
    assert alone.record.precision == ("bfloat16" if one == "bf16-one" else "float32")
    for rank in range(2 if several == "two" else 4):
        made(folder, several, rank).check_same(alone)


def test_they_stop_early_together(folder: Path) -> None:
    record = made(folder, "four").record
    assert record is not None and record.best_update < record.updates_made < record.updates == 12


def test_one_continues_what_four_have_begun(folder: Path) -> None:
    assert [made(folder, "stopped", rank).error for rank in range(4)] == ["stopped"] * 4
    saved = sorted(each.name for each in (folder / "stopped").iterdir())
    assert saved == ["update-000000005"]
    (folder / "stopped").rename(folder / "continued")
    train(Act("continued", 1), folder)
    made(folder, "continued").check_same(made(folder, "one"))


def test_a_checkpoint_of_several_is_that_of_one(folder: Path) -> None:
    train(Act("begun", 1, stop=5), folder)
    saved = [next((folder / name).iterdir()) for name in ("begun", "continued")]
    mine, theirs = (load_file(each / "tensors.safetensors") for each in saved)
    assert mine.keys() == theirs.keys() and any(name.startswith("meter.") for name in mine)
    assert all(torch.equal(value, theirs[name]) for name, value in mine.items())


def test_all_say_whose_loss_is_not_a_number(folder: Path) -> None:
    errors = {made(folder, "bad", rank).error for rank in range(4)}
    assert len(errors) == 1
    assert "the loss is not a number in update 3" in errors.pop()


@given(power=st.integers(0, 3), own=st.integers(1, 7), seed=st.integers(0, 99))
def test_the_tree_of_an_update_is_made_of_those_of_the_ranks(power: int, own: int, seed: int) -> None:
    """However many batches each has, and whatever they add up to in another order."""
    leaves = torch.randn(2**power * own, 5, generator=torch.Generator().manual_seed(seed)) * 1e3
    whole = torch.zeros(5)
    add_gradients(leaves, whole.add_, [whole])
    parts = []
    for rank in range(2**power):
        parts.append(torch.zeros(5))
        add_gradients(Ranks(rank, 2**power).share(leaves), parts[-1].add_, parts[-1:])
    while len(parts) > 1:
        parts = [left + right for left, right in zip(parts[::2], parts[1::2], strict=True)]
    assert torch.equal(parts[0], whole)
    torch.testing.assert_close(whole, leaves.sum(0), rtol=1e-4, atol=1e-2)


@given(length=st.integers(0, 1000), size=st.sampled_from([1, 2, 4, 8]), block=st.integers(1, 64))
def test_slices_are_all_of_a_vector_in_whole_blocks(length: int, size: int, block: int) -> None:
    bounds = Ranks(0, size).bounds(length, block)
    assert (bounds[0], bounds[-1], len(bounds)) == (0, length, size + 1)
    assert all(begin <= end for begin, end in pairwise(bounds))
    assert all(bound % block == 0 or bound == length for bound in bounds)
    assert np.ptp([-(-(end - begin) // block) for begin, end in pairwise(bounds)]) <= 1
