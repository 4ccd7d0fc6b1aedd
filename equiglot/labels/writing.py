"""Stores of labels, as they are written: a shard at a time, complete or not at all."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equiglot.errors import InputError
from equiglot.files import atomic_folder, checksum, write_json, write_sealed
from equiglot.labels.position_index import Integers
from equiglot.labels.records import Manifest, ShardRecord, ShardStatistics, differences
from equiglot.labels.store import COUNTS, ROWS, SHARD, STORE, damaged_files, read_manifest, read_shard, shard_folder


def begin_store(into: Path, manifest: Manifest) -> None:
    """Writes what a store is made of, or compares it with what is there.

    Raises:
        InputError: other labels are there.
    """
    now = manifest.model_dump(mode="json")
    if not (into / STORE).exists():
        write_json(into / STORE, now)
    elif changed := differences(read_manifest(into).model_dump(mode="json"), now):
        what = f"the folder holds other labels: {'; '.join(changed)}"
        raise InputError(what, where=into, fix="name another folder, or delete this one")


def is_written(into: Path, number: int) -> bool:
    """Whether a shard is there, and as it was written."""
    try:
        return not damaged_files(into, number, read_shard(into, number))
    except InputError:
        return False


def write_shard(
    into: Path,
    number: int,
    sequences: tuple[int, int],
    rows: npt.NDArray[np.uint8],
    counts: Integers,
    statistics: ShardStatistics,
) -> None:
    """Writes a shard, synced and renamed into its place.

    Args:
        into: the folder of the store.
        number: of the shard.
        sequences: of the text, the first of the shard and the first behind it.
        rows: uint8 [positions, bytes], in the order of sequence, draw, position.
        counts: int64 [sequences, draws], positions of each; -1 where it is not labelled.
        statistics: sums over the positions.
    """
    with atomic_folder(shard_folder(into, number)) as folder:
        _save(folder / ROWS, rows)
        _save(folder / COUNTS, _small(counts))
        sums = {name: checksum(folder / name) for name in (ROWS, COUNTS)}
        begin, end = sequences
        record = ShardRecord(begin=begin, end=end, checksums=sums, statistics=statistics)
        write_sealed(folder / SHARD, record.model_dump(mode="json"))


def _small(counts: Integers) -> npt.NDArray[Any]:
    """Counts in as few bytes as they need; -1 becomes the greatest number of the type."""
    return counts.astype(np.uint8 if counts.max(initial=0) < 255 else np.uint16)


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    """Writes a .npy file; unlike numpy.save, says why when it cannot: that the disk is full, say."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(np.ascontiguousarray(array).data)
