"""Several processes that train one model: the ranks, what they tell each other, and in which order they add.

Sums of floating-point numbers depend on their order, and what NCCL and gloo make of a sum depends on the number of
ranks. So they only move bytes here: each rank is sent a slice of every other's vector and adds them up as a binary
tree, the tree in which one process alone would add up the same update.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from equiglot.errors import InputError

_PATIENCE = timedelta(minutes=30)  # for a rank that saves, validates or lets teachers read while the others wait
_Item = TypeVar("_Item")


class RankLost(Exception):
    """Another process that trains the model does not answer: it has died, or hangs."""


@contextmanager
def _exchanging() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise RankLost(str(error)) from error


@dataclass(frozen=True)
class Ranks:
    """One of the processes that train a model; alone if nothing else is said.

    Attributes:
        rank: its number, 0-based; the first saves, and decides when to stop.
        size: how many there are, a power of two.
        device: what vectors have to be on for the ranks to exchange them.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this is the rank that saves and decides."""
        return self.rank == 0

    def share(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """This rank's part of some items, of which there are as many for each rank."""
        count = len(items) // self.size
        return items[self.rank * count : (self.rank + 1) * count]

    def bounds(self, length: int, block: int) -> list[int]:
        """Where the ranks' slices of a vector begin and end, in whole blocks but for the last: int [size + 1]."""
        blocks = -(-length // block)
        return [min(length, blocks * rank // self.size * block) for rank in range(self.size + 1)]

    def own(self, bounds: Sequence[int]) -> slice:
        """This rank's slice."""
        return slice(bounds[self.rank], bounds[self.rank + 1])

    def total(self, values: Tensor) -> Tensor:
        """The sum over all ranks, in a new tensor: of integers, or of numbers of which each is 0 in all ranks but one.

        Such sums are exact in any order.
        """
        if self.size == 1:
            return values
        there = values.to(self.device, copy=True)
        with _exchanging():
            dist.all_reduce(there)
        return there.to(values.device)

    def decide(self, number: int) -> int:
        """The first rank's number, for all."""
        return number if self.size == 1 else int(self.total(torch.tensor([number if self.first else 0])))

    def gather(self, text: str) -> list[str]:
        """Every rank's text, by rank."""
        mine = torch.tensor(list(text.encode()), dtype=torch.uint8)
        lengths = torch.zeros(self.size, dtype=torch.int64)
        lengths[self.rank] = len(mine)
        lengths = self.total(lengths)
        letters = torch.zeros(self.size, int(lengths.max()), dtype=torch.uint8)
        letters[self.rank, : len(mine)] = mine
        rows = self.total(letters)
        return [bytes(row[:length].tolist()).decode() for row, length in zip(rows, lengths.tolist(), strict=True)]

    def add_slices(self, vector: Tensor, bounds: Sequence[int]) -> Tensor:
        """This rank's slice of the sum of all ranks' vectors, added as a binary tree; float32 [slice]."""
        if self.size == 1:
            return vector
        mine = self.own(bounds)
        lengths = [end - begin for begin, end in pairwise(bounds)]
        received = vector.new_empty(self.size * (mine.stop - mine.start))
        with _exchanging():
            dist.all_to_all_single(received, vector, [mine.stop - mine.start] * self.size, lengths)
        parts = received.view(self.size, -1)
        while len(parts) > 1:
            parts = parts[0::2] + parts[1::2]
        return parts[0]

    def join_slices(self, vector: Tensor, bounds: Sequence[int]) -> None:
        """Writes every rank's own slice into the vectors of all."""
        if self.size == 1:
            return
        with _exchanging():
            for rank, (begin, end) in enumerate(pairwise(bounds)):
                if begin < end:
                    dist.broadcast(vector[begin:end], src=rank)


@contextmanager
def joined(meeting: Path, rank: int, size: int) -> Iterator[Ranks]:
    """Joins the other ranks, which call this too; leaves them at the end.

    Each rank has a GPU of its own where there are GPUs (NCCL), or its own threads on a CPU (gloo).

    Args:
        meeting: a file that is not there yet, on a disk of all of them.
        rank, size: which of how many.

    Raises:
        InputError: there are GPUs, but fewer than ranks.
        RankLost: another rank has died.
    """
    device = torch.device("cpu")
    if torch.cuda.is_available():
        if size > torch.cuda.device_count():
            raise InputError(
                f"{size} GPUs are asked for, and this process sees {torch.cuda.device_count()}",
                where="training.devices",
                fix="use no more than there are, with --workers 1 (of several workers each has its own GPU)",
            )
        device = torch.device("cuda", rank)
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    store = dist.FileStore(os.fspath(meeting), size)  # type: ignore[attr-defined]
    with _exchanging():
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_PATIENCE)
    try:
        yield Ranks(rank, size, device)
        with _exchanging():
            dist.barrier()  # nobody leaves while another is still being told something
    finally:
        dist.destroy_process_group()
