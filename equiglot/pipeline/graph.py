"""A recipe as a graph of jobs, each with a fingerprint of all that goes into it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from equiglot.corpus import identifier_version
from equiglot.errors import InputError
from equiglot.labels import SoftLabels
from equiglot.models import model_identity
from equiglot.outputs import check_model, output_checksums
from equiglot.pipeline.stores import Store, stores_of
from equiglot.probing import Probing
from equiglot.recipe import FREQUENCY, SHARED, ModelPlan, ProbedTask, Recipe
from equiglot.run import RunDirectory, fingerprint, tokens_of
from equiglot.tasks import Place, task_identity
from equiglot.vocabulary import VocabularySettings

Kind = Literal[
    "task",
    "corpus",
    "leaks",
    "vocabulary",
    "tokens",
    "agreement",
    "losses",
    "labels",
    "model",
    "scores",
    "likelihood",
    "features",
    "probes",
]

ALL_TEXT = "all"
"""The subject of the job that looks for leaks between all languages."""
_PROBING = set(Probing.model_fields)
_STORED = {"k", "samples", "draws", "temperature", "precision"}

# Libraries of which another version may make something else: text cut otherwise, other pieces.
_TOOLS: dict[Kind, tuple[str, ...]] = {
    "corpus": ("sentencex", "markdown-it-py"),
    "vocabulary": ("tokenizers", "sentencepiece"),
    "tokens": ("tokenizers",),
}

# Raised when a kind of job would make something else from the same inputs.
_VERSIONS: dict[Kind, int] = {"corpus": 3, "task": 2, "vocabulary": 2}  # 1, where nothing is said
_ACCUMULATED = 2  # the version of trainings that sum over several batches: since then, parts of one large batch


@dataclass(frozen=True)
class Job:
    """One thing to make.

    Attributes:
        kind: what is made.
        subject: of what: a language, a model, a task, or task.model.
        inputs: JSON-able, all that it depends on besides other jobs.
        needs: the names of the jobs that come before.
        fingerprint: of inputs and needs.
    """

    kind: Kind
    subject: str
    inputs: Mapping[str, Any]
    needs: tuple[str, ...]
    fingerprint: str

    @property
    def name(self) -> str:
        """kind/subject."""
        return f"{self.kind}/{self.subject}"

    def output(self, run: RunDirectory) -> Path:
        """The folder that it makes."""
        return output_of(run, self.kind, self.subject)

    def checkpoints(self, run: RunDirectory) -> Path:
        """Where it continues from, if it is a training."""
        return run.checkpoints(f"{self.subject}-{self.fingerprint[:12]}")


def output_of(run: RunDirectory, kind: Kind, subject: str) -> Path:
    """The folder that a job makes."""
    if kind == "leaks":
        return run.leaks
    if kind == "vocabulary":
        return run.vocabulary if subject == SHARED else run.own_vocabulary(subject)
    folders = {
        "task": run.task,
        "corpus": run.corpus,
        "tokens": run.tokens,
        "agreement": run.agreement,
        "losses": run.losses,
        "labels": run.labels,
        "likelihood": run.likelihood,
        "model": run.model,
        "scores": run.scores_of,
        "features": run.features,
        "probes": run.probes,
    }
    return folders[kind](subject)


def without_leaks(recipe: Recipe, language: str) -> bool:
    """Whether a language's training text is read without what other languages hold out."""
    languages = recipe.trained_languages
    return recipe.text.drop_leaks and language in languages and len(languages) > 1


def training_text(run: RunDirectory, recipe: Recipe, language: str) -> Path:
    """The training text of a language, an Arrow file."""
    folder = run.leaks / language if without_leaks(recipe, language) else run.corpus(language)
    return folder / "train.arrow"


Sources = Callable[[Kind, str], Any]
"""Kind and subject of a job -> what stands for the text, the labels or the model that it reads from outside the run;
None where it reads nothing from there, or that is not known."""


def read_source(recipe: Recipe, kind: Kind, subject: str) -> Any:
    """What stands for all that a job reads from outside the run, read now, JSON-able: contents, not places.

    Raises:
        InputError: it is not there, or cannot be read.
    """
    if kind == "corpus":
        return recipe.languages[subject].text.identity(subject)
    if kind == "task":
        texts = {code: recipe.languages[code].text for code in recipe.trained_languages}
        return task_identity(recipe.probed[subject], recipe.trained_languages, texts)
    plan = recipe.plans()[subject] if kind == "model" else None
    if plan is not None and plan.existing is not None:
        with foreign_model(plan):
            return model_identity(plan.existing)
    if plan is not None and plan.encoder.folder is not None:
        return _start_weights(Path(plan.encoder.folder), f"models.{subject}.encoder.folder")
    return None


@contextmanager
def foreign_model(plan: ModelPlan) -> Iterator[None]:
    """Names the field that says where a model is taken from, where an error names only the place."""
    try:
        yield
    except InputError as error:
        where = f"{error.where or plan.existing} (models.{plan.name}.existing)"
        raise InputError(error.what, where=where, fix=error.fix) from None


def _start_weights(folder: Path, field: str) -> dict[str, str]:
    if not folder.is_dir():
        raise InputError("there is no such model folder", where=f"{folder} ({field})", fix="correct the path")
    check_model(folder)
    return output_checksums(folder)


class Graph:
    """The jobs of a recipe, each after those that it needs.

    Args:
        recipe: the recipe.
        sources: what stands for what comes from outside the run; read now, if not given.
    """

    def __init__(self, recipe: Recipe, sources: Sources | None = None) -> None:
        self._recipe, self._plans = recipe, recipe.plans()
        self._sources = sources or partial(read_source, recipe)
        self.jobs: dict[str, Job] = {}
        for task in recipe.probed.values():  # first: what is wrong with labels shows before anything is trained
            self._task(task)
        for plan in self._plans.values():
            if plan.existing is not None:
                self._taken(plan)
        for language in self._corpora():
            self._corpus(language)
        if len(recipe.trained_languages) > 1:
            self._leaks()
        for plan in self._plans.values():
            if plan.own_vocabulary is not None:
                self._vocabulary(plan.name, plan.own_vocabulary, plan.own_vocabulary.languages or plan.languages)
        if recipe.has_vocabulary:
            self._shared_vocabulary()
        for plan in self._plans.values():
            self._labelled(plan)
        for plan in self._plans.values():
            if plan.existing is None:
                self._model(plan)
        if recipe.has_vocabulary:
            self._scores(FREQUENCY, recipe.trained_languages, {})
        for plan in self._plans.values():
            if plan.owner == "":
                self._scores(plan.name, plan.languages, {"seed": plan.seed(recipe)})
            if recipe.likelihood is not None:
                self._likelihood(plan)
        for task in recipe.probed.values():
            for plan in self._plans.values():
                self._probes(task, plan)

    def before(self, kind: Kind) -> set[str]:
        """The jobs of a kind and all that they need."""
        wanted: set[str] = set()
        for job in reversed(self.jobs.values()):  # each stands after those that it needs
            if job.kind == kind or job.name in wanted:
                wanted |= {job.name, *job.needs}
        return wanted

    def _corpora(self) -> Iterable[str]:
        """The languages whose text is needed."""
        own = [plan.own_vocabulary.languages or () for plan in self._plans.values() if plan.own_vocabulary]
        return dict.fromkeys((*self._recipe.trained_languages, *self._recipe.vocabulary_languages, *chain(*own)))

    def _add(self, kind: Kind, subject: str, inputs: dict[str, Any], needs: tuple[str, ...] = ()) -> str:
        tools = {tool: version(tool) for tool in _TOOLS.get(kind, ())}
        inputs = {**inputs, **({"tools": tools} if tools else {})}
        before = {name: self.jobs[name].fingerprint for name in needs}
        mark = fingerprint({"kind": kind, "version": _VERSIONS.get(kind, 1), "inputs": inputs, "needs": before})
        job = Job(kind, subject, inputs, needs, mark)
        self.jobs[job.name] = job
        return job.name

    def _task(self, task: ProbedTask) -> str:
        languages, settings = self._recipe.trained_languages, task.model_dump(mode="json", exclude=_PROBING)
        settings.pop("data", None)  # where the labels are; what they are is in `source`
        inputs = {"task": settings, "languages": list(languages), "source": self._sources("task", task.task)}
        if isinstance(task, Place):  # which reads text, as corpora do
            inputs["text"] = {"version": _VERSIONS["corpus"], **{tool: version(tool) for tool in _TOOLS["corpus"]}}
        return self._add("task", task.task, inputs)

    def _probes(self, task: ProbedTask, plan: ModelPlan) -> str:
        """The probes of one model, and the features that they read."""
        name, data = f"{task.task}.{plan.name}", f"task/{task.task}"
        inputs = {"languages": list(plan.languages), "layers": task.layers}
        features = self._add("features", name, inputs, (data, f"model/{plan.name}"))
        settings = task.model_dump(mode="json", include=_PROBING - {"layers"})
        return self._add("probes", name, {**settings, "training": plan.seed(self._recipe)}, (data, features))

    def _corpus(self, language: str) -> str:
        settings = self._recipe.languages[language]
        inputs = {
            "language": language,
            "source": self._sources("corpus", language),
            "text": self._recipe.text.model_dump(mode="json", exclude={"drop_leaks"}),
            "characters": settings.characters,
            "start": settings.start,
            "seed": self._recipe.seed,
        }
        if self._recipe.text.identify_language is not None:
            inputs["identifier"] = identifier_version()
        return self._add("corpus", language, inputs)

    def _leaks(self) -> str:
        languages = self._recipe.trained_languages
        inputs = {"languages": list(languages), "drop": self._recipe.text.drop_leaks}
        return self._add("leaks", ALL_TEXT, inputs, tuple(f"corpus/{language}" for language in languages))

    def _text(self, language: str) -> tuple[str, ...]:
        """The jobs that make the text of a language as models read it."""
        corpus = (f"corpus/{language}",)
        return (*corpus, f"leaks/{ALL_TEXT}") if without_leaks(self._recipe, language) else corpus

    def _taken(self, plan: ModelPlan) -> str:
        """A model that is there already: its weights and tokenizer count, not their place."""
        return self._add("model", plan.name, {"source": self._sources("model", plan.name)})

    def _shared_vocabulary(self) -> str:
        vocabulary = self._recipe.vocabulary
        if isinstance(vocabulary, VocabularySettings):
            return self._vocabulary(SHARED, vocabulary, self._recipe.vocabulary_languages)
        inputs = {"models": list(self._recipe.united), "rules": vocabulary.rules}
        return self._add("vocabulary", SHARED, inputs, tuple(self._tokenizer(name) for name in self._recipe.united))

    def _vocabulary(self, subject: str, settings: VocabularySettings, languages: Iterable[str]) -> str:
        inputs = {"vocabulary": settings.model_dump(mode="json", exclude={"languages"}), "languages": sorted(languages)}
        needs = dict.fromkeys(job for language in sorted(languages) for job in self._text(language))
        return self._add("vocabulary", subject, inputs, tuple(needs))

    def _tokenizer(self, owner: str) -> str:
        """The job that makes the tokenizer of a model, or the run's."""
        taken = owner and self._plans[owner].existing is not None
        return f"model/{owner}" if taken else f"vocabulary/{owner or SHARED}"

    def _tokens(self, language: str, owner: str) -> str:
        name = f"tokens/{tokens_of(language, owner)}"
        if name in self.jobs:
            return name
        inputs = {"max_length": self._recipe.encoder.max_length}
        needs = (*self._text(language), self._tokenizer(owner))
        return self._add("tokens", tokens_of(language, owner), inputs, needs)

    def _labelled(self, plan: ModelPlan) -> None:
        """What a model learns from besides text: its teachers' text and labels."""
        cut: dict[str, list[str]] = {}
        for store in stores_of(self._recipe, plan):
            if f"model/{store.teacher}" not in self.jobs:  # one that is trained here
                self._labelled(self._plans[store.teacher])
                self._model(self._plans[store.teacher])
            text = self._tokens(store.language, store.owner)
            cut.setdefault(store.language, []).append(text)
            if store.owner != plan.owner:
                own = self._tokens(store.language, plan.owner)
                self._add("agreement", tokens_of(store.language, store.owner), {}, (text, own))
        for store in stores_of(self._recipe, plan):
            if store.losses is not None:
                needs = (*self._text(store.language), self._tokenizer(store.owner), f"model/{store.teacher}")
                self._add("losses", store.losses, {"seed": self._recipe.seed, "copies": store.labels.copies}, needs)
            if not store.labels.unused:
                self._labels(store, cut[store.language])

    def _labels(self, store: Store, cut: Sequence[str]) -> str:
        """The labels of a store; `cut` are the texts of all teachers of its language."""
        inputs = {
            "store": store.labels.model_dump(mode="json", include=_STORED),
            "masking": self._recipe.masking.model_dump(mode="json"),
            "seed": self._recipe.seed,
        }
        # Teachers that are mixed must read the same tokens: that is looked at before anything is labelled.
        texts = cut if store.labels.copies == "mixed" else ()
        own = f"tokens/{tokens_of(store.language, store.owner)}"
        return self._add("labels", store.subject, inputs, tuple(dict.fromkeys((f"model/{store.teacher}", own, *texts))))

    def _model(self, plan: ModelPlan) -> str:
        inputs = {
            **plan.model_dump(mode="json", exclude={"existing", "tokens", "own_vocabulary"}),  # the name too
            "masking": self._recipe.masking.model_dump(mode="json"),
            "seed": self._recipe.seed,
        }
        if plan.training.accumulation > 1:
            inputs["accumulated"] = _ACCUMULATED
        if plan.encoder.folder is not None:  # the weights that it starts from count, not their place
            inputs["encoder"].pop("folder")
            inputs["source"] = self._sources("model", plan.name)
        needs = [self._tokens(language, plan.owner) for language in plan.languages]
        stores = stores_of(self._recipe, plan)
        if isinstance(plan.labels, SoftLabels):
            needs += [f"model/{name}" for name in plan.all_teachers]
        for store in stores:
            needs.append(f"tokens/{tokens_of(store.language, store.owner)}")
            needs += [f"agreement/{tokens_of(store.language, store.owner)}"] if store.owner != plan.owner else []
            needs += [f"losses/{store.losses}"] if store.losses is not None else []
            needs += [] if store.labels.unused else [f"labels/{store.subject}"]
        return self._add("model", plan.name, inputs, tuple(dict.fromkeys(needs)))

    def _scores(self, subject: str, languages: Iterable[str], about: dict[str, Any]) -> str:
        model = self._tokenizer("") if subject == FREQUENCY else f"model/{subject}"
        text = tuple(self._tokens(language, "") for language in languages)
        inputs = {"evaluation": self._recipe.masked.model_dump(mode="json"), **about}
        return self._add("scores", subject, inputs, (model, *text))

    def _likelihood(self, plan: ModelPlan) -> str:
        assert self._recipe.likelihood is not None
        inputs = {"sentences": self._recipe.likelihood.sentences}
        text = tuple(f"corpus/{language}" for language in plan.languages)
        return self._add("likelihood", plan.name, inputs, (f"model/{plan.name}", *text))


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """What changed between two JSON-able trees, one line a leaf: path: old -> new."""
    if path == "source":
        return [] if old == new else ["the text itself"]
    if isinstance(old, dict) and isinstance(new, dict):
        keys = dict.fromkeys((*old, *new))
        return [line for key in keys for line in differences(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))]
    return [] if old == new else [f"{path}: {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
