"""How much of each language a model reads, and how often: the balancing policies.

A policy turns the languages' training sizes (characters, as in paper 1) into `Portion`s: how many characters of the
text may be read (always a prefix, and the training text is stored in random order, so a prefix is a random sample),
and how many passes over them the whole training makes.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Portion(BaseModel):
    """What one language gives to one training: `passes` times its first `characters` characters of training text."""

    model_config = ConfigDict(frozen=True)
    characters: int
    passes: float


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
    characters: int = Field(gt=0, description="At most so many characters of each language.")

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


class UniMax(_Policy):
    """Equal budgets, but no language is read more than `passes` times (Chung et al., 2023, arXiv:2304.09151, Alg. 1).

    The budget of the whole training is that of `all`; what a small language cannot use goes to the larger ones.
    """

    kind: Literal["unimax"] = "unimax"
    passes: float = Field(gt=0, description="No language is read more often than this in the whole training.")

    def portions(self, sizes: Mapping[str, int], epochs: float) -> dict[str, Portion]:
        """Language -> portion; `sizes` in characters, `epochs` the length of the training."""
        left = epochs * sum(sizes.values())
        portions = {}
        for waiting, (language, size) in enumerate(sorted(sizes.items(), key=lambda item: (item[1], item[0]))):
            share = min(left / (len(sizes) - waiting), self.passes * size)
            left -= share
            portions[language] = Portion(characters=size, passes=share / size)
        return {language: portions[language] for language in sizes}


def _from_name(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


_Policies = All | Truncate | Cap | Smoothing | UniMax
BalancingPolicy = Annotated[
    _Policies,
    Field(discriminator="kind"),
    BeforeValidator(_from_name, json_schema_input_type=_Policies | Literal["all", "truncate"]),
]
"""A policy in a recipe: `all`, `truncate`, `{kind: cap, characters: n}`, `{kind: smoothing, alpha: a}` or
`{kind: unimax, passes: n}`."""
