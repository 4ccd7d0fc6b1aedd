"""What a model learns from: the masked words alone, or teachers as well."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from equiglot.objectives import INSIDE, Annealed, Weight
from equiglot.settings import MOST_REPEATS, Settings

if TYPE_CHECKING:
    from equiglot.objectives import Objective


class HardLabels(Settings):
    """The masked words themselves (paper 1, Eq. 1)."""

    kind: Literal["hard"] = "hard"

    @property
    def objective(self) -> "Objective":
        """The loss that these labels stand for."""
        from equiglot.objectives import Objective

        return Objective()


class _Taught(Settings):
    temperature: float = Field(
        1.0, gt=0, le=MOST_REPEATS, description="Above 1, the teachers' distributions are flatter."
    )
    weight: Weight = Field(
        Annealed(start=1, end=1), description="The soft labels' share of the loss; the masked words get the rest."
    )
    scale: bool = Field(True, description="Multiply the soft loss by the squared temperature.")
    without_teacher: Literal["refuse", "gold"] = Field(
        "refuse", description="A language that has no teacher is an error, or learns from the masked words alone."
    )


class SoftLabels(_Taught):
    """The distributions of teachers, each for its own language (paper 1, section 3 and Eq. 2), while the student
    trains; teachers and student have one vocabulary, or the student's is the teacher's with more entries (`extend`)."""

    kind: Literal["soft"] = "soft"
    teachers: str | dict[str, str] = Field(
        description="The model that teaches a language: a name with {language} in it, or language -> name."
    )
    states: Weight | None = Field(
        None,
        description="Weight of 1 minus the cosine between the last hidden states of student and teacher at every "
        "token, beside the loss of the words (paper 4, Eq. 6 and 8: 1/7, with weight 5/7 and temperature 2); they need "
        "one hidden_size.",
    )
    logits: Weight | None = Field(
        None, description="Weight of 1 minus the cosine between their logits at masked words: Eq. 6 as it is printed."
    )
    squared_error: Weight | None = Field(
        None, description="Weight of the mean squared difference of these logits (Kim et al., 2021)."
    )
    layers: Weight | None = Field(
        None,
        description="Weight of the squared error of every layer's hidden states against those of the teacher's layer "
        "at the same height, as a share of their squares (TinyBERT); they need one hidden_size.",
    )
    relations: Weight | None = Field(
        None,
        description="Weight of the divergence between how queries relate to each other in the last layers, and keys, "
        "and values (MiniLM v2); the widths may differ.",
    )

    @property
    def beside(self) -> dict[str, Annealed]:
        """Term beside the loss of the words -> its weight, of those that are asked for."""
        terms = {name: getattr(self, name) for name in ("states", "logits", "squared_error", "layers", "relations")}
        return {name: weight for name, weight in terms.items() if weight is not None}

    @property
    def compares_states(self) -> bool:
        """Whether teachers are asked for more than their logits."""
        return any(name in INSIDE for name in self.beside)

    @property
    def objective(self) -> "Objective":
        """The loss that these labels stand for."""
        from equiglot.objectives import Objective

        return Objective(weight=self.weight, temperature=self.temperature, scale=self.scale, beside=self.beside)

    def teachers_of(self, language: str) -> tuple[str, ...]:
        """The name of the model that teaches `language`; none where it has no teacher."""
        return _named(self.teachers, language)


class StoredLabels(_Taught):
    """The most probable words of teachers, computed once and stored (paper 2, section 3.1).

    A teacher reads the text as its own tokenizer cuts it, masked in its own ids; what the student reads is that
    example, in the student's ids. So teachers may have other vocabularies than the student.

    Of a language with several teachers:

    - `all`: every teacher's copy of the text is read, each as often as the others (paper 2, section 3.1, step 4, where
      a language with more teachers is read more often; here the shares of languages do not depend on teachers).
    - `best`: of each sentence the copy of the teacher with the smallest loss for a masked character, measured on the
      same masked words for all.
    - `best-by-token`: the one with the smallest mean loss for a masked token (the paper's; tokens of different
      tokenizers are of different length, and their losses do not compare).
    - `mixed`: the teachers' distributions together, each weighted by its confidence; their tokenizers must be the same.
      With `reading: sampled` that is right on average; `renormalised` takes what is not among the k words of a teacher
      for impossible, though another one may have it; `bucketed` is refused.
    """

    kind: Literal["stored"] = "stored"
    teachers: str | dict[str, str | tuple[str, ...]] = Field(
        description="The models that teach a language: a name with {language} in it, or language -> name or names."
    )
    copies: Literal["all", "best", "best-by-token", "mixed"] = Field(
        "all", description="What is made of several teachers of one language; see above."
    )
    segmentation: Literal["teacher", "own"] = Field(
        "teacher",
        description="teacher: sentences as their teacher cuts them; own: as the student's tokenizer does, with soft "
        "labels where both agree and the masked words alone elsewhere.",
    )
    k: int = Field(
        8, ge=1, le=MOST_REPEATS, description="The most probable words of a position that are stored (paper 2: 8)."
    )
    samples: int = Field(
        0, ge=0, le=MOST_REPEATS, description="Words sampled from the rest of the teacher's distribution as well."
    )
    draws: int = Field(
        1, ge=1, le=MOST_REPEATS, description="Different masks of each sentence, read in turn by the passes over it."
    )
    precision: Literal["fp16", "fp32"] = Field("fp16", description="Of the stored log-probabilities.")
    parts: int = Field(
        1,
        ge=1,
        le=1000,
        description="Jobs that label a text side by side, each a part of its shards, for much text on many machines. "
        "The labels are the same; where it is changed, they are made again.",
    )
    reading: Literal["bucketed", "renormalised", "sampled"] = Field(
        "renormalised",
        description="What stands for the rest of the distribution: one bucket, nothing, or the sampled words.",
    )
    weight: Weight = Field(
        Annealed(start=1, end=0),
        description="The soft labels' share of the loss, the masked words have the rest (paper 2: teacher to gold).",
    )

    @model_validator(mode="after")
    def _samples_are_read(self) -> "StoredLabels":
        if (self.reading == "sampled") != (self.samples > 0):
            raise ValueError("`reading: sampled` and `samples` go together: give both, or neither")
        return self

    @model_validator(mode="after")
    def _buckets_are_not_mixed(self) -> "StoredLabels":
        if self.copies == "mixed" and self.reading == "bucketed":
            raise ValueError(
                "`copies: mixed` cannot be read bucketed: each teacher has a bucket of other words; read it sampled or "
                "renormalised"
            )
        return self

    @property
    def objective(self) -> "Objective":
        """The loss that these labels stand for."""
        from equiglot.objectives import Objective

        return Objective(weight=self.weight, temperature=self.temperature, scale=self.scale, reading=self.reading)

    @property
    def unused(self) -> bool:
        """Whether the soft labels never count: then only the teachers' segmentation is taken."""
        return self.weight.start == self.weight.end == 0

    def teachers_of(self, language: str) -> tuple[str, ...]:
        """The names of the models that teach `language`."""
        return _named(self.teachers, language)


def _named(teachers: str | Mapping[str, str | tuple[str, ...]], language: str) -> tuple[str, ...]:
    if isinstance(teachers, str):
        return (teachers.replace("{language}", language),)
    named = teachers.get(language, ())
    return (named,) if isinstance(named, str) else named


def _from_name(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


Labels = Annotated[
    HardLabels | SoftLabels | StoredLabels,
    Field(discriminator="kind"),
    BeforeValidator(_from_name, json_schema_input_type=HardLabels | SoftLabels | StoredLabels | Literal["hard"]),
]
"""Labels in a recipe: `hard`, or `{kind: soft, teachers: "mono-{language}"}`, or `{kind: stored, teachers: ...}`."""
