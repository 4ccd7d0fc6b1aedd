"""How much of each language a model reads, and how often: the balancing policies.

A policy turns the languages' training sizes (characters, as in paper 1) into `Portion`s: how many characters of the
text may be read (always a prefix, and the training text is stored in random order, so a prefix is a random sample),
and how many passes over them the whole training makes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from equiglot.settings import MOST, MOST_REPEATS, Settings


class Portion(BaseModel):
    """What one language gives to one training: `passes` times its first `characters` characters of training text."""

    model_config = ConfigDict(frozen=True)
    characters: int
    passes: float


_STEPS = 8  # of an annealed policy


class _Policy(Settings, ABC):
    @abstractmethod
    def portions(self, sizes: Mapping[str, int], epochs: float) -> dict[str, Portion]:
        """Language -> portion; `sizes` in characters, `epochs` the length of the training."""

    def length(self, sizes: Mapping[str, int], epochs: float) -> float:
        """The epochs that there is text for: as many as are planned, or fewer."""
        return epochs

    def passes_by_epoch(
        self, sizes: Mapping[str, int], epochs: float, updates: int | None = None
    ) -> list[dict[str, float]]:
        """Language -> passes in the first epoch, in the second, and so on; the last holds for all that follow.

        Args:
            sizes: in characters.
            epochs: the length of the training, no more than `length`.
            updates: the same in updates, if that is known.
        """
        return [{language: portion.passes / epochs for language, portion in self.portions(sizes, epochs).items()}]


class All(_Policy):
    """All the text of every language, as often as the training has epochs: what the paper calls HL."""

    kind: Literal["all"] = "all"

    def portions(self, sizes: Mapping[str, int], epochs: float) -> dict[str, Portion]:
        """Language -> portion; `sizes` in characters, `epochs` the length of the training."""
        return {language: Portion(characters=size, passes=epochs) for language, size in sizes.items()}


class Truncate(_Policy):
    """Every language cut to the size of the smallest, in characters (paper 1, section 3)."""

    kind: Literal["truncate"] = "truncate"

    def portions(self, sizes: Mapping[str, int], epochs: float) -> dict[str, Portion]:
        """Language -> portion; `sizes` in characters, `epochs` the length of the training."""
        return Cap(characters=min(sizes.values())).portions(sizes, epochs)


class Cap(_Policy):
    """No language gives more than `characters`."""

    kind: Literal["cap"] = "cap"
    characters: int = Field(gt=0, le=MOST, description="At most so many characters of each language.")

    def portions(self, sizes: Mapping[str, int], epochs: float) -> dict[str, Portion]:
        """Language -> portion; `sizes` in characters, `epochs` the length of the training."""
        return {
            language: Portion(characters=min(size, self.characters), passes=epochs) for language, size in sizes.items()
        }


class Smoothing(_Policy):
    """Languages are drawn in proportion to size ** alpha: alpha 1 is `all`, alpha 0 gives all languages the same.

    An epoch stays as long as one of `all`; small languages are read more often, large ones less (Devlin et al., 2019).
    """

    kind: Literal["smoothing"] = "smoothing"
    alpha: float = Field(ge=0, le=1, description="1 keeps the proportions of the text, 0 makes them equal.")

    def portions(self, sizes: Mapping[str, int], epochs: float) -> dict[str, Portion]:
        """Language -> portion; `sizes` in characters, `epochs` the length of the training."""
        weights = self.weights(sizes)
        budget = epochs * sum(sizes.values()) / sum(weights.values())
        return {
            language: Portion(characters=size, passes=budget * weights[language] / size)
            for language, size in sizes.items()
        }

    def weights(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Language -> size ** alpha: how much of each there is, in proportion to the others."""
        return {language: size**self.alpha for language, size in sizes.items()}


class Annealed(_Policy):
    """Smoothing whose alpha goes from `start` to `end` in eight equal parts of the training, or in as many as it has
    updates.

    From 1 to 0, the large languages come first and all are equal at the end (Marone et al., 2025, arXiv:2509.06888,
    anneal from 0.7 to 0.3). A part is an epoch of its own, an eighth as long as the training is planned to be.

    With `passes` a tiny language is not read over and over: in each part it gives an eighth of its passes at most, and
    the others, in the same proportions, have what it leaves.
    """

    kind: Literal["annealed"] = "annealed"
    start: float = Field(ge=0, le=1, description="Alpha at the beginning.")
    end: float = Field(ge=0, le=1, description="Alpha at the end.")
    passes: float | None = Field(
        None,
        gt=0,
        le=MOST_REPEATS,
        description="No language is read more often than this, or than `all` would read it; any number if null.",
    )

    def portions(self, sizes: Mapping[str, int], epochs: float) -> dict[str, Portion]:
        """Language -> portion; `sizes` in characters, `epochs` the length of the training."""
        parts = self.passes_by_epoch(sizes, epochs)
        return {
            language: Portion(characters=size, passes=sum(part[language] for part in parts))
            for language, size in sizes.items()
        }

    def passes_by_epoch(
        self, sizes: Mapping[str, int], epochs: float, updates: int | None = None
    ) -> list[dict[str, float]]:
        """Language -> passes in each part of the training."""
        steps = _STEPS if updates is None else max(1, min(_STEPS, updates))
        shares = [step / (steps - 1) for step in range(steps)] if steps > 1 else [0.5]
        alphas = [self.start + (self.end - self.start) * share for share in shares]
        parts = (Smoothing(alpha=min(max(alpha, 0), 1)).portions(sizes, epochs / steps) for alpha in alphas)
        passes = [{language: portion.passes for language, portion in part.items()} for part in parts]
        return [self._bounded(part, sizes, epochs, steps) for part in passes] if self.passes is not None else passes

    def _bounded(
        self, passes: dict[str, float], sizes: Mapping[str, int], epochs: float, steps: int
    ) -> dict[str, float]:
        """One of so many parts of the training, as long as before, in which no language is read too often."""
        most, full = max(self.passes or 0.0, epochs) / steps, set[str]()
        while over := {language for language, each in passes.items() if language not in full and each > most}:
            full |= over
            left = epochs / steps * sum(sizes.values()) - most * sum(sizes[language] for language in full)
            read = sum(each * sizes[language] for language, each in passes.items() if language not in full)
            passes = {language: most if language in full else each * left / read for language, each in passes.items()}
        return passes


class UniMax(_Policy):
    """Equal budgets, but no language is read more than `passes` times (Chung et al., 2023, arXiv:2304.09151, Alg. 1).

    The budget of the whole training is that of `all`; what a small language cannot use goes to the larger ones.
    """

    kind: Literal["unimax"] = "unimax"
    passes: float = Field(
        gt=0, le=MOST_REPEATS, description="No language is read more often than this in the whole training."
    )

    def portions(self, sizes: Mapping[str, int], epochs: float) -> dict[str, Portion]:
        """Language -> portion; `sizes` in characters, `epochs` the length of the training."""
        left = epochs * sum(sizes.values())
        portions = {}
        for waiting, (language, size) in enumerate(sorted(sizes.items(), key=lambda item: (item[1], item[0]))):
            share = min(left / (len(sizes) - waiting), self.passes * size)
            left -= share
            portions[language] = Portion(characters=size, passes=share / size)
        return {language: portions[language] for language in sizes}

    def length(self, sizes: Mapping[str, int], epochs: float) -> float:
        """The epochs that there is text for: where every language has given its passes, there is no more."""
        read = sum(portion.passes * portion.characters for portion in self.portions(sizes, epochs).values())
        return min(epochs, read / sum(sizes.values()))


def _from_name(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


_Policies = All | Truncate | Cap | Smoothing | Annealed | UniMax
BalancingPolicy = Annotated[
    _Policies,
    Field(discriminator="kind"),
    BeforeValidator(_from_name, json_schema_input_type=_Policies | Literal["all", "truncate"]),
]
"""A policy in a recipe: `all`, `truncate`, `{kind: cap, characters: n}`, `{kind: smoothing, alpha: a}`,
`{kind: annealed, start: a, end: b}` (with `passes: n`) or `{kind: unimax, passes: n}`."""
