"""What the page is made from: everything that it shows, and nothing else.

A `Report` can be incomplete: a run that is half done has models without updates, or no scores. The page then says
what is missing.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, FiniteFloat

from equiglot.evaluation import MASKED_LM, AuditedModel, Coverage, LanguageSegmentation, Score
from equiglot.evaluation.regression import Analysis
from equiglot.finetuning.settings import Trial
from equiglot.report.parts import Merged, Part
from equiglot.report.published import Published
from equiglot.tasks import TaskLanguage, TaskSummary

Role = Literal["teacher", "baseline", "student", "reference"]
"""teacher: what soft labels and D refer to, as a rule monolingual; baseline and student: what is compared with the
teachers, as a rule multilingual; reference: untrained."""


class Size(Part):
    """How much text there is. `tokens` excludes special tokens; None before the text is tokenised."""

    characters: int = Field(ge=0)
    sentences: int = Field(ge=0)
    tokens: int | None = Field(default=None, ge=0)


class CleaningStep(Part):
    """One step of cleaning, and what it did: a word such as "dropped" -> how many units it happened to."""

    name: str
    counts: Mapping[str, int]


class Language(Part):
    """One language: its text, and how the vocabulary takes it.

    Attributes:
        code: the language's code.
        name: its English name.
        has_text: whether the recipe has any text of it.
        text: what the text is, a phrase.
        wikipedia: binary logarithm of the size of its Wikipedia in MB.
        train, valid, test: sizes of the splits; None before they exist.
        cleaning: the steps in the order in which they were taken.
        fertility: tokens a word.
        continued: share of words that are cut into several tokens, 0 to 1.
        unknown: share of tokens that are [UNK], 0 to 1.
        example: one sentence of the language as the vocabulary's tokens.
    """

    code: str
    name: str
    has_text: bool = True
    text: str = ""
    wikipedia: FiniteFloat | None = None
    train: Size | None = None
    valid: Size | None = None
    test: Size | None = None
    cleaning: tuple[CleaningStep, ...] = ()
    fertility: FiniteFloat | None = None
    continued: FiniteFloat | None = None
    unknown: FiniteFloat | None = None
    example: tuple[str, ...] = ()


class Portion(Part):
    """What a model got of one language.

    `characters` and `tokens` are of the balanced text, read once; `passes` is how often it was read; `updates` counts
    those in whose batch the language had a share, in units of whole batches.
    """

    characters: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    passes: FiniteFloat | None = None
    updates: FiniteFloat | None = None


class Model(Part):
    """One model of the run.

    Attributes:
        name: as in the recipe and in `Score.model`.
        role: what it is for.
        label: what the page calls it.
        languages: codes of its languages.
        parameters: how many it has.
        labels: what it learns from, a phrase.
        balancing: how its text was balanced, a phrase.
        encoder: its size, a phrase.
        seed: of its training; None for a reference.
        updates: how many it was trained for; None where it is not trained (yet).
        best_update: the update whose weights were kept.
        tokens: tokens read in training, all passes together.
        seconds: time of training.
        portions: language code -> what it got of it.
        teachers: language code -> the names of the models that taught it.
        starved: for a teacher, why it is too weak to be learnt from; None where it is not.
        source: where it was taken from; empty where the run trained it.
        vocabulary: what its own vocabulary is, a phrase; empty where it has the run's.
        embedding: width of its embeddings, where that is not the width of its layers.
        pretrained: language code -> tokens that it had been trained on before the run, as the recipe states them.
        alike: the first model of the recipe that differs from it in nothing but how long it is trained, perhaps itself;
            empty where it is not trained.
        fitted: which layers and entries a size has left it, a phrase; empty where none was asked for.
    """

    name: str
    role: Role
    label: str
    languages: tuple[str, ...] = ()
    parameters: int | None = Field(default=None, ge=0)
    labels: str = ""
    balancing: str = ""
    encoder: str = ""
    seed: int | None = None
    updates: int | None = Field(default=None, ge=0)
    best_update: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    seconds: FiniteFloat | None = Field(default=None, ge=0)
    portions: Mapping[str, Portion] = Field(default_factory=dict)
    teachers: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    starved: str | None = None
    source: str = ""
    vocabulary: str = ""
    embedding: int | None = Field(default=None, gt=0)
    pretrained: Mapping[str, int] = Field(default_factory=dict)
    alike: str = ""
    fitted: str = ""

    @property
    def compared(self) -> bool:
        """Whether it is one of those that the report compares with the teachers."""
        return self.role in ("baseline", "student")


class Curve(Part):
    """How one number changed during a training.

    Attributes:
        model: the model's name.
        split: "valid", or "train" for losses averaged between two records.
        metric: "mrr" in percent; otherwise the name of a loss term such as "hard", "soft" or "loss", in nats or as
            `objectives.terms.UNITS` says.
        language: a code; None for the mean over the model's languages.
        updates: where the number was recorded, increasing.
        values: the number there; as many as `updates`.
    """

    model: str
    split: Literal["train", "valid"]
    metric: str
    language: str | None = None
    updates: tuple[int, ...]
    values: tuple[FiniteFloat, ...]


class Run(Part):
    """What was run, where, when and for how long.

    Attributes:
        recipe: the complete recipe, YAML.
        command: what to type to get the same.
        started, finished: dates with times, as text.
        seconds: time of all jobs together.
        versions: package -> version.
        hardware: property -> value, such as "processor" -> its name.
    """

    recipe: str = ""
    command: str = ""
    started: str = ""
    finished: str = ""
    seconds: FiniteFloat | None = None
    versions: Mapping[str, str] = Field(default_factory=dict)
    hardware: Mapping[str, str] = Field(default_factory=dict)


class ProbedTask(TaskSummary):
    """A task that probes were trained for.

    Attributes:
        method: what a probe is, as a phrase after "it is", such as "logistic regression on the last layer".
        repeats: from how many random starts.
        converged: whether they were trained until their start made no difference.
    """

    unit: Literal["word", "sentence", "question"] = "word"
    labels: tuple[str, ...] = ()
    languages: tuple[TaskLanguage, ...] = ()
    method: str = ""
    repeats: int = Field(default=1, ge=1)
    converged: bool = True


class FineTunedTask(TaskSummary):
    """A task that models were fine-tuned on.

    Attributes:
        name: what stands in `Score.task`.
        method: how, a phrase.
        seeds: trainings of each model.
        together: the languages that a model was trained on together; empty where it was trained on each by itself.
        tried: model -> the language that it was trained on, "" for several together -> what was tried to choose its
            settings; only where there was something to choose.
    """

    unit: Literal["word", "sentence", "pair", "question"] = "word"
    labels: tuple[str, ...] = ()
    languages: tuple[TaskLanguage, ...] = ()
    name: str
    method: str = ""
    seeds: int = Field(default=1, ge=1)
    together: tuple[str, ...] = ()
    tried: Mapping[str, Mapping[str, tuple[Trial, ...]]] = Field(default_factory=dict)


class AuditReport(Part):
    """Which languages models serve badly, and why.

    Attributes:
        models: verdicts on each.
        analyses: which resources scores go with; and scores relative to those without pretraining.
        cut: model -> language -> how its tokenizer cuts it.
        sizes: language -> binary logarithm of how much text there is of it.
        measure: what these sizes are, a phrase.
    """

    models: tuple[AuditedModel, ...]
    analyses: tuple[Analysis, ...] = ()
    cut: Mapping[str, Mapping[str, LanguageSegmentation]] = Field(default_factory=dict)
    sizes: Mapping[str, FiniteFloat] = Field(default_factory=dict)
    measure: str = ""


class Report(Part):
    """All that the page shows.

    Attributes:
        name: the run's name.
        languages: in the order in which the page lists them.
        vocabulary: what the vocabulary is, a phrase; empty before it exists.
        has_vocabulary: whether any model has it.
        groups: name -> language codes, in order; "all" stands for all languages of the run.
        models: in the order of the recipe.
        scores: every number with its interval.
        curves: what was recorded during the trainings.
        references: language code -> the model that its distance is measured from.
        reference: the name under which the monolingual teachers *together* stand in `scores` (means over groups, and
            the reference of D).
        evaluated: the tasks that models are scored in, the first of which compares them where there are no references.
        tasks: those that probes were trained for, in the order of the recipe.
        fine_tuned: those that models were fine-tuned on, in the order of the recipe.
        exported: "fp32" and "int8" -> what fine-tuned models score so, exported, language by language.
        audit: what is said of audited models; None in a run without an audit.
        coverage: what each tokenizer makes of the text that likelihood is measured on.
        merged: what is known of united vocabularies and stored labels; None in a run without.
        published: numbers of others to compare with.
        run: what was run.
        missing: what is not done yet, one phrase each, beyond what the page finds out by itself.
        notes: what a reader must know about this run, one sentence each.
    """

    name: str
    languages: tuple[Language, ...] = ()
    vocabulary: str = ""
    has_vocabulary: bool = True
    groups: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    models: tuple[Model, ...] = ()
    scores: tuple[Score, ...] = ()
    curves: tuple[Curve, ...] = ()
    reference: str = "mono-{language}"
    references: Mapping[str, str] = Field(default_factory=dict)
    evaluated: tuple[str, ...] = (MASKED_LM,)
    tasks: tuple[ProbedTask, ...] = ()
    fine_tuned: tuple[FineTunedTask, ...] = ()
    exported: Mapping[str, tuple[Score, ...]] = Field(default_factory=dict)
    audit: AuditReport | None = None
    coverage: tuple[Coverage, ...] = ()
    merged: Merged | None = None
    published: Published | None = None
    run: Run = Run()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def in_form(self, form: str) -> "Report":
        """The same, with the scores of exported models in a form, and no others."""
        return self.model_copy(update={"scores": self.exported.get(form, ())})

    def of_role(self, *roles: Role) -> tuple[Model, ...]:
        """The models that have one of `roles`: role by role, then in the order of the recipe."""
        return tuple(model for role in roles for model in self.models if model.role == role)

    def teacher_of(self, language: str) -> Model | None:
        """The model that a language's distance is measured from: its monolingual teacher."""
        name = self.references.get(language)
        if name is not None:
            return next((model for model in self.models if model.name == name), None)
        return next((model for model in self.of_role("teacher") if language in model.languages), None)

    @property
    def only_teacher(self) -> Model | None:
        """The teacher of a run that has but one language."""
        return self.teacher_of(self.languages[0].code) if len(self.languages) == 1 else None

    def group_of(self, language: str) -> str | None:
        """The first group, other than "all", that a language is in."""
        return next((name for name in self.proper_groups if language in self.groups[name]), None)

    @property
    def proper_groups(self) -> tuple[str, ...]:
        """The groups' names without "all"."""
        return tuple(name for name in self.groups if name != "all")

    def label_of(self, name: str) -> str:
        """What a model is called on the page."""
        return next((model.label for model in self.models if model.name == name), name)

    def language_name(self, code: str) -> str:
        """The English name of a language, or its code where it has none."""
        return next((language.name for language in self.languages if language.code == code), code)
