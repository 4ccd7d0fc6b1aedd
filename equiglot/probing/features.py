"""Hidden states of labelled words or sentences: read once by a model, kept in half precision."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from equiglot.errors import InputError
from equiglot.masking.collate import bucket_rows
from equiglot.models import OpenModel, TensorBatch, hidden_states
from equiglot.probing.reading import Integers, ItemReader, ReadItems, cut_windows, lay_out
from equiglot.probing.settings import Layers
from equiglot.tasks import SPLITS, LabelledSplit, OpenTask

Halves = npt.NDArray[np.float16]

_TOKENS = 4096  # of one forward pass; the result does not depend on it, beyond rounding
_SENTENCES = 1024  # in memory as tokens at a time
_NUMBERS = 1 << 24  # of hidden states in memory at a time


@dataclass(frozen=True)
class Features:
    """Hidden states of a task's items, as one model sees them; read from the disk where they are used.

    Attributes:
        folder: with a file <language>-<split>.npy for each split that there is.
    """

    folder: Path

    def of(self, language: str, split: str) -> Halves | None:
        """The items of a split: float16 [items, layers, hidden], read-only; None if there is no such split.

        Raises:
            InputError: the file is damaged.
        """
        path = self.folder / f"{language}-{split}.npy"
        if not path.is_file():
            return None
        try:
            array: Halves = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise InputError(f"the features cannot be read: {error}", where=path, fix="make them again") from error
        if array.dtype != np.float16 or array.ndim != 3:
            raise InputError("the file does not hold features", where=path, fix="make them again")
        return array


def open_features(folder: Path) -> Features:
    """What `write_features` wrote.

    Raises:
        InputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError("there are no features", where=folder, fix="make them first")
    return Features(folder)


def write_features(
    opened: OpenModel,
    task: OpenTask,
    languages: Sequence[str],
    layers: Layers,
    folder: Path,
    progress: Callable[[int], None] = lambda sentences: None,
) -> None:
    """Writes the hidden states of all splits of some languages into an existing folder.

    Sentences are read block by block, and within a block those of like length together; memory stays flat.

    Args:
        opened: the model.
        task: the labelled sentences.
        languages: whose.
        layers: which hidden states.
        folder: where to.
        progress: told how many sentences have been read since the last call.

    Raises:
        InputError: the model has no such layer, or a hidden state is no number that half precision can hold.
    """
    encoder, reader = _Encoder(opened, layers), ItemReader(opened, task.summary.unit)
    for language in languages:
        for split in SPLITS:
            labelled = task.split(language, split)
            if labelled is not None:
                with (folder / f"{language}-{split}.npy").open("wb") as file:
                    _write_split(file, encoder, reader, labelled, progress)


def _write_split(
    file: IO[bytes], encoder: "_Encoder", reader: ItemReader, labelled: LabelledSplit, progress: Callable[[int], None]
) -> None:
    shape = (len(labelled.labels), encoder.layers, encoder.hidden)
    np.lib.format.write_array_header_1_0(file, {"descr": "<f2", "fortran_order": False, "shape": shape})
    for begin, end in _blocks(labelled.lengths, _NUMBERS // (encoder.layers * encoder.hidden)):
        states = encoder.encode(reader.read(labelled.words[begin:end]))
        with np.errstate(over="ignore"):
            halves = states.astype("<f2")
        if not np.isfinite(halves).all():
            raise InputError(
                f"a hidden state of the model {encoder.name} is not a number, or larger than half precision can hold",
                where=Path(file.name).name,
                fix="probe another model or, with `layers`, another layer",
            )
        file.write(halves.tobytes())
        progress(end - begin)


def _blocks(lengths: Integers, items: int) -> Iterator[tuple[int, int]]:
    """Begin and end of blocks of sentences, int64 [sentences], that have at most so many items."""
    begin = 0
    while begin < len(lengths):
        totals = np.cumsum(lengths[begin : begin + _SENTENCES])
        end = begin + max(1, int(np.searchsorted(totals, items, side="right")))
        yield begin, end
        begin = end


class _Encoder:
    """Reads tokens with a model, and keeps the hidden states of some layers at some of them."""

    def __init__(self, opened: OpenModel, layers: Layers) -> None:
        self.name = opened.name
        self.hidden = int(opened.model.config.hidden_size)
        self._opened = opened
        self._numbers = _layer_numbers(opened, layers)
        self.layers = len(self._numbers or [0])

    @torch.no_grad()
    def encode(self, read: ReadItems) -> npt.NDArray[np.float32]:
        """The mean hidden state of each item's tokens: float32 [items, layers, hidden]."""
        sums = torch.zeros(read.count, self.layers, self.hidden)
        windows = cut_windows(read.offsets, self._opened.max_tokens)
        for rows in bucket_rows(windows.lengths, _TOKENS):
            inputs, items = lay_out(read, windows.take(rows), self._opened)
            sums.index_add_(0, items, self._states(inputs).float().cpu())
        counts = np.bincount(read.items[read.items >= 0], minlength=read.count)
        means: npt.NDArray[np.float32] = sums.div_(torch.from_numpy(counts)[:, None, None]).numpy()
        return means

    def _states(self, batch: TensorBatch) -> Tensor:
        """Hidden states at the targets, [m, layers, hidden]."""
        if self._numbers is None:
            return hidden_states(self._opened.model, batch).flatten(0, 1)[batch.targets, None]
        output = self._opened.model.base_model(
            input_ids=batch.inputs, attention_mask=batch.attention, output_hidden_states=True
        )
        states = [output.hidden_states[number].flatten(0, 1)[batch.targets] for number in self._numbers]
        return torch.stack(states, 1)


def _layer_numbers(opened: OpenModel, layers: Layers) -> list[int] | None:
    """The numbers of the layers, 0 for the embeddings; None for the last one alone.

    Raises:
        InputError: there is no such layer.
    """
    last = int(opened.model.config.num_hidden_layers)
    if isinstance(layers, str):
        return None if layers == "last" else list(range(last + 1))
    if layers > last:
        raise InputError(
            f"the model {opened.name} has no layer {layers}",
            where="layers",
            fix=f"give a number up to {last} (0 for the embeddings)",
        )
    return None if layers == last else [layers]
