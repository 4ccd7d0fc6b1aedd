"""What a model learns from: the masked words alone, or teachers as well."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from equiglot.objectives import Annealed, Weight

if TYPE_CHECKING:
    from equiglot.objectives import Objective


class HardLabels(BaseModel):
    """The masked words themselves (paper 1, Eq. 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["hard"] = "hard"

    @property
    def objective(self) -> "Objective":
        """The loss that these labels stand for."""
        from equiglot.objectives import Objective

        return Objective()


class SoftLabels(BaseModel):
    """The distributions of teachers, each for its own language (paper 1, section 3 and Eq. 2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["soft"] = "soft"
    teachers: str | dict[str, str] = Field(
        description="The model that teaches a language: a name with {language} in it, or language -> name."
    )
    temperature: float = Field(1.0, gt=0, description="Above 1, the teachers' distributions are flatter.")
    weight: Weight = Field(
        Annealed(start=1, end=1), description="The soft labels' share of the loss; the masked words get the rest."
    )
    scale: bool = Field(True, description="Multiply the soft loss by the squared temperature.")
    without_teacher: Literal["refuse", "gold"] = Field(
        "refuse", description="A language that has no teacher is an error, or learns from the masked words alone."
    )

    @property
    def objective(self) -> "Objective":
        """The loss that these labels stand for."""
        from equiglot.objectives import Objective

        return Objective(weight=self.weight, temperature=self.temperature, scale=self.scale)

    def teacher(self, language: str) -> str | None:
        """The name of the model that teaches `language`, if any."""
        if isinstance(self.teachers, str):
            return self.teachers.replace("{language}", language)
        return self.teachers.get(language)


def _from_name(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


Labels = Annotated[
    HardLabels | SoftLabels,
    Field(discriminator="kind"),
    BeforeValidator(_from_name, json_schema_input_type=HardLabels | SoftLabels | Literal["hard"]),
]
"""Labels in a recipe: `hard`, or `{kind: soft, teachers: "mono-{language}"}`."""
