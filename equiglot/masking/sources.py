"""Text of one language as one tokenizer cuts it, and the masks that are laid over it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from equiglot.hashing import hash_name, hash_u64
from equiglot.masking.collate import Integers, MaskedTokens, number_targets
from equiglot.masking.masks import MaskSettings, SpecialTokens, mask_rates, mask_rows
from equiglot.vocabulary import TokenizedText, VocabularyMap

_COUNTED = 1 << 20  # tokens at a time


@dataclass(frozen=True)
class Source:
    """Text of a language, masked in the ids of the tokenizer that cut it, and read in the student's.

    The masks depend on (seed, language, draw, sequence, position) alone: whoever reads the text with the same settings
    sees the same masks.

    Attributes:
        language: code.
        text: its sequences.
        special: the ids that masking needs, of the tokenizer that cut the text.
        masks: masking.
        seed: of the masks.
        draws: different masks of a sequence, taken in turn; None for new ones at every reading.
        mapping: to the student's ids; None where they are the same.
        continues: bool [sequences of the text], which of them go on with the sentence of the one before; none if None.
        sequences: int64 [n], which of the text's sequences may be read, ascending; or the first n of them; all if None.
        share: of the language's passes that go over this source: copies of one text share its passes.
        labels: what tells sources of one language apart, "" for the only one.
    """

    language: str
    text: TokenizedText
    special: SpecialTokens
    masks: MaskSettings
    seed: int
    draws: int | None = None
    mapping: VocabularyMap | None = None
    continues: npt.NDArray[np.bool_] | None = None
    sequences: Integers | int | None = None
    share: float = 1.0
    labels: str = ""

    @cached_property
    def tokens(self) -> int:
        """Tokens that may be read."""
        return self._total(self.text.offsets)

    @cached_property
    def characters(self) -> int:
        """Characters of text that may be read."""
        return self._total(self.text.characters)

    def _total(self, before: Integers) -> int:
        """What may be read, of a count before each sequence, int64 [n + 1]."""
        if isinstance(self.sequences, np.ndarray):
            return int((before[self.sequences + 1] - before[self.sequences]).sum())
        return int(before[self.size])

    @property
    def name(self) -> str:
        """The language, and the labels where there are several sources of it."""
        return f"{self.language}.{self.labels}" if self.labels else self.language

    @property
    def size(self) -> int:
        """How many sequences may be read."""
        if self.sequences is None:
            return len(self.text)
        return len(self.sequences) if isinstance(self.sequences, np.ndarray) else self.sequences

    def choose(self, places: Integers) -> Integers:
        """The sequences of the text, int64 [m], that stand at these places (each below `size`)."""
        return self.sequences[places] if isinstance(self.sequences, np.ndarray) else places

    @cached_property
    def rates(self) -> npt.NDArray[np.float64] | None:
        """How often each token is predicted, float64 [ids]; None: all alike."""
        if not self.masks.smoothing:
            return None
        size = 1 + max(int(self.special.maskable_ids.max()), int(self.text.ids.max(initial=0)))
        counts = np.zeros(size, dtype=np.int64)
        for begin in range(0, len(self.text.ids), _COUNTED):  # text may be larger than memory
            counts += np.bincount(self.text.ids[begin : begin + _COUNTED], minlength=size)
        seen = np.zeros_like(counts)
        seen[self.special.maskable_ids] = counts[self.special.maskable_ids]
        return mask_rates(seen, self.masks)

    def read(self, sequences: Integers, readings: Integers) -> MaskedTokens:
        """Sequences int64 [m] of the text, masked, at these readings of them (0, 1, ...), in the student's ids."""
        flat, lengths = self.text.gather(sequences)
        ids = flat.astype(np.int64)
        salt = hash_name(f"train/{self.language}")
        draws = self.draws_of(readings)
        identities = hash_u64(salt, sequences.astype(np.uint64))
        inputs, chosen = mask_rows(ids, lengths, identities, draws, self.masks, self.special, self.seed, self.rates)
        mask_index = number_targets(chosen, lengths)
        word_start = np.zeros(len(ids), dtype=np.bool_)
        if self.mapping is not None:
            word_start = self.mapping.begins(ids, lengths, self._before(sequences))
            ids, inputs = self.mapping.targets(ids, word_start), self.mapping.inputs(inputs, word_start)
            chosen &= ids >= 0
        return MaskedTokens(lengths, ids, inputs, chosen, mask_index, word_start)

    def _before(self, sequences: Integers) -> Integers | None:
        """The id before each sequence in its sentence, int64 [m], -1 where it begins one."""
        if self.continues is None:
            return None
        last = self.text.ids[self.text.offsets[sequences] - 1].astype(np.int64)
        before: Integers = np.where(self.continues[sequences], last, -1)
        return before

    def draws_of(self, readings: Integers) -> Integers:
        """Which of a sequence's masks each reading sees, int64 [m]."""
        if not self.masks.dynamic:
            return np.zeros_like(readings)
        return readings if self.draws is None else readings % self.draws
