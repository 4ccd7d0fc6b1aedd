"""A recipe as a graph of jobs, each with a fingerprint of all that goes into it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from equiglot.corpus import identifier_version
from equiglot.probing import Probing
from equiglot.recipe import FREQUENCY, ModelPlan, ProbedTask, Recipe
from equiglot.run import CARD, RunDirectory, checksums, fingerprint
from equiglot.tasks import Place, task_identity

Kind = Literal["task", "corpus", "vocabulary", "tokens", "model", "scores", "features", "probes"]

_PROBING = set(Probing.model_fields)

# Libraries of which another version may make something else: text cut otherwise, other pieces.
_TOOLS: dict[Kind, tuple[str, ...]] = {
    "corpus": ("sentencex", "markdown-it-py"),
    "vocabulary": ("tokenizers", "sentencepiece"),
    "tokens": ("tokenizers",),
}

# Raised when a kind of job would make something else from the same inputs.
_VERSIONS: dict[Kind, int] = {"corpus": 2}  # 1, where nothing is said


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
        if self.kind == "vocabulary":
            return run.vocabulary
        folders = {
            "task": run.task,
            "corpus": run.corpus,
            "tokens": run.tokens,
            "model": run.model,
            "scores": run.scores_of,
            "features": run.features,
            "probes": run.probes,
        }
        return folders[self.kind](self.subject)

    def checkpoints(self, run: RunDirectory) -> Path:
        """Where it continues from, if it is a training."""
        return run.checkpoints(f"{self.subject}-{self.fingerprint[:12]}")


class Graph:
    """The jobs of a recipe, each after those that it needs.

    Args:
        recipe: the recipe.
        sources: corpus/LANGUAGE or task/TASK -> what stands for its text or labels, where that is known already;
            otherwise they are read.
    """

    def __init__(self, recipe: Recipe, sources: Mapping[str, Any] | None = None) -> None:
        self._recipe, self._sources = recipe, sources
        self.jobs: dict[str, Job] = {}
        for task in recipe.probed.values():  # first: what is wrong with labels shows before anything is trained
            self._task(task)
        wanted = dict.fromkeys((*recipe.trained_languages, *recipe.vocabulary_languages))
        corpora = {language: self._corpus(language) for language in wanted}
        vocabulary = self._vocabulary(corpora)
        tokens = {code: self._tokens(code, corpora[code], vocabulary) for code in recipe.trained_languages}
        models = {name: self._model(plan, tokens) for name, plan in recipe.plans().items()}
        settings = recipe.masked.model_dump(mode="json")
        self._add("scores", FREQUENCY, {"evaluation": settings}, (vocabulary, *tokens.values()))
        for name, plan in recipe.plans().items():
            text = tuple(tokens[language] for language in plan.languages)
            self._add("scores", name, {"evaluation": settings, "seed": plan.seed(recipe)}, (models[name], *text))
        for task in recipe.probed.values():
            for plan in recipe.plans().values():
                self._probes(task, plan)

    def _add(self, kind: Kind, subject: str, inputs: dict[str, Any], needs: tuple[str, ...] = ()) -> str:
        tools = {tool: version(tool) for tool in _TOOLS.get(kind, ())}
        inputs = {**inputs, **({"tools": tools} if tools else {})}
        before = {name: self.jobs[name].fingerprint for name in needs}
        mark = fingerprint({"kind": kind, "version": _VERSIONS.get(kind, 1), "inputs": inputs, "needs": before})
        job = Job(kind, subject, inputs, needs, mark)
        self.jobs[job.name] = job
        return job.name

    def _source(self, job: str, read: Callable[[], Any]) -> Any:
        """What stands for the text or the labels of a job."""
        return read() if self._sources is None else self._sources.get(job)

    def _task(self, task: ProbedTask) -> str:
        languages, settings = self._recipe.trained_languages, task.model_dump(mode="json", exclude=_PROBING)
        texts = {code: self._recipe.languages[code].text for code in languages}
        source = self._source(f"task/{task.task}", lambda: task_identity(task, languages, texts))
        settings.pop("data", None)  # where the labels are; what they are is in `source`
        inputs = {"task": settings, "languages": list(languages), "source": source}
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
            "source": self._source(f"corpus/{language}", lambda: settings.text.identity(language)),
            "text": self._recipe.text.model_dump(mode="json"),
            "characters": settings.characters,
            "start": settings.start,
            "seed": self._recipe.seed,
        }
        if self._recipe.text.identify_language is not None:
            inputs["identifier"] = identifier_version()
        return self._add("corpus", language, inputs)

    def _vocabulary(self, corpora: Mapping[str, str]) -> str:
        languages = sorted(self._recipe.vocabulary_languages)
        settings = self._recipe.vocabulary.model_dump(mode="json", exclude={"languages"})
        inputs = {"vocabulary": settings, "languages": languages}
        return self._add("vocabulary", "shared", inputs, tuple(corpora[language] for language in languages))

    def _tokens(self, language: str, corpus: str, vocabulary: str) -> str:
        inputs = {"max_length": self._recipe.encoder.max_length}
        return self._add("tokens", language, inputs, (corpus, vocabulary))

    def _model(self, plan: ModelPlan, tokens: Mapping[str, str]) -> str:
        teachers = plan.teachers()
        inputs = {
            **plan.model_dump(mode="json"),  # the name too: randomness is drawn from it
            "masking": self._recipe.masking.model_dump(mode="json"),
            "seed": self._recipe.seed,
        }
        if plan.encoder.folder is not None:  # the weights that it starts from count, not their place
            files = checksums(Path(plan.encoder.folder))
            inputs["encoder"] |= {"folder": {file: mark for file, mark in files.items() if file != CARD}}
        needs = [tokens[language] for language in plan.languages]
        needs += [f"model/{name}" for name in dict.fromkeys(teachers.values())]
        return self._add("model", plan.name, inputs, tuple(needs))


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
