"""What a run is: one validated tree that composes the settings of all the packages below."""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from equiglot.corpus import LanguageText, TextSettings
from equiglot.corpus.balancing import All, BalancingPolicy
from equiglot.corpus.sources import AnySource
from equiglot.labels import HardLabels, Labels, SoftLabels, StoredLabels
from equiglot.masking import MaskSettings
from equiglot.models import EncoderSettings
from equiglot.recipe.reading import merge, plain
from equiglot.recipe.scoring import (
    Audit,
    Costs,
    Evaluations,
    FineTunedTask,
    LabelledEntry,
    Likelihood,
    MaskedLanguageModelling,
    ProbedTask,
)
from equiglot.recipe.starting import Extend, Fresh, Start, Trim
from equiglot.settings import MOST, Settings
from equiglot.training import TrainingSettings
from equiglot.vocabulary import UnionVocabulary, Vocabulary, VocabularySettings

PLACEHOLDER = "{language}"
FREQUENCY = "frequency"
"""The name of the reference that ranks words by frequency; no model may be called so."""
TEACHERS = "teachers"
"""What the models together are called that distances are measured from, where they have no common name."""
_REVISED = {"trim": "trimmed", "extend": "extended", "fresh": "made anew"}
"""Field of a model that is another one, changed -> what is done to that."""
SHARED = "shared"
"""Stands for the run's own vocabulary; no model may be called so."""


class Language(LanguageText):
    """One language of a run: where its text comes from, and what it is used for."""

    group: str | None = Field(None, description="Languages of a group are averaged in the report: high, low, ...")
    vocabulary_only: bool = Field(False, description="Its text serves the vocabulary alone; no model has it.")
    wikipedia: float | None = Field(
        None,
        ge=-60,
        le=60,
        description="Binary logarithm of its Wikipedia's size in MB; the page draws the text's size against it.",
    )


class ModelSettings(Settings):
    """One model of a run, or, where its name has {language} in it, one for each language.

    It is trained, or it is there already (`existing`), or it is another one with fewer vocabulary entries (`trim`),
    with more (`extend`), or with random weights (`fresh`).
    `encoder` and `training` hold only what differs from the recipe's own.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    existing: str | None = Field(
        None,
        description="A model that is not trained but taken: its name on the hub, or its Hugging Face folder, by a path "
        "that begins with ./, ../, / or ~.",
    )

    trim: Trim | None = Field(
        None, description="A model that is not trained but trimmed to the vocabulary entries that its languages need."
    )
    extend: Extend | None = Field(
        None, description="A model that is not trained but gets vocabulary entries that its languages lack."
    )
    fresh: Fresh | None = Field(None, description="A model that is not trained but another one with random weights.")
    languages: Literal["all", "each"] | tuple[str, ...] = Field(
        "all", description="all of the recipe's; each: a model for each; or a list of codes."
    )
    balance: BalancingPolicy = Field(All(), description="How much of each language is read, and how often.")
    labels: Labels = Field(HardLabels(), description="What it learns from: the masked words, or teachers.")
    start: Start | None = Field(
        None, alias="from", description="Weights to start from, and the encoder with them; random if null."
    )
    encoder: EncoderSettings = EncoderSettings()
    training: TrainingSettings = TrainingSettings()
    vocabulary: Literal["shared"] | str | VocabularySettings = Field(
        "shared",
        description="shared: the run's; the name of a model that has its own; or settings: one learnt for this model.",
    )
    tokens: dict[str, Annotated[int, Field(gt=0, le=MOST)]] = Field(
        {}, description="existing: tokens that it was trained on, by language; the page says which share a student saw."
    )

    @model_validator(mode="after")
    def _taken_as_it_is(self) -> "ModelSettings":
        given = {type(self).model_fields[name].alias or name for name in self.model_fields_set}
        trained = sorted({"balance", "labels", "vocabulary", "from", "encoder", "training"} & given)
        if self.existing is not None and trained:
            raise ValueError(f"a model that is there already is not trained: leave out {', '.join(trained)}")
        made = [name for name in ("existing", *_REVISED) if getattr(self, name) is not None]
        if trained and made and made[0] in _REVISED:
            what = f"a model that is {_REVISED[made[0]]} is not trained: leave out {', '.join(trained)}"
            raise ValueError(f"{what}; another one may start from it, with its vocabulary")
        if len(made) > 1:
            what = f"what is {_REVISED[made[1]]} is a model of its own, with a name"
            raise ValueError(f"give either `{made[0]}` or `{made[1]}`: {what}")
        if self.existing is not None and "languages" not in self.model_fields_set:
            raise ValueError("`languages` is missing: name those that the model reads")
        if self.existing is None and self.tokens:
            raise ValueError("`tokens` is about models that are there already: add `existing`, or leave it out")
        if self.start is not None and "encoder" in given:
            raise ValueError("the encoder is that of the model in `from`, with those layers: leave out encoder")
        return self


class ReportSettings(Settings):
    """What the page compares with what."""

    reference: str | dict[str, str] = Field(
        "mono-{language}",
        description="The model that a language's distance is measured from: a name with {language} in it, or language "
        "-> name. By default also the model that teaches the language; of several that of fewest. It may be missing.",
    )
    title: str | None = Field(None, description="The page's title; the recipe's name if null.")
    notes: tuple[str, ...] = Field((), description="Paragraphs that stand on the page.")
    published: str | None = Field(
        None,
        description="Numbers of others that stand beside this run's: a YAML file, or paper1-shared or paper1-diverse.",
    )


class ModelPlan(Settings):
    """One model to train, with everything that the recipe says about it."""

    name: str
    languages: tuple[str, ...]
    balance: BalancingPolicy
    labels: Labels
    encoder: EncoderSettings | None
    """None where it is not known before a folder, or a model that is taken, is looked at."""
    training: TrainingSettings
    start: Start | None = None
    existing: str | None = None
    trim: Trim | None = None
    extend: Extend | None = None
    fresh: Fresh | None = None
    owner: str = ""
    """The model whose vocabulary it has, itself perhaps; "" for the run's."""
    own_vocabulary: VocabularySettings | None = None
    tokens: dict[str, int] = Field({})

    def seed(self, recipe: "Recipe") -> int:
        """The seed of its training, as scores name it."""
        return recipe.seed + self.training.seed

    @property
    def is_trained(self) -> bool:
        """Whether it is trained, neither taken nor another one with other entries."""
        return self.existing is None and self.revises is None

    @property
    def is_plain(self) -> bool:
        """Whether it learns one language, from the masked words."""
        return len(self.languages) == 1 and not self.is_student

    @property
    def is_student(self) -> bool:
        """Whether it learns from teachers."""
        return isinstance(self.labels, SoftLabels) or (isinstance(self.labels, StoredLabels) and not self.labels.unused)

    def teachers(self) -> dict[str, tuple[str, ...]]:
        """Language -> the models that teach it, or whose segmentation it reads; without those that have none."""
        if isinstance(self.labels, HardLabels):
            return {}
        named = {language: self.labels.teachers_of(language) for language in self.languages}
        return {language: names for language, names in named.items() if names}

    @property
    def all_teachers(self) -> tuple[str, ...]:
        """Their names, each once."""
        return tuple(dict.fromkeys(name for names in self.teachers().values() for name in names))

    @property
    def made_from(self) -> tuple[str, ...]:
        """The models of the recipe that must be there before it: that which it starts from, and its teachers."""
        first = [self.starts_from] if self.starts_from is not None else []
        first += [self.revises] if self.revises is not None else []
        first += [self.extend.donor] if self.extend is not None and self.extend.donor is not None else []
        return tuple(dict.fromkeys([*first, *self.all_teachers]))

    @property
    def starts_from(self) -> str | None:
        """The model of the recipe whose weights it starts from, if it does."""
        return self.start.model if self.start is not None else None

    @property
    def revises(self) -> str | None:
        """The model of the recipe that it is with another vocabulary or other weights, if it is."""
        return None if self.revised_by is None else str(getattr(self, self.revised_by).model)

    @property
    def revised_by(self) -> str | None:
        """The field that says what is done to that model: trim, extend or fresh."""
        return next((name for name in _REVISED if getattr(self, name) is not None), None)


class Recipe(Settings):
    """A run: which models are trained, on which text, from which labels, and how they are scored."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Of the run, and of its folder.")
    description: str = Field("", description="One line, for the list of recipes and the page.")
    seed: int = Field(0, ge=0, le=MOST, description="All that is random follows from it.")
    languages: dict[str, Language] = Field(min_length=1, description="Language code -> its text and its use.")
    text: TextSettings = TextSettings()
    vocabulary: Vocabulary = VocabularySettings()
    encoder: EncoderSettings = EncoderSettings()
    masking: MaskSettings = MaskSettings()
    training: TrainingSettings = TrainingSettings()
    models: dict[str, ModelSettings] = Field(
        min_length=1, description="Name -> model; a name with {language} in it stands for one model of each language."
    )
    evaluation: Evaluations = (MaskedLanguageModelling(),)
    audit: Audit | None = Field(None, description="Whether the page says which languages are served badly, and why.")
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
    def masked(self) -> MaskedLanguageModelling | None:
        """How masked language modelling is scored; None where it is not, as where no model has the run's vocabulary."""
        found = (each for each in self.evaluation if isinstance(each, MaskedLanguageModelling))
        return next(found, None) if self.has_vocabulary else None

    @property
    def probed(self) -> dict[str, ProbedTask]:
        """Task -> how it is probed."""
        return {each.name: each for each in self.evaluation if isinstance(each, ProbedTask)}

    @property
    def fine_tuned(self) -> dict[str, FineTunedTask]:
        """Name in scores -> how models are fine-tuned on a task."""
        return {each.name: each for each in self.evaluation if isinstance(each, FineTunedTask)}

    def labelled_languages(self, entry: LabelledEntry) -> tuple[str, ...]:
        """The languages that an entry of `evaluation` has labelled data of."""
        named = entry.languages if isinstance(entry, FineTunedTask) else None
        return tuple(code for code in self.trained_languages if named is None or code in named)

    def fine_tuned_models(self, entry: FineTunedTask) -> tuple[ModelPlan, ...]:
        """The models that an entry of `evaluation` fine-tunes."""
        return tuple(plan for plan in self.plans().values() if entry.models is None or plan.name in entry.models)

    @property
    def likelihood(self) -> Likelihood | None:
        """How bits a character are measured; None where they are not."""
        return next((each for each in self.evaluation if isinstance(each, Likelihood)), None)

    @property
    def costs(self) -> Costs | None:
        """How costs are measured; None where they are not."""
        return next((each for each in self.evaluation if isinstance(each, Costs)), None)

    @property
    def evaluated(self) -> tuple[str, ...]:
        """The tasks that models are scored in, in the recipe's order; what they cost is no score."""
        asked = (each for each in self.evaluation if not isinstance(each, Costs))
        scored = (each for each in asked if each.task != "mlm" or self.masked is not None)
        return tuple(each.name if isinstance(each, ProbedTask | FineTunedTask) else each.task for each in scored)

    @property
    def trained_languages(self) -> tuple[str, ...]:
        """The languages that models are trained on, or scored in, in the recipe's order."""
        return tuple(code for code, language in self.languages.items() if not language.vocabulary_only)

    @property
    def sources(self) -> dict[str, AnySource]:
        """Language -> its text, of all that have any."""
        return {code: each.text for code, each in self.languages.items() if each.text is not None}

    @property
    def text_languages(self) -> tuple[str, ...]:
        """Those of `trained_languages` that have text."""
        return tuple(code for code in self.trained_languages if self.languages[code].text is not None)

    @property
    def vocabulary_languages(self) -> tuple[str, ...]:
        """The languages that the run's vocabulary is learnt from; none where it is a union, or no model has it."""
        if not self.has_vocabulary or isinstance(self.vocabulary, UnionVocabulary):
            return ()
        return self.vocabulary.languages or tuple(self.sources)

    @property
    def has_vocabulary(self) -> bool:
        """Whether any model has the run's vocabulary."""
        return any(plan.owner == "" for plan in self.expanded())

    @property
    def merges(self) -> bool:
        """Whether models of different vocabularies are in it."""
        return any(plan.owner for plan in self.expanded())

    @property
    def united(self) -> tuple[str, ...]:
        """The models whose vocabularies the run's is the union of; none where it is learnt."""
        if not isinstance(self.vocabulary, UnionVocabulary):
            return ()
        return self.vocabulary.models or tuple(plan.name for plan in self.expanded() if plan.owner == plan.name)

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
        """Name -> model, templates written out, each after those that it learns or starts from."""
        return self._plans

    def expanded(self) -> tuple[ModelPlan, ...]:
        """The models in the recipe's order, templates written out; of equal names, all."""
        return self._expanded

    @cached_property
    def _plans(self) -> dict[str, ModelPlan]:
        plans = {plan.name: plan for plan in self.expanded()}
        ordered: dict[str, ModelPlan] = {}

        def place(name: str, pupils: tuple[str, ...] = ()) -> None:
            if name in ordered or name in pupils or name not in plans:  # circles and unknown names: see `checks`
                return
            owner = plans.get(plans[name].owner)
            cut_by = () if owner is None or owner.revises is None else (owner.name,)  # its tokenizer is made first
            for before in (*cut_by, *plans[name].made_from):
                place(before, (*pupils, name))
            ordered[name] = plans[name]

        for name in plans:
            place(name)
        return ordered

    def trimmed_from(self, owner: str, source: str) -> tuple[str, ...]:
        """The trimmed models by which the vocabulary of `source` becomes that of `owner`, in their order; none where it
        does not."""
        return self._revised_from(owner, source, "trim")

    def extended_from(self, owner: str, source: str) -> tuple[str, ...]:
        """The same of extended models."""
        return self._revised_from(owner, source, "extend")

    def _revised_from(self, owner: str, source: str, field: str) -> tuple[str, ...]:
        plans, chain = self.plans(), list[str]()
        while (plan := plans.get(owner)) is not None and plan.revised_by == field and owner not in chain:
            chain.insert(0, owner)
            owner = plans[plan.revises].owner if plan.revises in plans else ""
            if owner == source:
                return tuple(chain)
        return ()

    def fitted_from(self, name: str) -> tuple[Start, ...]:
        """What starts from a model and must fit into a size: each part of it that is taken."""
        starts = (plan.start for plan in self.expanded() if plan.starts_from == name)
        return tuple(start for start in starts if start is not None and start.fit is not None)

    def reference(self, language: str) -> str:
        """The name of the model that `language`'s distance is measured from (paper 1, Eq. 3); "" where none is."""
        given, plans = self.report.reference, self.plans()
        name = given.get(language, "") if isinstance(given, dict) else given.replace(PLACEHOLDER, language)
        if name in plans or "reference" in self.report.model_fields_set:
            return name if name in plans else ""
        teaching = {name for plan in plans.values() for name in plan.teachers().get(language, ()) if name in plans}
        able = [plan for plan in plans.values() if plan.name in teaching and not plan.is_student]
        return min(able, key=lambda plan: len(plan.languages)).name if able else ""

    @property
    def reference_name(self) -> str:
        """What the models together are called that distances are measured from."""
        named = {code: self.reference(code) for code in self.trained_languages}
        given = self.report.reference
        template = isinstance(given, str) and all(
            name in ("", given.replace(PLACEHOLDER, code)) for code, name in named.items()
        )
        return given if isinstance(given, str) and template else TEACHERS

    def is_expert(self, plan: ModelPlan) -> bool:
        """Whether a model is the expert of its language or languages, and not one that is compared with it.

        It teaches, or distances are measured from it. Students are none, nor other models of one language where the
        recipe has the one that distances are measured from; models of several languages only if they are there already,
        or `report.reference` names them and no model of one language teaches.
        """
        teachers = {name for each in self.expanded() for name in each.all_teachers}
        teaches, referred = plan.name in teachers, plan.name in map(self.reference, plan.languages)
        if not plan.is_trained:
            return teaches or referred
        if referred and "reference" in self.report.model_fields_set:
            experts = (each for each in self.expanded() if each.is_trained and each.is_plain and each.name in teachers)
            return plan.is_plain or not any(experts)
        alike = {each.name for each in self.expanded() if each.is_plain and each.languages == plan.languages}
        reference = self.reference(plan.languages[0])
        return plan.is_plain and (plan.name == reference or (teaches and reference not in alike))

    @cached_property
    def _expanded(self) -> tuple[ModelPlan, ...]:
        plans = tuple(self._written_out())
        named = {plan.name: plan for plan in plans}
        return tuple(_with_encoder(plan, named) for plan in plans)

    def _written_out(self) -> Iterator[ModelPlan]:
        for name, model in self.models.items():
            given = {field: getattr(model, field) for field in ("balance", "labels", "training")}
            if model.languages == "each":
                for code in self.trained_languages:
                    yield ModelPlan(languages=(code,), **given, **self._identity(name, model, code))
            else:
                codes = self.trained_languages if model.languages == "all" else model.languages
                yield ModelPlan(languages=tuple(codes), **given, **self._identity(name, model, ""))

    def _identity(self, template: str, model: ModelSettings, language: str) -> dict[str, Any]:
        """What a model is called, where it comes from, and whose vocabulary it has."""
        name = template.replace(PLACEHOLDER, language) if language else template
        existing = model.existing and model.existing.replace(PLACEHOLDER, language)
        start = model.start
        if start is not None and start.model is not None:
            start = start.model_copy(update={"model": start.model.replace(PLACEHOLDER, language)})
        revised = {
            field: each.model_copy(
                update={
                    named: getattr(each, named).replace(PLACEHOLDER, language)
                    for named in ("model", "donor")
                    if getattr(each, named, None) is not None
                }
            )
            for field in _REVISED
            if (each := getattr(model, field)) is not None
        }
        encoder = model.encoder if existing is None and start is None and not revised else None
        own = model.vocabulary if isinstance(model.vocabulary, VocabularySettings) else None
        owner = name if existing is not None or revised or own is not None else ""
        if isinstance(model.vocabulary, str) and model.vocabulary != SHARED:
            owner = model.vocabulary.replace(PLACEHOLDER, language)
        made = {"existing": existing, "start": start, "encoder": encoder, **revised}
        return {"name": name, "owner": owner, "own_vocabulary": own, "tokens": model.tokens, **made}


def _with_encoder(plan: ModelPlan, plans: dict[str, ModelPlan], seen: tuple[str, ...] = ()) -> ModelPlan:
    """A model that is made from another one of the recipe with the encoder that follows, where that one's is known."""
    source = plans.get(plan.starts_from or plan.revises or "")
    if source is None or plan.name in seen:  # unknown names and circles: see `checks`
        return plan
    encoder = _with_encoder(source, plans, (*seen, plan.name)).encoder
    if encoder is not None and plan.start is not None:  # None still, where its layers must fit into a size
        encoder = plan.start.encoder(encoder)
    return plan if encoder is None else plan.model_copy(update={"encoder": encoder})


def _complete(model: Any, recipe: dict[str, Any]) -> Any:
    """`model` with the recipe's encoder and training below its own."""
    model = {} if model is None else plain(model)
    if not isinstance(model, dict) or any(model.get(made) is not None for made in ("existing", *_REVISED)):
        return model
    completed = ("encoder", "training") if model.get("from") is None else ("training",)
    parts = {part: merge(plain(recipe.get(part)) or {}, plain(model.get(part)) or {}) for part in completed}
    return {**model, **parts}
