"""How a model is probed: which hidden states, and how the linear classifier is trained."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from equiglot.settings import HIGHEST_RATE, MOST, MOST_LAYERS, MOST_REPEATS, Settings


class ConvergedProbe(Settings):
    """Multinomial logistic regression, trained to convergence; the strength of its penalty is chosen on dev."""

    kind: Literal["converged"] = "converged"
    penalties: tuple[Annotated[float, Field(gt=0, le=MOST_REPEATS)], ...] = Field(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
        min_length=1,
        description="Of half the squared weights, beside the mean cross-entropy of a word; the best on dev is kept.",
    )


class FixedProbe(Settings):
    """A linear classifier trained for a fixed number of epochs from several random starts, as in paper 1.

    The paper states five starts and no other number; the others are the defaults of transformers' training scripts.
    """

    kind: Literal["fixed"]
    epochs: int = Field(3, gt=0, le=MOST_REPEATS, description="Passes over the training sentences.")
    batch: int = Field(8, gt=0, le=MOST_REPEATS, description="Sentences of an update.")
    learning_rate: float = Field(5e-5, gt=0, le=HIGHEST_RATE, description="Adam's, falling linearly to 0.")
    seeds: int = Field(5, gt=0, le=1000, description="Different initial weights and orders.")


def _from_name(value: Any) -> Any:
    names = {"converged": {"kind": "converged"}, "paper": {"kind": "fixed"}}
    return names.get(value, value) if isinstance(value, str) else value


ProbeSettings = Annotated[
    ConvergedProbe | FixedProbe,
    Field(discriminator="kind"),
    BeforeValidator(_from_name, json_schema_input_type=ConvergedProbe | FixedProbe | Literal["converged", "paper"]),
]

Layers = Literal["last", "all", "mix"] | Annotated[int, Field(ge=0, le=MOST_LAYERS)]
"""Which hidden states a probe reads: the last layer's; all layers', side by side; their weighted mean, the weights
learnt with the probe; or one layer's by number, 0 for the embeddings."""


class Probing(Settings):
    """How a task is probed."""

    probe: ProbeSettings = Field(ConvergedProbe(), description="How a probe is trained.")
    layers: Layers = Field("last", description="The hidden states that it reads: last, all, mix, or a number.")
    resamples: int = Field(1000, ge=100, le=MOST_REPEATS, description="Bootstrap samples behind an interval.")
    seed: int = Field(0, ge=0, le=MOST, description="Of initial weights, order and bootstrap.")
