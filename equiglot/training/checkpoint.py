"""Checkpoints: what an unfinished training continues from. Written aside, synced, renamed; the newest two are kept."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equiglot.files import atomic_folder, checksum, fingerprint, read_json, write_json

if TYPE_CHECKING:
    from torch import Tensor

_KEPT = 2
_LOST = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
_TENSORS, _STATE = "tensors.safetensors", "state.json"
_ACCEPTED = "other-conditions"  # beside checkpoints that may be continued on another kind of device, say


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two updates.

    Attributes:
        tensors: name -> tensor: weights, optimiser, best weights.
        state: everything else, JSON-able.
    """

    tensors: dict[str, Tensor]
    state: dict[str, Any]


class CheckpointFolder:
    """The checkpoints of one training, in folders named by their update."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def accepts_other_conditions(self) -> bool:
        """Whether it was said that the training may be continued though not all of its bits stay."""
        return (self.path / _ACCEPTED).exists()

    def save(self, update: int, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint; only when it is safely on the disk, older ones than the newest two go."""
        from safetensors.torch import save_file

        with atomic_folder(self.path / f"update-{update:09d}") as folder:
            save_file({name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}, folder / _TENSORS)
            seal = _seal(folder / _TENSORS, checkpoint.state)
            write_json(folder / _STATE, {"checksum": seal, "state": checkpoint.state})
        for folder in self._folders()[:-_KEPT]:
            shutil.rmtree(folder, ignore_errors=True)

    def load(self) -> Checkpoint | None:
        """The newest checkpoint whose checksum holds, or None; newer ones are removed, they are damaged.

        One that the disk fails to read is passed over and stays: the disk, or the network before it, may come back.

        Raises:
            OSError: one may not be read, or there is no memory for it: it is not damaged, and not to be passed over; or
                the disk fails to read those that there are.
        """
        from safetensors.torch import load_file

        failed: OSError | None = None
        for folder in reversed(self._folders()):
            try:
                saved = read_json(folder / _STATE)
                if _seal(folder / _TENSORS, saved["state"]) == saved["checksum"]:
                    return Checkpoint(load_file(folder / _TENSORS), saved["state"])
            except OSError as error:
                if error.errno == errno.EIO:
                    failed = failed or error
                    continue
                if error.errno not in _LOST:
                    raise
            except (ValueError, KeyError, TypeError):
                pass
            shutil.rmtree(folder, ignore_errors=True)
        if failed is not None:
            raise failed
        return None

    def remove(self) -> None:
        """Removes all checkpoints: the training is done."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return sorted(self.path.glob("update-*"))


def accept_other_conditions(folder: Path) -> None:
    """Lets all unfinished trainings whose checkpoints are somewhere in `folder` be continued under other conditions."""
    for path in {each.parent for each in folder.glob("**/update-*")}:
        (path / _ACCEPTED).touch()


def _seal(tensors: Path, state: dict[str, Any]) -> str:
    """A checksum over both parts of a checkpoint."""
    return fingerprint([checksum(tensors), state])
