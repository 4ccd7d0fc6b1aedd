"""Numbers that change while a training goes on, as functions of its progress."""

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from equiglot.settings import Settings


class Annealed(Settings):
    """A weight that goes from `start` to `end` while the training goes from its first to its last update."""

    start: float = Field(ge=0, le=1, description="At the first update.")
    end: float = Field(ge=0, le=1, description="At the last update.")
    shape: Literal["linear", "cosine"] = Field("linear", description="The way between them.")

    def at(self, progress: float) -> float:
        """The weight at `progress` (0 to 1)."""
        share = progress if self.shape == "linear" else (1 - math.cos(math.pi * progress)) / 2
        return self.start + (self.end - self.start) * share


def _from_number(value: Any) -> Any:
    return {"start": value, "end": value} if isinstance(value, int | float) else value


Weight = Annotated[
    Annealed, BeforeValidator(_from_number, json_schema_input_type=Annealed | Annotated[float, Field(ge=0, le=1)])
]
"""A weight in a recipe: a number from 0 to 1, or `{start: 1.0, end: 0.0, shape: linear}`."""
