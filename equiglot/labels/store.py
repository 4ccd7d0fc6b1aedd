"""Labels computed once: what teachers say at the masked positions of a text, on disk, and how to read it.

Nothing is kept that can be computed again: which positions are masked, and what stood there, follow from the text and
the masks. A store is a folder: store.json, and shards of the text's sequences, each with

- rows.npy: uint8 [positions, bytes], see `packing`; in the order of sequence, draw, position;
- counts.npy: uint8 or uint16 [sequences, draws], masked positions of each; the greatest number where none is stored;
- shard.json: what is in it, and checksums.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from equiglot.errors import InputError
from equiglot.files import checksum, read_json, read_sealed
from equiglot.labels.packing import StoredRows
from equiglot.labels.position_index import PositionIndex
from equiglot.labels.records import Manifest, ShardRecord, ShardStatistics, StoreSettings, differences

STORE, SHARD, ROWS, COUNTS = "store.json", "shard.json", "rows.npy", "counts.npy"
_AGAIN = "delete this folder; the same command then labels the text again"

Integers = npt.NDArray[np.int64]
_Record = TypeVar("_Record", bound=BaseModel)


def shard_folder(path: Path, number: int) -> Path:
    """Where a shard of a store is."""
    return path / "shards" / f"{number:06d}"


@dataclass(frozen=True)
class LabelStore:
    """The finished labels of one text by one teacher.

    Attributes:
        path: the folder.
        manifest: what it is made of.
        shards: what is in each shard.
    """

    path: Path
    manifest: Manifest
    shards: tuple[ShardRecord, ...]

    @property
    def settings(self) -> StoreSettings:
        """What is kept of each distribution."""
        return self.manifest.settings

    @property
    def vocabulary_size(self) -> int:
        """Of the teacher."""
        return self.manifest.vocabulary_size

    @cached_property
    def statistics(self) -> ShardStatistics:
        """Sums over all positions."""
        return sum((shard.statistics for shard in self.shards), ShardStatistics())

    @property
    def positions(self) -> int:
        """How many positions are stored."""
        return self.statistics.positions

    def check(self, facts: Mapping[str, Any]) -> None:
        """Compares what the labels were made from with what is there now, and every shard with its checksums.

        Raises:
            InputError: something differs, or a shard is damaged.
        """
        changed = differences(self.manifest.facts, facts)
        if changed:
            raise InputError(
                f"these labels belong to something else: {'; '.join(changed)}", where=self.path, fix=_AGAIN
            )
        for number, shard in enumerate(self.shards):
            for file in damaged_files(self.path, number, shard):
                fix = "delete the folder of this shard; the same labelling then makes it again"
                raise InputError("the shard is damaged: its checksum is another", where=file, fix=fix)

    def places(self, sequences: Integers, draws: Integers) -> Integers:
        """The first position of each sequence in each draw, as `read` counts them.

        Args:
            sequences: int64 [r], of the text.
            draws: int64 [r], which of a sequence's masks.

        Returns:
            int64 [r]; a sequence with n masked positions has them at place, place + 1, ..., place + n - 1.

        Raises:
            ValueError: a sequence that is not labelled.
        """
        try:
            return self._positions.places(sequences, draws)
        except IndexError:
            raise ValueError(f"some of these sequences are not labelled in {self.path}") from None

    def read(self, places: Integers) -> StoredRows:
        """What the teacher says at these positions, int64 [m], each below `positions`.

        Raises:
            InputError: there are no such positions or ids: the files do not belong together.
        """
        if places.max(initial=-1) >= self.positions:
            raise InputError("the shards hold fewer positions than they say", where=self.path, fix=_AGAIN)
        packed = np.empty((len(places), self.manifest.format.width), dtype=np.uint8)
        shards = np.searchsorted(self._ends, places, side="right")
        order = np.argsort(shards, kind="stable")
        borders = np.flatnonzero(np.diff(shards[order], prepend=-1, append=-1))
        for begin, end in pairwise(borders):
            here = order[begin:end]
            number = int(shards[here[0]])
            rows = self._rows[number]
            packed[here] = rows[places[here] - (self._ends[number] - len(rows))]
        unpacked = self.manifest.format.unpack(packed)
        if max(unpacked.ids.max(initial=0), unpacked.samples.max(initial=0)) >= self.vocabulary_size:
            raise InputError("the shards hold ids beyond the teacher's vocabulary", where=self.path, fix=_AGAIN)
        return unpacked

    @cached_property
    def _ends(self) -> Integers:
        """Positions up to the end of each shard, int64 [shards]."""
        return np.cumsum([shard.statistics.positions for shard in self.shards], dtype=np.int64)

    @cached_property
    def _rows(self) -> tuple[npt.NDArray[np.uint8], ...]:
        """The bytes of each shard, memory-mapped."""
        return tuple(_map(shard_folder(self.path, number) / ROWS) for number in range(len(self.shards)))

    @cached_property
    def _positions(self) -> PositionIndex:
        """Where the positions of each sequence begin."""
        return PositionIndex([_map(shard_folder(self.path, number) / COUNTS) for number in range(len(self.shards))])


def read_manifest(path: Path) -> Manifest:
    """What a store is made of, finished or not.

    Raises:
        InputError: there is no store.
    """
    return _read(Manifest, read_json, path / STORE, "this is no store of labels", "correct the path")


def read_shard(path: Path, number: int) -> ShardRecord:
    """What is in a shard.

    Raises:
        InputError: it is missing or damaged.
    """
    what, fix = "a shard of the labels is missing or damaged", "the same labelling makes what is missing"
    return _read(ShardRecord, read_sealed, shard_folder(path, number) / SHARD, what, fix)


def damaged_files(path: Path, number: int, shard: ShardRecord) -> list[Path]:
    """The files of a shard that are not as they were written."""
    files = {shard_folder(path, number) / name: expected for name, expected in shard.checksums.items()}
    return [file for file, expected in files.items() if not file.is_file() or checksum(file) != expected]


def open_store(path: Path) -> LabelStore:
    """Opens the labels in a folder; nothing of them is read yet but what is in them.

    Raises:
        InputError: there are none, they are not finished, or a shard is missing or cut off.
    """
    manifest = read_manifest(path)
    done = sum((shard_folder(path, number) / SHARD).is_file() for number in range(manifest.shards))
    if done < manifest.shards:
        what = f"{done:,} of {manifest.shards:,} shards are labelled"
        raise InputError(what, where=path, fix="the same labelling continues it")
    store = LabelStore(path, manifest, tuple(read_shard(path, number) for number in range(manifest.shards)))
    for number, shard in enumerate(store.shards):
        rows, counts = (_map(shard_folder(path, number) / name) for name in (ROWS, COUNTS))
        shapes = (shard.statistics.positions, manifest.format.width), (shard.end - shard.begin, manifest.settings.draws)
        kinds = rows.dtype == np.uint8, counts.dtype in (np.uint8, np.uint16)
        if (rows.shape, counts.shape) != shapes or not all(kinds):
            raise InputError("the shard does not belong to this store", where=shard_folder(path, number), fix=_AGAIN)
    return store


def _read(kind: type[_Record], read: Callable[[Path], Any], path: Path, what: str, fix: str) -> _Record:
    try:
        return kind.model_validate(read(path))
    except OSError as error:
        raise InputError(what, where=path, fix=fix) from error
    except ValueError as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"{what}: {why}", where=path, fix=_AGAIN) from error


def _map(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"the file cannot be read: {error}", where=path, fix=_AGAIN) from error
    return array.view(np.ndarray)
