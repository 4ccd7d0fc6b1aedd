"""What a run is: one validated tree that composes the settings of all the packages below."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from equiglot.corpus import LanguageText, TextSettings
from equiglot.corpus.balancing import All, BalancingPolicy
from equiglot.labels import HardLabels, Labels, SoftLabels
from equiglot.masking import MaskSettings
from equiglot.models import EncoderSettings
from equiglot.recipe.merging import merge, plain
from equiglot.recipe.scoring import Evaluations, MaskedLanguageModelling, ProbedTask
from equiglot.training import TrainingSettings
from equiglot.vocabulary import VocabularySettings

PLACEHOLDER = "{language}"
FREQUENCY = "frequency"
"""The name of the reference that ranks words by frequency; no model may be called so."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Language(LanguageText):
    """One language of a run: where its text comes from, and what it is used for."""

    group: str | None = Field(None, description="Languages of a group are averaged in the report: high, low, ...")
    vocabulary_only: bool = Field(False, description="Its text serves the vocabulary; no model is trained on it.")
    wikipedia: FiniteFloat | None = Field(
        None, description="Binary logarithm of its Wikipedia's size in MB; the page draws the text's size against it."
    )


class ModelSettings(_Settings):
    """One model of a run, or, where its name has {language} in it, one for each language.

    `encoder` and `training` hold only what differs from the recipe's own.
    """

    languages: Literal["all", "each"] | tuple[str, ...] = Field(
        "all", description="all of the recipe's; each: a model for each; or a list of codes."
    )
    balance: BalancingPolicy = Field(All(), description="How much of each language is read, and how often.")
    labels: Labels = Field(HardLabels(), description="What it learns from: the masked words, or teachers.")
    encoder: EncoderSettings = EncoderSettings()
    training: TrainingSettings = TrainingSettings()


class ReportSettings(_Settings):
    """What the page compares with what."""

    reference: str = Field("mono-{language}", description="The model that a language's distance is measured from.")
    title: str | None = Field(None, description="The page's title; the recipe's name if null.")
    notes: tuple[str, ...] = Field((), description="Paragraphs that stand on the page.")
    published: str | None = Field(
        None,
        description="Numbers of others that stand beside this run's: a YAML file, or paper1-shared or paper1-diverse.",
    )


class ModelPlan(_Settings):
    """One model to train, with everything that the recipe says about it."""

    name: str
    languages: tuple[str, ...]
    balance: BalancingPolicy
    labels: Labels
    encoder: EncoderSettings
    training: TrainingSettings

    def seed(self, recipe: "Recipe") -> int:
        """The seed of its training, as scores name it."""
        return recipe.seed + self.training.seed

    @property
    def is_plain(self) -> bool:
        """Whether it learns one language, from the masked words."""
        return len(self.languages) == 1 and not isinstance(self.labels, SoftLabels)

    def teachers(self) -> dict[str, str]:
        """Language -> the model that teaches it."""
        if not isinstance(self.labels, SoftLabels):
            return {}
        named = {language: self.labels.teacher(language) for language in self.languages}
        return {language: name for language, name in named.items() if name is not None}


class Recipe(_Settings):
    """A run: which models are trained, on which text, from which labels, and how they are scored."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Of the run, and of its folder.")
    description: str = Field("", description="One line, for the list of recipes and the page.")
    seed: int = Field(0, ge=0, description="All that is random follows from it.")
    languages: dict[str, Language] = Field(min_length=1, description="Language code -> its text and its use.")
    text: TextSettings = TextSettings()
    vocabulary: VocabularySettings = VocabularySettings()
    encoder: EncoderSettings = EncoderSettings()
    masking: MaskSettings = MaskSettings()
    training: TrainingSettings = TrainingSettings()
    models: dict[str, ModelSettings] = Field(
        min_length=1, description="Name -> model; a name with {language} in it stands for one model of each language."
    )
    evaluation: Evaluations = (MaskedLanguageModelling(),)
    report: ReportSettings = ReportSettings()

    @model_validator(mode="before")
    @classmethod
    def _complete_models(cls, data: Any) -> Any:
        """Gives every model the recipe's own encoder and training, changed by what the model says."""
        if not isinstance(data, dict) or not isinstance(data.get("models"), dict):
            return data
        models = {name: _complete(model, data) for name, model in data["models"].items()}
        return {**data, "models": models}

    @property
    def masked(self) -> MaskedLanguageModelling:
        """How masked language modelling is scored."""
        return next(each for each in self.evaluation if isinstance(each, MaskedLanguageModelling))

    @property
    def probed(self) -> dict[str, ProbedTask]:
        """Task -> how it is probed."""
        return {each.task: each for each in self.evaluation if not isinstance(each, MaskedLanguageModelling)}

    @property
    def trained_languages(self) -> tuple[str, ...]:
        """The languages that models are trained on, in the recipe's order."""
        return tuple(code for code, language in self.languages.items() if not language.vocabulary_only)

    @property
    def vocabulary_languages(self) -> tuple[str, ...]:
        """The languages that the vocabulary is learnt from."""
        return self.vocabulary.languages or tuple(self.languages)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Group -> its languages, in the recipe's order, and `all` last."""
        groups: dict[str, tuple[str, ...]] = {}
        for code in self.trained_languages:
            group = self.languages[code].group
            if group is not None:
                groups[group] = (*groups.get(group, ()), code)
        return {**groups, "all": self.trained_languages}

    def plans(self) -> dict[str, ModelPlan]:
        """Name -> model, templates written out, teachers before their students."""
        plans = {plan.name: plan for plan in self.expanded()}
        ordered: dict[str, ModelPlan] = {}

        def place(name: str, pupils: tuple[str, ...] = ()) -> None:
            if name in ordered or name in pupils or name not in plans:  # circles and unknown names: see `checks`
                return
            for teacher in plans[name].teachers().values():
                place(teacher, (*pupils, name))
            ordered[name] = plans[name]

        for name in plans:
            place(name)
        return ordered

    def reference(self, language: str) -> str:
        """The name of the model that `language`'s distance is measured from (paper 1, Eq. 3)."""
        return self.report.reference.replace(PLACEHOLDER, language)

    def is_expert(self, plan: ModelPlan) -> bool:
        """Whether a model is the monolingual expert of its language, and not one that is compared with it.

        Students are not, nor other models of one language where the recipe has the one that distances are measured
        from.
        """
        alike = {each.name for each in self.expanded() if each.is_plain and each.languages == plan.languages}
        reference = self.reference(plan.languages[0])
        return plan.is_plain and (plan.name == reference or reference not in alike)

    def expanded(self) -> Iterator[ModelPlan]:
        """The models in the recipe's order, templates written out; of equal names, all."""
        for name, model in self.models.items():
            given = {field: getattr(model, field) for field in ("balance", "labels", "encoder", "training")}
            if model.languages == "each":
                for code in self.trained_languages:
                    yield ModelPlan(name=name.replace(PLACEHOLDER, code), languages=(code,), **given)
            else:
                codes = self.trained_languages if model.languages == "all" else model.languages
                yield ModelPlan(name=name, languages=tuple(codes), **given)


def _complete(model: Any, recipe: dict[str, Any]) -> Any:
    """`model` with the recipe's encoder and training below its own."""
    model = {} if model is None else plain(model)
    if not isinstance(model, dict):
        return model
    parts = {
        part: merge(plain(recipe.get(part)) or {}, plain(model.get(part)) or {}) for part in ("encoder", "training")
    }
    return {**model, **parts}
