"""What a training counts: losses by language and term, and what each language gave."""

import json
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from equiglot.objectives import Losses
from equiglot.training.ranks import Ranks


class LossMeter:
    """Sums and counts of losses by term and language; divided once, when read.

    They are float64 tensors on the model's device: adding to them never waits for it. Each place in an update has its
    own sums: which of the ranks has added to them changes nothing.
    """

    def __init__(
        self, languages: tuple[str, ...], device: torch.device, places: int = 1, ranks: Ranks | None = None
    ) -> None:
        self._languages, self._device, self._places, self._ranks = languages, device, places, ranks or Ranks()
        self._sums: dict[str, Tensor] = {}

    def add(self, losses: Losses, place: int = 0) -> None:
        """Adds a batch's losses; `place` is the batch's in its update."""
        for name, term in losses.terms.items():
            sums = self._sums.setdefault(name, self._zeros())[place]
            used = term.counted.double()
            sums[0].index_add_(0, term.languages, term.values.double() * used)
            sums[1].index_add_(0, term.languages, used)

    def sums(self) -> dict[str, Tensor]:
        """Term -> float64 [places, 2, languages], sums and counts of all ranks; all of them must ask for it."""
        names = set(self._sums)
        if self._ranks.size > 1:
            names = set().union(*map(json.loads, self._ranks.gather(json.dumps(sorted(names)))))
        return {name: self._ranks.total(self._sums.get(name, self._zeros())) for name in sorted(names)}

    def load(self, sums: Mapping[str, Tensor]) -> None:
        """Takes up what `sums` gave, of this rank's own places."""
        self._sums = {name: self._zeros() for name in sums}
        own = list(self._ranks.share(range(self._places)))
        for name, value in sums.items():
            self._sums[name][own] = value[own]

    def read(self) -> dict[str, float]:
        """Means since the last reading; starts anew. All ranks must read."""
        means = {
            f"{term}/{language}": float(sums[0, number] / sums[1, number])
            for term, sums in ((term, places.sum(0).cpu()) for term, places in self.sums().items())
            for number, language in enumerate(self._languages)
            if sums[1, number] > 0
        }
        self._sums.clear()
        return means

    def _zeros(self) -> Tensor:
        return torch.zeros(self._places, 2, len(self._languages), dtype=torch.float64, device=self._device)


class Counter:
    """What each language gave: sequences and tokens."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self._languages = languages
        self.counts = np.zeros((2, len(languages)), dtype=np.int64)

    def add(self, languages: np.ndarray, lengths: np.ndarray) -> None:
        """Adds the rows of a batch: languages int64 [rows], lengths int64 [rows]."""
        np.add.at(self.counts[0], languages, 1)
        np.add.at(self.counts[1], languages, lengths)

    def by_language(self, which: int) -> dict[str, int]:
        """Language -> sequences (0) or tokens (1)."""
        return dict(zip(self._languages, self.counts[which].tolist(), strict=True))


def mean_of(losses: Mapping[str, float]) -> float | None:
    """The mean of some losses, for display."""
    return sum(losses.values()) / len(losses) if losses else None
