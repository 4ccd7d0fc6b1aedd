"""Tokenised text on disk: four memory-mapped arrays a split, and how to read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equiglot.errors import InputError, known_refusal

FILES = ("ids.npy", "offsets.npy", "characters.npy")
SENTENCES = "sentences.npy"


@dataclass(frozen=True)
class TokenizedText:
    """Sequences of token ids, one after the other, without special tokens; nothing of it need be in memory.

    Attributes:
        ids: uint16 or uint32 [tokens], all sequences one after the other.
        offsets: int64 [n + 1]; sequence i is `ids[offsets[i]:offsets[i + 1]]`, never empty.
        characters: int64 [n + 1], characters of text before each sequence.
    """

    ids: npt.NDArray[np.unsignedinteger[Any]]
    offsets: npt.NDArray[np.int64]
    characters: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """How many sequences there are."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Tokens of each sequence, int32 [n]."""
        return np.diff(self.offsets).astype(np.int32)

    def gather(
        self, indices: npt.NDArray[np.integer[Any]]
    ) -> tuple[npt.NDArray[np.unsignedinteger[Any]], npt.NDArray[np.int64]]:
        """The sequences `indices` [m], one after the other: ids [their tokens], lengths int64 [m]."""
        starts = self.offsets[indices]
        lengths = self.offsets[np.asarray(indices) + 1] - starts
        before = np.cumsum(lengths) - lengths
        positions = np.repeat(starts - before, lengths) + np.arange(lengths.sum())
        return self.ids[positions], lengths


def open_tokens(folder: Path) -> TokenizedText:
    """Opens the tokenised text of `folder`, memory-mapped and read-only.

    Raises:
        InputError: a file is missing or damaged, or the three do not belong together.
    """
    text = TokenizedText(*(_open(folder / name) for name in FILES))
    shapes_agree = text.ids.ndim == text.offsets.ndim == 1 and text.offsets.shape == text.characters.shape
    if not shapes_agree or len(text.offsets) == 0 or int(text.offsets[-1]) != len(text.ids):
        raise InputError(
            "The arrays of this tokenised text do not belong together.", where=folder, fix="Tokenise the text again."
        )
    return text


def open_sentences(folder: Path) -> npt.NDArray[np.int64]:
    """Which sentence of the corpus each sequence of a tokenised text comes from, int64 [sequences], ascending.

    Raises:
        InputError: the file is missing or damaged.
    """
    sentences: npt.NDArray[np.int64] = _open(folder / SENTENCES)
    return sentences


def _open(path: Path) -> Any:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError("The tokenised text is not there.", where=path, fix="Tokenise the text first.") from error
    except (ValueError, OSError, EOFError) as error:
        what = f"The array cannot be read: {error}"
        raise known_refusal(error, path) or InputError(what, where=path, fix="Tokenise the text again.") from error
    return array
