"""Checkpoints: the newest two, whole, and never a damaged one."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from equiglot.files import read_json
from equiglot.training import CheckpointFolder, TrainingSettings
from equiglot.training.checkpoint import Checkpoint
from equiglot.training.optimiser import Optimiser
from tests.tiny import make_model


def _checkpoint(number: int) -> Checkpoint:
    tensors = {"weights.a": torch.full((3, 4), float(number)), "sequences.eu/counts": torch.tensor([[number, 2]])}
    return Checkpoint(
        tensors, {"update": number, "best_mrr": 0.1 + 0.2, "losses": [{"update": 1, "losses": {"x": 1e-17}}]}
    )


def _names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


def _loaded(folder: CheckpointFolder) -> int | None:
    checkpoint = folder.load()
    if checkpoint is None:
        return None
    number = int(checkpoint.state["update"])
    assert checkpoint.state == _checkpoint(number).state
    assert all(torch.equal(checkpoint.tensors[name], value) for name, value in _checkpoint(number).tensors.items())
    return number


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "model")
    assert folder.load() is None
    for number in (1, 9, 10, 1000):
        folder.save(number, _checkpoint(number))
        assert _loaded(folder) == number
    assert _names(tmp_path / "model") == ["update-000000010", "update-000001000"]
    folder.remove()
    assert folder.load() is None
    assert _names(tmp_path) == []
    folder.remove()


def _truncate(path: Path) -> None:
    tensors = path / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-5])


def _flip_byte(path: Path) -> None:
    tensors = path / "tensors.safetensors"
    written = bytearray(tensors.read_bytes())
    written[-3] ^= 0x40
    tensors.write_bytes(written)


def _change_number(path: Path) -> None:
    state = path / "state.json"
    state.write_text(state.read_text().replace('"update": 20', '"update": 28'))


def _empty_state(path: Path) -> None:
    (path / "state.json").write_text("")


def _other_json(path: Path) -> None:
    (path / "state.json").write_text("[1, 2]")


def _drop_state(path: Path) -> None:
    (path / "state.json").unlink()


def _drop_tensors(path: Path) -> None:
    (path / "tensors.safetensors").unlink()


_DAMAGES = [_truncate, _flip_byte, _change_number, _empty_state, _other_json, _drop_state, _drop_tensors]


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_damaged_one_is_passed_over(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save(10, _checkpoint(10))
    folder.save(20, _checkpoint(20))
    damage(tmp_path / "update-000000020")
    assert _loaded(folder) == 10
    damage(tmp_path / "update-000000010")
    if damage is not _change_number:  # Nothing to change in this one.
        assert _loaded(folder) is None


def test_a_new_one_is_kept_though_damaged_ones_are_further_on(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    for number in (20, 30):
        folder.save(number, _checkpoint(number))
        _truncate(tmp_path / f"update-{number:09d}")
    assert _loaded(folder) is None
    folder.save(5, _checkpoint(5))
    assert _loaded(folder) == 5
    folder.save(7, _checkpoint(7))
    assert _names(tmp_path) == ["update-000000005", "update-000000007"]


def test_a_save_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save(10, _checkpoint(10))
    with pytest.raises(TypeError):
        folder.save(20, Checkpoint(_checkpoint(20).tensors, {"not": {"json"}}))
    assert _loaded(folder) == 10
    assert _names(tmp_path) == ["update-000000010"]


def test_an_optimiser_goes_on_where_it_was() -> None:
    results = []
    for interrupted in (False, True):
        model = make_model()
        optimiser = Optimiser(model, TrainingSettings())
        for step in range(4):
            if interrupted and step == 2:
                packed = {name: value.clone() for name, value in optimiser.state().items()}
                optimiser = Optimiser(model, TrainingSettings())
                optimiser.load_state(packed)
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.grad.copy_(0.1 * (step - 1.5) * parameter.detach())
            optimiser.step(rate=0.01)
        results.append({name: value.detach().clone() for name, value in model.named_parameters()})
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOMEM, errno.EMFILE])
def test_what_may_not_be_read_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    folder = CheckpointFolder(tmp_path / "model")
    folder.save(1, _checkpoint(1))

    def refuse(path: Path) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr("equiglot.training.checkpoint.read_json", refuse)
    with pytest.raises(OSError, match="no"):
        folder.load()


def test_one_on_a_part_of_the_disk_that_fails_is_passed_over_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CheckpointFolder(tmp_path / "model")
    folder.save(1, _checkpoint(1))
    folder.save(2, _checkpoint(2))

    def fail_on_the_newest(path: Path) -> Any:
        if "000002" in str(path):
            raise OSError(errno.EIO, "Input/output error")
        return read_json(path)

    with monkeypatch.context() as patched:
        patched.setattr("equiglot.training.checkpoint.read_json", fail_on_the_newest)
        assert _loaded(folder) == 1
    assert _loaded(folder) == 2, "the disk is back"


def test_where_the_disk_fails_to_read_any_nothing_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CheckpointFolder(tmp_path / "model")
    folder.save(1, _checkpoint(1))

    def fail(path: Path) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("equiglot.training.checkpoint.checksum", fail)
        with pytest.raises(OSError, match="Input/output error"):
            folder.load()
    assert _loaded(folder) == 1
