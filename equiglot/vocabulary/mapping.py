"""The ids of one tokenizer as those of another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from equiglot.errors import InputError
from equiglot.files import atomic_file

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class VocabularyMap:
    """A teacher's ids as the student's (paper 2, section 3.1, step 3).

    A piece that does not say whether it begins a word (`foo` of Unigram after a bracket, or at the beginning of a text
    that byte-level BPE reads) is mapped by where it stands.

    Attributes:
        inside: int64 [teacher's ids], the student's id of a piece where a word goes on; -1 where it has none.
        begin: int64 [teacher's ids], the same where a word begins: at the beginning of a sequence, or after a break.
        breaks: bool [teacher's ids], whether what follows this piece begins a word, though nothing marks it.
        unknown: the student's id of the unknown token; of the mask, where its vocabulary has none.
    """

    inside: Integers
    begin: Integers
    breaks: npt.NDArray[np.bool_]
    unknown: int

    def begins(self, ids: Integers, lengths: Integers, before: Integers | None = None) -> npt.NDArray[np.bool_]:
        """Whether each position stands where a word begins; bool [n].

        Args:
            ids: int64 [n], the teacher's ids of whole sequences, one after the other, not masked.
            lengths: int64 [sequences].
            before: int64 [sequences], the id that stands before a sequence in its sentence, -1 where it is the first of
                its sentence; all are if None.
        """
        begins = np.zeros(len(ids), dtype=np.bool_)
        begins[1:] = self.breaks[ids[:-1]]
        first = True if before is None else ((before < 0) | self.breaks[before])[lengths > 0]
        begins[(np.cumsum(lengths) - lengths)[lengths > 0]] = first
        return begins

    def targets(self, ids: npt.NDArray[np.integer], begins: npt.NDArray[np.bool_]) -> Integers:
        """The student's ids, int64 [...], of the teacher's at positions that begin a word or not; -1 for none."""
        mapped: Integers = np.where(begins, self.begin[ids], self.inside[ids])
        return mapped

    def inputs(self, ids: npt.NDArray[np.integer], begins: npt.NDArray[np.bool_]) -> Integers:
        """The same, with the unknown token where there is none."""
        mapped = self.targets(ids, begins)
        mapped[mapped < 0] = self.unknown
        return mapped


def map_of_kept(kept: Sequence[Integers], sizes: Sequence[int], unknown: int) -> VocabularyMap:
    """The ids of a large vocabulary as those of what is left of it, cut down once or several times in a row.

    Args:
        kept: int64 [new ids] each, the old id of each new one: of the largest vocabulary first.
        sizes: how many ids there were before each cut.
        unknown: the last one's id of the unknown token, or of the mask.
    """
    mapped = np.arange(sizes[0])
    for old_ids, size in zip(kept, sizes, strict=True):
        new_ids = np.full(size + 1, -1, dtype=np.int64)  # the last for what is gone already
        new_ids[old_ids] = np.arange(len(old_ids))
        mapped = new_ids[mapped]
    return VocabularyMap(mapped, mapped, np.zeros(len(mapped), dtype=np.bool_), unknown)


def write_map(mapping: VocabularyMap, path: Path) -> None:
    """Writes a map as safetensors, atomically."""
    tensors = {"inside": mapping.inside, "begin": mapping.begin, "breaks": mapping.breaks}
    with atomic_file(path, "wb") as file:
        file.write(save(tensors | {"unknown": np.array([mapping.unknown])}))


def read_map(path: Path) -> VocabularyMap:
    """Reads a map.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        tensors = load(path.read_bytes())
        return VocabularyMap(tensors["inside"], tensors["begin"], tensors["breaks"], int(tensors["unknown"][0]))
    except (OSError, SafetensorError, KeyError) as error:
        raise InputError(
            f"The map between vocabularies cannot be read: {error}", where=path, fix="Unite the vocabularies again."
        ) from error
