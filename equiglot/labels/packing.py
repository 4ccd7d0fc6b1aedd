"""A teacher's answer at one masked position as a row of bytes.

A row is: the k ids and the sampled ids, each in as many bits as the vocabulary needs, one after the other from the
lowest bit of the first byte; k log-probabilities; the probability of all other ids together. All of a position stands
in one place because positions are read at random.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

_WORD = 4  # bytes that an id is read from, whatever bit it begins at
_MOST_BITS = 8 * _WORD - 7
MOST_IDS = 1 << _MOST_BITS
"""Of a vocabulary."""


@dataclass(frozen=True)
class StoredRows:
    """What a teacher says at m masked positions, in its own ids, at the temperature of the store.

    Attributes:
        ids: int64 [m, k], the likeliest first.
        log_probabilities: float32 [m, k], natural logarithms.
        rest: float32 [m], the probability of all other ids together.
        samples: int64 [m, s], drawn from these others; each stands for rest / s. Means nothing where `rest` is 0.
    """

    ids: npt.NDArray[np.int64]
    log_probabilities: npt.NDArray[np.float32]
    rest: npt.NDArray[np.float32]
    samples: npt.NDArray[np.int64]


@dataclass(frozen=True)
class RowFormat:
    """Where the parts of a row stand.

    Attributes:
        vocabulary_size: ids are below it; at most 2**25.
        k: ids with a log-probability.
        samples: ids without one.
        precision: of the log-probabilities.
    """

    vocabulary_size: int
    k: int
    samples: int
    precision: Literal["fp16", "fp32"]

    def __post_init__(self) -> None:
        if self.bits > _MOST_BITS:
            raise ValueError(f"{self.vocabulary_size:,} ids need {self.bits} bits, more than {_MOST_BITS}")

    @cached_property
    def bits(self) -> int:
        """Bits of an id."""
        return max(1, (self.vocabulary_size - 1).bit_length())

    @cached_property
    def width(self) -> int:
        """Bytes of a row."""
        return self._after_ids + self.k * self._type.itemsize + 4

    @property
    def _after_ids(self) -> int:
        return -(-(self.k + self.samples) * self.bits // 8)

    @property
    def _type(self) -> np.dtype[Any]:
        return np.dtype("<f2" if self.precision == "fp16" else "<f4")

    def pack(self, rows: StoredRows) -> npt.NDArray[np.uint8]:
        """Rows as bytes, uint8 [m, width]."""
        ids = np.concatenate([rows.ids, rows.samples], axis=1)
        packed = np.zeros((len(ids), self._after_ids + _WORD), dtype=np.uint8)
        for place, column in enumerate(ids.T):
            byte, bit = divmod(place * self.bits, 8)
            words = (column.astype(np.uint32) << np.uint32(bit)).astype("<u4")
            packed[:, byte : byte + _WORD] |= words[:, None].view(np.uint8)
        least = np.finfo(self._type).min  # no minus infinity: a probability of 0 times it is not a number
        logarithms = np.maximum(rows.log_probabilities, least).astype(self._type)
        parts = (
            packed[:, : self._after_ids],
            logarithms.view(np.uint8),
            rows.rest.astype("<f4")[:, None].view(np.uint8),
        )
        return np.concatenate(parts, axis=1)

    def unpack(self, packed: npt.NDArray[np.uint8]) -> StoredRows:
        """What `pack` was given, from uint8 [m, width]; log-probabilities rounded to the precision."""
        ids = np.empty((len(packed), self.k + self.samples), dtype=np.int64)
        mask = np.uint32((1 << self.bits) - 1)
        for place in range(ids.shape[1]):
            byte, bit = divmod(place * self.bits, 8)
            ids[:, place] = (self._column(packed, byte, "<u4") >> np.uint32(bit)) & mask
        logarithms = packed[:, self._after_ids : -4].view(self._type).astype(np.float32)
        rest = self._column(packed, self.width - 4, "<f4").astype(np.float32)
        return StoredRows(ids[:, : self.k], logarithms, rest, ids[:, self.k :])

    @staticmethod
    def _column(packed: npt.NDArray[np.uint8], byte: int, kind: str) -> npt.NDArray[Any]:
        return packed[:, byte : byte + 4].view(kind)[:, 0]
